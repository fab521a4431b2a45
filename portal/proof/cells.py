"""Tables as text files: UTF-8, semicolon, ISO days, amounts with a comma: for Excel and IDEA.

RFC 4180 but for the semicolon. A text that a spreadsheet would take for a formula (CWE-1236) gets
an apostrophe before it.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime

from portal.money import Money

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Cell = str | int | bool | Money | date | datetime | None


def lines(head: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """A table line by line, each with its end."""
    yield line(head)
    for row in rows:
        yield line(row)


def line(row: Iterable[Cell]) -> str:
    """One line of a table."""
    written = io.StringIO()
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerow([cell(each) for each in row])
    return written.getvalue()


def cell(value: Cell) -> str:
    """What stands in the file for a value: nothing for none, moments in UTC."""
    for kind, written in KINDS.items():
        if isinstance(value, kind):
            return written(value)
    return "" if value is None else str(value)


def decimal(money: Money) -> str:
    """-1234,05"""
    whole, cents = divmod(abs(money.cents), 100)
    return f"{'-' if money.cents < 0 else ''}{whole},{cents:02}"


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


KINDS: dict[type, Callable[..., str]] = {
    str: _text,
    Money: decimal,
    bool: lambda value: "ja" if value else "nein",
    datetime: _moment,  # before date, which it is, too
    date: date.isoformat,
}
