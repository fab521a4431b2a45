"""Money to and fro in any order: the books hold after every step, whatever happens.

Each step is drawn by a seed. What may be refused is refused; nothing else is raised.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import select

from portal.db import db
from portal.errors import Conflict, NotFound
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.record import record
from portal.payments.returned import Reason, Refund
from portal.providers.protocol import Outcome, ReversalReport, SettlementLine
from portal.returns import closing, custody, left, refunds, reversals, sending
from portal.settlements import settle
from tests import books, builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
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
        self.reports: list[ReversalReport] = []
        self.lines: list[SettlementLine] = []
        self.settlements = 0

    def some(self, model: type) -> object | None:
        db.session.rollback()
        rows = db.session.scalars(select(model).where(model.tenant_id == TOWN)).all()
        return self.chance.choice(sorted(rows, key=BY_AGE[model])[-12:]) if rows else None

    def push(self) -> None:
        new = not self.names or self.chance.random() < 0.6
        name = f"K-{len(self.names)}" if new else self.chance.choice(self.names)
        old = [self.chance.choice(self.names)] if self.names and self.chance.random() < 0.2 else []
        self.names += [name] if new else []
        builders.letter(
            name,
            amount_cents=self.chance.randint(1, 9_000),
            kind=self.chance.choice(["tax", "fee"]),
            replaces=old if new else [],
        )

    def pay(self) -> None:
        if not self.names:
            return
        letter = builders.letter(f"P-{len(self.names)}", amount_cents=self.chance.randint(1, 9_000))
        self.names.append(letter.reference)
        payments = [builders.begin(letter)]
        if self.chance.random() < 0.4:  # paid twice
            record(self.provider.say(payments[0], Outcome.CANCELLED), CARD)
            payments.append(builders.begin(letter))
        for payment in payments:
            record(self.provider.pay(payment), CARD)
            gross = Money(letter.amount_cents)
            reference = self.provider.books[payment].reference
            self.lines.append(SettlementLine("payment", payment, reference, gross, Money(3)))

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
            cents = self.chance.randint(1, payment.amount_cents)
            name = f"cb-{len(self.reports)}"
            report = self.provider.reverse(payment.id, cents, self.chance.choice([0, 20]), name)
            self.reports.append(report)
            fee = report.fee
            self.lines.append(SettlementLine("reversal", payment.id, name, -report.amount, fee))
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
            report = replace(self.chance.choice(self.reports), won=True)
            reversals.record_reversal(current_app.extensions["keyring"], TOWN, "card", report)

    def assign(self) -> None:
        item = self.some(CustodyItem)
        if isinstance(item, CustodyItem) and self.names:
            cents = Money(self.chance.randint(1, 50))
            custody.assign(TOWN, item.id, self.chance.choice(self.names), cents, ANNA)

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
            [self.push, self.pay, self.pay, self.ask, self.ask, self.ask, self.decide, self.decide,
             self.send, self.send, self.bounce, self.reverse, self.bounce_after_a_reversal,
             self.win, self.assign, self.close, self.settle]
        )  # fmt: skip
        with suppress(Conflict, NotFound):
            act()


@pytest.mark.parametrize("seed", range(8))
def test_the_books_hold_after_every_step(provider: FakeProvider, seed: int) -> None:
    town = Town(seed, provider)
    for _ in range(STEPS):
        town.step()
        db.session.rollback()
        books.check(db.session())


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
