"""The events that the finance system is told, in the words of the contract.

Amounts are cents. One constructor per event; what an event holds stands here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from portal.db import Json
from portal.money import Money


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


def custody_opened(
    reference: str | None, item: int, amount: Money, cause: str, suspense_account: str
) -> Message:
    """We have money that is nobody's yet: ``surplus`` of a request, or ``unclear``."""
    data = {
        "item": str(item),
        "amount_cents": amount.cents,
        "cause": cause,
        "suspense_account": suspense_account,
    }
    return Message("custody.opened", reference, data)


def request_changed(reference: str, version: int, reason: str) -> Message:
    """A new version is in force."""
    return Message("request.changed", reference, {"version": version, "reason": reason})


def request_expired(reference: str, version: int) -> Message:
    """The last day on which the request could be paid online is over."""
    return Message("request.expired", reference, {"version": version, "reason": "payable_until"})


def payout_announced(
    provider: str, account: str, payout: str, sums: tuple[Money, Money, Money], lines: list[Json]
) -> Message:
    """A settlement report: gross, fee and net of a pay-out, and what it consists of."""
    gross, fee, net = sums
    data = {
        "provider": provider,
        "account": account,
        "payout": payout,
        "gross_cents": gross.cents,
        "fee_cents": fee.cents,
        "net_cents": net.cents,
        "lines": lines,
    }
    return Message("payout.announced", None, data)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
