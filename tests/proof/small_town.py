"""A small town in which everything has happened once."""

from datetime import date

from flask import Flask, current_app
from sqlalchemy import text

from portal.db import transaction
from portal.finance import clients, delivery
from portal.money import Money
from portal.payments.record import record
from portal.proof import chain
from portal.providers.protocol import Outcome, SettlementLine
from portal.requests import elsewhere, expiry, orders
from portal.requests.ordered import Elsewhere, How, Rest, Why
from portal.requests.orders import Subject
from portal.returns import reversals
from portal.settlements import reserves, settle
from tests import builders
from tests.builders import TOWN
from tests.contract import bearer
from tests.fakes import FakeProvider, won
from tests.finance.receiver import SECRET
from tests.returns import giving
from tests.returns.test_custody_returns import custody_item, sent_back, unclear
from tests.returns.test_refunds import CARD, paid, paid_twice, sent

DAY = date(2026, 11, 12)
TAKEN = "UPDATE deliveries SET state = 'taken', taken_at = due_at"


def build(app: Flask, provider: FakeProvider) -> None:
    """Payments, surplus, a refund, a reversal, a pay-out, and every order of the finance system."""
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        delivery.set_endpoint(session, keyring, TOWN, "https://finance.example/events", SECRET)
        clients.create_client(session, TOWN, ["requests:write"])
    _, payment = paid_twice(provider)
    _, other = paid(provider, 8_000, "K-2")
    sent(other, 500)
    report = provider.reverse(payment, 300, 40)
    for told in (report, won(report, 100, 10)):
        reversals.record_reversal(keyring, TOWN, "card", told)
    settled(app, provider, paid(provider, 9_000, "K-3")[1])
    held_back(provider)
    sent_back(provider, unclear(provider, 700))
    builders.letter("K-4", amount_cents=5_000)
    told = Elsewhere(id="B-1", amount_cents=4_900, paid_on=DAY, how=How.TRANSFER)
    with transaction() as session:
        elsewhere.tell(session, subject("K-4"), told)
    with transaction() as session:
        rest = Rest(amount_cents=100, reason="small", order="AO-7")
        orders.close_rest(session, subject("K-4"), rest)
    builders.letter("K-5")
    with transaction() as session:
        orders.withdraw(session, subject("K-5"), Why.CANCELLED)
    with transaction() as session:
        orders.restore(session, subject("K-5"), None)
    under_way = builders.begin(builders.letter("K-6"))
    builders.letter("K-7", replaces=["K-6"])
    record(provider.say(under_way, Outcome.PENDING), CARD)
    record(provider.pay(under_way), CARD)
    builders.letter("K-8", payable_until="2026-01-01")
    expiry.expire_due()
    paid(provider, 9_500, "K-9")
    builders.letter("K-9", amount_cents=9_000)
    builders.letter("K-10", amount_cents=9_000)
    surplus = custody_item("lowered:K-9:2").id
    giving.assign(TOWN, surplus, "K-10", Money(500), "staff:anna")
    builders.letter("K-11")
    with transaction() as session:
        orders.withdraw(session, subject("K-11"), Why.CANCELLED)
    builders.letter("K-12")
    builders.letter("K-13", replaces=["K-12"])
    with transaction() as session:
        session.execute(text(TAKEN))
    chain.extend_all()


def subject(reference: str) -> Subject:
    return Subject(TOWN, reference, "client:c_1")


def settled(app: Flask, provider: FakeProvider, payment: str) -> None:
    """A pay-out over a payment, which has arrived on the bank."""
    provider.settle("s1", [payment], fee_cents=35)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    credit = {"id": "B-1", "booked_on": "2026-11-23", "amount_cents": 8_965}
    headers = bearer(app, TOWN, "requests:write")
    answer = app.test_client().post("/api/v1/payouts/s1/arrived", json=credit, headers=headers)
    assert answer.status_code == 200, answer.text


def held_back(provider: FakeProvider) -> None:
    """The provider holds something back, and a part of it is closed by order."""
    hold = SettlementLine("reserve", "", "hold-1", Money(-1_000), Money(0))
    provider.settle("s2", [], 0, hold)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s2")
    reserves.ask(TOWN, "card", Money(400), "AO-9", "staff:anna")
    reserves.approve(TOWN, "card", "EUR", "staff:bert")
