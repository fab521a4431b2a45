"""Refunds and reversals in a settlement report: what the provider has held back of a pay-out.

A line is the provider's word, too: a refund that it settles has succeeded, and a reversal that
it settles has happened, even if we never heard of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, select
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


def hear(keyring: Keyring, account: Account, line: SettlementLine) -> bool:
    """Record what a line says of a refund or reversal; ``False`` when the provider is silent."""
    if line.kind == "refund":
        return _hear_refund(keyring, account, line)
    if line.kind == "reversal":
        _hear_reversal(keyring, account, line)
    return True


def is_news(session: Session, account: Account, line: SettlementLine) -> bool:
    """Whether ``hear`` has something to learn from a line."""
    if line.kind == "reversal":
        return _reversal_news(session, account, line) is not None
    if line.kind != "refund":
        return False
    told, nameless = _refund_news(session, account, line)
    return told is not None or bool(nameless)


def settle(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Settled:
    """Settle the item of a refund or reversal, or of one that came back."""
    words, name = ITEMS[line.kind](session, tenant_id, account_id, line)
    sent, back = words
    place = Place(tenant_id, account_id, f"{sent if line.gross.cents < 0 else back}:{name}")
    fee = _booked_fee(session, tenant_id, account_id, line)
    part = items.settle(session, place, line.gross - fee)
    if part is None:
        return Settled(Money(0, line.gross.currency), Money(0, line.gross.currency))
    return Settled(part.amount, fee, (part,))


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


def _hear_reversal(keyring: Keyring, account: Account, line: SettlementLine) -> None:
    with transaction() as session:
        told = _reversal_news(session, account, line)
    if told is not None:
        reversals.record_reversal(keyring, account.tenant_id, account.id, told)


def _reversal_news(
    session: Session, account: Account, line: SettlementLine
) -> ReversalReport | None:
    known = reversals.of_name(session, account.tenant_id, account.id, line.provider_reference)
    state = known[-1].state if known else None
    won, name = line.gross.cents > 0, line.provider_reference
    if not line.gross or (won and state != reversal_booking.TAKEN):
        return None
    if not won and known:
        if not _is_taken_again(session, account, line, known):
            return None
        name = f"{name}~{len(known) + 1}"
    return ReversalReport(
        reversal=name,
        payment=line.payment,
        merchant=account.merchant,
        amount=Money(abs(line.gross.cents), line.gross.currency),
        # What it costs this line books itself; what of an earlier fee comes back it tells only.
        fee=Money(max(0, -line.fee.cents) if won else 0, line.gross.currency),
        live=account.live,
        won=won,
    )


def _is_taken_again(
    session: Session, account: Account, line: SettlementLine, known: list[Reversal]
) -> bool:
    """Whether one more is taken: the last was won, and reports tell already of each that took.

    Of what was closed by order a report may still come.
    """
    if known[-1].state != reversal_booking.WON:
        return False
    told = in_force().join_from(
        SettlementRow,
        SettlementLineRow,
        and_(*(getattr(SettlementLineRow, n) == getattr(SettlementRow, n) for n in SETTLEMENT)),
    )
    took = told.where(
        SettlementLineRow.tenant_id == account.tenant_id,
        SettlementLineRow.account == account.id,
        SettlementLineRow.kind == "reversal",
        SettlementLineRow.provider_reference == line.provider_reference,
        SettlementLineRow.gross_cents < 0,
    ).with_only_columns(func.count())
    return (session.scalar(took) or 0) >= len(known)


def _reversal_of(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> Reversal | None:
    """The reversal that a line settles: the first of its name that is still open, else the last."""
    word = "reversal" if line.gross.cents < 0 else "reversal-won"
    known = reversals.of_name(session, tenant_id, account_id, line.provider_reference)
    still = (row for row in known if items.left(session, _place_of(row, word)))
    return next(still, known[-1] if known else None)


def _place_of(row: Reversal, word: str) -> Place:
    return Place(row.tenant_id, row.account_id, f"{word}:{reversal_booking.name(row)}")


def _refund_item(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> tuple[tuple[str, str], str]:
    found = ways.of_line(session, tenant_id, account_id, line)
    return (found[0].words, found[1].id) if found else (("refund", "refund-failed"), "")


def _reversal_item(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> tuple[tuple[str, str], str]:
    found = _reversal_of(session, tenant_id, account_id, line)
    return ("reversal", "reversal-won"), reversal_booking.name(found) if found else ""


def _booked_fee(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Money:
    """The part of a line's fee that was booked with its reversal: it is no fee once more."""
    if line.kind != "reversal":
        return Money(0, line.fee.currency)
    found = _reversal_of(session, tenant_id, account_id, line)
    if line.gross.cents < 0:
        booked = found.fee_cents if found else 0
        return Money(max(0, min(booked, line.fee.cents)), line.fee.currency)
    back = found.fee_back_cents if found else 0
    return Money(min(0, max(-back, line.fee.cents)), line.fee.currency)


# kind of a line -> how the suspense items of what it settles begin, sent and come back; its name
ITEMS = {"refund": _refund_item, "reversal": _reversal_item}
