"""Acknowledging: taken is not booked. The finance system says what it made of an event.

It says so event by event, or as a reader of the feed for all up to a position. What it refuses,
or does not acknowledge within a day, is a task for staff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock, transaction
from portal.errors import Conflict, NotFound
from portal.finance import attention, feed
from portal.finance.models import Acknowledgement, Delivery, EventFeed, EventRow, ReadThrough

PATIENCE = timedelta(days=1)
MOST_TOLD = 200
LAST_POSITION = 2**63 - 1
OF_EVENT = (EventRow.tenant_id, EventRow.position)


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
    event = session.scalar(
        select(EventRow).where(EventRow.tenant_id == tenant_id, EventRow.id == event_id)
    )
    if event is None:
        raise NoSuchEvent("There is no such event.")
    if changed := _written(session, event, said):
        tell = attention.refused if said.result is Result.REFUSED else attention.booked
        tell(session, event)
    return changed


def _written(session: Session, event: EventRow, said: Said) -> bool:
    tenant_id, position = event.tenant_id, event.position
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

    An earlier position than before changes nothing. Raises ``feed.BeyondTheFeed``.
    """
    feed.check_within(session, tenant_id, through)
    statement = insert(ReadThrough).values(tenant_id=tenant_id, position=through, at=clock.now())
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={
            "position": func.greatest(ReadThrough.position, statement.excluded.position),
            "at": statement.excluded.at,
        },
    )
    return session.scalars(statement.returning(ReadThrough.position)).one()


def tenants(session: Session) -> Sequence[str]:
    """The tenants whose finance system acknowledges at all: who never did need not begin."""
    return session.scalars(
        select(Acknowledgement.tenant_id).union(select(ReadThrough.tenant_id))
    ).all()


def look(tenant_id: str) -> None:
    """Open or end the task that tells that there is no word of events for a day. A whole act."""
    with transaction() as session:
        _move_mark(session, tenant_id)
        late = overdue(session, tenant_id, limit=1)
        if late:
            attention.overdue(session, tenant_id, late[0].position)
        else:
            attention.caught_up(session, tenant_id)


def overdue(session: Session, tenant_id: str, limit: int = MOST_TOLD) -> Sequence[EventRow]:
    """Events that were taken, or could be read, a day ago and of which there is no word.

    Only those behind the first that the finance system ever acknowledged; by position.
    """
    since = clock.now() - PATIENCE
    handed_over = (Delivery.state == "taken") & (Delivery.taken_at <= since)
    read_only = Delivery.position.is_(None) & (EventRow.occurred_at <= since)
    query = _without_word(tenant_id, _mark(session, tenant_id)).where(handed_over | read_only)
    return session.scalars(query.order_by(EventRow.position).limit(limit)).all()


def _without_word(tenant_id: str, mark: int) -> Select[EventRow]:
    """Events behind ``mark`` that are neither acknowledged nor skipped by order."""
    same = (Acknowledgement.tenant_id, Acknowledgement.position)
    return (
        select(EventRow)
        .join(Acknowledgement, tuple_(*same) == tuple_(*OF_EVENT), isouter=True)
        .join(
            Delivery, tuple_(Delivery.tenant_id, Delivery.position) == tuple_(*OF_EVENT),
            isouter=True,
        )
        .where(EventRow.tenant_id == tenant_id, EventRow.position > mark)
        .where(Acknowledgement.result.is_(None))
        .where(func.coalesce(Delivery.state, "") != "skipped")
    )  # fmt: skip


def _mark(session: Session, tenant_id: str) -> int:
    """Up to which position there is a word of everything, or none is expected."""
    through = session.scalar(select(ReadThrough.position).where(ReadThrough.tenant_id == tenant_id))
    if through is not None:
        return through
    mine = Acknowledgement.tenant_id == tenant_id
    first = session.scalar(select(func.min(Acknowledgement.position)).where(mine))
    return LAST_POSITION if first is None else first - 1


def _move_mark(session: Session, tenant_id: str) -> None:
    """Note how far there is a word of everything, so that it is not looked at for ever."""
    last = session.scalar(select(EventFeed.last).where(EventFeed.tenant_id == tenant_id)) or 0
    silent = _without_word(tenant_id, _mark(session, tenant_id)).with_only_columns(
        func.min(EventRow.position)
    )
    first = session.scalar(silent)
    acknowledge_through(session, tenant_id, min(last, (first or last + 1) - 1))
