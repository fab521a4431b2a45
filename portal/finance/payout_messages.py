"""The events about pay-outs and reserves that the finance system is told; as in ``messages``."""

from dataclasses import dataclass
from datetime import date

from portal.db import Json
from portal.finance.messages import Message
from portal.money import Money


def arrived(told: Json, arrival: str, booked_on: date) -> Message:
    """A pay-out, told as it was announced, stands on the town's bank account."""
    data = {**told, "arrival": arrival, "booked_on": booked_on.isoformat()}
    return Message("payout.arrived", None, data)


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A settlement report as it is told; ``reserve`` is what it holds back, less what it lets go.

    ``version`` is above one where an earlier one of this name was withdrawn.
    """

    provider: str
    account: str
    payout: str
    version: int
    gross: Money
    fee: Money
    net: Money
    reserve: Money


def announced(paid_out: PaidOut, lines: list[Json]) -> Message:
    """A settlement report: gross, fee and net of a pay-out, and what it consists of.

    A line names what it is about by its kind: ``payment``, ``refund``, ``reversal``, ``fee`` (of
    no one payment), ``reserve`` (held back below zero, let go above it) or ``other``.
    """
    data = {
        "provider": paid_out.provider,
        "account": paid_out.account,
        "payout": paid_out.payout,
        "version": paid_out.version,
        "gross_cents": paid_out.gross.cents,
        "fee_cents": paid_out.fee.cents,
        "reserve_cents": paid_out.reserve.cents,
        "net_cents": paid_out.net.cents,
        "currency": paid_out.net.currency,
        "lines": lines,
    }
    return Message("payout.announced", None, data)


def withdrawn(told: Json) -> Message:
    """A pay-out, told as it was announced, was booked wrongly: all of it is taken back.

    What it had settled is open again. It may be announced anew, then as its next version.
    """
    return Message("payout.withdrawn", None, told)


@dataclass(frozen=True, slots=True)
class ReserveClosed:
    """A part of a reserve as it is told when it is closed; ``closing`` is our number of that."""

    provider: str
    account: str
    closing: int
    amount: Money
    order: str


def reserve_closed(closed: ReserveClosed) -> Message:
    """What a provider held back is a loss, by order; ``payout.announced`` told what it held."""
    data = {
        "provider": closed.provider,
        "account": closed.account,
        "closing": str(closed.closing),
        "amount_cents": closed.amount.cents,
        "currency": closed.amount.currency,
        "order": closed.order,
    }
    return Message("reserve.closed", None, data)
