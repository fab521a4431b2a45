"""What a person does about events that do not arrive: try again, send again, skip by order.

Each is noted in the audit with its actor, and rings the bell. Nothing is lost by any of them:
the event stays in the feed as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import audit, clock, jobs
from portal.db import Json, after_commit, lock
from portal.errors import Conflict, Invalid
from portal.finance import attention
from portal.finance.acknowledging import NoSuchEvent, Result, Said, acknowledge
from portal.finance.models import Acknowledgement, Delivery, Endpoint, EventRow

LONGEST_REASON = 140
LONGEST_DOCUMENT = 64
MOST_TOLD = 200


class NotParked(Conflict):
    """Only what is parked is released; the rest goes on by itself."""

    code = "not_parked"


class AlreadyTaken(Conflict):
    """What was taken, or skipped, cannot be skipped."""

    code = "already_taken"


class NoEndpoint(Conflict):
    """The tenant has no endpoint; its finance system reads the feed."""

    code = "no_endpoint"


class NotRefused(Conflict):
    """Only what the finance system could not book is booked by hand."""

    code = "not_refused"


class DocumentMissing(Invalid):
    """What was booked by hand stands under a document."""

    code = "document_missing"


class ReasonMissing(Invalid):
    """An event is skipped by an order only, and the order is named."""

    code = "reason_missing"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that was not handed over yet, and how its last try ended."""

    position: int
    event: str
    type: str
    reference: str | None
    state: str
    tries: int
    status: int | None
    error: str | None


def waiting(session: Session, tenant_id: str, limit: int = MOST_TOLD) -> Sequence[Waiting]:
    """What waits or is parked, by position."""
    query = (
        select(EventRow, Delivery)
        .join(Delivery, _same())
        .where(EventRow.tenant_id == tenant_id, Delivery.state.in_(["waiting", "parked"]))
        .order_by(EventRow.position)
        .limit(limit)
    )
    return [_told(event, delivery) for event, delivery in session.execute(query)]


def release(session: Session, tenant_id: str, position: int, actor: str) -> None:
    """Try a parked event once more, now; refused again it is parked again.

    Raises ``NoSuchEvent``, ``NotParked``.
    """
    delivery = _delivery(session, tenant_id, position)
    if delivery.state != "parked":
        raise NotParked(f"Event {position} is not parked.")
    delivery.state, delivery.due_at = "waiting", clock.now()
    _done(session, tenant_id, actor, "event.release", {"position": position})


def resend(session: Session, tenant_id: str, position: int, actor: str) -> None:
    """Hand over one event again, whatever became of it. Its receiver knows it by its id.

    Raises ``NoSuchEvent``, ``NoEndpoint``.
    """
    if not _put_back(session, tenant_id, EventRow.position == position):
        raise NoSuchEvent(f"There is no event {position}.")
    _done(session, tenant_id, actor, "event.resend", {"position": position})


def resend_since(session: Session, tenant_id: str, position: int, actor: str) -> int:
    """Hand over all events from a position on again, in order per request; how many those are.

    What is parked or was skipped stays so. Raises ``NoEndpoint``.
    """
    stopped = select(Delivery.position).where(
        Delivery.tenant_id == tenant_id, Delivery.state.in_(["parked", "skipped"])
    )
    chosen = (EventRow.position >= position) & EventRow.position.not_in(stopped)
    count = _put_back(session, tenant_id, chosen)
    _done(session, tenant_id, actor, "events.resend", {"since": position, "count": count})
    return count


def resend_refused(session: Session, tenant_id: str, actor: str) -> int:
    """Hand over all events again that the finance system could not book; how many those are.

    What is on its way again already is not sent twice. Raises ``NoEndpoint``.
    """
    refused = select(Acknowledgement.position).where(
        Acknowledgement.tenant_id == tenant_id,
        Acknowledgement.result == literal_column("'refused'"),  # so the partial index fits
    )
    under_way = select(Delivery.position).where(
        Delivery.tenant_id == tenant_id, Delivery.state.in_(["waiting", "parked"])
    )
    chosen = EventRow.position.in_(refused) & EventRow.position.not_in(under_way)
    count = _put_back(session, tenant_id, chosen)
    _done(session, tenant_id, actor, "events.resend_refused", {"since": 0, "count": count})
    return count


