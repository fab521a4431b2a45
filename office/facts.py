"""What the portal's events tell, read strictly. Fields that we do not know are left alone."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
)

from portal.errors import Invalid

MOST_CENTS = 10**15
MOST_KEPT = 10_000  # characters of what cannot be read
Cents = Annotated[StrictInt, Field(ge=0, le=MOST_CENTS)]
SomeCents = Annotated[StrictInt, Field(gt=0, le=MOST_CENTS)]  # money that came
AnyCents = Annotated[StrictInt, Field(ge=-MOST_CENTS, le=MOST_CENTS)]  # a pay-out may be negative
Name = Annotated[str, Field(min_length=1, max_length=200)]
Maybe = Annotated[Name | None, BeforeValidator(lambda told: None if told == "" else told)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
EURO = "EUR"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(_Fact):
    """An event of the feed; ``data`` is read by its type."""

    id: Name
    position: Annotated[StrictInt, Field(ge=0, lt=2**63)]  # 0: of no feed, only a try
    type: Name
    occurred_at: AwareDatetime
    reference: str | None = None
    data: dict[str, Any]


class Succeeded(_Fact):
    """``payment.succeeded``"""

    payment: Name
    provider_reference: Maybe = None
    amount_cents: SomeCents
    claim_cents: Cents
    surplus_cents: Cents
    currency: Currency = EURO
    suspense_account: Name


class Custody(_Fact):
    """``custody.opened`` and ``custody.assigned``; no account: the money came by no provider."""

    item: Name
    amount_cents: SomeCents
    currency: Currency = EURO
    cause: Name
    suspense_account: Maybe = None
    payment: Maybe = None
    provider_reference: Maybe = None


class PayoutLine(_Fact):
    """One payment, refund or reversal in a pay-out, or what is none of these."""

    payment: Maybe = None
    refund: Maybe = None
    reversal: Maybe = None
    fee: Maybe = None
    reserve: Maybe = None
    other: Maybe = None
    provider_reference: Maybe = None
    gross_cents: AnyCents
    fee_cents: AnyCents

    @property
    def is_payment(self) -> bool:
        return not (self.refund or self.reversal or self.fee or self.reserve or self.other)


class Payout(_Fact):
    """``payout.announced``, ``payout.withdrawn`` and ``payout.arrived``"""

    provider: Name
    account: Name
    payout: Name
    version: Annotated[StrictInt, Field(ge=1, lt=2**31)] = 1  # above 1: one before was withdrawn
    gross_cents: AnyCents
    fee_cents: AnyCents
    reserve_cents: AnyCents = 0  # held back; below zero: let go again
    net_cents: AnyCents
    currency: Currency = EURO
    lines: tuple[PayoutLine, ...] = ()

    @property
    def subject(self) -> str:
        """Names the pay-out among all provider accounts."""
        return f"{self.account}/{self.name}"

    @property
    def name(self) -> str:
        """Names the pay-out, and which version of it, among those of its account."""
        return self.payout if self.version == 1 else f"{self.payout}/{self.version}"


def read_event(told: Mapping[str, Any] | bytes) -> Event:
    """An event as the portal sends it; raises Invalid when it is none."""
    try:
        body = _once(told) if isinstance(told, bytes) else told
        _check_storable(body)
        return Event.model_validate(body)
    except (ValidationError, ValueError) as error:
        raise Invalid("This is not an event.") from error


def _check_storable(body: Any) -> None:
    """PostgreSQL holds no NUL, no half of a surrogate pair and no NaN: ValueError for each."""
    written = json.dumps(body, ensure_ascii=False, allow_nan=False)
    written.encode()  # UnicodeError is a ValueError
    if r"\u0000" in written:
        raise ValueError("holds a NUL")


def storable(told: Any) -> str:
    """Whatever was told, as a text that can be kept."""
    return json.dumps(told, ensure_ascii=True)[:MOST_KEPT]


def _once(raw: bytes) -> Any:
    return json.loads(raw, object_pairs_hook=_no_key_twice)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
