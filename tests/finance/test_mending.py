"""What waits for a person: parked, silent, released, sent again, skipped by order."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal import jobs
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance import cli, delivery, mending
from portal.finance.acknowledging import NoSuchEvent
from portal.finance.models import Delivery, EventRow
from portal.worklist import reading
from tests.finance.receiver import SECRET, listening
from tests.finance.test_delivery import TOWN, keys, later, receiver, rows, run, tell

__all__ = ["later", "receiver"]  # fixtures
STAFF = "staff:7"


def tasks(app):
    with app.app_context():
        db.session.rollback()
        found = reading.open_tasks(db.session(), TOWN)
        return [(task.kind, task.reference, task.detail.get("position")) for task in found]


def act(app, what, *arguments):
    with app.app_context(), transaction() as session:
        return what(session, TOWN, *arguments)


def audited(app):
    with app.app_context():
        db.session.rollback()
        found = db.session.scalars(select(AuditRow).order_by(AuditRow.id))
        return [(row.actor, row.act, row.subject, row.detail) for row in found]


@pytest.fixture
def parked(app, receiver, later):
    """The first event of BAD is parked, the second waits behind it; GOOD's is taken."""
    later(0)
    tell(app, "BAD", "BAD", "GOOD")
    receiver.status = lambda event: 410 if event["reference"] == "BAD" else 204
    for _ in range(delivery.MOST_TRIES):
        run(app)
        later(3601)
    assert rows(app)[1][:2] == ("parked", 20)
    return receiver


def test_a_parked_event_is_a_task_until_it_is_taken(app, parked):
    assert tasks(app) == [("event_parked", "BAD", 1)]
    parked.status = lambda _: 204
    run(app)
    assert parked.positions("BAD") == [], "it waits for a person"
    act(app, mending.release, 1, STAFF)
    assert tasks(app) == [("event_parked", "BAD", 1)], "released is not taken"
    run(app)
    assert parked.positions("BAD") == [1, 2]
    assert tasks(app) == []
    assert audited(app) == [(STAFF, "event.release", "1", {"position": 1})]


def test_a_released_event_that_is_refused_again_is_parked_at_once_and_stays_one_task(app, parked):
    act(app, mending.release, 1, STAFF)
    run(app)
    assert rows(app)[1][:2] == ("parked", 21)
    assert tasks(app) == [("event_parked", "BAD", 1)]


def test_an_event_skipped_by_order_lets_its_request_go_on(app, parked):
    parked.status = lambda _: 204
    act(app, mending.skip, 1, STAFF, " Anordnung 12/2026 ")
    assert tasks(app) == []
    run(app)
    assert parked.positions("BAD") == [2]
    assert rows(app)[1][0] == "skipped"
    reason = {"position": 1, "reason": "Anordnung 12/2026"}
    assert audited(app) == [(STAFF, "event.skip", "1", reason)]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 141])
def test_nothing_is_skipped_without_an_order(app, parked, reason):
    with pytest.raises(mending.ReasonMissing):
        act(app, mending.skip, 1, STAFF, reason)
    assert rows(app)[1][0] == "parked"


def test_what_was_taken_is_not_skipped_and_what_waits_is_not_released(app, parked):
    with pytest.raises(mending.AlreadyTaken):
        act(app, mending.skip, 3, STAFF, "Anordnung 12/2026")
    with pytest.raises(mending.NotParked):
        act(app, mending.release, 2, STAFF)
    with pytest.raises(NoSuchEvent):
        act(app, mending.release, 4, STAFF)
    assert audited(app) == []


def test_an_event_that_is_skipped_while_it_is_refused_stays_skipped(app, receiver, later):
    later(0)
    tell(app, "A", "A")

    def skipped_meanwhile(event):
        if event["position"] == 1:
            act(app, mending.skip, 1, STAFF, "Anordnung 12/2026")
            return 410
        return 204

    receiver.status = skipped_meanwhile
    run(app)
    assert rows(app)[1][:2] == ("skipped", 0)
    assert receiver.positions() == [2]


def test_an_event_that_is_skipped_while_it_is_taken_is_taken(app, receiver):
    tell(app, "A")
    receiver.status = lambda _: act(app, mending.skip, 1, STAFF, "Anordnung 12/2026") or 204
    run(app)
    assert rows(app)[1][0] == "taken"


def test_one_event_is_sent_again_with_its_own_id(app, receiver):
    tell(app, "A", "B")
    run(app)
    act(app, mending.resend, 1, STAFF)
    run(app)
    first, second, again = receiver.taken
    assert sorted(receiver.positions()[:2]) == [1, 2], "of two requests, in either order"
    assert receiver.positions()[2] == 1
    assert again in (first, second)
    with pytest.raises(NoSuchEvent):
        act(app, mending.resend, 3, STAFF)


def test_all_since_a_position_are_sent_again_in_order_but_for_parked_and_skipped(app, parked):
    parked.status = lambda _: 204
    tell(app, "A", "A", "B")
    run(app)
    act(app, mending.skip, 2, STAFF, "Anordnung 12/2026")
    parked.taken.clear()
    assert act(app, mending.resend_since, 1, STAFF) == 4
    run(app)
    assert sorted(parked.positions()) == [3, 4, 5, 6]
    assert parked.positions("A") == [4, 5]
    assert [rows(app)[n][0] for n in (1, 2)] == ["parked", "skipped"]


