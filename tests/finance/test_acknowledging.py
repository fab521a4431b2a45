"""Taken is not booked: what the finance system says it made of an event."""

import pytest
from sqlalchemy import select

from portal import clock
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance import acknowledging, delivery, messages, outbox
from portal.finance.models import Acknowledgement, Delivery, EventRow, ReadThrough
from portal.worklist import reading
from tests.contract import bearer
from tests.finance.receiver import SECRET

EVENTS = "/api/v1/events"
TOWN = "musterhausen"
NOBODYS = "evt_" + "0" * 32


@pytest.fixture
def token(app):
    return bearer(app, TOWN, "events:ack")


@pytest.fixture
def post(app, token):
    def post(path, body, headers=token):
        return app.test_client().post(f"{EVENTS}/{path}", json=body, headers=headers)

    return post


def tell(app, count, tenant_id=TOWN):
    """So many events; their ids in order."""
    with app.app_context(), transaction() as session:
        for number in range(count):
            outbox.put(session, tenant_id, messages.request_changed(f"K-{number}", 2, "x"))
    with app.app_context():
        query = select(EventRow.id).where(EventRow.tenant_id == tenant_id)
        return list(db.session.scalars(query.order_by(EventRow.position)))


def overdue(app, tenant_id=TOWN):
    with app.app_context():
        db.session.rollback()
        return [event.position for event in acknowledging.overdue(db.session(), tenant_id)]


def tasks(app, tenant_id=TOWN):
    with app.app_context():
        db.session.rollback()
        found = reading.open_tasks(db.session(), tenant_id)
        return [(task.kind, task.detail.get("position")) for task in found]


def look(app, tenant_id=TOWN):
    """What the worker does every ten minutes."""
    with app.app_context():
        acknowledging.look(tenant_id)
    return tasks(app, tenant_id)


def rows(app):
    with app.app_context():
        db.session.rollback()
        found = db.session.scalars(select(Acknowledgement).order_by(Acknowledgement.position))
        return [(row.position, row.result, row.document, row.reason) for row in found]


def test_what_is_booked_is_no_task(app, post, time):
    first, _ = tell(app, 2)
    answer = post(f"{first}/ack", {"result": "booked", "document": "4711"})
    assert answer.status_code == 200
    assert answer.json == {"id": first, "result": "booked", "document": "4711", "reason": None}
    time.move("+25h")
    assert overdue(app) == [2]


def test_what_is_not_acknowledged_is_one_task_after_a_day_and_not_before(app, post, time):
    events = tell(app, 4)
    post(f"{events[0]}/ack", {"result": "booked"})
    time.move("+23h")
    assert look(app) == []
    time.move("+25h")
    assert look(app) == look(app) == [("event_not_acknowledged", 2)]
    assert overdue(app) == [2, 3, 4]
    with app.app_context(), transaction() as session:
        acknowledging.acknowledge_through(session, TOWN, 4)
    assert look(app) == []


def test_who_never_acknowledged_anything_need_not_begin(app, time):
    tell(app, 2)
    time.move("+25h")
    assert overdue(app) == []
    with app.app_context():
        assert list(acknowledging.tenants(db.session())) == []


def test_what_was_told_before_the_first_word_needs_none(app, post, time):
    events = tell(app, 3)
    post(f"{events[1]}/ack", {"result": "booked"})
    time.move("+25h")
    assert overdue(app) == [3]


def test_what_is_not_handed_over_yet_is_not_waited_for(app, post, time):
    with app.app_context(), transaction() as session:
        keyring = app.extensions["keyring"]
        delivery.set_endpoint(session, keyring, TOWN, "https://example.org/", SECRET)
    events = tell(app, 3)
    post(f"{events[0]}/ack", {"result": "booked"})
    hand_over(app, 2)
    time.move("+25h")
    assert overdue(app) == [2]
    hand_over(app, 3)
    assert overdue(app) == [2], "a day from now"
    time.move("+50h")
    assert overdue(app) == [2, 3]


def test_how_far_there_is_a_word_of_everything_is_noted(app, post, time):
    events = tell(app, 4)
    for event in events[:2]:
        post(f"{event}/ack", {"result": "booked"})
    post(f"{events[3]}/ack", {"result": "refused", "reason": "x"})
    look(app)
    assert mark(app) == 2
    post(f"{events[2]}/ack", {"result": "booked"})
    look(app)
    assert mark(app) == 4
    assert ("event_refused", 4) in tasks(app)


