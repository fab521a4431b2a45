"""Refunds and reversals in a settlement report: what the provider has held back of a pay-out.

A line is the provider's word, too: a refund that it settles has succeeded, and a reversal that
it settles has happened, even if we never heard of them.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.keys import Keyring
from portal.ledger import items
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import reversals, sending
from portal.payments.models import Payment
from portal.payments.refund_states import State
from portal.payments.returns import Refund
from portal.providers.protocol import (
    Account,
    Outcome,
    RefundReport,
    ReversalReport,
    SettlementLine,
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What of a line settles items of ours; ``fee`` was booked before, with a reversal."""

    gross: Money
    fee: Money


def hear(keyring: Keyring, account: Account, line: SettlementLine) -> bool:
    """Record what a line says of a refund or reversal; ``False`` when the provider is silent."""
    if line.kind == "refund" and line.gross.cents < 0:
        return _hear_refund(keyring, account, line)
    if line.kind == "reversal":
        _hear_reversal(keyring, account, line)
    return True


def settle(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Settled:
    """Settle the item of a refund or reversal, or of one that came back."""
    nothing = Money(0, line.gross.currency)
    name = SUBJECTS[line.kind](session, tenant_id, account_id, line.provider_reference)
    if name is None:
        return Settled(nothing, nothing)
    back = {"refund": "refund-failed", "reversal": "reversal-won"}[line.kind]
    word = line.kind if line.gross.cents < 0 else back
    place = Place(tenant_id, account_id, f"{word}:{name}")
    fee = _booked_fee(session, tenant_id, account_id, line)
    fitting = items.settle(session, place, line.gross - fee)
    return Settled(fitting, fee) if fitting else Settled(nothing, nothing)


def refund_of(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> Refund | None:
    """Our refund of the provider's name."""
    return session.scalar(
        select(Refund)
        .join(Payment, (Payment.tenant_id == Refund.tenant_id) & (Payment.id == Refund.payment_id))
        .where(
            Refund.tenant_id == tenant_id,
            Refund.provider_reference == provider_reference,
            Payment.account_id == account_id,
        )
    )


def _hear_refund(keyring: Keyring, account: Account, line: SettlementLine) -> bool:
    with transaction() as session:
        known = refund_of(session, account.tenant_id, account.id, line.provider_reference)
        found = (known.id, known.state) if known else None
        nameless = [] if known else _nameless(session, account.tenant_id, line.payment)
    if found is None:
        for refund_id in nameless:
            if sending.submit(keyring, account.tenant_id, refund_id) is State.SUBMITTED:
                return False
    elif found[1] == State.SUBMITTED:
        told = RefundReport(found[0], line.provider_reference, Outcome.SUCCEEDED, -line.gross)
        sending.record(account.tenant_id, account.id, told)
    return True


def _nameless(session: Session, tenant_id: str, payment: str) -> list[str]:
    """Refunds of a payment about which the provider was silent, and may still be told again."""
    query = select(Refund.id).where(
        Refund.tenant_id == tenant_id,
        Refund.payment_id == payment,
        Refund.state == State.SUBMITTED,
        Refund.provider_reference.is_(None),
        Refund.ask_at.is_not(None),
    )
    return list(session.scalars(query))


def _hear_reversal(keyring: Keyring, account: Account, line: SettlementLine) -> None:
    with transaction() as session:
        known = reversals.by_reference(
            session, account.tenant_id, account.id, line.provider_reference
        )
        state = known.state if known else None
    won = line.gross.cents > 0
    if not line.gross or (won and state != reversals.TAKEN) or (not won and state):
        return
    report = ReversalReport(
        reversal=line.provider_reference,
        payment=line.payment,
        merchant=account.merchant,
        amount=Money(abs(line.gross.cents), line.gross.currency),
        fee=Money(0, line.gross.currency),  # this line books it itself
        live=account.live,
        won=won,
    )
    reversals.record_reversal(keyring, account.tenant_id, account.id, report)


def _refund_name(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> str | None:
    found = refund_of(session, tenant_id, account_id, provider_reference)
    return found.id if found else None


def _reversal_name(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> str | None:
    found = reversals.by_reference(session, tenant_id, account_id, provider_reference)
    return f"{account_id}:{provider_reference}" if found else None


def _booked_fee(session: Session, tenant_id: str, account_id: str, line: SettlementLine) -> Money:
    """The part of a line's fee that was booked with its reversal: it is no fee once more."""
    if line.kind != "reversal":
        return Money(0, line.fee.currency)
    found = reversals.by_reference(session, tenant_id, account_id, line.provider_reference)
    booked = found.fee_cents if found else 0
    if line.gross.cents < 0:
        return Money(max(0, min(booked, line.fee.cents)), line.fee.currency)
    return Money(min(0, max(-booked, line.fee.cents)), line.fee.currency)


SUBJECTS = {"refund": _refund_name, "reversal": _reversal_name}
