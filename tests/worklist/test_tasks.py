"""Tasks for staff: one a thing, with a small number, open until it is ended."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.db import db, transaction
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

TOWN, OTHER = "musterhausen", "beispielstadt"


def put(subject="a", kind=Kind.EVENT_PARKED, tenant_id=TOWN, **more):
    with transaction() as session:
        return writing.put(session, tenant_id, kind, subject, **more)


def end(subject="a", kind=Kind.EVENT_PARKED, tenant_id=TOWN, **more):
    with transaction() as session:
        return writing.end(session, tenant_id, kind, subject, "worker", **more)


def numbers(tenant_id=TOWN, **asked):
    db.session.rollback()
    return [task.number for task in reading.open_tasks(db.session(), tenant_id, **asked)]


def test_a_thing_is_one_task_while_it_is_open(app):
    first = put(detail={"tries": 20})
    assert put(detail={"tries": 40}) == first
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert task.detail == {"tries": 20}
    assert end()
    assert put() == first + 1, "what comes back is a new task"


def test_numbers_are_small_and_the_towns_own(app):
    assert [put("a"), put("b"), put("a", Kind.EVENT_REFUSED)] == [1, 2, 3]
    assert put("a", tenant_id=OTHER) == 1
    assert numbers(OTHER) == [1]


def test_the_number_of_what_is_ended_is_not_given_again(app):
    put("a")
    put("b")
    end("b")
    assert put("c") == 3


def test_oldest_first_and_how_old(app, time):
    put("a", reference="K-1")
    time.move("+2h")
    put("b")
    db.session.rollback()
    first, second = reading.open_tasks(db.session(), TOWN)
    assert (first.subject, second.subject) == ("a", "b")
    assert timedelta(hours=2) <= first.age < timedelta(hours=2, minutes=1)
    assert second.age < timedelta(minutes=1)


def test_tasks_are_found_by_kind_and_by_request_and_page_by_page(app):
    put("a", reference="K-1")
    put("b", Kind.REFUND_FAILED, reference="K-1")
    put("c")
    assert numbers(kinds=[Kind.REFUND_FAILED]) == [2]
    assert numbers(reference="K-1") == [1, 2]
    assert numbers(limit=2) == [1, 2]
    assert numbers(behind=2) == [3]
    assert reading.count(db.session(), TOWN) == {Kind.EVENT_PARKED: 2, Kind.REFUND_FAILED: 1}


def test_ending_says_who_and_why_and_only_once(app):
    put()
    assert end(reason="taken")
    assert not end()
    assert not end("never opened")
    row = db.session.scalars(select(StaffTask)).one()
    assert (row.ended_by, row.reason, row.ended_at is not None) == ("worker", "taken", True)
    assert numbers() == []


def test_a_person_ends_a_task_by_its_number(app):
    put("a")
    put("b")
    with transaction() as session:
        assert writing.end_number(session, TOWN, 1, "staff:7", "looked at")
        assert not writing.end_number(session, TOWN, 1, "staff:7", "again")
        assert not writing.end_number(session, OTHER, 2, "staff:7", "not theirs")
    assert numbers() == [2]


def test_another_towns_task_is_not_ended(app):
    put()
    assert not end(tenant_id=OTHER)
    assert numbers() == [1]


def test_an_unknown_kind_is_no_task(app):
    with pytest.raises(ValueError, match="whatever"):
        put(kind="whatever")


def test_the_table_itself_allows_one_open_task_a_thing(app):
    put()
    same = {"tenant_id": TOWN, "kind": "event_parked", "subject": "a", "detail": {}}
    with transaction() as session:
        session.add(StaffTask(number=99, opened_at=clock.now(), **same))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_the_same_thing_from_many_sides_at_once_is_one_task(app):
    numbers_given = at_once(app, ["same"] * 8)
    assert numbers_given == [1] * 8
    assert numbers() == [1]


def test_many_things_at_once_get_a_number_each(app):
    given = at_once(app, [f"s{n}" for n in range(8)])
    assert len(set(given)) == 8
    assert max(given) <= 16


def test_a_number_is_given_without_waiting_for_who_has_not_committed(app):
    with transaction() as session:
        assert writing.put(session, TOWN, Kind.EVENT_PARKED, "slow") == 1
        assert at_once(app, ["quick"]) == [2]
    assert numbers() == [1, 2]


def at_once(app, subjects):
    given = []

    def one(subject):
        with app.app_context():
            given.append(put(subject))

    threads = [threading.Thread(target=one, args=(subject,)) for subject in subjects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return given
