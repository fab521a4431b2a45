"""Confirmations (Zahlungsbestätigungen): what was confirmed, its number, and what of it is left.

A payment whose money went back has no clean paper any more: whatever shows a confirmation asks
``word`` first.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import references
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.refund_states import State as RefundState
from portal.payments.returned import Refund
from portal.payments.states import State

NUMBER_LENGTH = 11
ON_ITS_WAY = (RefundState.APPROVED, RefundState.SUBMITTED)


class Word(StrEnum):
    """What is to be said of a payment that was confirmed."""

    CONFIRMED = "confirmed"
    PARTLY_BACK = "partly_back"
    REFUNDED = "refunded"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a confirmed payment has gone back, what is on its way back, and what is left."""

    word: Word
    refunded: Money
    taken_back: Money  # by the payer's bank
    on_its_way: Money
    left: Money


def number(payment_id: str) -> str:
    """The number on a confirmation: eleven characters of its id, and a check character."""
    code = references.from_bytes(bytes.fromhex(payment_id), NUMBER_LENGTH)
    return references.in_blocks(references.with_check(code))


def latest(session: Session, tenant_id: str, request_id: int) -> Payment | None:
    """The request's last confirmed payment."""
    return session.scalar(
        select(Payment)
        .where(
            Payment.tenant_id == tenant_id,
            Payment.request_id == request_id,
            Payment.state == State.SUCCEEDED,
        )
        .order_by(Payment.confirmed_at.desc())
        .limit(1)
    )


def kept(session: Session, payment: Payment) -> Kept:
    """What became of a confirmed payment up to now."""
    currency = payment.currency
    on_its_way = session.scalar(
        select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
            Refund.tenant_id == payment.tenant_id,
            Refund.payment_id == payment.id,
            Refund.state.in_(ON_ITS_WAY),
        )
    )
    left = payment.amount_cents - payment.refunded_cents - payment.reversed_cents
    return Kept(
        word=word(payment.amount_cents, payment.refunded_cents, payment.reversed_cents),
        refunded=Money(payment.refunded_cents, currency),
        taken_back=Money(payment.reversed_cents, currency),
        on_its_way=Money(int(on_its_way or 0), currency),
        left=Money(left, currency),
    )


def word(amount_cents: int, refunded_cents: int, reversed_cents: int) -> Word:
    """The word for a payment of which so much was refunded and reversed. Pure.

    Of a payment that went back both ways the bank's part is named: it is what the payer can mend.
    """
    if not refunded_cents and not reversed_cents:
        return Word.CONFIRMED
    if refunded_cents + reversed_cents < amount_cents:
        return Word.PARTLY_BACK
    return Word.TAKEN_BACK if reversed_cents else Word.REFUNDED
