"""Reading a list: page by page without counting, or its sums. All within a person's reach."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, func, literal, select, text, true, tuple_

from portal.admin import gate, scope
from portal.admin.lists.columns import Expression, Listing, Values
from portal.db import db
from portal.staff.roles import Right

A_PAGE = 50
AT_ONCE = 1000  # rows of a file that are fetched at once
# What the lists ask for lies in memory: a step along an index costs no seek of a disk.
NEAR = text("SET LOCAL random_page_cost = 1.1")
# A page is fifty such steps: to start helpers for it takes longer than they save.
BY_ONE = text("SET LOCAL max_parallel_workers_per_gather = 0")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and behind which key the next ones stand, if there are any."""

    rows: Sequence[Row[Any]]
    onward: str | None


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows there are in one currency, and what a column of them adds up to."""

    currency: str
    rows: int
    cents: int


@dataclass(frozen=True, slots=True)
class Part:
    """What of a list is added up: more filters, and the column; without one rows are counted."""

    values: Values = field(default_factory=dict)
    column: str | None = None


def page(listing: Listing, values: Values, after: str) -> Page:
    """A page of the list. ``after``: where the page before it ended."""
    db.session.execute(NEAR)
    db.session.execute(BY_ONE)
    keys = _keys(listing, values)
    query = _query(listing, Right.SEE, values)
    if place := _place(keys, after):
        query = query.where(tuple_(*keys) < tuple_(*place))
    rows = db.session.execute(query.limit(A_PAGE + 1)).all()
    if len(rows) <= A_PAGE:
        return Page(rows, None)
    return Page(rows[:A_PAGE], _told(rows[A_PAGE - 1], len(keys)))


def everything(listing: Listing, values: Values) -> Iterator[Row[Any]]:
    """All rows that may be taken out, a thousand at a time."""
    query = _query(listing, Right.EXPORT, values)
    yield from db.session.execute(query.execution_options(yield_per=AT_ONCE))


def is_longer(listing: Listing, values: Values, rows: int) -> bool:
    """Whether more rows than these would be taken out."""
    query: Select[Any] = select(literal(1)).select_from(listing.source)
    query = query.where(*_conditions(listing, Right.EXPORT, values))
    return len(db.session.execute(query.limit(rows + 1)).all()) > rows


def sums(
    listing: Listing,
    values: Values,
    parts: Mapping[str, Part],
    *by: Expression,
) -> dict[tuple[Any, ...], dict[str, list[Sum]]]:
    """Add up parts of a list in one go, for each value of ``by``; without one under ``()``."""
    groups: list[Any] = [each.label(f"part{number}") for number, each in enumerate(by)]
    wanted: list[Any] = [*groups, listing.currency.label("currency")]
    for name, part in parts.items():
        more = conditions(listing, part.values)
        wanted.append(func.count().filter(*more).label(f"{name}_rows"))
        of = listing.column(part.column).of if part.column else literal(0)
        wanted.append(func.sum(of).filter(*more).label(f"{name}_cents"))
    query = select(*wanted).select_from(listing.source)
    query = query.where(*_conditions(listing, Right.SEE, values))
    found: dict[tuple[Any, ...], dict[str, list[Sum]]] = {}
    db.session.execute(NEAR)
    for row in db.session.execute(query.group_by(*groups, listing.currency)):
        told = row._mapping
        into = found.setdefault(tuple(row[: len(by)]), {name: [] for name in parts})
        for name in parts:
            if told[f"{name}_rows"]:
                cents = int(told[f"{name}_cents"] or 0)
                into[name].append(Sum(told["currency"], told[f"{name}_rows"], cents))
    return found


def oldest(listing: Listing, values: Values, column: str) -> Any:
    """The least value of a column; ``None`` where there is no row."""
    query: Select[Any] = select(func.min(listing.column(column).of)).select_from(listing.source)
    return db.session.scalar(query.where(*_conditions(listing, Right.SEE, values)))


def conditions(listing: Listing, values: Values) -> list[ColumnElement[bool]]:
    """The conditions of some filters; at least one, which is always true."""
    filters = {each.name: each for each in listing.filters}
    return [true(), *(filters[name].where(value) for name, value in values.items())]


def _query(listing: Listing, right: Right, values: Values) -> Select[Any]:
    keys = _keys(listing, values)
    wanted: list[Any] = [
        *(column.of.label(column.name) for column in listing.columns),
        listing.currency.label("in_currency"),
        listing.reference.label("leads_to"),
        *(key.label(f"key{number}") for number, key in enumerate(keys)),
    ]
    query = select(*wanted).select_from(listing.source)
    return query.where(*_conditions(listing, right, values)).order_by(*(key.desc() for key in keys))


def _conditions(listing: Listing, right: Right, values: Values) -> list[ColumnElement[bool]]:
    who = gate.person()
    if listing.of_requests:
        reach = scope.within(right, listing.whose)
    else:
        reach = true() if who.reach(right).whole else false()
    return [listing.tenant == who.tenant_id, reach, *conditions(listing, values)]


def _keys(listing: Listing, values: Values) -> tuple[Expression, ...]:
    return listing.orders[listing.order(values)]


def _told(row: Row[Any], keys: int) -> str:
    values = [row._mapping[f"key{number}"] for number in range(keys)]
    return json.dumps([v.isoformat() if isinstance(v, date) else v for v in values])


def _place(keys: Sequence[Any], after: str) -> list[ColumnElement[Any]] | None:
    """The key that an address names; none where it names none of this list."""
    try:
        told = json.loads(after)
        if not isinstance(told, list) or len(told) != len(keys):
            return None
        return [
            literal(_read(value, key.type.python_type), key.type)
            for value, key in zip(told, keys, strict=True)
        ]
    except (ValueError, TypeError, RecursionError):
        return None


def _read(value: Any, kind: Any) -> Any:
    if kind in {datetime, date}:
        return kind.fromisoformat(value)
    if type(value) is not kind or (kind is int and abs(value) >= 2**63):
        raise ValueError(value)
    if kind is str and not value.isprintable():  # a lone half of a sign, too
        raise ValueError(value)
    return value
