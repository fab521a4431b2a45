"""PayPal's money through the whole house: agreed, captured, refunded, taken back, paid out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import update

from portal import clock
from portal.db import db, transaction
from portal.ledger import book
from portal.payments import accounts, sweep
from portal.payments.models import ProviderAccount
from portal.providers import paypal_webhook
from portal.providers.paypal import PayPal
from portal.requests import orders
from portal.requests.ordered import Why
from portal.requests.orders import Subject
from portal.returns import refunds, sending
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.providers.harness_paypal import MERCHANT, PayPalHarness, paypal_harness
from tests.providers.harnesses import Letter
from tests.returns.test_refunds import BERT, asked, row


@dataclass
class House:
    """The town's card account is one at PayPal."""

    app: Flask
    paypal: PayPalHarness

    def hand_in(self, letter: Letter) -> int:
        headers, body = letter
        client = builders.browser(self.app)
        return client.post("/webhooks/paypal/card", data=body, headers=headers).status_code

    def start(self) -> str:
        return builders.begin(builders.letter("K-1", amount_cents=10_000))

    def paid(self) -> str:
        payment = self.start()
        assert self.hand_in(self.paypal.approve(payment)) == 204
        return payment


@pytest.fixture
def house(app: Flask, tmp_path: Path) -> Iterator[House]:
    keyring = current_app.extensions["keyring"]
    with paypal_harness(tmp_path) as harness:
        told = dict(harness.account.credentials)
        sealed = accounts.sealed(keyring, TOWN, "card", told)
        with transaction() as session:
            session.execute(
                update(ProviderAccount)
                .where(ProviderAccount.tenant_id == TOWN, ProviderAccount.id == "card")
                .values(provider="paypal", merchant=MERCHANT, credentials_sealed=sealed)
            )
        yield House(app, harness)


def sums() -> dict[str, int]:
    db.session.rollback()
    session = db.session()
    names = ("suspense", "transit", "fees", "losses", "differences")
    found = {name: book.balance(session, TOWN, f"{name}:card").cents for name in names}
    db.session.rollback()
    return {name: cents for name, cents in found.items() if cents}


def paid_out(house: House) -> None:
    house.paypal.settle()
    keyring = current_app.extensions["keyring"]
    account = house.paypal.account
    for name in PayPal().settlements(account, clock.now() - timedelta(days=1)):
        settle.settle(keyring, TOWN, "card", name)


def test_what_the_payer_agreed_to_is_captured_when_paypal_tells_of_it(house: House) -> None:
    payment = house.paid()
    assert builders.payment(payment).state == "succeeded"
    assert sums() == {"suspense": 10_000}
    assert house.paypal.books()["totals"]["succeeded_cents"] == 10_000


def test_all_that_becomes_of_the_money_is_in_the_books_to_the_cent(house: House) -> None:
    payment = house.paid()
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    assert row(refund).state == "succeeded"
    told = {"amount_cents": 2_000, "fee_cents": 500}
    for sent in house.paypal.post(f"payments/{payment}/reverse", told)["deliveries"]:
        letter = sent["sent"]["headers"], sent["sent"]["body"].encode()
        assert house.hand_in(letter) == 204
    assert sums() == {"suspense": 6_500, "fees": 500}
    paid_out(house)
    totals = house.paypal.books()["totals"]
    assert sums() == {"transit": totals["settled_cents"], "fees": totals["fees_cents"]}
    assert totals["unsettled_cents"] == 0


@pytest.mark.parametrize("notified", [True, False])
def test_a_dispute_won_in_part_is_booked_to_the_cent(house: House, *, notified: bool) -> None:
    payment = house.paid()
    told = {"amount_cents": 2_000, "fee_cents": 500}
    dispute = house.paypal.post(f"payments/{payment}/reverse", told)["reversal"]
    for back in ({"amount_cents": 1_400}, {}, None):
        verb = "win" if back is not None else "withdraw"
        sent = house.paypal.door(f"reversals/{dispute}/{verb}", **(back or {}))
        if notified:
            assert house.hand_in(sent) == 204
    assert builders.payment(payment).reversed_cents == (2_000 if notified else 0)
    paid_out(house)
    totals = house.paypal.books()["totals"]
    assert (totals["reversed_cents"], builders.payment(payment).reversed_cents) == (2_000, 2_000)
    assert sums() == {"transit": totals["settled_cents"], "fees": totals["fees_cents"]}


