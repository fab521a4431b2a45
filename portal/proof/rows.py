"""The rows behind one figure of the daily reconciliation, in pages, and what they sum to.

A figure of what moved is carried from the days before; its rows are those of the day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.errors import NotFound
from portal.money import Money
from portal.proof.equations import Row
from portal.proof.figures import FIGURES
from portal.tenants import Tenant

A_PAGE = 100
OF_FIGURE = "currency = :currency AND coalesce(part, '') = :part"
# Rows of one name are one: keys of pages must be unique.
PAGE = f"""SELECT source, name, sum(cents)::bigint FROM ({{rows}}) f
WHERE {OF_FIGURE} AND cents <> 0 AND (day IS NULL OR day = :day)
    AND (source, name) > (:source, :name)
GROUP BY source, name ORDER BY source, name LIMIT :most"""  # noqa: S608 -- of this file's words
SUMS = f"""SELECT coalesce(sum(cents) FILTER (WHERE day < :day), 0)::bigint,
    coalesce(sum(cents) FILTER (WHERE day IS NULL OR day = :day), 0)::bigint,
    count(DISTINCT (source, name)) FILTER (WHERE cents <> 0 AND (day IS NULL OR day = :day))
FROM ({{rows}}) f WHERE {OF_FIGURE} AND (day IS NULL OR day <= :day)"""  # noqa: S608


class NoSuchFigure(NotFound):
    """The reconciliation has no such figure."""

    code = "no_such_figure"


@dataclass(frozen=True, slots=True)
class Place:
    """Which figure: its key, its day, its part and its currency."""

    key: str
    day: date
    part: str
    currency: str


@dataclass(frozen=True, slots=True)
class Behind:
    """What a figure consists of: all before the day, and the day's own rows, so many."""

    carried: Money
    of_the_day: Money
    count: int

    @property
    def total(self) -> Money:
        """The figure."""
        return self.carried + self.of_the_day


def behind(session: Session, tenant: Tenant, place: Place) -> Behind:
    """What a figure consists of. Raises ``NoSuchFigure``."""
    carried, own, count = session.execute(*_asked(SUMS, tenant, place)).one()
    return Behind(Money(carried, place.currency), Money(own, place.currency), count)


def page(
    session: Session,
    tenant: Tenant,
    place: Place,
    behind: tuple[str, str] = ("", ""),
    most: int = A_PAGE,
) -> Sequence[Row]:
    """Rows after ``behind`` (source and name of the last one). Raises ``NoSuchFigure``."""
    source, name = behind
    statement, asked = _asked(PAGE, tenant, place)
    rows = session.execute(statement, {**asked, "source": source, "name": name, "most": most})
    return [Row(source, name, Money(cents, place.currency)) for source, name, cents in rows]


def every(session: Session, tenant: Tenant, place: Place) -> Iterator[Row]:
    """All rows, a page at a time. Raises ``NoSuchFigure``."""
    last = ("", "")
    while found := page(session, tenant, place, last, 10 * A_PAGE):
        yield from found
        last = (found[-1].source, found[-1].name)


def _asked(statement: str, tenant: Tenant, place: Place) -> tuple[Any, dict[str, object]]:
    if place.key not in FIGURES:
        raise NoSuchFigure("There is no such figure.")
    asked = {
        "tenant": tenant.id,
        "zone": tenant.time_zone,
        "day": place.day,
        "part": place.part,
        "currency": place.currency,
    }
    return text(statement.format(rows=FIGURES[place.key].sql)), asked
