"""Open items as of a day (Schwebeposten zum 31.12.): what the providers have, what is nobody's.

What was open at the end of a day is what is open now, less what was raised or lowered since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.money import Money
from portal.tenants import Tenant

A_PAGE = 100
FIRST_DAY = date.min + timedelta(days=1)


def _of(items: str, account: str, cause: str) -> str:
    return f"""
    SELECT '{items}' AS kind, i.id, i.reference, {account} AS account, {cause} AS cause, i.currency,
        (i.opened_at AT TIME ZONE :zone)::date AS opened_on,
        i.open_cents - coalesce(later.cents, 0) AS cents
    FROM {items}_items i LEFT JOIN (
        SELECT item_id, sum(cents) AS cents FROM {items}_moves
        WHERE tenant_id = :tenant AND booked_on > :day GROUP BY item_id
    ) later ON later.item_id = i.id
    WHERE i.tenant_id = :tenant"""  # noqa: S608 -- of this file's words


ITEMS = f"""({_of("suspense", "i.account", "''")}
    UNION ALL {_of("custody", "coalesce(i.account, '')", "i.cause")}) o WHERE o.cents <> 0"""
PAGE = f"""SELECT kind, id, reference, account, cause, currency, opened_on, cents::bigint
FROM {ITEMS} AND (opened_on, kind, id) > (:after_day, :after_kind, :after_id)
ORDER BY opened_on, kind, id LIMIT :most"""  # noqa: S608
SUMS = f"""SELECT kind, account, cause, currency, count(*), sum(cents)::bigint, min(opened_on)
FROM {ITEMS} GROUP BY kind, account, cause, currency ORDER BY kind DESC, account, cause, currency
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item with what of it was open at the end of the day, and its age in days then.

    ``kind`` is ``suspense`` or ``custody``; ``cause`` is a custody item's.
    """

    kind: str
    id: int
    reference: str
    account: str
    cause: str
    opened_on: date
    age: int
    open: Money


@dataclass(frozen=True, slots=True)
class Sum:
    """What is open of one kind, provider account and cause; the oldest was opened then."""

    kind: str
    account: str
    cause: str
    count: int
    open: Money
    oldest: date


Place = tuple[date, str, int]
START: Place = (FIRST_DAY, "", 0)


def page(
    session: Session, tenant: Tenant, day: date, behind: Place = START, most: int = A_PAGE
) -> Sequence[OpenItem]:
    """Items open at the end of ``day``, the oldest first, after ``behind``."""
    opened_on, kind, number = behind
    asked = {**_asked(tenant, day), "after_day": opened_on, "after_kind": kind, "most": most}
    rows = session.execute(text(PAGE), {**asked, "after_id": number})
    return [
        OpenItem(
            row.kind,
            row.id,
            row.reference,
            row.account,
            row.cause,
            row.opened_on,
            (day - row.opened_on).days,
            Money(row.cents, row.currency),
        )
        for row in rows
    ]


def every(session: Session, tenant: Tenant, day: date) -> Iterator[OpenItem]:
    """All of them, some at a time."""
    place = START
    while found := page(session, tenant, day, place, 10 * A_PAGE):
        yield from found
        place = (found[-1].opened_on, found[-1].kind, found[-1].id)


def sums(session: Session, tenant: Tenant, day: date) -> Sequence[Sum]:
    """What is open in all, by kind, provider account and cause: suspense first."""
    rows = session.execute(text(SUMS), _asked(tenant, day))
    return [
        Sum(kind, account, cause, count, Money(cents, currency), oldest)
        for kind, account, cause, currency, count, cents, oldest in rows
    ]


def _asked(tenant: Tenant, day: date) -> dict[str, object]:
    return {"tenant": tenant.id, "zone": tenant.time_zone, "day": day}
