"""Refunds and reversals in a settlement report: what the provider has held back of a pay-out.

A line is the provider's word, too: a refund that it settles has succeeded, and a reversal that
it settles has happened, even if we never heard of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.keys import Keyring
from portal.ledger import items
from portal.ledger.items import Part, Place
from portal.ledger.models import SETTLEMENT, SettlementLineRow, SettlementRow
from portal.ledger.settlements import in_force
from portal.money import Money
from portal.payments.refund_states import State
from portal.payments.returned import CustodyReturn, Refund, Reversal
from portal.providers.protocol import (
    Account,
    Outcome,
    RefundReport,
    ReversalReport,
    SettlementLine,
)
from portal.returns import reversal_booking, reversals, sending, ways

# (whether the line is below zero, our state) -> what it says; what it says of others is known.
HEARD_AS: Mapping[tuple[bool, str], Outcome] = {
    (True, State.SUBMITTED): Outcome.SUCCEEDED,
    (False, State.SUCCEEDED): Outcome.FAILED,
}


RESERVE = "reserve"  # the kind of a line by which a provider holds money back, or lets it go


@dataclass(frozen=True, slots=True)
class Settled:
    """What of a line settles items of ours, or moves the reserve; which items, and how much.

    ``fee`` was booked before, with a reversal.
    """

    gross: Money
    fee: Money
    parts: tuple[Part, ...] = ()


def hear(
    keyring: Keyring, account: Account, line: SettlementLine, beside: Sequence[SettlementLine]
) -> bool:
    """Record what a line says of a refund or reversal; ``False`` when the provider is silent.

    ``beside`` are all lines that are heard with it: what a bank took and gave is told by all.
    """
    if line.kind == "refund":
        return _hear_refund(keyring, account, line)
    if line.kind == "reversal":
        _hear_reversal(keyring, account, line, beside)
    return True


def is_news(
    session: Session, account: Account, line: SettlementLine, beside: Sequence[SettlementLine]
) -> bool:
    """Whether ``hear`` has something to learn from a line."""
    if line.kind == "reversal":
        more, came = _unknown(session, account, line, beside)
        return bool(more if line.gross.cents < 0 else came)
    if line.kind != "refund":
        return False
    told, nameless = _refund_news(session, account, line)
    return told is not None or bool(nameless)


def settle(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Settled:
    """Settle the items of a refund or reversal, or of what came back of one."""
    places, booked = ITEMS[line.kind](session, tenant_id, account_id, line)
    fee = _part_of(line.fee, booked)
    parts, rest = list[Part](), line.gross - fee
    for place in places:
        part = items.settle(session, place, rest)
        if part is not None:
            parts.append(part)
            rest -= part.amount
    if not parts:
        return Settled(Money(0, line.gross.currency), Money(0, line.gross.currency))
    return Settled(line.gross - fee - rest, fee, tuple(parts))


def _part_of(told: Money, booked: int) -> Money:
    """What of a line's fee was booked before, of the same sign: it is no fee once more."""
    cents = min(booked, told.cents) if booked > 0 else max(booked, told.cents)
    return Money(cents if cents * booked > 0 else 0, told.currency)


def _hear_refund(keyring: Keyring, account: Account, line: SettlementLine) -> bool:
    with transaction() as session:
        told, nameless = _refund_news(session, account, line)
    for refund_id in nameless:
        if sending.submit(keyring, account.tenant_id, refund_id) is State.SUBMITTED:
            return False
    if told is not None:
        sending.record(account.tenant_id, account.id, told)
    return True


def _refund_news(
    session: Session, account: Account, line: SettlementLine
) -> tuple[RefundReport | None, list[str]]:
    """What a line says of a refund of ours; or which ones it may speak of, by their payment."""
    below_zero = line.gross.cents < 0
    known = ways.of_line(session, account.tenant_id, account.id, line)
    if known is None:
        return None, _nameless(session, account, line.payment) if below_zero else []
    outcome = HEARD_AS.get((below_zero, known[1].state))
    if outcome is None:
        return None, []
    told = RefundReport(
        known[1].id,
        line.provider_reference,
        outcome,
        -line.gross if below_zero else line.gross,
        account.merchant,
        account.live,
    )
    return told, []


def _nameless(session: Session, account: Account, payment: str) -> list[str]:
    """What of a payment the provider was silent about, and may still be told again."""
    rows = (
        (Refund, Refund.payment_id == payment),
        (
            CustodyReturn,
            (CustodyReturn.payment == payment) & (CustodyReturn.account_id == account.id),
        ),
    )
    found: list[str] = []
    for row, of_payment in rows:
        query = select(row.id).where(
            row.tenant_id == account.tenant_id,
            of_payment,
            row.state == State.SUBMITTED,
            row.provider_reference.is_(None),
            row.ask_at.is_not(None),
        )
        found += session.scalars(query)
    return found


