"""How values of a list are written: on the page, and in files.

What comes from outside and could be taken for a formula by a table program gets an apostrophe in
front (OWASP, CSV Injection). Amounts, days and numbers are our own and stay what they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal, get_decimal_symbol
from sqlalchemy import Row

from portal.admin.lists.columns import Column, Shape
from portal.money import Money
from portal.web import language
from portal.web.language import gettext

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on the page."""

    title: str
    text: str
    shape: Shape
    tone: str


def cells(columns: tuple[Column, ...], row: Row[Any]) -> list[Cell]:
    """A row as the page shows it."""
    return [_cell(column, row) for column in columns]


def _cell(column: Column, row: Row[Any]) -> Cell:
    value = row._mapping[column.name]
    word = column.words.get(str(value))
    text = "" if value is None else SHOWN[column.shape](column, value, row)
    return Cell(gettext(column.title), text, column.shape, word.tone if word else "plain")


def in_words(column: Column, value: object) -> str:
    """A text, or a code in words."""
    word = column.words.get(str(value))
    return gettext(word.text) if word else str(value)


def short_day(value: date) -> str:
    """15.11.2026"""
    return _day(value, language.spoken().locale)


# A page says the same days and amounts again and again, and each takes Babel 0.1 ms.
@lru_cache(maxsize=1024)
def _day(value: date, locale: str) -> str:
    return format_date(value, "medium", locale=locale)


@lru_cache(maxsize=4096)
def _money(cents: int, currency: str, _locale: str) -> str:
    return language.money(Money(cents, currency))


def _amount(cents: int, row: Row[Any]) -> str:
    return _money(cents, row._mapping["in_currency"], language.spoken().locale)


def short_moment(value: datetime) -> str:
    """15.11.2026, 20:14, in the town's time zone."""
    zoned = value.astimezone(ZoneInfo(language.zone()))
    return f"{short_day(zoned.date())}, {zoned:%H:%M}"


def decimal(some: int, whole: int) -> str:
    """A quotient with one decimal: 12,5"""
    value = Decimal(some) / whole if whole else Decimal(0)
    return format_decimal(value, "0.0", locale=language.spoken().locale)


def harmless(text: str) -> str:
    """A text that no table program takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


SHOWN: Mapping[Shape, Callable[[Column, Any, Row[Any]], str]] = {
    Shape.TEXT: lambda column, value, _: in_words(column, value),
    Shape.STATE: lambda column, value, _: in_words(column, value),
    Shape.MONEY: lambda _, value, row: _amount(value, row),
    Shape.NUMBER: lambda _, value, __: str(value),
    Shape.DAY: lambda _, value, __: short_day(value),
    Shape.MOMENT: lambda _, value, __: short_moment(value),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How numbers and days are written in a file, by the language of the page."""

    decimal: str
    day: str
    zone: ZoneInfo

    def text(self, column: Column, value: Any) -> str:
        """A value as text."""
        if value is None:
            return ""
        match column.shape:
            case Shape.MONEY:
                euros, cents = divmod(abs(value), 100)
                return f"{'-' * (value < 0)}{euros}{self.decimal}{cents:02}"
            case Shape.DAY:
                return str(value.strftime(self.day))
            case Shape.MOMENT:
                return str(value.astimezone(self.zone).strftime(f"{self.day} %H:%M"))
            case Shape.NUMBER:
                return str(value)
        return harmless(in_words(column, value))

    def typed(self, column: Column, value: Any) -> Any:
        """A value as a table program takes it: amounts, days and numbers as such."""
        match column.shape:
            case Shape.MONEY if value is not None:
                return Decimal(value) / 100
            case Shape.MOMENT if value is not None:
                return value.astimezone(self.zone).replace(tzinfo=None)
            case Shape.DAY | Shape.NUMBER:
                return value
        return self.text(column, value)


def manner() -> Manner:
    """German numbers and days where the page is German; else ISO 8601."""
    locale = language.spoken().locale
    day = "%d.%m.%Y" if locale == "de" else "%Y-%m-%d"
    return Manner(get_decimal_symbol(locale), day, ZoneInfo(language.zone()))
