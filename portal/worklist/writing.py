"""Opening a task for staff, and ending it."""

from itertools import count

from sqlalchemy import Update, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json, advisory_lock
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask


def put(
    session: Session,
    tenant_id: str,
    kind: str,
    subject: str,
    *,
    reference: str | None = None,
    detail: Json | None = None,
) -> int:
    """Open a task, once while one of this kind is open for ``subject``; its number.

    ``kind`` is one of ``kinds.Kind``, else ``ValueError``. ``detail`` holds ids, codes and amounts
    only, and stays as it was when the task is open already.
    """
    told = {
        "tenant_id": tenant_id,
        "kind": Kind(kind).value,
        "subject": subject,
        "reference": reference,
        "detail": detail or {},
        "opened_at": clock.now(),
        "reason": "",
    }
    while (number := _open(session, tenant_id, kind, subject)) is None:
        row = insert(StaffTask).values(number=_free_number(session, tenant_id), **told)
        session.execute(row.on_conflict_do_nothing())
    return number


def renew(session: Session, tenant_id: str, kind: str, subject: str, detail: Json) -> None:
    """An open task tells of the same thing as it is now."""
    of_this = (StaffTask.kind == kind) & (StaffTask.subject == subject)
    still_open = (StaffTask.tenant_id == tenant_id) & StaffTask.ended_at.is_(None)
    session.execute(update(StaffTask).where(still_open, of_this).values(detail=detail))


def end(
    session: Session, tenant_id: str, kind: str, subject: str, actor: str, reason: str = ""
) -> bool:
    """End the open task of this kind for ``subject``; ``False`` when there is none."""
    of_this = (StaffTask.kind == kind) & (StaffTask.subject == subject)
    ended = session.scalars(
        _ended(tenant_id, actor, reason).where(of_this).returning(StaffTask.number)
    )
    return ended.first() is not None


def end_number(session: Session, tenant_id: str, number: int, actor: str, reason: str) -> bool:
    """End the task that a person names by its number; ``False`` when none such is open."""
    ended = session.scalars(
        _ended(tenant_id, actor, reason)
        .where(StaffTask.number == number)
        .returning(StaffTask.number)
    )
    return ended.first() is not None


def _ended(tenant_id: str, actor: str, reason: str) -> Update:
    still_open = (StaffTask.tenant_id == tenant_id) & StaffTask.ended_at.is_(None)
    end_of_it = {"ended_at": clock.now(), "ended_by": actor, "reason": reason}
    return update(StaffTask).where(still_open).values(end_of_it)


def _open(session: Session, tenant_id: str, kind: str, subject: str) -> int | None:
    query = select(StaffTask.number).where(
        StaffTask.tenant_id == tenant_id,
        StaffTask.kind == kind,
        StaffTask.subject == subject,
        StaffTask.ended_at.is_(None),
    )
    return session.scalar(query)


def _free_number(session: Session, tenant_id: str) -> int:
    """The next number that no other transaction is about to give.

    A counter would be one row for which all payments of a tenant wait; a claim on a number waits
    for nobody. What is rolled back leaves no gap but for those that were given meanwhile.
    """
    query = select(func.max(StaffTask.number)).where(StaffTask.tenant_id == tenant_id)
    first = (session.scalar(query) or 0) + 1
    return next(n for n in count(first) if advisory_lock(session, f"task:{tenant_id}:{n}"))