def _hear_reversal(
    keyring: Keyring, account: Account, line: SettlementLine, beside: Sequence[SettlementLine]
) -> None:
    with transaction() as session:
        told = _reversal_news(session, account, line, beside)
    if told is None:
        return
    if told.back == told.amount:  # each has a line that settles it, so both are booked
        taken = replace(told, back=Money(0, told.back.currency))
        reversals.record_reversal(keyring, account.tenant_id, account.id, taken)
    reversals.record_reversal(keyring, account.tenant_id, account.id, told)


def _reversal_news(
    session: Session, account: Account, line: SettlementLine, beside: Sequence[SettlementLine]
) -> ReversalReport | None:
    """All that was taken and came back under the name of a line, where some of it is not known."""
    more, came = _unknown(session, account, line, beside)
    if not more and not came:
        return None
    known = reversals.of_name(session, account.tenant_id, account.id, line.provider_reference)
    # What it costs a line books itself; what of an earlier fee comes back it tells only.
    fees = sum(max(0, -each.fee.cents) for each in _alike(line, beside) if each.gross.cents > 0)
    told = (
        sum(row.amount_cents for row in known) + more,
        sum(row.back_cents for row in known) + came,
        sum(row.fee_cents for row in known),
        sum(row.fee_back_cents for row in known) + (fees if came else 0),
    )
    amount, back, fee, fee_back = (Money(cents, line.gross.currency) for cents in told)
    return ReversalReport(
        reversal=line.provider_reference,
        payment=line.payment,
        merchant=account.merchant,
        amount=amount,
        back=back,
        fee=fee,
        fee_back=fee_back,
        live=account.live,
    )


def _unknown(
    session: Session, account: Account, line: SettlementLine, beside: Sequence[SettlementLine]
) -> tuple[int, int]:
    """Cents that reports tell as taken, and as come back, and that are not booked yet.

    Of what was closed by order a report may still come: it is known. More is taken under a name
    only when something has come back under it: else it is the same once more, in other figures.
    """
    known = reversals.of_name(session, account.tenant_id, account.id, line.provider_reference)
    booked, back = (sum(column) for column in zip((0, 0), *map(_sums, known), strict=True))
    before, now = _told(session, account, line), [one.gross.cents for one in _alike(line, beside)]
    more = min(_went(before) + _went(now) - booked, _went(now))
    came = min(_came(before) + _came(now) - back, _came(now))
    if more < 0 or (known and not back and came <= 0):
        more = 0
    return more, max(0, min(came, booked + more - back))


def _sums(row: Reversal) -> tuple[int, int]:
    return row.amount_cents, row.back_cents


def _went(cents: Sequence[int]) -> int:
    return -sum(each for each in cents if each < 0)


def _came(cents: Sequence[int]) -> int:
    return sum(each for each in cents if each > 0)


def _alike(line: SettlementLine, beside: Sequence[SettlementLine]) -> list[SettlementLine]:
    """The lines about the same reversal."""
    name = line.provider_reference
    return [one for one in beside if one.kind == line.kind and one.provider_reference == name]


def _told(session: Session, account: Account, line: SettlementLine) -> list[int]:
    """What reports in force tell of a reversal, line by line."""
    told = in_force().join_from(
        SettlementRow,
        SettlementLineRow,
        and_(*(getattr(SettlementLineRow, n) == getattr(SettlementRow, n) for n in SETTLEMENT)),
    )
    query = told.where(
        SettlementLineRow.tenant_id == account.tenant_id,
        SettlementLineRow.account == account.id,
        SettlementLineRow.kind == "reversal",
        SettlementLineRow.provider_reference == line.provider_reference,
    ).with_only_columns(SettlementLineRow.gross_cents)
    return list(session.scalars(query))


def _refund_items(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> tuple[list[Place], int]:
    found = ways.of_line(session, tenant_id, account_id, line)
    if found is None:
        return [], 0
    word = found[0].words[line.gross.cents > 0]
    return [Place(tenant_id, account_id, f"{word}:{found[1].id}")], 0


def _reversal_items(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> tuple[list[Place], int]:
    """All of its name that are still open, in order; and the fee that was booked with them."""
    known = reversals.of_name(session, tenant_id, account_id, line.provider_reference)
    if line.gross.cents < 0:
        went = [(reversal_booking.taken_place(row), row.fee_cents) for row in known]
    else:
        went = [
            (reversal_booking.won_place(row, win), -win.fee_cents)
            for row in known
            for win in reversal_booking.wins(session, row)
        ]
    still = [(place, fee) for place, fee in went if items.left(session, place)]
    return [place for place, _ in still], sum(fee for _, fee in still)


# kind of a line -> the suspense items of what it settles, and what of its fee was booked with them
ITEMS = {"refund": _refund_items, "reversal": _reversal_items}
