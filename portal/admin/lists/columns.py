"""What a list of the admin view is made of: columns, filters, orders.

One table of columns serves the page, the CSV and the XLSX, and the figures of the overview: a
figure is the sum of a column under some filters, and leads to that very list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression
from sqlalchemy.sql.selectable import FromClause

from portal.admin.words import Word
from portal.payments.models import Payment
from portal.requests.models import PaymentRequest
from portal.web.language import gettext

Expression = SQLColumnExpression[Any]
Values = Mapping[str, Any]  # what the filters were set to, read
Where = Callable[[Any], ColumnElement[bool]]
Choices = Callable[[], list[tuple[str, str]]]


class Shape(StrEnum):
    """How a value is written."""

    TEXT = "text"
    MONEY = "money"  # integer cents
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``words`` says codes in words; what is not among them is said as it is."""

    name: str
    title: str
    shape: Shape
    of: Expression
    words: Mapping[str, Word] = field(default_factory=dict)


class Field(StrEnum):
    """How a filter is filled in."""

    CHOICE = "choice"
    TEXT = "text"
    DAY = "date"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, whose name stands in the address. ``where``: the rows that it leaves."""

    name: str
    title: str
    field: Field
    where: Where
    choices: Choices | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: newest first by one of ``orders``, each a key that names a row and never repeats.

    ``path`` is its address below ``/admin``; several may share it, as ``what``. What belongs to no
    request (``of_requests``) is seen with a role for the whole town only, all else by the unit and
    kind of ``whose``. ``reference`` is that of the request that a row leads to, if any.
    """

    name: str
    path: str
    title: str
    lead: str
    columns: tuple[Column, ...]
    source: FromClause
    tenant: Expression
    currency: Expression
    reference: Expression
    filters: tuple[Filter, ...]
    orders: Mapping[str, tuple[Expression, ...]]
    order: Callable[[Values], str] = lambda _: "newest"
    whose: type[PaymentRequest | Payment] = PaymentRequest
    preset: Mapping[str, str] = field(default_factory=dict)
    of_requests: bool = True

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)


def codes(words: Mapping[str, Word], *more: tuple[str, str]) -> Choices:
    """The choices of a filter by codes; ``more`` groups of them stand first."""
    return lambda: [
        *((code, gettext(text)) for code, text in more),
        *((code, gettext(word.text)) for code, word in words.items()),
    ]
