"""The events that the finance system is told, in the words of the contract.

Amounts are cents. One constructor per event; what an event holds stands here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from portal.db import Json
from portal.money import Money

REQUEST_REPLACED = "request.replaced"


@dataclass(frozen=True, slots=True)
class Message:
    """An event before it has a position. ``reference`` is the request's, if it has one."""

    type: str
    reference: str | None
    data: Json


@dataclass(frozen=True, slots=True)
class Paid:
    """What ``payment.succeeded`` tells of a payment."""

    payment: str
    provider: str
    provider_reference: str
    amount: Money
    claim: Money
    surplus: Money
    allocations: Sequence[tuple[str | None, int]]
    suspense_account: str
    started_at: datetime
    confirmed_at: datetime
    effective_on: date


def payment_pending(reference: str, payment: str, provider: str, amount: Money) -> Message:
    """Money is under way: a reminder would be wrong now."""
    data = {"payment": payment, "provider": provider, "amount_cents": amount.cents}
    return Message("payment.pending", reference, data)


def payment_succeeded(reference: str, paid: Paid) -> Message:
    """The provider has the money: clear the claim, book a suspense item."""
    data = {
        "payment": paid.payment,
        "provider": paid.provider,
        "provider_reference": paid.provider_reference,
        "amount_cents": paid.amount.cents,
        "currency": paid.amount.currency,
        "claim_cents": paid.claim.cents,
        "surplus_cents": paid.surplus.cents,
        "allocations": [
            {"claim": claim, "amount_cents": cents} for claim, cents in paid.allocations
        ],
        "suspense_account": paid.suspense_account,
        "started_at": _utc(paid.started_at),
        "confirmed_at": _utc(paid.confirmed_at),
        "effective_on": paid.effective_on.isoformat(),
    }
    return Message("payment.succeeded", reference, data)


@dataclass(frozen=True, slots=True)
class Kept:
    """A custody item as it is told: ``surplus`` of a request, or ``unclear``.

    ``payment`` and ``provider_reference`` say by what it came, as far as that is known.
    """

    item: int
    amount: Money
    cause: str
    suspense_account: str | None
    payment: str | None = None
    provider_reference: str | None = None

    def told(self) -> Json:
        return {
            "item": str(self.item),
            "amount_cents": self.amount.cents,
            "currency": self.amount.currency,
            "cause": self.cause,
            "suspense_account": self.suspense_account,
            "payment": self.payment,
            "provider_reference": self.provider_reference,
        }


def custody_opened(reference: str | None, kept: Kept) -> Message:
    """We have money that is nobody's yet."""
    return Message("custody.opened", reference, kept.told())


def custody_assigned(reference: str | None, kept: Kept) -> Message:
    """Money that was nobody's has found its request."""
    return Message("custody.assigned", reference, kept.told())


def request_changed(reference: str, version: int, reason: str) -> Message:
    """A new version is in force."""
    return Message("request.changed", reference, {"version": version, "reason": reason})


def request_replaced(reference: str, version: int, newer: str) -> Message:
    """A newer request, named as the reason, has taken its place."""
    return Message(REQUEST_REPLACED, reference, {"version": version, "reason": newer})


def request_expired(reference: str, version: int) -> Message:
    """The last day on which the request could be paid online is over."""
    return Message("request.expired", reference, {"version": version, "reason": "payable_until"})


def request_withdrawn(reference: str, version: int, reason: str) -> Message:
    """The request can no longer be paid online."""
    return Message("request.withdrawn", reference, {"version": version, "reason": reason})


def request_restored(reference: str, version: int, reason: str) -> Message:
    """The request can be paid online again; the reason is the state in which it had ended."""
    return Message("request.restored", reference, {"version": version, "reason": reason})


def request_rest_closed(
    reference: str, version: int, reason: str, rest: Money, order: str
) -> Message:
    """The finance system has waived a small rest."""
    data = {"version": version, "reason": reason, "amount_cents": rest.cents, "order": order}
    return Message("request.rest_closed", reference, data)


def audit_anchored(links: int, head: bytes, day: date | None) -> Message:
    """Where the audit chain ends: kept elsewhere, it shows a cut; and the ``day`` closed by it."""
    data = {"links": links, "head": head.hex(), "day": day.isoformat() if day else None}
    return Message("audit.anchored", None, data)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Back:
    """Money that goes back: of what was surplus, of what had cleared the claim, and lost.

    The parts are zero where nothing was booked.
    """

    amount: Money
    surplus: Money
    claim: Money
    loss: Money

    def told(self) -> Json:
        return {
            "amount_cents": self.amount.cents,
            "currency": self.amount.currency,
            "claim_cents": self.claim.cents,
            "surplus_cents": self.surplus.cents,
            "loss_cents": self.loss.cents,
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """A refund as it is told. ``reopens`` says whether its claim is asked for again."""

    refund: str
    payment: str
    reason: str
    order: str
    suspense_account: str
    back: Back
    reopens: bool

    def told(self) -> Json:
        return {
            "refund": self.refund,
            "payment": self.payment,
            **self.back.told(),
            "reason": self.reason,
            "order": self.order,
            "suspense_account": self.suspense_account,
            "reopens": self.reopens,
        }


def refund_succeeded(reference: str, sent: Sent) -> Message:
    """Money was sent back: the provider nets it from the next pay-out."""
    return Message("refund.succeeded", reference, sent.told())


def refund_failed(reference: str, sent: Sent, cause: str) -> Message:
    """A refund was not sent, or came back; then its parts say where the money is now.

    ``cause``: ``refused``, ``run_out``, ``not_left`` (all three never reached the provider),
    ``never_arrived`` (it knows nothing of it), ``found_not_made`` (people have looked it up), or
    ``failed``.
    """
    return Message("refund.failed", reference, {**sent.told(), "cause": cause})


@dataclass(frozen=True, slots=True)
class Taken:
    """A reversal as it is told; ``payment`` is none where it fits no payment of ours."""

    reversal: str
    payment: str | None
    reason: str
    suspense_account: str
    back: Back
    fee: Money


def payment_reversed(reference: str | None, taken: Taken) -> Message:
    """A bank took money back, for a fee. A dispute that was won is told with amounts below zero."""
    data = {
        "reversal": taken.reversal,
        "payment": taken.payment,
        **taken.back.told(),
        "fee_cents": taken.fee.cents,
        "reason": taken.reason,
        "suspense_account": taken.suspense_account,
    }
    return Message("payment.reversed", reference, data)


def custody_returned(reference: str | None, kept: Kept, refund: str | None) -> Message:
    """Money that was nobody's went back to where it came from.

    ``refund`` is ours by which it went, as a pay-out's lines name it; a bank takes it without one.
    """
    return Message("custody.returned", reference, {**kept.told(), "refund": refund})


def citizen_says_paid(reference: str, how: str, paid_on: date) -> Message:
    """The citizen says to have paid: ``transfer``, ``cash``, ``debit`` or ``other``, on this day.

    It is nobody's word but his: nothing is booked by it.
    """
    return Message("citizen.says_paid", reference, {"how": how, "paid_on": paid_on.isoformat()})


def citizen_asks(reference: str, topic: str) -> Message:
    """The citizen has a question: one of the topics of ``portal.requests.notes``."""
    return Message("citizen.asks", reference, {"topic": topic})
