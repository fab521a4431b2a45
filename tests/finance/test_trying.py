"""Trying the endpoint: what a dead, a slow, a wrong and a good one answered, in a word."""

import asyncio
import json

import pytest
from standardwebhooks import Webhook

from portal.audit import AuditRow
from portal.db import db
from portal.finance import push, trying
from portal.finance.mending import NoEndpoint
from portal.finance.push import Outcome
from portal.finance.reach import Reach
from portal.finance.trying import Found, Tried, meaning
from tests.finance.receiver import SECRET
from tests.finance.test_delivery import TOWN, keys, receiver, rows

__all__ = ["receiver"]  # a fixture
ANYWHERE = Reach(anywhere=True)


def tried(app, reach=ANYWHERE) -> Tried:
    with app.app_context():
        return trying.endpoint(keys(app), TOWN, reach, "staff:jansen")


@pytest.mark.parametrize(
    ("status", "error", "found"),
    [
        (200, None, Found.GOOD),
        (204, None, Found.GOOD),
        (307, None, Found.MOVED),
        (401, None, Found.SIGNATURE),
        (403, None, Found.SIGNATURE),
        (404, None, Found.NO_SUCH_PAGE),
        (429, None, Found.BUSY),
        (422, None, Found.REFUSED),
        (500, None, Found.BROKEN),
        (None, "TooLate", Found.SLOW),
        (None, "ReadTimeout", Found.SLOW),
        (None, "ConnectTimeout", Found.DEAD),
        (None, "ConnectError", Found.DEAD),
        (None, "private_address", Found.NOT_ALLOWED),
        (None, "not_https", Found.NOT_ALLOWED),
    ],
)
def test_each_answer_has_its_meaning(status, error, found):
    assert meaning(Outcome(status, error)) == Tried(found, status, error)


def test_a_good_endpoint_gets_a_signed_event_that_tells_nothing(app, receiver):
    assert tried(app).found is Found.GOOD
    (raw, headers) = receiver.raw[0]
    Webhook(SECRET).verify(raw, {name.lower(): value for name, value in headers.items()})
    told = json.loads(raw)
    assert (told["type"], told["position"], told["data"]) == ("endpoint.test", 0, {})
    assert rows(app) == {}, "nothing stands in the outbox"


def test_an_endpoint_that_does_not_take_the_signature_says_so(app, receiver):
    receiver.status = lambda _: 401
    assert tried(app) == Tried(Found.SIGNATURE, 401, None)


def test_an_endpoint_that_nobody_answers_is_dead(app, receiver):
    with app.app_context():
        from portal.db import transaction
        from portal.finance import delivery

        with transaction() as session:
            delivery.set_endpoint(session, keys(app), TOWN, "http://127.0.0.1:9/", SECRET)
    assert tried(app).found is Found.DEAD


def test_an_endpoint_that_drips_is_slow(app, receiver, monkeypatch):
    monkeypatch.setattr(push, "LONGEST_POST", 0.2)
    monkeypatch.setattr(trying.push.reach, "way", _never)
    assert tried(app).found is Found.SLOW


async def _never(*_):
    await asyncio.sleep(5)


def test_an_address_that_is_not_allowed_is_not_called(app, receiver):
    assert tried(app, Reach()).found is Found.NOT_ALLOWED
    assert receiver.heard == []


def test_who_tried_is_written_down(app, receiver):
    receiver.status = lambda _: 500
    tried(app)
    with app.app_context():
        db.session.rollback()
        note = db.session.query(AuditRow).filter_by(act="endpoint.try").one()
        assert (note.actor, note.detail["found"], note.detail["status"]) == (
            "staff:jansen", "broken", 500,
        )  # fmt: skip


def test_without_an_endpoint_nothing_is_tried(app):
    with pytest.raises(NoEndpoint):
        tried(app)
