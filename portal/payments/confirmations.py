"""Confirmations (Zahlungsbestätigungen): finding what was confirmed, and its number."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import references
from portal.payments.models import Payment
from portal.payments.states import State

NUMBER_LENGTH = 11


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
