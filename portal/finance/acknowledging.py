"""Acknowledging: taken is not booked. The finance system says what it made of an event.

It says so event by event, or as a reader of the feed for all up to a position. What it refuses,
or does not acknowledge within a day, is a task for staff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.errors import Conflict, Invalid, NotFound
from portal.finance.models import Acknowledgement, EventFeed, EventRow, ReadThrough

PATIENCE = timedelta(days=1)
MOST_TOLD = 200


class Result(StrEnum):
    """What became of an event in the finance system."""

    BOOKED = "booked"
    REFUSED = "refused"


class NoSuchEvent(NotFound):
    """Not there, or another tenant's: both answer alike."""

    code = "event_not_found"


class AlreadyBooked(Conflict):
    """The event was acknowledged as booked, with another document or with none."""

    code = "already_booked"


class BeyondTheFeed(Invalid):
    """No event has this position yet."""

    code = "beyond_the_feed"


@dataclass(frozen=True, slots=True)
class Said:
    """What the finance system says of an event: under which document it is booked, or why not."""

    result: Result
    document: str | None
    reason: str | None


def acknowledge(session: Session, tenant_id: str, event_id: str, said: Said) -> bool:
    """Write down what became of one event; ``False`` when the same was said before.

    What was refused may be refused again or booked; what is booked stays. Raises ``NoSuchEvent``,
    ``AlreadyBooked``.
    """
    query = select(EventRow.position).where(
        EventRow.tenant_id == tenant_id, EventRow.id == event_id
    )
    position = session.scalar(query)
    if position is None:
        raise NoSuchEvent("There is no such event.")
    told = {"result": said.result.value, "document": said.document, "reason": said.reason}
    now = clock.now()
    new = session.scalar(
        insert(Acknowledgement)
        .values(tenant_id=tenant_id, position=position, at=now, **told)
        .on_conflict_do_nothing()
        .returning(Acknowledgement.position)
    )
    row = lock(session, Acknowledgement, tenant_id, position) if new is None else None
    if row is None:
        return True
    if {name: getattr(row, name) for name in told} == told:
        return False
    if row.result == Result.BOOKED:
        raise AlreadyBooked("The event was acknowledged as booked.")
    row.result, row.document, row.reason = said.result.value, said.document, said.reason
    row.at = now
    return True


def acknowledge_through(session: Session, tenant_id: str, through: int) -> int:
    """All events up to a position are taken as booked, but for refused ones; how far that is.

    An earlier position than before changes nothing. Raises ``BeyondTheFeed``.
    """
    last = session.scalar(select(EventFeed.last).where(EventFeed.tenant_id == tenant_id)) or 0
    if through > last:
        raise BeyondTheFeed(f"The last position is {last}.")
    statement = insert(ReadThrough).values(tenant_id=tenant_id, position=through, at=clock.now())
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={
            "position": func.greatest(ReadThrough.position, statement.excluded.position),
            "at": statement.excluded.at,
        },
    )
    return session.scalars(statement.returning(ReadThrough.position)).one()


def left_open(session: Session, tenant_id: str) -> Sequence[EventRow]:
    """Events that are a task for staff: refused, or not acknowledged after a day; oldest first."""
    mine = (Acknowledgement.tenant_id == EventRow.tenant_id) & (
        Acknowledgement.position == EventRow.position
    )
    query = select(ReadThrough.position).where(ReadThrough.tenant_id == tenant_id)
    through = session.scalar(query) or 0
    unsaid = (EventRow.position > through) & Acknowledgement.result.is_(None)
    overdue = unsaid & (EventRow.occurred_at <= clock.now() - PATIENCE)
    found = (
        select(EventRow)
        .join(Acknowledgement, mine, isouter=True)
        .where(EventRow.tenant_id == tenant_id)
        .where(or_(Acknowledgement.result == Result.REFUSED, overdue))
        .order_by(EventRow.position)
        .limit(MOST_TOLD)
    )
    return session.scalars(found).all()
