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


def replace(session: Session, newer: PaymentRequest, references: Sequence[str]) -> PaymentRequest:
    """Let ``newer``, locked, take the place of those of ``references`` that are known here.

    What was paid on them counts for ``newer``, or for the one in its place if it was replaced
    itself; that one, locked with it, is given back.
    Raises ``ReplacesItself``, ``OtherCurrency``. What the portal never saw cannot be paid here and
    is passed over.
    """
    line = register.line(session, newer)
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
        if older.id in {request.id for request in line}:
            raise ReplacesItself(f"{newer.reference} cannot replace {older.reference}.")
        if older.currency != newer.currency:
            raise OtherCurrency(f"{older.reference} is in {older.currency}.")
        if older.state != State.REPLACED:
            _take_over(session, older, line)
    return line[-1]


def passed_over(
    session: Session, newer: PaymentRequest, references: Sequence[str]
) -> tuple[str, ...]:
    """Which of ``references`` another one than ``newer`` has replaced, or nobody knows here."""
    query = select(PaymentRequest.reference, PaymentRequest.replaced_by).where(
        PaymentRequest.tenant_id == newer.tenant_id, PaymentRequest.reference.in_(references)
    )
    known = {row.reference: row.replaced_by for row in session.execute(query)}
    codes = (
        (place, "unknown_request")
        if reference not in known
        else (place, "" if known[reference] in {None, newer.id} else "already_replaced")
        for place, reference in enumerate(references)
    )
    return tuple(f"replaces/{place}:{code}" for place, code in codes if code)


def never_replaced(session: Session, tenant_id: str, references: Sequence[str]) -> list[str]:
    """Which of ``references`` are known here by now and were never replaced by any."""
    mine = (PaymentRequest.tenant_id == tenant_id) & PaymentRequest.reference.in_(references)
    open_ones = mine & PaymentRequest.replaced_by.is_(None)
    found = session.scalars(select(PaymentRequest.reference).where(open_ones)).all()
    told = outbox.told(session, tenant_id, messages.REQUEST_REPLACED, found)
    return [reference for reference in found if reference not in told]


def _take_over(session: Session, older: PaymentRequest, line: Sequence[PaymentRequest]) -> None:
    newer, in_force = line[0], line[-1]
    older.state = step(State(older.state), Event.REPLACED)
    older.replaced_by, older.updated_at = newer.id, clock.now()
    if older.covered_cents:
        paid = Money(older.covered_cents, older.currency)
        by = f"{in_force.reference}:{in_force.version}"
        entry = entries.replaced(
            older.reference, by, older.kind, in_force.kind, older.version, paid
        )
        if not book.post(session, older.tenant_id, entry):
            raise AssertionError(f"posted before: {entry.reference}")
        older.covered_cents = 0
        in_force.covered_cents += paid.cents
        in_force.updated_at = clock.now()
        register.move_on([older, *line])
    message = messages.request_replaced(older.reference, older.version, newer.reference)
    outbox.put(session, older.tenant_id, message)
