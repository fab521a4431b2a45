"""Fakes that keep their own books, so that ours can be compared with somebody else's."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from portal.money import Money
from portal.providers.protocol import (
    Account,
    BadNotification,
    Handover,
    Order,
    Outcome,
    ProviderDown,
    Report,
    Settlement,
    SettlementLine,
)


@dataclass(slots=True)
class Booked:
    """One payment in the fake's own books."""

    order: Order
    merchant: str
    outcome: Outcome
    reference: str


class FakeProvider:
    """A provider in memory. ``pay`` and its kin are what a citizen does on its page."""

    name = "fake"

    def __init__(self) -> None:
        self.books: dict[str, Booked] = {}
        self.down = 0  # so many calls go unanswered
        self.settlements: dict[str, Settlement] = {}

    def start(self, account: Account, order: Order) -> Handover:
        self._answer()
        booked = self.books.setdefault(
            order.payment,
            Booked(order, account.merchant, Outcome.STARTED, f"f-{order.payment[:12]}"),
        )
        return Handover(f"https://pay.example/{booked.reference}", booked.reference)

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        self._answer()
        if payment not in self.books:
            nothing = Money(0)
            return Report(payment, "", account.merchant, Outcome.NOT_FOUND, nothing, account.live)
        return self.report(payment)

    def cancel(self, account: Account, payment: str, provider_reference: str) -> Report:
        self._answer()
        booked = self.books[payment]
        if booked.outcome is Outcome.STARTED:
            booked.outcome = Outcome.CANCELLED
        return self.report(payment)

    def settlement(self, account: Account, settlement: str) -> Settlement:
        self._answer()
        return self.settlements[settlement]

    def read_notification(
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Report, ...]:
        right = self.signature(account.credentials["secret"], body)
        if not hmac.compare_digest(headers.get("x-signature", ""), right):
            raise BadNotification("forged")
        told = json.loads(body)
        payment = told.pop("payment")
        return (self.report(payment, outcome=Outcome(told["outcome"])),)

    @staticmethod
    def signature(secret: str, body: bytes) -> str:
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def say(self, payment: str, outcome: Outcome) -> Report:
        """The payment goes so at the provider; what it would report of it."""
        self.books[payment].outcome = outcome
        return self.report(payment)

    def pay(self, payment: str) -> Report:
        return self.say(payment, Outcome.SUCCEEDED)

    def report(self, payment: str, outcome: Outcome | None = None) -> Report:
        booked = self.books[payment]
        return Report(
            payment=payment,
            provider_reference=booked.reference,
            merchant=booked.merchant,
            outcome=outcome or booked.outcome,
            amount=booked.order.amount,
            live=False,
        )

    def settle(self, name: str, payments: list[str], fee_cents: int = 0) -> Settlement:
        """A settlement report over payments, each with the same fee."""
        lines = tuple(
            SettlementLine(
                "payment",
                payment,
                self.books[payment].reference,
                self.books[payment].order.amount,
                Money(fee_cents),
            )
            for payment in payments
        )
        net = Money(sum(line.gross.cents - line.fee.cents for line in lines))
        made = Settlement(
            name, "m-card", datetime.fromisoformat("2026-11-20T03:00:00+00:00"), net, lines
        )
        self.settlements[name] = made
        return made

    def collected(self) -> int:
        """What it took from citizens, in cents, by its own books."""
        return sum(
            booked.order.amount.cents
            for booked in self.books.values()
            if booked.outcome is Outcome.SUCCEEDED
        )

    def _answer(self) -> None:
        if self.down:
            self.down -= 1
            raise ProviderDown("no answer")


def other_amount(report: Report, cents: int) -> Report:
    """The same report over another amount."""
    return replace(report, amount=Money(cents, report.amount.currency))
