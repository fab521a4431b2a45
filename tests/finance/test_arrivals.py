"""A provider's pay-out stands on the town's bank account."""

import pytest
from flask import current_app
from sqlalchemy import select

from portal.audit import AuditRow
from portal.db import db
from portal.ledger import book
from portal.payments.record import Source, record
from portal.providers.protocol import Settlement
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN
from tests.contract import bearer

CREDIT = {"id": "B-1", "booked_on": "2026-11-23", "amount_cents": 9_965}


@pytest.fixture
def token(app):
    return bearer(app, TOWN, "requests:write")


@pytest.fixture
def post(app, token):
    def post(payout="s1", headers=token, **changed):
        address = f"/api/v1/payouts/{payout}/arrived"
        return app.test_client().post(address, json={**CREDIT, **changed}, headers=headers)

    return post


@pytest.fixture
def settled(app, provider):
    """A payment of 100.00 at the card account, settled as s1 for a fee of 0.35."""
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    record(provider.pay(payment), Source(TOWN, "card", "notification"))
    provider.settle("s1", [payment], fee_cents=35)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    return payment


def balances(*names):
    db.session.rollback()
    return [book.balance(db.session(), TOWN, name).cents for name in names]


def test_what_arrived_moves_from_transit_to_the_bank_and_is_told(post, settled):
    answer = post()
    assert answer.status_code == 200
    assert answer.json == {**CREDIT, "payout": "s1", "account": "card", "currency": "EUR"}
    assert balances("bank", "transit:card") == [9_965, 0]
    announced, arrived = builders.events()[-2:]
    assert (announced.type, arrived.type) == ("payout.announced", "payout.arrived")
    assert arrived.data == {**announced.data, "arrival": "B-1", "booked_on": "2026-11-23"}
    row = db.session.scalars(select(AuditRow).where(AuditRow.act == "payout.arrived")).one()
    assert (row.subject, row.actor[:9]) == ("s1", "client:c_")


def test_told_again_it_is_answered_again_and_booked_once(post, settled):
    assert post().data == post().data
    assert balances("bank") == [9_965]
    assert [event.type for event in builders.events()].count("payout.arrived") == 1


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"amount_cents": 9_964}, 422, "not_its_net"),
        ({"amount_cents": 10_000}, 422, "not_its_net"),
        ({"account": "paypal"}, 404, "payout_not_found"),
        ({"payout": "s2"}, 404, "payout_not_found"),
        ({"payout": "%00"}, 422, "invalid"),
        ({"booked_on": "tomorrow"}, 422, "invalid"),
        ({"amount_cents": "9965"}, 422, "invalid"),
        ({"amount_cents": True}, 422, "invalid"),
        ({"iban": "DE02120300000000202051"}, 422, "invalid"),
    ],
)
def test_what_does_not_fit_is_told_and_books_nothing(post, settled, changed, status, code):
    answer = post(**changed)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert balances("bank", "transit:card") == [0, 9_965]


@pytest.mark.parametrize("changed", [{"id": "B-2"}, {"booked_on": "2026-11-24"}])
def test_a_pay_out_arrives_once(post, settled, changed):
    post()
    answer = post(**changed)
    assert (answer.status_code, answer.json["code"]) == (409, "already_arrived")


def booked(provider, payout, account, net_cents=0):
    """A settlement report without lines: what it pays is a difference until it is explained."""
    from datetime import UTC, datetime

    from portal.money import Money

    at = datetime(2026, 11, 20, tzinfo=UTC)
    provider.made[payout] = Settlement(payout, f"m-{account}", at, Money(net_cents), ())
    settle.settle(current_app.extensions["keyring"], TOWN, account, payout)


def test_where_two_accounts_have_a_pay_out_of_one_name_the_account_is_needed(
    post, provider, settled
):
    booked(provider, "s1", "paypal", 9_965)
    answer = post()
    assert (answer.status_code, answer.json["code"]) == (422, "account_needed")
    assert post(account="paypal").json["account"] == "paypal"
    assert builders.events()[-1].data["account"] == "paypal"
    assert balances("transit:card", "transit:paypal") == [9_965, 0]


def test_one_id_names_one_pay_out(post, provider, settled):
    booked(provider, "s2", "card", 9_965)
    post()
    answer = post("s2")
    assert (answer.status_code, answer.json["code"]) == (409, "already_arrived")


@pytest.mark.parametrize("net", [0, -500])
def test_a_pay_out_of_nothing_or_less_arrives_too(post, provider, net):
    booked(provider, "s3", "card", net)
    assert post("s3", amount_cents=net).status_code == 200
    assert balances("bank", "transit:card") == [net, 0]


def test_another_towns_pay_out_is_not_there(app, post, settled):
    other = bearer(app, "beispielstadt")
    foreign = post(headers=other)
    assert (foreign.status_code, foreign.data) == (404, post("s9", headers=other).data)
    reader = bearer(app, TOWN, "requests:read", "events:ack")
    assert post(headers=reader).status_code == 403
