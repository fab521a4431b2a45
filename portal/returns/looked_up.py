"""What no provider says of a refund people say, who have looked it up on the provider's own pages.

That it was made, or that it was not: one person asks, another approves. Then it is booked as sent,
or it has failed and can be ordered anew. Nothing is sent by this. What the provider says later all
the same counts: a refund that was made may still come back, and one that was not and yet went is a
task.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.db import transaction
from portal.errors import Conflict
from portal.ledger.models import CustodyItem
from portal.payments import staff
from portal.payments.models import Payment
from portal.payments.record import again
from portal.payments.refund_states import Event, State, step
from portal.returns import waiting, ways
from portal.returns.ways import Row, Way

MADE, NOT_MADE = "refund.made", "refund.not_made"
EVENT_FOR: Mapping[str, Event] = {MADE: Event.FOUND_MADE, NOT_MADE: Event.FOUND_NOT_MADE}


class NotInDoubt(Conflict):
    """Its end is known, or the provider may still be told, or asked, of it."""

    code = "refund_not_in_doubt"


def ask(tenant_id: str, act: str, refund_id: str, order: str, by: str) -> None:
    """Ask for a refund or return to count as made, or not (``MADE``, ``NOT_MADE``).

    Raises ``NoSuchRefund``, ``NotInDoubt``, ``NotAPerson``, ``NoOrder``, ``AskedBefore``.
    """

    def whole(session: Session) -> None:
        if not deciding.is_person(by):
            raise deciding.NotAPerson("Only a person may ask for this.")
        way, source, row = _in_doubt(session, tenant_id, refund_id)
        wanted = deciding.Wanted(act, refund_id, order, _facts(source, row), row.amount)
        if deciding.ask(session, tenant_id, wanted, by).alone:
            _end(session, way, source, row, act, by)

    again(whole)


def approve(tenant_id: str, act: str, refund_id: str, by: str, number: int | None = None) -> None:
    """The second person approves. Raises as ``deciding.approve``, and ``NotInDoubt``."""

    def whole(session: Session) -> None:
        way, source, row = _in_doubt(session, tenant_id, refund_id)
        deciding.approve(session, tenant_id, act, refund_id, by, number)
        _end(session, way, source, row, act, by)

    again(whole)


def refuse(
    tenant_id: str, act: str, refund_id: str, by: str, why: str = "", number: int | None = None
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, act, refund_id, by, why, number)


def is_in_doubt(row: Row) -> bool:
    """Whether a person may say what became of it."""
    return row.state == State.SUBMITTED and waiting.is_overdue(row)


def _in_doubt(session: Session, tenant_id: str, refund_id: str) -> tuple[Way, Any, Row]:
    """A refund or return, locked with what it comes from. Raises ``NotInDoubt``."""
    way, _ = ways.found(session, tenant_id, refund_id)
    source, row = way.locked(session, tenant_id, refund_id)
    if not is_in_doubt(row):
        raise NotInDoubt(f"The refund is {row.state}.")
    return way, source, row


def _end(session: Session, way: Way, source: Any, row: Row, act: str, by: str) -> None:
    event = EVENT_FOR[act]
    new = step(State(row.state), event)
    staff.refund_known(session, row, by, event)
    if new is State.SUCCEEDED:
        way.succeeded(session, source, row)
    else:
        way.failed(session, source, row, event)


def _facts(source: Payment | CustodyItem, row: Row) -> dict[str, object]:
    of = {"payment": source.id} if isinstance(source, Payment) else {"item": source.reference}
    return {**of, "amount_cents": row.amount_cents, "currency": row.currency}
