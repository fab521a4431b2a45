"""Which tasks a person sees: by kind, by age, the oldest first, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, func, select, tuple_
from sqlalchemy.orm import Session

from portal import clock
from portal.admin import gate
from portal.admin.scope import within
from portal.requests.models import PaymentRequest
from portal.staff.roles import Right
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

PAGE = 50
DAY = timedelta(days=1)
# Full days since it was opened: from, to.
BANDS: Mapping[str, tuple[int, int | None]] = {
    "0-2": (0, 2),
    "3-7": (3, 7),
    "8-30": (8, 30),
    "older": (31, None),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; ``behind`` is the number of the last task of the page before."""

    kind: Kind | None = None
    band: str | None = None
    ended: bool = False
    behind: int | None = None


def page(session: Session, wanted: Wanted) -> tuple[Sequence[StaffTask], bool]:
    """A page of tasks, and whether there are more; what is ended, the last ended first."""
    query = _of(wanted)
    mark = select(StaffTask).where(
        StaffTask.tenant_id == gate.person().tenant_id, StaffTask.number == wanted.behind
    )
    last = session.scalar(mark) if wanted.behind is not None else None
    if wanted.ended:
        place = tuple_(StaffTask.ended_at, StaffTask.number)
        query = query.order_by(StaffTask.ended_at.desc(), StaffTask.number.desc())
        if last is not None and last.ended_at is not None:
            query = query.where(place < tuple_(last.ended_at, last.number))
    else:
        place = tuple_(StaffTask.opened_at, StaffTask.number)
        query = query.order_by(StaffTask.opened_at, StaffTask.number)
        if last is not None:
            query = query.where(place > tuple_(last.opened_at, last.number))
    found = session.scalars(query.limit(PAGE + 1)).all()
    return found[:PAGE], len(found) > PAGE


def counts(session: Session) -> dict[Kind, dict[str, int]]:
    """How many open tasks of each kind and age this person sees."""
    now = clock.now()
    columns = [func.count(case((_in_band(band, now), 1))).label(band) for band in BANDS]
    query = (
        select(StaffTask.kind, *columns)
        .where(_mine(), StaffTask.ended_at.is_(None))
        .group_by(StaffTask.kind)
    )
    return {
        Kind(kind): dict(zip(BANDS, many, strict=True)) for kind, *many in session.execute(query)
    }


def one(session: Session, number: int) -> StaffTask:
    """The task of this number, where this person may see it; else it is not there."""
    query = select(StaffTask).where(_mine(), StaffTask.number == number)
    found = session.scalar(query)
    if found is None:
        gate.refuse(f"{Right.SEE.value} task {number}")
    return found


def days(task: StaffTask) -> int:
    """Full days for which a task is, or was, open."""
    return ((task.ended_at or clock.now()) - task.opened_at) // DAY


def _of(wanted: Wanted) -> Select[StaffTask]:
    query = select(StaffTask).where(_mine(), StaffTask.ended_at.is_not(None) == wanted.ended)
    if wanted.kind is not None:
        query = query.where(StaffTask.kind == wanted.kind)
    if wanted.band is not None:
        query = query.where(_in_band(wanted.band, clock.now()))
    return query


def _in_band(band: str, now: datetime) -> ColumnElement[bool]:
    least, most = BANDS[band]
    since = StaffTask.opened_at <= now - least * DAY
    return since if most is None else since & (StaffTask.opened_at > now - (most + 1) * DAY)


def _mine() -> ColumnElement[bool]:
    """Those of this person's requests; what belongs to no request is the whole town's."""
    who = gate.person()
    of_town = StaffTask.tenant_id == who.tenant_id
    if who.reach(Right.SEE).whole:
        return of_town
    mine = select(PaymentRequest.id).where(
        PaymentRequest.tenant_id == StaffTask.tenant_id,
        PaymentRequest.reference == StaffTask.reference,
        within(Right.SEE),
    )
    return of_town & mine.exists()
