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
    KeyRefused,
    Order,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    ReversalReport,
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
        self.made: dict[str, Settlement] = {}
        self.refunds: dict[str, RefundReport] = {}
        self._refund_of: dict[str, str] = {}
        self.refunds_end = Outcome.SUCCEEDED  # how a refund ends here
        self.told: list[str] = []  # the refunds it was told of, each time
        self.strays: dict[str, int] = {}  # money that nobody ordered: its name here -> cents

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

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Send money back once an order; what is more than is left bounces."""
        self.told.append(order.refund)
        self._answer()
        if order.refund not in self.refunds:
            paid = self.strays.get(order.provider_reference)
            if paid is None:
                paid = self.books[order.payment].order.amount.cents
            fits = self.sent_back(order.payment) + order.amount.cents <= paid
            self.refunds[order.refund] = RefundReport(
                order.refund,
                f"r-{order.refund[:12]}",
                self.refunds_end if fits else Outcome.FAILED,
                order.amount,
                account.merchant,
                account.live,
            )
            self._refund_of[order.refund] = order.payment
        return self.refunds[order.refund]

    def end_refund(self, refund: str, outcome: Outcome) -> RefundReport:
        """The refund goes so after all; what it would report of it."""
        self.refunds[refund] = replace(self.refunds[refund], outcome=outcome)
        return self.refunds[refund]

    def sent_back(self, payment: str | None = None) -> int:
        """What it sent back of a payment, or of all, in cents, by its own books."""
        return sum(
            report.amount.cents
            for refund, report in self.refunds.items()
            if report.outcome is Outcome.SUCCEEDED and payment in {None, self._refund_of[refund]}
        )

    def reverse(
        self, payment: str, cents: int, fee_cents: int = 0, name: str = "cb-1", *, won: bool = False
    ) -> ReversalReport:
        """A bank takes money of a payment back; what it would report of it."""
        merchant = self.books[payment].merchant if payment in self.books else "m-card"
        return ReversalReport(
            reversal=name,
            payment=payment,
            merchant=merchant,
            amount=Money(cents),
            back=Money(cents if won else 0),
            fee=Money(fee_cents),
            fee_back=Money(fee_cents if won else 0),
            live=False,
            reason="chargeback",
        )

    def settlement(self, account: Account, settlement: str) -> Settlement:
        self._answer()
        return self.made[settlement]

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

    def settle(
        self, name: str, payments: list[str], fee_cents: int = 0, *more: SettlementLine
    ) -> Settlement:
        """A settlement report over payments, each with the same fee, and over ``more``."""
        lines = (
            tuple(
                SettlementLine(
                    "payment",
                    payment,
                    self.books[payment].reference,
                    self.books[payment].order.amount,
                    Money(fee_cents),
                )
                for payment in payments
            )
            + more
        )
        net = Money(sum(line.gross.cents - line.fee.cents for line in lines))
        made = Settlement(
            name, "m-card", datetime.fromisoformat("2026-11-20T03:00:00+00:00"), net, lines
        )
        self.made[name] = made
        return made

    def refund_line(self, refund: str, sign: int = -1) -> SettlementLine:
        """The line by which a refund is held back of a pay-out, or comes back with one."""
        report = self.refunds[refund]
        gross = Money(sign * report.amount.cents)
        payment = self._refund_of[refund]
        return SettlementLine("refund", payment, report.provider_reference, gross, Money(0))

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


class FakeThatSaysMore(FakeProvider):
    """One that can also say what became of a refund."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []  # the refunds it was asked about, each time

    def fetch_refund(
        self, account: Account, order: RefundOrder, provider_reference: str
    ) -> RefundReport | None:
        self.asked.append(order.refund)
        self._answer()
        known = self.refunds.get(order.refund)
        fits = known is not None and known.provider_reference == provider_reference
        return known if fits else None


def won(
    report: ReversalReport, cents: int | None = None, fee_cents: int | None = None
) -> ReversalReport:
    """The same reversal when so much of it has come back, and of its fee: else all."""
    amount, fee = report.amount, report.fee
    back = amount if cents is None else Money(cents, amount.currency)
    return replace(
        report, back=back, fee_back=fee if fee_cents is None else Money(fee_cents, fee.currency)
    )


class FakeThatFindsRefunds(FakeThatSaysMore):
    """One that can be asked for a refund by our name, too; its answers may be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: list[str] = []  # the refunds that it was asked for by our name, each time
        self.lost = 0  # so many refunds are done and not answered
        self.shut = 0  # so many are refused with our key

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        if self.shut:
            self.shut -= 1
            self.told.append(order.refund)
            raise KeyRefused("no")
        report = super().refund(account, order)
        if self.lost:
            self.lost -= 1
            raise ProviderDown("its answer was lost")
        return report

    def find_refund(self, account: Account, order: RefundOrder) -> RefundReport | None:
        self.looked.append(order.refund)
        self._answer()
        return self.refunds.get(order.refund)


def other_amount(report: Report, cents: int) -> Report:
    """The same report over another amount."""
    return replace(report, amount=Money(cents, report.amount.currency))