def booked_by_hand(
    session: Session, tenant_id: str, position: int, document: str, actor: str
) -> None:
    """A person has booked there what the finance system had refused; under which document.

    Raises ``NoSuchEvent``, ``NotRefused``, ``DocumentMissing``.
    """
    document = document.strip()
    if not 0 < len(document) <= LONGEST_DOCUMENT or not document.isprintable():
        raise DocumentMissing(f"Name the document, in 1 to {LONGEST_DOCUMENT} characters.")
    event = session.get(EventRow, (tenant_id, position))
    if event is None:
        raise NoSuchEvent(f"There is no event {position}.")
    word = session.get(Acknowledgement, (tenant_id, position))
    if word is None or word.result != Result.REFUSED:
        raise NotRefused(f"Event {position} was not refused.")
    acknowledge(session, tenant_id, event.id, Said(Result.BOOKED, document, None))
    detail = {"position": position, "document": document}
    audit.note(session, tenant_id, actor, "event.booked_by_hand", str(position), detail)


def skip(session: Session, tenant_id: str, position: int, actor: str, reason: str) -> None:
    """Do not hand over an event, by the order that ``reason`` names; its request goes on.

    Raises ``NoSuchEvent``, ``AlreadyTaken``, ``ReasonMissing``.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise ReasonMissing(f"Name the order, in 1 to {LONGEST_REASON} characters.")
    delivery = _delivery(session, tenant_id, position)
    if delivery.state not in {"waiting", "parked"}:
        raise AlreadyTaken(f"Event {position} is {delivery.state} already.")
    delivery.state = "skipped"
    attention.over(session, tenant_id, position, actor, reason)
    _done(session, tenant_id, actor, "event.skip", {"position": position, "reason": reason})


def _put_back(session: Session, tenant_id: str, chosen: ColumnElement[bool]) -> int:
    """Let events wait as if they were new, also those that never had to be handed over.

    Of what was skipped, or was never to be handed over, later ones of its request may be taken.
    """
    if session.get(Endpoint, tenant_id) is None:
        raise NoEndpoint("This tenant has no endpoint: its finance system reads the feed.")
    now = clock.now()
    events = (
        select(
            EventRow.tenant_id,
            EventRow.position,
            literal("waiting"),
            literal(0),
            literal(now),
            true(),
        )
        .where(EventRow.tenant_id == tenant_id, chosen)
        .order_by(EventRow.position)
    )
    columns = ["tenant_id", "position", "state", "tries", "due_at", "out_of_order"]
    # When it was taken first stays; so do the tries of what is parked, which its task ends by.
    tries = case((Delivery.state == "parked", Delivery.tries), else_=0)
    out_of_order = Delivery.out_of_order | (Delivery.state == "skipped")
    anew = {"state": "waiting", "tries": tries, "due_at": now, "out_of_order": out_of_order}
    statement = insert(Delivery).from_select(columns, events)
    statement = statement.on_conflict_do_update(index_elements=["tenant_id", "position"], set_=anew)
    return len(session.scalars(statement.returning(Delivery.position)).all())


def _delivery(session: Session, tenant_id: str, position: int) -> Delivery:
    delivery = lock(session, Delivery, tenant_id, position)
    if delivery is None:
        raise NoSuchEvent(f"There is no event {position} to hand over.")
    return delivery


def _done(session: Session, tenant_id: str, actor: str, act: str, detail: Json) -> None:
    subject = str(detail.get("position", detail.get("since")))
    audit.note(session, tenant_id, actor, act, subject, detail)
    after_commit(session, lambda: jobs.ring(tenant_id))


def _same() -> ColumnElement[bool]:
    return (EventRow.tenant_id == Delivery.tenant_id) & (EventRow.position == Delivery.position)


def _told(event: EventRow, delivery: Delivery) -> Waiting:
    return Waiting(
        event.position,
        event.id,
        event.type,
        event.reference,
        delivery.state,
        delivery.tries,
        delivery.last_status,
        delivery.last_error,
    )
