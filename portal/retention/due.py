"""What is due when, and what holds it. Reads only; the rules are the database's own functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal import clock
from portal.retention.classes import Name

AT_ONCE = 500
LONG_AGO = datetime.min.replace(year=2, tzinfo=UTC)
OVERDUE = text(Path(__file__).with_name("overdue.sql").read_text(encoding="utf-8"))

# updated_at is never later than moved_at: it lets the indexes leave out what cannot be due.
DETAILS = text("""
    SELECT v.id, v.updated_at FROM retention_requests v JOIN tenants t ON t.id = v.tenant_id
    WHERE v.tenant_id = :tenant AND v.details_purged_at IS NULL
      AND v.state IN ('paid', 'withdrawn', 'expired', 'replaced')
      AND v.updated_at <= retention_now(:now) - make_interval(days => t.retention_days)
      AND (v.updated_at, v.id) > (:after, :after_id) AND v.details_due_at <= retention_now(:now)
      AND retention_hold(v.tenant_id, v.id, v.reference) IS NULL
    ORDER BY v.updated_at, v.id LIMIT :most""")
WHOLE = text("""
    SELECT v.id, v.updated_at FROM retention_requests v JOIN tenants t ON t.id = v.tenant_id
    WHERE v.tenant_id = :tenant AND v.details_purged_at IS NOT NULL AND v.purged_at IS NULL
      AND v.updated_at <= retention_now(:now) - make_interval(years => t.books_years)
      AND (v.updated_at, v.id) > (:after, :after_id) AND v.whole_due_at <= retention_now(:now)
      AND retention_hold(v.tenant_id, v.id, v.reference) IS NULL
    ORDER BY v.updated_at, v.id LIMIT :most""")
AMONG = text("""
    SELECT id, reference FROM retention_requests
    WHERE tenant_id = :tenant AND id = ANY (:ids) AND whole_due_at <= retention_now(:now)
    ORDER BY id""")
YEARS = text("""
    SELECT DISTINCT a.year, w.what FROM annual_accounts a
    CROSS JOIN (VALUES ('books'), ('vouchers')) AS w (what)
    WHERE a.tenant_id = :tenant
      AND retention_year_is_due(a.tenant_id, a.year, w.what, retention_now(:now))
    ORDER BY a.year, w.what""")
FORECAST = text("""
    SELECT CASE WHEN v.details_purged_at IS NULL THEN 'details'
                WHEN v.had_money THEN 'books' ELSE 'unpaid' END AS class,
        coalesce(retention_hold(v.tenant_id, v.id, v.reference), '') AS hold,
        min(CASE WHEN v.details_purged_at IS NULL THEN v.details_due_at ELSE v.whole_due_at END)
            AS first_due_at,
        count(*) AS requests,
        count(*) FILTER (WHERE CASE WHEN v.details_purged_at IS NULL THEN v.details_due_at
            ELSE v.whole_due_at END <= retention_now(:now)) AS due
    FROM retention_requests v WHERE v.tenant_id = :tenant AND v.purged_at IS NULL
    GROUP BY 1, 2 ORDER BY 1, 2""")


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many requests of a class wait, how many are due, and from when; ``hold`` may hold them.

    ``first_due_at`` is none while the accounts of their years are not adopted.
    """

    name: Name
    hold: str
    first_due_at: datetime | None
    requests: int
    due: int


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a walk over requests has come."""

    at: datetime = LONG_AGO
    id: int = 0


def details(session: Session, tenant_id: str, after: Place) -> Sequence[Row[tuple[int, datetime]]]:
    """The next requests whose details are due and not held."""
    return _walk(session, DETAILS, tenant_id, after)


def whole(session: Session, tenant_id: str, after: Place) -> Sequence[Row[tuple[int, datetime]]]:
    """The next requests that are due as a whole and not held."""
    return _walk(session, WHOLE, tenant_id, after)


def whole_among(session: Session, tenant_id: str, ids: Sequence[int]) -> dict[int, str]:
    """Those of the requests that are due as a whole, with their references."""
    told = {"tenant": tenant_id, "ids": list(ids), "now": clock.now()}
    return {row.id: row.reference for row in session.execute(AMONG, told)}


def years(session: Session, tenant_id: str) -> list[tuple[int, str]]:
    """The years whose ``books`` or ``vouchers`` are due."""
    found = session.execute(YEARS, {"tenant": tenant_id, "now": clock.now()})
    return [(row.year, row.what) for row in found]


def forecast(session: Session, tenant_id: str) -> list[Forecast]:
    """What is due when, by class and hold. Looks at every request that is not purged."""
    found = session.execute(FORECAST, {"tenant": tenant_id, "now": clock.now()})
    return [
        Forecast(Name(row[0]), row.hold, row.first_due_at, row.requests, row.due) for row in found
    ]


def overdue(session: Session) -> list[tuple[Any, ...]]:
    """Rows that are past their time for more than a day and are held by nothing."""
    return [tuple(row) for row in session.execute(OVERDUE, {"now": clock.now()})]


def _walk(
    session: Session, query: object, tenant_id: str, after: Place
) -> Sequence[Row[tuple[int, datetime]]]:
    told = {
        "tenant": tenant_id, "now": clock.now(), "after": after.at, "after_id": after.id,
        "most": AT_ONCE,
    }  # fmt: skip
    return session.execute(query, told).all()  # type: ignore[call-overload, no-any-return]
