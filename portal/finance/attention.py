"""What of the finance system's end is a task for staff, and when it is over.

A parked and a refused event are a task each. An endpoint that is silent, and a finance system
that acknowledges no more, are one task each, however many events wait behind it.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.finance.models import Delivery, EventRow
from portal.worklist import writing
from portal.worklist.kinds import Kind

ACTOR = "worker"
SILENT_FOR = timedelta(minutes=15)
ENDPOINT = "endpoint"  # the subjects of what is one a tenant
FEED = "feed"


def parked(session: Session, tenant_id: str, delivery: Delivery) -> None:
    """An event was refused so often that it is not sent any more."""
    event = session.get_one(EventRow, (tenant_id, delivery.position))
    detail = {"position": event.position, "type": event.type, "status": delivery.last_status}
    writing.put(
        session,
        tenant_id,
        Kind.EVENT_PARKED,
        event.id,
        reference=event.reference,
        detail=detail,
    )


def taken(session: Session, tenant_id: str, position: int) -> None:
    """An event that had been parked was taken after all."""
    over(session, tenant_id, position, ACTOR, "taken")


def over(session: Session, tenant_id: str, position: int, actor: str, reason: str) -> None:
    """An event need not be handed over any more."""
    this = (EventRow.tenant_id == tenant_id) & (EventRow.position == position)
    event = session.scalars(select(EventRow.id).where(this)).one()
    writing.end(session, tenant_id, Kind.EVENT_PARKED, event, actor, reason)


def refused(session: Session, event: EventRow) -> None:
    """The finance system took an event and could not book it."""
    writing.put(
        session,
        event.tenant_id,
        Kind.EVENT_REFUSED,
        event.id,
        reference=event.reference,
        detail={"position": event.position, "type": event.type},
    )


def booked(session: Session, event: EventRow) -> None:
    """The finance system has booked what it had refused."""
    writing.end(session, event.tenant_id, Kind.EVENT_REFUSED, event.id, ACTOR, "booked")


def silent(session: Session, tenant_id: str, since: datetime) -> None:
    """The endpoint does not answer, for a quarter of an hour by now."""
    if clock.now() - since >= SILENT_FOR:
        detail = {"since": since.isoformat()}
        writing.put(session, tenant_id, Kind.ENDPOINT_SILENT, ENDPOINT, detail=detail)


def heard(session: Session, tenant_id: str) -> None:
    """The endpoint answers again, or is another one."""
    writing.end(session, tenant_id, Kind.ENDPOINT_SILENT, ENDPOINT, ACTOR, "answers")


def overdue(session: Session, tenant_id: str, oldest: int) -> None:
    """Events were taken, and there is no word of them for a day."""
    writing.put(session, tenant_id, Kind.EVENT_NOT_ACKNOWLEDGED, FEED, detail={"position": oldest})


def caught_up(session: Session, tenant_id: str) -> None:
    """There is a word of every event that is a day old."""
    kind = Kind.EVENT_NOT_ACKNOWLEDGED
    writing.end(session, tenant_id, kind, FEED, ACTOR, "acknowledged")
