"""What was booked for a business day after it was closed: it has its own booking day, and is told.

Heard later and of that day by its own word (Tag der Zahlung, Wertstellung), or committed on that
day after the closing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.money import Money

A_PAGE = 100
LATER = """
    SELECT id FROM ledger_entries
    WHERE tenant_id = :tenant AND booked_on = :day AND booked_at > :since
    UNION SELECT e.id FROM payments p
    JOIN ledger_entries e ON (e.tenant_id, e.reference) = (p.tenant_id, 'payment:' || p.id)
    WHERE p.tenant_id = :tenant AND p.effective_on = :day AND e.booked_on > :day
    UNION SELECT e.id FROM custody_items i
    JOIN ledger_entries e ON (e.tenant_id, e.reference) = (i.tenant_id, i.reference)
    WHERE i.tenant_id = :tenant AND i.cause = 'unclear' AND i.taken_on = :day
        AND e.booked_on > :day
    UNION SELECT e.id FROM payout_arrivals a
    JOIN ledger_entries e ON (e.tenant_id, e.reference)
        = (a.tenant_id, 'arrived:' || a.account || ':' || a.settlement)
    WHERE a.tenant_id = :tenant AND a.booked_on = :day AND e.booked_on > :day
    UNION SELECT e.id FROM paid_elsewhere f
    JOIN payment_requests r ON (r.tenant_id, r.id) = (f.tenant_id, f.request_id)
    JOIN ledger_entries e ON (e.tenant_id, e.reference)
        = (f.tenant_id, 'elsewhere:' || r.reference || ':' || f.id)
    WHERE f.tenant_id = :tenant AND f.paid_on = :day AND e.booked_on > :day"""
PAGE = f"""
    SELECT e.id, e.reference, e.reason, e.booked_on, e.booked_at, max(p.currency) AS currency,
        (sum(p.cents) FILTER (WHERE p.cents > 0))::bigint AS cents
    FROM ({LATER}) later JOIN ledger_entries e ON e.tenant_id = :tenant AND e.id = later.id
    JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
    WHERE e.id > :behind GROUP BY e.tenant_id, e.id ORDER BY e.id LIMIT :most"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Later:
    """An entry that was booked later; ``amount`` is what it moves from side to side."""

    id: int
    reference: str
    reason: str
    booked_on: date
    booked_at: datetime
    amount: Money


def page(
    session: Session, tenant_id: str, day: date, since: datetime, behind: int = 0
) -> Sequence[Later]:
    """Entries for ``day`` that were booked after ``since``, in order, after ``behind``."""
    asked = {"tenant": tenant_id, "day": day, "since": since, "behind": behind, "most": A_PAGE}
    return [
        Later(row.id, row.reference, row.reason, row.booked_on, row.booked_at,
              Money(row.cents, row.currency))
        for row in session.execute(text(PAGE), asked)
    ]  # fmt: skip