def test_what_was_skipped_may_be_sent_again_after_later_ones_were_taken(app, parked):
    parked.status = lambda _: 204
    act(app, mending.skip, 1, STAFF, "Anordnung 12/2026")
    run(app)
    act(app, mending.resend, 1, STAFF)
    run(app)
    assert parked.positions("BAD") == [2, 1]
    assert rows(app)[1][0] == "taken", "and no rule of the books is broken by it"


def test_what_was_told_before_the_endpoint_may_follow_what_was_told_after(app, receiver, later):
    later(0)
    tell(app, "A", "A")
    run(app)
    with app.app_context(), transaction() as session:  # as if the endpoint had come between the two
        session.delete(session.get_one(Delivery, (TOWN, 1)))
    assert act(app, mending.resend_since, 1, STAFF) == 2
    later(60)
    run(app)
    assert receiver.positions("A") == [1, 2, 1, 2] or receiver.positions("A")[-2:] == [1, 2]


def test_a_new_endpoint_can_be_given_what_was_told_before_it(app, later):
    later(0)
    tell(app, "A", "B")
    with pytest.raises(mending.NoEndpoint):
        act(app, mending.resend_since, 1, STAFF)
    with listening() as receiver:
        with app.app_context(), transaction() as session:
            delivery.set_endpoint(session, keys(app), TOWN, receiver.url, SECRET)
        run(app)
        assert receiver.positions() == []
        assert act(app, mending.resend_since, 2, STAFF) == 1
        run(app)
        assert receiver.positions() == [2]


def test_another_towns_events_are_not_touched(app, parked):
    with app.app_context(), transaction() as session:
        with pytest.raises(NoSuchEvent):
            mending.release(session, "beispielstadt", 1, STAFF)
        with pytest.raises(mending.NoEndpoint):
            mending.resend_since(session, "beispielstadt", 1, STAFF)
        session.rollback()
    assert rows(app)[1][0] == "parked"


def test_a_silent_endpoint_is_one_task_after_a_quarter_of_an_hour(app, receiver, later):
    later(0)
    tell(app, *[f"R{n}" for n in range(12)])
    receiver.status = lambda _: 503
    for _ in range(29):
        run(app)
        later(30)
    assert tasks(app) == []
    for _ in range(3):
        run(app)
        later(30)
    assert tasks(app) == [("endpoint_silent", None, None)]
    receiver.status = lambda _: 204
    run(app)
    assert len(set(receiver.positions())) == 12
    assert tasks(app) == []


def test_another_endpoint_is_no_silent_one(app, receiver, later):
    later(0)
    tell(app, "A")
    receiver.status = lambda _: 503
    for _ in range(40):
        run(app)
        later(30)
    with app.app_context(), transaction() as session:
        delivery.set_endpoint(session, keys(app), TOWN, receiver.url, SECRET)
    assert tasks(app) == []


@pytest.fixture
def quitt(app, monkeypatch):
    """``quitt events …`` inside the application of the test."""
    monkeypatch.setattr(jobs, "ring", lambda tenant_id: None)

    def quitt(*arguments):
        return CliRunner().invoke(cli.events, arguments, obj=app.app_context)

    return quitt


def test_the_command_lists_what_waits_and_the_tasks(app, parked, quitt):
    told = quitt("list", TOWN).output.splitlines()
    assert told[:2] == [
        "1\trequest.changed\tBAD\tparked\t20\t410",
        "2\trequest.changed\tBAD\twaiting\t0\tnot tried",
    ]
    assert told[2].startswith("task 1\tevent_parked\tBAD\t")
    assert quitt("list", "beispielstadt").output == ""
    assert "There is no tenant nowhere." in quitt("list", "nowhere").output


def test_the_command_releases_skips_and_sends_again(app, parked, quitt):
    assert quitt("release", TOWN, "1").exit_code == 0
    assert rows(app)[1][0] == "waiting"
    assert quitt("skip", TOWN, "2").exit_code == 2, "an order is needed"
    assert quitt("skip", TOWN, "2", "--order", "12/2026").exit_code == 0
    assert rows(app)[2][0] == "skipped"
    assert quitt("resend", TOWN, "3").output == "Events to be handed over again: 1.\n"
    assert quitt("resend", TOWN, "1", "--all").output == "Events to be handed over again: 2.\n"
    actors = {(actor, what) for actor, what, _, _ in audited(app)}
    acts = ("event.release", "event.skip", "event.resend", "events.resend")
    assert actors == {("operator", what) for what in acts}
    assert isinstance(quitt("release", TOWN, "3").exception, mending.NotParked)


def test_an_event_itself_is_never_changed_by_any_of_it(app, parked):
    with app.app_context():
        before = [(e.id, e.data) for e in db.session.scalars(select(EventRow))]
        db.session.rollback()
    act(app, mending.release, 1, STAFF)
    act(app, mending.resend_since, 1, STAFF)
    with app.app_context():
        assert [(e.id, e.data) for e in db.session.scalars(select(EventRow))] == before
        assert len(db.session.scalars(select(Delivery)).all()) == 3
