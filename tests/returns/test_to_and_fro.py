"""Money to and fro in any order: the books hold after every step, whatever happens.

Each step is drawn by a seed. What may be refused is refused; nothing else is raised. Books that
balance may still say the wrong thing: so all that came in by payments is followed to where it is.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select

from portal.db import db
from portal.errors import Conflict, NotFound
from portal.ledger.models import CustodyItem, CustodyMove, SuspenseItem
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.record import record
from portal.payments.returned import Reason, Refund, Reversal
from portal.payments.states import State
from portal.providers.protocol import Outcome, ReversalReport, SettlementLine
from portal.requests.models import ClosedRest, PaymentRequest
from portal.returns import closing, left, refunds, reversals, sending
from portal.settlements import settle
from tests import books, builders, trials
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider, won
from tests.returns import giving
from tests.returns.test_refunds import ANNA, BERT, CARD

STEPS = 30

BY_AGE: dict[type, Callable[[Any], Any]] = {
    Payment: lambda row: row.started_at,
    Refund: lambda row: row.asked_at,
    CustodyItem: lambda row: row.id,
    SuspenseItem: lambda row: row.id,
}


class Town:
    """What may happen in a town, by chance."""

    def __init__(self, seed: int, provider: FakeProvider) -> None:
        self.chance, self.provider = random.Random(seed), provider
        self.names: list[str] = []
        self.letters: dict[str, Letter] = {}
        self.given_to: Counter[str] = Counter()
        self.reports: list[ReversalReport] = []
        self.lines: list[SettlementLine] = []
        self.settlements = self.numbers = 0

    def some(self, model: type) -> object | None:
        db.session.rollback()
        rows = db.session.scalars(select(model).where(model.tenant_id == TOWN)).all()
        return self.chance.choice(sorted(rows, key=BY_AGE[model])[-12:]) if rows else None

    def push(self, cents: int | None = None, replaces: Letter | None = None) -> Letter:
        new = not self.names or replaces is not None or self.chance.random() < 0.6
        name = f"K-{len(self.names)}" if new else self.chance.choice(self.names)
        old = [self.chance.choice(self.names)] if self.names and self.chance.random() < 0.2 else []
        old = [replaces.reference] if replaces else old
        self.names += [name] if new else []
        self.letters[name] = builders.letter(
            name,
            amount_cents=cents or self.chance.randint(1, 9_000),
            kind=self.chance.choice(["tax", "fee"]),
            replaces=old if new else [],
        )
        return self.letters[name]

    def pay(self) -> None:
        if not self.names:
            return
        letter = builders.letter(f"P-{len(self.names)}", amount_cents=self.chance.randint(1, 9_000))
        self.names.append(letter.reference)
        self.letters[letter.reference] = letter
        payments = [builders.begin(letter)]
        if self.chance.random() < 0.4:  # paid twice
            record(self.provider.say(payments[0], Outcome.CANCELLED), CARD)
            payments.append(builders.begin(letter))
        for payment in payments:
            self.comes(payment)

    def pay_rest(self) -> None:
        """What a letter still asks, as after it took another's place or went up."""
        asks = self.that_ask()
        if asks:
            self.comes(builders.begin(self.chance.choice(asks)))

    def that_ask(self) -> list[Letter]:
        payable = {"open", "partly_paid"}
        return [each for each in self.letters.values()
                if builders.request_of(each).state in payable]  # fmt: skip

    def lower(self, letter: Letter | None = None) -> Letter:
        """A letter that was paid asks less."""
        paid = [each for each in self.letters.values()
                if builders.request_of(each).state in {"paid", "partly_paid"}]  # fmt: skip
        if letter is None:
            letter = self.chance.choice(paid) if paid else self.push()
        cents = max(1, builders.request_of(letter).amount_cents // 2)
        return builders.letter(letter.reference, amount_cents=cents)

    def take_while_surplus_goes_back(self) -> None:
        """A lower version's surplus is on its way, and a bank takes all of the payment."""
        letter = self.lower()
        for payment in of_letter(letter)[:1]:
            refund = self.send_surplus(payment)
            self.take_back(payment, builders.payment(payment).amount_cents)
            self.arrive(refund)

    def lower_what_took_a_paid_ones_place(self) -> None:
        """Surplus of two payments, on two letters: each of them would have it."""
        older = self.lower()
        more = builders.request_of(older).amount_cents + self.chance.randint(1, 5_000)
        newer = self.push(more, replaces=older)
        self.comes(builders.begin(newer))
        self.lower(newer)
        payments = of_letter(newer) + of_letter(older)
        self.chance.shuffle(payments)
        for refund in [self.send_surplus(payment) for payment in payments]:
            self.arrive(refund)

    def send_surplus(self, payment: str) -> str | None:
        """All that may go back of it as surplus goes on its way."""
        db.session.rollback()
        free = left.free(db.session(), builders.payment(payment), Reason.SURPLUS)
        db.session.rollback()
        self.numbers += 1
        asked = refunds.Asked(TOWN, payment, free, Reason.SURPLUS, f"AO-s{self.numbers}", ANNA)
        with suppress(refunds.NotRefundable):
            refund = refunds.ask(asked)
            refunds.approve(TOWN, refund, BERT)
            self.provider.refunds_end = Outcome.PENDING
            sending.submit(current_app.extensions["keyring"], TOWN, refund)
            return refund
        return None

    def arrive(self, refund: str | None) -> None:
        if refund in self.provider.refunds:
            sending.record(TOWN, "card", self.provider.end_refund(refund, Outcome.SUCCEEDED))
            self.lines.append(self.provider.refund_line(refund))

    def comes(self, payment: str) -> None:
        record(self.provider.pay(payment), CARD)
        booked = self.provider.books[payment]
        gross, fee = booked.order.amount, Money(3)
        self.lines.append(SettlementLine("payment", payment, booked.reference, gross, fee))

    def ask(self) -> None:
        payment = self.some(Payment)
        if isinstance(payment, Payment):
            cents = self.chance.randint(1, payment.amount_cents)
            reason, order = self.chance.choice(list(Reason)), f"AO-{self.chance.randint(1, 99)}"
            made = refunds.ask(refunds.Asked(TOWN, payment.id, Money(cents), reason, order, ANNA))
            if self.chance.random() < 0.7:
                refunds.approve(TOWN, made, BERT)
                self.hand_over(made)

    def decide(self) -> None:
        refund = self.some(Refund)
        if isinstance(refund, Refund):
            decide = refunds.refuse if self.chance.random() < 0.1 else refunds.approve
            decide(TOWN, refund.id, BERT)

    def send(self) -> None:
        refund = self.some(Refund)
        if isinstance(refund, Refund):
            self.hand_over(refund.id)

    def hand_over(self, name: str) -> None:
        self.provider.down = self.chance.choice([0, 0, 1, 2])
        self.provider.refunds_end = self.chance.choice(
            [Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.PENDING, Outcome.FAILED]
        )
        sending.submit(current_app.extensions["keyring"], TOWN, name)
        self.provider.down = 0
        report = self.provider.refunds.get(name)
        if report and report.outcome is Outcome.SUCCEEDED:
            self.lines.append(self.provider.refund_line(name))

    def bounce(self) -> None:
        refund = self.some(Refund)
        if isinstance(refund, Refund) and refund.id in self.provider.refunds:
            name = refund.id
            end = self.chance.choice([Outcome.SUCCEEDED, Outcome.FAILED])
            sending.record(TOWN, "card", self.provider.end_refund(name, end))
            self.lines.append(self.provider.refund_line(name, -1 if end == "succeeded" else 1))

    def reverse(self) -> None:
        payment = self.some(Payment)
        if isinstance(payment, Payment):
            self.take_back(payment.id, self.chance.randint(1, payment.amount_cents))

    def take_back(self, payment: str, cents: int) -> None:
        name = f"cb-{len(self.reports)}"
        report = self.provider.reverse(payment, cents, self.chance.choice([0, 20]), name)
        self.reports.append(report)
        line = SettlementLine("reversal", payment, name, -report.amount, report.fee)
        self.lines.append(line)
        reversals.record_reversal(current_app.extensions["keyring"], TOWN, "card", report)

    def bounce_after_a_reversal(self) -> None:
        """A refund is on its way, a bank takes the same money back, and the refund fails."""
        self.provider.refunds_end = Outcome.PENDING
        payment = self.some(Payment)
        if not isinstance(payment, Payment):
            return
        cents, name = Money(self.chance.randint(1, payment.amount_cents)), f"cb-{len(self.reports)}"
        order = f"AO-r{len(self.reports)}"
        asked = refunds.Asked(TOWN, payment.id, cents, Reason.WRONG_PAYER, order, ANNA)
        refund = refunds.ask(asked)
        refunds.approve(TOWN, refund, BERT)
        sending.submit(current_app.extensions["keyring"], TOWN, refund)
        report = self.provider.reverse(payment.id, payment.amount_cents, 0, name)
        self.reports.append(report)
        reversals.record_reversal(current_app.extensions["keyring"], TOWN, "card", report)
        sending.record(TOWN, "card", self.provider.end_refund(refund, Outcome.FAILED))
        db.session.rollback()
        assert not left.free(db.session(), builders.payment(payment.id), Reason.WRONG_PAYER)

    def win(self) -> None:
        if self.reports:
            report = self.chance.choice(self.reports)
            part = self.chance.randint(1, report.amount.cents)
            report = won(report, self.chance.choice([part, report.amount.cents]))
            reversals.record_reversal(current_app.extensions["keyring"], TOWN, "card", report)

    def assign(self) -> None:
        item = self.some(CustodyItem)
        asks = self.that_ask()
        if isinstance(item, CustodyItem) and asks:
            cents = Money(self.chance.randint(1, 50))
            name = self.chance.choice(asks).reference
            giving.assign(TOWN, item.id, name, cents, ANNA)
            self.given_to[name] += cents.cents

    def close(self) -> None:
        act, model = self.chance.choice(
            [(closing.CUSTODY, CustodyItem), (closing.SUSPENSE, SuspenseItem)]
        )
        item = self.some(model)
        if isinstance(item, CustodyItem | SuspenseItem):
            closing.ask(TOWN, act, item.id, "AO-1", ANNA)
            closing.approve(TOWN, act, item.id, BERT)

    def settle(self) -> None:
        count = self.chance.randint(0, len(self.lines))
        lines = [self.lines.pop(0) for _ in range(count)]
        self.settlements += 1
        self.provider.settle(f"s{self.settlements}", [], 0, *lines)
        keyring = current_app.extensions["keyring"]
        settle.settle(keyring, TOWN, "card", f"s{self.settlements}")

    def step(self) -> None:
        act = self.chance.choice(
            [self.push, self.pay, self.pay, self.pay_rest, self.lower, self.ask, self.ask, self.ask,
             self.take_while_surplus_goes_back, self.lower_what_took_a_paid_ones_place,
             self.decide, self.decide, self.send, self.send, self.bounce, self.reverse,
             self.bounce_after_a_reversal, self.win, self.assign, self.close, self.settle]
        )  # fmt: skip
        with suppress(Conflict, NotFound):
            act()

    def check(self) -> None:
        """Follow all that came in to where it is now."""
        books.check(db.session())
        with_claims = self.with_claims()
        requests = {row.id: row for row in rows(PaymentRequest)}
        now = {row.id: in_force(requests, row) for row in requests.values()}
        for row in rows(Payment):
            with_claims[now[row.request_id]] += self.not_gone(row)
        for name, cents in self.given_to.items():
            with_claims[now[self.letters[name].request_id]] += cents
        for row in requests.values():
            assert row.covered_cents == with_claims[row.id], row.reference
            assert row.open_cents == row.amount_cents - row.closed_cents - row.covered_cents
        assert {row.reason for row in rows(ClosedRest)} <= {Reason.CLAIM_CANCELLED}
        of_surplus = [row for row in rows(Refund) if row.reason == Reason.SURPLUS]
        assert not any(row.claim_cents + row.loss_cents for row in of_surplus)

    def not_gone(self, row: Payment) -> int:
        """What came in by a payment, less what a bank took and what the provider sent back."""
        if row.state != State.SUCCEEDED:
            return 0
        taken = sum(each.counted_cents for each in rows(Reversal) if each.payment_id == row.id)
        sent = {each.id: each for each in rows(Refund) if each.payment_id == row.id}
        gone = sum(each.amount_cents for each in sent.values() if each.state == "succeeded")
        on_its_way = sum(each.amount_cents for each in sent.values() if each.state == "submitted")
        assert gone + on_its_way <= row.amount_cents - taken
        return row.amount_cents - taken - gone

    def with_claims(self) -> Counter[int]:
        """By request in force: what of its payments' money is not with it, below zero."""
        requests = {row.id: row for row in rows(PaymentRequest)}
        by_name = {row.reference: row for row in requests.values()}
        found: Counter[int] = Counter()
        given = Counter[int]()
        for move in rows(CustodyMove):
            if move.reason in {"assigned", "kept_by_order"}:
                given[move.item_id] -= move.cents
        for item in rows(CustodyItem):
            request = by_name[str(item.request_reference)]
            if item.reference.startswith("payment:"):
                payment = db.session.get_one(Payment, (TOWN, item.reference.split(":")[1]))
                request = requests[payment.request_id]
            found[in_force(requests, request)] -= item.open_cents + given[item.id]
        for row in (*rows(Refund), *rows(Reversal)):
            # What was taken and found nowhere is a loss; it did not come from the claim.
            uncounted = row.away.cents - row.counted_cents if isinstance(row, Reversal) else 0
            lost = row.loss_cents - uncounted if row.loss_cents else 0
            if lost and row.payment_id:
                payment = db.session.get_one(Payment, (TOWN, row.payment_id))
                found[in_force(requests, requests[payment.request_id])] += lost
        return found


def of_letter(letter: Letter) -> list[str]:
    """The payments that a letter got."""
    mine = [row for row in rows(Payment) if row.request_id == letter.request_id]
    return [row.id for row in mine if row.state == State.SUCCEEDED]


def rows(model: Any) -> list[Any]:
    return list(db.session.scalars(select(model).where(model.tenant_id == TOWN)))


def in_force(requests: dict[int, PaymentRequest], row: PaymentRequest) -> int:
    while row.replaced_by is not None:
        row = requests[row.replaced_by]
    return row.id


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """As many walks as the trial has."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(trials.size(metafunc.config, "walks")))


def test_the_books_hold_after_every_step(provider: FakeProvider, seed: int) -> None:
    town = Town(seed, provider)
    for _ in range(STEPS):
        town.step()
        db.session.rollback()
        town.check()


def test_the_steps_do_happen(provider: FakeProvider) -> None:
    town, missing = Town(1, provider), {
        "refund.succeeded", "refund.failed", "payment.reversed", "custody.assigned",
        "custody.returned", "payout.announced",
    }  # fmt: skip
    for _ in range(20):
        for _ in range(STEPS):
            town.step()
        missing -= {event.type for event in builders.events()}
        if not missing:
            break
    assert not missing