def hand_over(app, position):
    with app.app_context(), transaction() as session:
        row = session.get_one(Delivery, (TOWN, position))
        row.state, row.taken_at = "taken", clock.now()


def mark(app):
    with app.app_context():
        db.session.rollback()
        return db.session.scalars(select(ReadThrough.position)).one()


def test_what_is_refused_is_a_task_at_once_until_it_is_booked(app, post):
    (event,) = tell(app, 1)
    post(f"{event}/ack", {"result": "refused", "reason": "period closed"})
    assert tasks(app) == [("event_refused", 1)]
    post(f"{event}/ack", {"result": "refused", "reason": "no such claim"})
    assert rows(app) == [(1, "refused", None, "no such claim")]
    assert tasks(app) == [("event_refused", 1)]
    post(f"{event}/ack", {"result": "booked", "document": "4711"})
    assert tasks(app) == []
    assert rows(app) == [(1, "booked", "4711", None)]


def test_the_same_again_changes_nothing(app, post):
    (event,) = tell(app, 1)
    answers = [post(f"{event}/ack", {"result": "booked", "document": "4711"}) for _ in range(2)]
    assert answers[0].data == answers[1].data
    with app.app_context():
        noted = db.session.scalars(select(AuditRow)).all()
        assert [(row.act, row.subject) for row in noted] == [("event.acknowledge", event)]


@pytest.mark.parametrize(
    "body", [{"result": "refused", "reason": "x"}, {"result": "booked", "document": "4712"}]
)
def test_what_is_booked_stays_booked(app, post, body):
    (event,) = tell(app, 1)
    post(f"{event}/ack", {"result": "booked", "document": "4711"})
    answer = post(f"{event}/ack", body)
    assert (answer.status_code, answer.json["code"]) == (409, "already_booked")
    assert rows(app) == [(1, "booked", "4711", None)]


def test_a_reader_acknowledges_all_up_to_a_position_but_for_what_he_refused(app, post, time):
    events = tell(app, 4)
    post(f"{events[1]}/ack", {"result": "refused", "reason": "x"})
    assert post("acknowledge", {"through": 3}).json == {"through": 3}
    time.move("+25h")
    assert overdue(app) == [4]
    assert tasks(app) == [("event_refused", 2)]


def test_an_earlier_position_takes_nothing_back(app, post, time):
    tell(app, 3)
    assert post("acknowledge", {"through": 3}).json == {"through": 3}
    assert post("acknowledge", {"through": 1}).json == {"through": 3}
    time.move("+25h")
    assert overdue(app) == []


def test_what_was_never_told_cannot_be_acknowledged(app, post):
    tell(app, 3)
    answer = post("acknowledge", {"through": 4})
    assert (answer.status_code, answer.json["code"]) == (422, "beyond_the_feed")
    answer = post(f"{NOBODYS}/ack", {"result": "booked"})
    assert (answer.status_code, answer.json["code"]) == (404, "event_not_found")


def test_another_towns_event_is_not_there(app, post):
    (event,) = tell(app, 1, "beispielstadt")
    foreign = post(f"{event}/ack", {"result": "booked"})
    assert (foreign.status_code, foreign.data) == (
        404,
        post(f"{NOBODYS}/ack", {"result": "booked"}).data,
    )
    assert post("acknowledge", {"through": 1}).status_code == 422
    assert rows(app) == []


def test_towns_acknowledge_for_themselves(app, post, time):
    tell(app, 1)
    tell(app, 2, "beispielstadt")
    post("acknowledge", {"through": 1})
    with app.app_context(), transaction() as session:
        acknowledging.acknowledge_through(session, "beispielstadt", 1)
    time.move("+25h")
    assert (overdue(app), overdue(app, "beispielstadt")) == ([], [2])


@pytest.mark.parametrize("through", [-1, "1", True, 1.5, 2**63, None])
def test_a_bad_position_is_told(app, post, through):
    assert post("acknowledge", {"through": through}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"result": "maybe"}, {"result": "booked", "document": ""}])
def test_a_bad_acknowledgement_is_told(app, post, body):
    (event,) = tell(app, 1)
    assert post(f"{event}/ack", body).status_code == 422


def test_who_only_reads_events_acknowledges_none(app, post):
    (event,) = tell(app, 1)
    reader = bearer(app, TOWN, "events:read", "requests:write")
    assert post(f"{event}/ack", {"result": "booked"}, reader).status_code == 403
    assert post("acknowledge", {"through": 1}, reader).status_code == 403
