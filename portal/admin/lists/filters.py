"""Filters of the lists: the usual ones, and reading them from the address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BindParameter, ColumnElement, Integer, bindparam, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.admin import gate
from portal.admin.lists.columns import Choices, Expression, Field, Filter, Listing, Where
from portal.db import db
from portal.payments import parts
from portal.payments.models import ProviderAccount
from portal.tenants import Kind
from portal.web.current import tenant
from portal.web.language import gettext
from portal.words import N_

LONGEST = 200
UNTOLD = "…"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the filters of an address say: as typed, as read, and what is wrong, by field."""

    typed: dict[str, str]
    values: dict[str, Any]
    errors: dict[str, str]


def read(listing: Listing, args: Mapping[str, str]) -> Asked:
    """Read the filters; what is not filled in counts for nothing."""
    asked = Asked({}, {}, {})
    for each in listing.filters:
        typed = plain(args.get(each.name, listing.preset.get(each.name, "")))
        if not typed:
            continue
        asked.typed[each.name] = typed
        value = READERS[each.field](each, typed)
        if value is None:
            asked.errors[each.name] = gettext(WRONG[each.field])
        else:
            asked.values[each.name] = value
    return asked


def noted(listing: Listing, asked: Asked) -> dict[str, str]:
    """What the audit may keep of the filters: choices, days and cents as they were read.

    Of a free text only that there was one: it may be what a caller said of himself.
    """
    texts = {each.name for each in listing.filters if each.field is Field.TEXT}
    return {name: UNTOLD if name in texts else str(value) for name, value in asked.values.items()}


def plain(typed: str) -> str:
    """What was typed, without what no text of ours can hold."""
    return typed.replace("\0", "").strip()[:LONGEST]


def _choice(of: Filter, typed: str) -> str | None:
    choices = of.choices() if of.choices else []
    return typed if typed in {value for value, _ in choices} else None


def read_day(typed: str) -> date | None:
    """``2026-11-15``, as a field for days sends it, or ``15.11.2026``."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(typed, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def _amount(_: Filter, typed: str) -> int | None:
    cents = parts.read(typed)
    return cents if cents is not None and cents < 2**63 else None


READERS: Mapping[Field, Callable[[Filter, str], Any]] = {
    Field.CHOICE: _choice,
    Field.TEXT: lambda _, typed: typed,
    Field.DAY: lambda _, typed: read_day(typed),
    Field.AMOUNT: _amount,
}
WRONG: Mapping[Field, str] = {
    Field.CHOICE: N_("There is no such choice."),
    Field.TEXT: N_("This cannot be read."),
    Field.DAY: N_("Please write the day as 2026-11-15."),
    Field.AMOUNT: N_("Please write the amount as 148.50."),
}


def zone() -> ZoneInfo:
    """The town's time zone."""
    return ZoneInfo(tenant().time_zone)


def begins(day: date) -> datetime:
    """When a business day of the town begins."""
    return datetime.combine(day, time(), zone()).astimezone(UTC)


def between(
    column: Expression, title: str = N_("From day"), last: str = N_("To day")
) -> list[Filter]:
    """Two filters by the days on which a moment may lie, both inclusive."""
    return [
        Filter("from", title, Field.DAY, lambda day: column >= begins(day)),
        Filter("to", last, Field.DAY, lambda day: column < begins(day + timedelta(days=1))),
    ]


def choice(name: str, title: str, column: Expression, choices: Choices) -> Filter:
    """A filter by what stands in a column."""
    return Filter(name, title, Field.CHOICE, lambda value: column == written_out(value), choices)


def written_out(code: str) -> BindParameter[str]:
    """A code as a part of the statement: it is planned for this code, and partial indexes fit."""
    return bindparam(None, code, literal_execute=True)


def grouped(
    name: str, title: str, column: Expression, choices: Choices, groups: Mapping[str, Where]
) -> Filter:
    """As ``choice``, where some choices are groups with conditions of their own."""

    def where(value: str) -> ColumnElement[bool]:
        return groups[value](value) if value in groups else column == written_out(value)

    return Filter(name, title, Field.CHOICE, where, choices)


def amount(column: Expression, title: str = N_("Amount")) -> Filter:
    """A filter by an exact amount."""
    return Filter("amount", title, Field.AMOUNT, lambda cents: column == cents)


def text(name: str, title: str, column: Expression) -> Filter:
    """A filter by an exact text."""
    return Filter(name, title, Field.TEXT, lambda typed: column == typed)


def kinds() -> list[tuple[str, str]]:
    """The town's kinds of requests."""
    query = select(Kind.code, Kind.name).where(Kind.tenant_id == gate.person().tenant_id)
    return [(code, name) for code, name in db.session.execute(query.order_by(Kind.name))]


def accounts() -> list[tuple[str, str]]:
    """The town's accounts at payment providers, old ones too."""
    query = select(ProviderAccount.id).where(ProviderAccount.tenant_id == gate.person().tenant_id)
    return [(name, name) for name in db.session.scalars(query.order_by(ProviderAccount.id))]


def stretch_of(value: InstrumentedAttribute[Any], begin: Sequence[date]) -> Expression:
    """In which of several stretches, counted from 1, a value lies. ``begin``: when each begins.

    To find a moment's day by its time zone would take far longer, row by row.
    """
    return func.width_bucket(value, cast(list(begin), ARRAY(value.type)), type_=Integer)
