"""Confirmations (Zahlungsbestätigungen): what was confirmed, its number, and what of it is left.

A payment whose money went back has no clean paper any more: whatever shows a confirmation asks
``word`` first.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal import references
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.models import Allocation, Payment
from portal.payments.refund_states import State as RefundState
from portal.payments.returned import Refund, Reversal
from portal.payments.states import State
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.requests.states import State as RequestState

NUMBER_LENGTH = 11
ON_ITS_WAY = (RefundState.APPROVED, RefundState.SUBMITTED)


class Word(StrEnum):
    """What is to be said of a payment that was confirmed."""

    CONFIRMED = "confirmed"
    TOO_MUCH = "too_much"
    TOO_LATE = "too_late"
    PARTLY_BACK = "partly_back"
    REFUNDED = "refunded"
    TAKEN_BACK = "taken_back"


BEYOND = frozenset({Word.TOO_MUCH, Word.TOO_LATE})  # all or some of it was not asked


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a confirmed payment has gone back, what is on its way back, what counts.

    ``surplus`` is what more than was asked has not gone back; nobody has decided about ``safe``.
    """

    word: Word
    refunded: Money
    taken_back: Money  # by the payer's bank
    on_its_way: Money
    surplus: Money
    safe: Money
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
    back = payment.refunded_cents + payment.reversed_cents
    on_its_way = _sum(session, Refund.amount_cents, payment, Refund.state.in_(ON_ITS_WAY))
    surplus = _surplus(session, payment)
    late = surplus == payment.amount_cents and _came_too_late(session, payment)
    safe = max(0, _in_custody(session, payment) - on_its_way) if surplus else 0
    return Kept(
        word=word(
            payment.amount_cents,
            payment.refunded_cents,
            payment.reversed_cents,
            Word.TOO_LATE if late else Word.TOO_MUCH if surplus else Word.CONFIRMED,
        ),
        refunded=Money(payment.refunded_cents, currency),
        taken_back=Money(payment.reversed_cents, currency),
        on_its_way=Money(on_its_way, currency),
        surplus=Money(surplus, currency),
        safe=Money(safe, currency),
        left=Money(max(0, payment.amount_cents - back - surplus), currency),
    )


def word(
    amount_cents: int, refunded_cents: int, reversed_cents: int, all_there: Word = Word.CONFIRMED
) -> Word:
    """The word for a payment of which so much was refunded and reversed. Pure.

    Of a payment that went back both ways the bank's part is named: it is what the payer can mend.
    """
    if not refunded_cents and not reversed_cents:
        return all_there
    if refunded_cents + reversed_cents < amount_cents:
        return Word.PARTLY_BACK
    return Word.TAKEN_BACK if reversed_cents else Word.REFUNDED


def _surplus(session: Session, payment: Payment) -> int:
    """What was more than was asked when it came, less what of it went back."""
    came = _sum(session, Allocation.cents, payment, Allocation.surplus.is_(True))
    if not came:
        return 0
    gone = _sum(session, Refund.surplus_cents, payment)
    return max(0, came - gone - _sum(session, Reversal.surplus_cents, payment))


def _in_custody(session: Session, payment: Payment) -> int:
    query = select(CustodyItem.open_cents).where(
        CustodyItem.tenant_id == payment.tenant_id,
        CustodyItem.reference == f"payment:{payment.id}",
    )
    return session.scalar(query) or 0


def _came_too_late(session: Session, payment: Payment) -> bool:
    """Whether a payment that cleared nothing came after the day on which its demand closes."""
    asked = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    request = register.line(session, asked)[-1]
    last, paid_on = register.closes_on(session, request), payment.effective_on
    is_late = last is not None and paid_on is not None and paid_on > last
    return is_late and request.state != RequestState.PAID


def _sum(
    session: Session,
    cents: InstrumentedAttribute[int],
    payment: Payment,
    *only: ColumnElement[bool],
) -> int:
    """The sum over the rows of a payment."""
    row = cents.class_
    query = select(func.coalesce(func.sum(cents), 0)).where(
        row.tenant_id == payment.tenant_id, row.payment_id == payment.id, *only
    )
    return int(session.scalar(query) or 0)
