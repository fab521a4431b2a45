"""What the finance system may ask: the shape of a payment request in the contract.

Unknown fields are refused, and so is what tells of a person. No field can add a fee for the payer.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from portal.requests import persons

REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
PSEUDONYM = r"^[A-Za-z0-9_.~-]{1,64}$"
MOST_CENTS = 99_999_999_999
Place = tuple[str | int, ...]
NO_CONTROLS = r"^[^\u0000-\u001f\u007f]+$"


def _iso(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) != len("2026-11-15"):
        raise ValueError("must be a day as YYYY-MM-DD")
    return value


Cents = Annotated[StrictInt, Field(ge=1, le=MOST_CENTS)]
CentsOrZero = Annotated[StrictInt, Field(ge=0, le=MOST_CENTS)]
Rank = Annotated[StrictInt, Field(ge=1, le=10_000)]
BasisPoints = Annotated[StrictInt, Field(ge=0, le=10_000)]
Day = Annotated[date, BeforeValidator(_iso)]
Text = Annotated[str, Field(min_length=1, max_length=140, pattern=NO_CONTROLS)]
Short = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_CONTROLS)]
Sign = Annotated[str, Field(min_length=1, max_length=35, pattern=NO_CONTROLS)]
Reference = Annotated[str, Field(pattern=REFERENCE)]
Pseudonym = Annotated[str, Field(pattern=PSEUDONYM)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Vat(_Strict):
    """Value added tax of an item: rate in basis points, amount in cents."""

    rate_bp: BasisPoints
    amount_cents: CentsOrZero


class Item(_Strict):
    """One line of a request; ``claim`` is the finance system's open item behind it."""

    text: Text
    amount_cents: Cents
    claim: Short | None = None
    rank: Rank = 1
    account: Short | None = None
    vat: Vat | None = None


class Instalment(_Strict):
    """What is due on which day."""

    due_on: Day
    amount_cents: Cents


class Partial(_Strict):
    """Parts may be paid, from ``minimum_cents`` on."""

    minimum_cents: Cents


class Asked(_Strict):
    """The body of a payment request."""

    amount_cents: Cents
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    kind: Short
    purpose: Text
    payment_sign: Sign | None = None
    unit: Short | None = None
    debtor: Pseudonym | None = None
    issued_on: Day | None = None
    due_on: Day | None = None
    payable_until: Day | None = None
    tan: StrictBool = True
    partial: Partial | None = None
    language: Literal["de", "en", "uk", "pl", "tr", "nb", "ar"] | None = None
    replaces: Annotated[tuple[Reference, ...], Field(max_length=100)] = ()
    items: Annotated[tuple[Item, ...], Field(max_length=200)] = ()
    instalments: Annotated[tuple[Instalment, ...], Field(max_length=60)] = ()

    @model_validator(mode="after")
    def _sums_fit(self) -> Self:
        for name, parts in (("items", self.items), ("instalments", self.instalments)):
            if parts and sum(part.amount_cents for part in parts) != self.amount_cents:
                raise ValueError(f"{name} must sum to amount_cents")
        return self

    @model_validator(mode="after")
    def _tells_of_no_person(self) -> Self:
        if found := [_personal(place, held[0]) for place, (held, _) in self._seen() if held]:
            raise ValidationError.from_exception_data(type(self).__name__, found)
        return self

    def warnings(self) -> tuple[str, ...]:
        """What in the texts only looks as if it told of a person: ``purpose:looks_like_phone``."""
        return tuple(
            f"{'/'.join(map(str, place))}:{code}"
            for place, (_, doubts) in self._seen()
            for code in doubts
        )

    def _seen(self) -> list[tuple[Place, persons.Seen]]:
        """Where something is seen in what people will read, and what."""
        sign = self.payment_sign
        seen: list[tuple[Place, persons.Seen]] = [(("purpose",), persons.seen(self.purpose, sign))]
        for number, item in enumerate(self.items):
            seen.append((("items", number, "text"), persons.seen(item.text, sign)))
        return seen


def _personal(place: Place, what: str) -> InitErrorDetails:
    message = PydanticCustomError(
        "personal_data",
        "holds {what}: nothing may stand here that tells of a person",
        {"what": what},
    )
    return InitErrorDetails(
        type=message, loc=place, input=None
    )  # the text itself is told to nobody
