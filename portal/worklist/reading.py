"""Reading the worklist."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Task:
    """A task that is open; ``age`` is how long."""

    number: int
    kind: Kind
    subject: str
    reference: str | None
    detail: Json
    opened_at: datetime
    age: timedelta


def open_tasks(
    session: Session,
    tenant_id: str,
    *,
    kinds: Collection[str] = (),
    reference: str | None = None,
    behind: int = 0,
    limit: int = MOST_TOLD,
) -> list[Task]:
    """A tenant's open tasks, oldest first: of some kinds, of one request, or all.

    ``behind`` is the number of the last one of the page before.
    """
    query = select(StaffTask).where(
        StaffTask.tenant_id == tenant_id,
        StaffTask.ended_at.is_(None),
        StaffTask.number > behind,
    )
    if kinds:
        query = query.where(StaffTask.kind.in_(kinds))
    if reference is not None:
        query = query.where(StaffTask.reference == reference)
    now = clock.now()
    rows = session.scalars(query.order_by(StaffTask.number).limit(limit))
    return [_told(row, now) for row in rows]


def last_ended_by(session: Session, tenant_id: str, kind: str, subject: str) -> str | None:
    """Who ended the last task of this kind for ``subject``; ``None`` when none was ended."""
    query = select(StaffTask.ended_by).where(
        StaffTask.tenant_id == tenant_id,
        StaffTask.kind == kind,
        StaffTask.subject == subject,
        StaffTask.ended_at.is_not(None),
    )
    return session.scalar(query.order_by(StaffTask.number.desc()).limit(1))


def is_open(session: Session, tenant_id: str, kind: str, subject: str) -> bool:
    """Whether a task of this kind is open for ``subject``."""
    query = select(StaffTask.number).where(
        StaffTask.tenant_id == tenant_id,
        StaffTask.kind == kind,
        StaffTask.subject == subject,
        StaffTask.ended_at.is_(None),
    )
    return session.scalar(query) is not None


def count(session: Session, tenant_id: str) -> dict[Kind, int]:
    """How many tasks of each kind are open; kinds without any are left out."""
    query = (
        select(StaffTask.kind, func.count())
        .where(StaffTask.tenant_id == tenant_id, StaffTask.ended_at.is_(None))
        .group_by(StaffTask.kind)
    )
    return {Kind(kind): many for kind, many in session.execute(query)}


def _told(row: StaffTask, now: datetime) -> Task:
    return Task(
        row.number,
        Kind(row.kind),
        row.subject,
        row.reference,
        row.detail,
        row.opened_at,
        now - row.opened_at,
    )
