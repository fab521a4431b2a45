"""Idempotency-Key: a call that is repeated is answered again and done once."""

import threading

import pytest
from sqlalchemy import func, select, update

from portal import rekeying
from portal.db import db, transaction
from portal.finance import repeating
from portal.finance.models import EventRow, KeptAnswer
from portal.keys import Keyring, new_key
from portal.requests.models import PaymentRequest
from tests.contract import asked, bearer

REQUEST = "/api/v1/payment-requests/K-1"


@pytest.fixture
def token(app):
    return bearer(app, "musterhausen", "requests:write")


@pytest.fixture
def post(app, token):
    app.test_client().put(REQUEST, json=asked(), headers=token)

    def post(order="new-link", key="key-1", body=None, headers=token, reference="K-1"):
        named = {} if key is None else {"Idempotency-Key": key}
        address = f"/api/v1/payment-requests/{reference}/{order}"
        return app.test_client().post(address, json=body, headers={**headers, **named})

    return post


def link_version(app):
    with app.app_context():
        db.session.rollback()
        return db.session.scalar(select(PaymentRequest.link_version))


def kept(app):
    with app.app_context():
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(KeptAnswer))


def test_the_same_key_is_answered_to_the_byte_and_done_once(app, post):
    first, again = post(), post()
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert again.mimetype == first.mimetype
    assert link_version(app) == 2
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(EventRow)) == 1


def test_another_key_and_no_key_are_done_again(app, post):
    for key in ("key-1", "key-2", None, None):
        assert post(key=key).status_code == 200
    assert link_version(app) == 5


@pytest.mark.parametrize(
    ("order", "body"), [("withdraw", {"reason": "debit"}), ("new-link", None)], ids=str
)
def test_the_same_key_with_another_call_is_refused(app, post, order, body):
    assert post("withdraw", body={"reason": "paid"}).status_code == 200
    answer = post(order, body=body)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert link_version(app) == 1


def test_the_same_order_for_another_request_is_another_call(app, post, token):
    app.test_client().put("/api/v1/payment-requests/K-2", json=asked(), headers=token)
    assert post().status_code == 200
    assert post(reference="K-2").status_code == 422


def test_the_same_body_may_be_written_otherwise(app, post, token):
    headers = {**token, "Idempotency-Key": "k", "Content-Type": "application/json"}
    facts = b'"amount_cents": 100, "paid_on": "2026-11-12", "how": "cash"'
    for raw in (b'{"id": "B-1", %s}' % facts, b'{%s,\n "id":"B-1"}' % facts):
        answer = app.test_client().post(f"{REQUEST}/paid-elsewhere", data=raw, headers=headers)
        assert answer.status_code == 200


def test_what_failed_is_tried_anew_under_the_same_key(app, post):
    body = {"id": "B-1", "amount_cents": 20_000, "paid_on": "2026-11-12", "how": "cash"}
    assert post("paid-elsewhere", body=body).status_code == 422
    assert kept(app) == 0
    assert post("paid-elsewhere", body={**body, "amount_cents": 100}).status_code == 200


def test_each_client_has_its_own_keys(app, post):
    another = bearer(app, "musterhausen", "requests:write")
    assert post().data != post(headers=another).data
    assert link_version(app) == 3


def test_a_key_is_forgotten_after_a_day_and_not_before(app, post, time):
    post()
    for distance, left in (("+23h", 1), ("+25h", 0)):
        time.move(distance)
        with app.app_context():
            repeating.delete_old()
        assert kept(app) == left


def test_a_key_older_than_a_day_is_new_even_before_it_is_deleted(app, post):
    post()
    with app.app_context(), transaction() as session:
        session.execute(
            update(KeptAnswer).values(kept_since=KeptAnswer.kept_since - repeating.KEPT_FOR)
        )
    assert post().status_code == 200
    assert link_version(app) == 3
    assert kept(app) == 1


def test_of_eight_twins_at_once_one_acts_and_all_are_answered_alike(app, post):
    gate, answers = threading.Barrier(8), []

    def call():
        gate.wait(10)
        answers.append(post())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, answers[0].data)}
    assert len(answers) == 8
    assert link_version(app) == 2


@pytest.mark.parametrize("key", ["", "a b", "\u00e4", "x" * 256])
def test_what_is_no_key_is_refused(app, post, key):
    answer = post(key=key)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert answer.json["errors"][0]["code"] == "idempotency_key"
    assert link_version(app) == 1


def test_no_row_shows_the_link_the_tan_or_the_key(app, post):
    told = post().json
    with app.app_context():
        (row,) = db.session.scalars(select(KeptAnswer))
        stored = b"".join([row.answer_sealed, row.key_sha256, row.asked_sha256])
    for secret in (told["tan"], told["link"]["short_code"], told["link"]["url"], "key-1"):
        assert secret.encode() not in stored


def test_a_key_that_is_given_up_takes_no_kept_answer_with_it(app, post, monkeypatch):
    first = post("new-tan").data
    old = app.extensions["keyring"]
    both = Keyring((Keyring.parse(new_key("k2")).current, *old.keys))
    with app.app_context():
        rekeying.revoke(both, "k1")
        assert set(rekeying.counts(db.session())) == {"k2"}
        monkeypatch.setitem(app.extensions, "keyring", Keyring(both.keys[:1]))
    # Tokens are signed with the key too.
    with app.app_context():
        (row,) = db.session.scalars(select(KeptAnswer))
        sealed = both.unseal(row.answer_sealed, *repeating.place(row))
    assert sealed == first
