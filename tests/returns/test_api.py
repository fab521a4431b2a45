"""Refunds that the finance system orders, by the contract."""

import pytest
from flask import Flask

from portal.errors import LostRace
from portal.returns import refunds
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.contract import bearer
from tests.fakes import FakeProvider
from tests.returns.test_refunds import BERT, balance, paid, paid_twice, submitted

ADDRESS = "/api/v1/payment-requests/{}/refunds"


@pytest.fixture
def post(app: Flask):
    """Order a refund of K-1 as the town's finance system."""
    token = bearer(app, TOWN, "requests:write")

    def post(payment, reference="K-1", headers=token, key=None, **changed):
        body = {
            "payment": payment, "amount_cents": 4_000, "reason": "wrong_payer", "order": "AO 1/26",
        }  # fmt: skip
        more = {"Idempotency-Key": key} if key else {}
        return app.test_client().post(
            ADDRESS.format(reference), json=body | changed, headers=headers | more
        )

    return post


def test_an_order_waits_for_a_person_and_is_then_sent(
    app: Flask, provider: FakeProvider, post
) -> None:
    letter, payment = paid(provider)
    answer = post(payment)
    assert answer.status_code == 201
    told = answer.json
    refund = told["refund"]
    assert told == {
        "refund": refund, "reference": "K-1", "payment": payment, "state": "requested",
        "amount_cents": 4_000, "claim_cents": 0, "surplus_cents": 0, "loss_cents": 0,
        "currency": "EUR", "reason": "wrong_payer", "order": "AO 1/26", "cause": None,
        "asked_at": told["asked_at"], "ended_at": None,
    }  # fmt: skip
    assert provider.told == []
    refunds.approve(TOWN, refund, BERT)
    submitted(refund)
    reader = bearer(app, TOWN, "requests:read")
    found = app.test_client().get(f"{ADDRESS.format('K-1')}/{refund}", headers=reader).json
    assert (found["state"], found["claim_cents"], bool(found["ended_at"])) == (
        "succeeded", 4_000, True,
    )  # fmt: skip
    assert builders.request_of(letter).state == "partly_paid"
    assert balance("suspense:card") == 6_000


def test_the_same_order_is_the_same_refund(provider: FakeProvider, post) -> None:
    _, payment = paid(provider)
    first, again = post(payment), post(payment)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    for changed in ({"amount_cents": 3_999}, {"reason": "claim_cancelled"}):
        other = post(payment, **changed)
        assert (other.status_code, other.json["code"]) == (409, "order_used")
    assert post(payment, order="AO-2").json["refund"] != first.json["refund"]


def test_a_repeated_call_is_answered_as_before(provider: FakeProvider, post) -> None:
    _, payment = paid(provider)
    first, again = post(payment, key="a"), post(payment, key="a")
    assert (again.status_code, again.data) == (201, first.data)
    other = post(payment, key="a", amount_cents=1)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_an_order_that_meets_a_replacement_is_tried_again(
    provider: FakeProvider, post, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payment = paid(provider)
    enter, races = refunds.enter, []

    def raced(session, asked):
        if len(races) < 4:
            races.append(asked)
            raise LostRace("The request was replaced meanwhile.")
        return enter(session, asked)

    monkeypatch.setattr(refunds, "enter", raced)
    assert post(payment, key="a").status_code == 201
    races[:] = []
    monkeypatch.setattr(refunds, "enter", lambda *_: raced(*_) if not races else enter(*_))
    assert post(payment, order="AO-2").status_code == 201


def test_more_than_is_left_is_refused(provider: FakeProvider, post) -> None:
    _, payment = paid(provider)
    assert post(payment).status_code == 201
    for changed in ({"amount_cents": 6_001}, {"reason": "surplus", "amount_cents": 1}):
        answer = post(payment, order="AO-2", **changed)
        assert (answer.status_code, answer.json["code"]) == (409, "not_refundable")
    assert post(payment, order="AO-2", amount_cents=6_000).status_code == 201


def test_surplus_of_a_double_payment_is_ordered_back(provider: FakeProvider, post) -> None:
    _, payment = paid_twice(provider)
    reference = "K-2026-1"
    told = post(payment, reference, reason="surplus", amount_cents=10_000).json
    refunds.approve(TOWN, told["refund"], BERT)
    submitted(told["refund"])
    assert (balance("custody:surplus"), balance("claims:tax")) == (0, -10_000)


def test_what_was_not_paid_is_refused(provider: FakeProvider, post) -> None:
    payment = builders.begin(builders.letter("K-1"))
    assert post(payment).json["code"] == "not_refundable"


def test_a_payment_is_refunded_under_its_own_request_or_the_one_in_its_place(
    app: Flask, provider: FakeProvider, post
) -> None:
    _, payment = paid(provider)
    builders.letter("K-2")
    for reference, code in (("K-2", "payment_not_found"), ("K-9", "request_not_found")):
        answer = post(payment, reference)
        assert (answer.status_code, answer.json["code"]) == (404, code)
    assert post("0" * 32).json["code"] == "payment_not_found"
    builders.letter("K-3", replaces=["K-1"])
    refund = post(payment, "K-3").json["refund"]
    token = bearer(app, TOWN, "requests:write")
    for reference, status in (("K-1", 200), ("K-3", 200), ("K-2", 404), ("K-9", 404)):
        address = f"{ADDRESS.format(reference)}/{refund}"
        assert app.test_client().get(address, headers=token).status_code == status
    nowhere = f"{ADDRESS.format('K-1')}/{'0' * 32}"
    assert app.test_client().get(nowhere, headers=token).json["code"] == "refund_not_found"


def test_another_town_sees_and_orders_nothing(app: Flask, provider: FakeProvider, post) -> None:
    _, payment = paid(provider)
    refund = post(payment).json["refund"]
    other = bearer(app, OTHER_TOWN)
    assert post(payment, headers=other).status_code == 404
    builders.letter("K-1", OTHER_TOWN)
    assert post(payment, headers=other).json["code"] == "payment_not_found"
    address = f"{ADDRESS.format('K-1')}/{refund}"
    assert app.test_client().get(address, headers=other).json["code"] == "refund_not_found"


def test_who_only_reads_may_order_nothing(app: Flask, provider: FakeProvider, post) -> None:
    _, payment = paid(provider)
    reader = bearer(app, TOWN, "requests:read", "events:read", "events:ack")
    answer = post(payment, headers=reader)
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    "changed",
    [
        {"payment": "x"}, {"payment": None}, {"amount_cents": 0}, {"amount_cents": -1},
        {"amount_cents": 1.5}, {"amount_cents": "4000"}, {"amount_cents": True},
        {"reason": "because"}, {"order": ""}, {"order": "x" * 65}, {"order": "AO\n1"},
        {"order": " AO"}, {"currency": "EUR"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(
    provider: FakeProvider, post, changed: dict[str, object]
) -> None:
    answer = post(**{"payment": "0" * 32, **changed})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{next(iter(changed))}"]


def test_the_contract_tells_of_it(app: Flask) -> None:
    paths = app.test_client().get("/api/v1/openapi.json").json["paths"]
    told = paths["/api/v1/payment-requests/{reference}/refunds"]["post"]
    assert set(told["responses"]) >= {"200", "201", "403", "404", "409", "422"}
    assert "/api/v1/payment-requests/{reference}/refunds/{refund}" in paths