def test_an_inquiry_that_the_town_settles_by_a_refund_is_booked_once(house: House) -> None:
    payment = house.paid()
    asked_at = house.paypal.post(f"payments/{payment}/inquire", {})["reversal"]
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    assert house.hand_in(house.paypal.door(f"reversals/{asked_at}/settle")) == 204
    paid_out(house)
    totals = house.paypal.books()["totals"]
    assert (totals["refunded_cents"], totals["reversed_cents"]) == (1_000, 0)
    assert builders.payment(payment).reversed_cents == 0
    assert sums() == {"transit": totals["settled_cents"], "fees": totals["fees_cents"]}


def test_a_pay_out_settles_what_was_never_told(house: House) -> None:
    payment = house.start()
    house.paypal.approve(payment)
    house.paypal.door(f"payments/{payment}/capture")
    told = {"amount_cents": 2_000, "fee_cents": 500}
    house.paypal.post(f"payments/{payment}/reverse", told)
    paid_out(house)
    totals = house.paypal.books()["totals"]
    assert builders.payment(payment).state == "succeeded"
    assert sums() == {"transit": totals["settled_cents"], "fees": totals["fees_cents"]}


def test_a_letter_whose_certificate_cannot_be_had_is_not_acknowledged(house: House) -> None:
    payment = house.start()
    letter = house.paypal.approve(payment)
    paypal_webhook._chain.cache_clear()
    house.paypal.fall_silent()
    assert house.hand_in(letter) == 503
    house.paypal.post("settings", {"down": False})
    assert house.hand_in(letter) == 204
    assert builders.payment(payment).state == "succeeded"


def test_a_forged_letter_changes_nothing(house: House) -> None:
    payment = house.start()
    headers, body = house.paypal.approve(payment)
    assert house.hand_in((headers, body.replace(b"APPROVED", b"APPROVEB"))) == 400
    assert builders.payment(payment).state == "started"


def ask(payment: str, way: str = "sweep") -> None:
    sweep.ask(current_app.extensions["keyring"], TOWN, payment, way)


def agreed(house: House, letter: builders.Letter) -> str:
    """A payment whose payer has agreed, and nobody heard of it."""
    payment = builders.begin(letter)
    house.paypal.approve(payment)
    return payment


def taken(house: House) -> int:
    cents: int = house.paypal.books()["totals"]["succeeded_cents"]
    return cents


@pytest.mark.parametrize("way", ["sweep", "return", "notification"])
def test_what_is_still_asked_is_captured_whoever_asks_first(house: House, way: str) -> None:
    payment = agreed(house, builders.letter("K-1", amount_cents=10_000))
    ask(payment, way)
    assert builders.payment(payment).state == "succeeded"
    assert (taken(house), sums()) == (10_000, {"suspense": 10_000})


def test_who_starts_again_and_pays_is_not_charged_for_what_he_agreed_to_before(
    house: House, time: Time
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    first = agreed(house, letter)
    sweep.give_up(current_app.extensions["keyring"], TOWN, first)
    second = agreed(house, letter)
    ask(second, "return")
    assert builders.request_of(letter).state == "paid"
    for minutes in (2, 60 * 25):
        time.move(f"+{minutes}m")
        sweep.sweep(current_app.extensions["keyring"])
    assert taken(house) == 10_000
    assert builders.payment(first).state == "expired"


def test_what_was_withdrawn_meanwhile_is_not_captured_and_runs_out(
    house: House, time: Time
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = agreed(house, letter)
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why.CANCELLED)
    ask(payment)
    assert (taken(house), builders.payment(payment).state) == (0, "started")
    time.move("+25h")
    ask(payment)
    assert (taken(house), builders.payment(payment).state) == (0, "expired")


def test_a_refused_capture_says_that_no_money_was_taken_and_none_is_taken_later(
    house: House, time: Time
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    house.paypal.approve(payment, "refuse")
    ask(payment)
    assert builders.payment(payment).state == "failed"
    tried = captures(house)
    time.move("+2d")
    sweep.sweep(current_app.extensions["keyring"])
    assert captures(house) == tried == 1


def captures(house: House) -> int:
    return sum(path.endswith("/capture") for _, path, _ in house.paypal.called)


def test_money_that_came_all_the_same_is_booked(house: House) -> None:
    """A capture that happened is never refused."""
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = agreed(house, letter)
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why.CANCELLED)
    assert house.hand_in(house.paypal.door(f"payments/{payment}/capture")) == 204
    assert builders.payment(payment).state == "succeeded"
    assert sums() == {"suspense": 10_000}
