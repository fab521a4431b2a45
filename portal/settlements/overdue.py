"""Overdue suspense items: a provider has had money of ours for more days than the town allows.

Each is a task, so that it is asked about, or closed by order. Where a whole account is quiet, that
is one task already (``missing``), and its items are none.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, String, cast, select
from sqlalchemy.orm import Session

from portal import audit, clock, tenants
from portal.db import lock, transaction
from portal.ledger.models import SuspenseItem
from portal.settlements import missing, staff
from portal.tenants import Tenant
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

MOST_AT_ONCE = 200  # of a town in one round
LEAST, MOST = 3, 366  # days, as the constraint of the row says


def put_days(tenant_id: str, days: int, by: str) -> None:
    """After how many days (``LEAST`` to ``MOST``) an open item is overdue. A whole act."""
    with transaction() as session:
        lock(session, Tenant, tenant_id)
        session.get_one(Tenant, tenant_id).suspense_days = days
        audit.note(session, tenant_id, by, "tenant.deadlines", "suspense", {"days": days})


def look_all() -> int:
    """Open and end the tasks of all towns; how many were opened. A whole act for each town."""

    def act(tenant_id: str) -> int:
        with transaction() as session:
            return look(session, tenant_id)

    return sum(tenants.each(act))


def look(session: Session, tenant_id: str) -> int:
    """Open a task for each item that is overdue, and end those of what is settled; how many new."""
    for settled in _settled(session, tenant_id):
        staff.suspense_settled(session, tenant_id, settled)
    found = _overdue(session, tenant_id)
    for item in found:
        staff.suspense_overdue(session, item)
    return len(found)


def _overdue(session: Session, tenant_id: str) -> Sequence[SuspenseItem]:
    """Items that are open for too long and no task yet, the oldest first."""
    days = session.get_one(Tenant, tenant_id).suspense_days
    quiet = [account for account, _ in missing.quiet(session, tenant_id)]
    query = (
        select(SuspenseItem)
        .where(
            SuspenseItem.tenant_id == tenant_id,
            SuspenseItem.state == "open",
            SuspenseItem.opened_at <= clock.now() - timedelta(days=days),
            SuspenseItem.account.not_in(quiet),
            ~_task(tenant_id).where(StaffTask.subject == cast(SuspenseItem.id, String)).exists(),
        )
        .order_by(SuspenseItem.opened_at, SuspenseItem.id)
        .limit(MOST_AT_ONCE)
    )
    return session.scalars(query).all()


def _settled(session: Session, tenant_id: str) -> Sequence[str]:
    """The subjects of tasks whose item is not open any more."""
    still = select(SuspenseItem.id).where(
        SuspenseItem.tenant_id == tenant_id,
        cast(SuspenseItem.id, String) == StaffTask.subject,
        SuspenseItem.state == "open",
    )
    return session.scalars(_task(tenant_id).where(~still.exists())).all()


def _task(tenant_id: str) -> Select[str]:
    return select(StaffTask.subject).where(
        StaffTask.tenant_id == tenant_id,
        StaffTask.kind == Kind.SUSPENSE_OVERDUE,
        StaffTask.ended_at.is_(None),
    )
