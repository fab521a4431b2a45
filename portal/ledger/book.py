"""Writing to the book, and reading balances from it."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import kept
from portal.ledger.entry import Entry
from portal.ledger.models import EntryRow, PostingRow
from portal.money import Money
from portal.tenants import Tenant


def post(session: Session, tenant_id: str, entry: Entry) -> bool:
    """Post an entry once; ``False`` when its reference was posted before."""
    row = session.execute(
        insert(EntryRow)
        .values(
            tenant_id=tenant_id,
            reference=entry.reference,
            reason=entry.reason,
            booked_on=day(session, tenant_id),
            booked_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
        .returning(EntryRow.id)
    ).first()
    if row is None:
        return False
    lines = [
        {
            "tenant_id": tenant_id,
            "entry_id": row.id,
            "line": line,
            "account": posting.account,
            "cents": posting.amount.cents,
            "currency": posting.amount.currency,
        }
        for line, posting in enumerate(entry.postings, start=1)
    ]
    session.execute(insert(PostingRow), lines)
    return True


def day(session: Session, tenant_id: str) -> date:
    """The booking day (Buchungstag) of an act: today in the town, and one for all that it books.

    An act that goes on past midnight belongs to the day on which it first booked.
    """
    zone = session.get_one(Tenant, tenant_id).time_zone
    if not session.info.get("act"):
        return clock.today(zone)
    days: dict[str, date] = kept(session).setdefault("booking_days", {})
    return days.setdefault(tenant_id, clock.today(zone))


def balance(session: Session, tenant_id: str, account: str, currency: str = "EUR") -> Money:
    """The balance of one account: debit positive."""
    total = session.scalar(
        select(func.coalesce(func.sum(PostingRow.cents), 0)).where(
            PostingRow.tenant_id == tenant_id,
            PostingRow.account == account,
            PostingRow.currency == currency,
        )
    )
    return Money(int(total or 0), currency)
