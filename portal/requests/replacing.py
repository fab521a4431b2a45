"""Replacing: a newer letter takes the place of older ones, and of what was paid on them.

The older requests say so and lead nowhere else; what was paid on them, and what still comes,
counts for the newer one.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import Conflict, Invalid
from portal.finance import messages, outbox
from portal.ledger import book, entries
from portal.ledger.models import EntryRow
from portal.money import Money
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.requests.states import Event, State, step


class OtherCurrency(Conflict):
    """What was paid in one currency cannot count in another."""

    code = "currency_changed"


class ReplacesItself(Invalid):
    """A request cannot take its own place, nor that of one that took its place."""

    code = "replaces_itself"


def replace(session: Session, newer: PaymentRequest, references: Sequence[str]) -> None:
    """Let ``newer``, locked, take the place of those of ``references`` that are known here.

    Raises ``ReplacesItself``, ``OtherCurrency``. What the portal never saw cannot be paid here and
    is passed over.
    """
    query = (
        select(PaymentRequest.id)
        .where(
            PaymentRequest.tenant_id == newer.tenant_id,
            PaymentRequest.reference.in_(references),
        )
        .order_by(PaymentRequest.id)
    )
    for request_id in session.scalars(query).all():
        older = register.locked(session, newer.tenant_id, request_id)
        if older.id in {request.id for request in register.line(session, newer)}:
            raise ReplacesItself(f"{newer.reference} cannot replace {older.reference}.")
        if older.currency != newer.currency:
            raise OtherCurrency(f"{older.reference} is in {older.currency}.")
        if older.state != State.REPLACED:
            _take_over(session, older, newer)


def moved_on(session: Session, request: PaymentRequest) -> bool:
    """Whether what was paid on a replaced request counts for the one in its place now."""
    if request.replaced_by is None:
        return False
    newer = register.get(session, request.tenant_id, request.replaced_by)
    prefix = f"replaced:{request.reference}:{request.version}:{newer.reference}:"
    moved = select(EntryRow.id).where(
        EntryRow.tenant_id == request.tenant_id,
        EntryRow.reference.startswith(prefix, autoescape=True),
    )
    return session.scalar(moved.limit(1)) is not None


def _take_over(session: Session, older: PaymentRequest, newer: PaymentRequest) -> None:
    older.state = step(State(older.state), Event.REPLACED)
    older.replaced_by, older.updated_at = newer.id, clock.now()
    if older.covered_cents:
        paid = Money(older.covered_cents, older.currency)
        by = f"{newer.reference}:{newer.version}"  # restored and replaced again, it moves again
        entry = entries.replaced(older.reference, by, older.kind, newer.kind, older.version, paid)
        if not book.post(session, older.tenant_id, entry):
            raise AssertionError(f"posted before: {entry.reference}")
        older.covered_cents = 0
        newer.covered_cents += paid.cents
    message = messages.request_replaced(older.reference, older.version, newer.reference)
    outbox.put(session, older.tenant_id, message)
