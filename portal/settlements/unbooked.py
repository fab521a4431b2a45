"""Reports that a provider has told of and that are not in the books: none is forgotten.

Each is tried again by its name, whatever the provider lists by then, until it is booked or a person
ends its task. All take a session.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKeyConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base
from portal.providers.protocol import Account
from portal.settlements import staff

SILENT_FOR = timedelta(days=1)  # then silence is no passing trouble any more


class UnbookedSettlement(Base):
    """A report that could not be booked: why, at the last try; since when, and when it was told."""

    __tablename__ = "unbooked_settlements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    since: Mapped[datetime]
    told_at: Mapped[datetime | None]


def note(
    session: Session, account: Account, settlement: str, cause: str, *, may_pass: bool
) -> None:
    """Write down that a report could not be booked. It is a task at once, or, for what may pass by
    itself, after a day.
    """
    key = {"tenant_id": account.tenant_id, "account_id": account.id, "settlement": settlement}
    first = insert(UnbookedSettlement).values(**key, cause=cause, since=clock.now())
    session.execute(first.on_conflict_do_update(index_elements=list(key), set_={"cause": cause}))
    row = session.get_one(UnbookedSettlement, tuple(key.values()), populate_existing=True)
    if row.told_at is None and (not may_pass or row.since <= clock.now() - SILENT_FOR):
        staff.settlement_refused(session, account, settlement, cause)
        row.told_at = clock.now()


def forget(session: Session, tenant_id: str, account_id: str, settlement: str) -> None:
    """It is booked."""
    row = session.get(UnbookedSettlement, (tenant_id, account_id, settlement))
    if row is not None:
        session.delete(row)


def of_account(session: Session, tenant_id: str, account_id: str) -> dict[str, bool]:
    """An account's reports that are not booked, the first ones first; whether each is tried again:
    not when a person has ended its task.
    """
    row = UnbookedSettlement
    query = select(row).where(row.tenant_id == tenant_id, row.account_id == account_id)
    rows = session.scalars(query.order_by(row.since, row.settlement)).all()
    return {
        each.settlement: each.told_at is None
        or staff.is_settlement_open(session, tenant_id, account_id, each.settlement)
        for each in rows
    }


def of_town(session: Session, tenant_id: str) -> list[UnbookedSettlement]:
    """All reports of a town that are not booked."""
    row = UnbookedSettlement
    query = select(row).where(row.tenant_id == tenant_id)
    return list(session.scalars(query.order_by(row.since, row.account_id, row.settlement)))
