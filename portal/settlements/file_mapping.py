"""Mappings: how a file of settlement reports is to be read, told in TOML. Pure.

What each setting means stands in ``docs/settlement-files.md``; ``mappings/generic.toml`` can be
copied. Shipped mappings are known by the names of their files.
"""

import tomllib
from collections.abc import Mapping as Table
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from portal.errors import Invalid

SHIPPED = Path(__file__).with_name("mappings")

Column = Annotated[int, Field(ge=1, le=1000, strict=True)] | Annotated[str, Field(min_length=1)]


class BadMapping(Invalid):
    """The mapping cannot be used; the message names the setting."""

    code = "bad_mapping"


class Word(StrEnum):
    """What a word of the file may mean; some say the direction, too."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_BACK = "refund_back"
    REVERSAL = "reversal"
    REVERSAL_WON = "reversal_won"
    FEE = "fee"
    FEE_BACK = "fee_back"
    RESERVE = "reserve"
    RESERVE_RELEASED = "reserve_released"
    OTHER = "other"
    PAYOUT = "payout"  # the pay-out itself: it says the net


# word -> kind of a line; whether its gross is above zero where amounts bear no sign
MEANS: Table[Word, tuple[str, bool]] = {
    Word.PAYMENT: ("payment", True),
    Word.REFUND: ("refund", False),
    Word.REFUND_BACK: ("refund", True),
    Word.REVERSAL: ("reversal", False),
    Word.REVERSAL_WON: ("reversal", True),
    Word.FEE: ("fee", False),
    Word.FEE_BACK: ("fee", True),
    Word.RESERVE: ("reserve", False),
    Word.RESERVE_RELEASED: ("reserve", True),
    Word.OTHER: ("other", True),
    Word.PAYOUT: ("payout", False),
}
ONLY_ABOVE_ZERO = frozenset(
    {Word.PAYMENT, Word.REFUND_BACK, Word.REVERSAL_WON, Word.FEE_BACK, Word.RESERVE_RELEASED}
)


def moment(told: str, form: str) -> datetime:
    """The beginning of a day, or a moment, as the form writes it, in UTC; raises ``ValueError``."""
    return datetime.strptime(told, form).replace(tzinfo=UTC)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Form(_Strict):
    """How the file is written. Without a decimal sign amounts are whole cents."""

    encoding: Literal["utf-8", "cp1252"] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ";"
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    decimal: Literal[",", ".", ""] = ","
    thousands: Literal["", ".", ",", "'", " "] = ""
    date: str = "%d.%m.%Y"
    lines_before: Annotated[int, Field(ge=0, le=100)] = 0
    names: bool = True

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.decimal == self.thousands != "":
            raise ValueError("the decimal sign and the thousands sign are the same")
        try:  # a form that cannot be written is no form
            moment(datetime(2026, 11, 30, tzinfo=UTC).strftime(self.date), self.date)
        except ValueError:
            raise ValueError("date is no form of a date") from None
        return self


class Columns(_Strict):
    """Which column holds what: its name, or its number from 1."""

    payment: Column | None = None
    payment_reference: Column | None = None
    provider_reference: Column | None = None
    refund: Column | None = None
    kind: Column | None = None
    gross: Column | None = None
    fee: Column | None = None
    net: Column | None = None
    currency: Column | None = None
    settlement: Column | None = None
    merchant: Column | None = None
    made: Column | None = None


class Signs(_Strict):
    """Whether amounts bear a sign, and which sign a fee has that is charged."""

    gross: Literal["signed", "unsigned"] = "signed"
    fee: Literal["positive", "negative"] = "positive"


class Fixed(_Strict):
    """What no column tells."""

    kind: Word | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    settlement: str | None = None
    merchant: str | None = None


class Control(_Strict):
    """A first or last row with what is true of the whole file: it must be there, and agree."""

    place: Literal["first", "last"]
    column: Annotated[int, Field(ge=1, le=1000)] = 1
    word: str
    count: Annotated[int, Field(ge=1)] | None = None
    gross: Annotated[int, Field(ge=1)] | None = None
    fee: Annotated[int, Field(ge=1)] | None = None
    net: Annotated[int, Field(ge=1)] | None = None
    settlement: Annotated[int, Field(ge=1)] | None = None
    merchant: Annotated[int, Field(ge=1)] | None = None
    made: Annotated[int, Field(ge=1)] | None = None


class Mapping(_Strict):
    """A mapping as a whole."""

    title: str
    form: Form = Form()
    columns: Columns
    kinds: dict[str, Word] = {}
    signs: Signs = Signs()
    fixed: Fixed = Fixed()
    control: tuple[Control, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        columns, fixed = self.columns, self.fixed
        if columns.gross is None and columns.net is None:
            raise ValueError("columns: gross or net is needed")
        if columns.kind is None and fixed.kind is None:
            raise ValueError("columns: kind is needed, or fixed: kind")
        if columns.kind is not None and not self.kinds:
            raise ValueError("kinds: the words of the column kind are needed")
        if columns.currency is None and fixed.currency is None:
            raise ValueError("columns: currency is needed, or fixed: currency")
        named = any(isinstance(each, str) for each in columns.model_dump().values())
        if named and not self.form.names:
            raise ValueError("columns: numbers are needed where form.names is false")
        return self


def shipped() -> dict[str, Mapping]:
    """The mappings that come with the program, by name."""
    return {path.stem: read(path.read_text("utf-8")) for path in sorted(SHIPPED.glob("*.toml"))}


def load(name: str) -> Mapping:
    """A shipped mapping by its name, or one's own by its path; raises ``BadMapping``."""
    path = SHIPPED / f"{name}.toml" if name.isidentifier() else Path(name)
    try:
        return read(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        known = ", ".join(path.stem for path in sorted(SHIPPED.glob("*.toml")))
        raise BadMapping(f"There is no mapping {name}. Shipped are: {known}.") from None


def read(text: str) -> Mapping:
    """A mapping from its TOML; raises ``BadMapping``."""
    try:
        return Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(f"The mapping is no TOML: {error}.") from None
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, told["loc"])) or "the mapping"
        raise BadMapping(f"{place}: {told['msg'].removeprefix('Value error, ')}.") from None
