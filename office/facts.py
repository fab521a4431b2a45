"""What the portal's events tell, read strictly. Fields that we do not know are left alone."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, ValidationError

from portal.errors import Invalid

Cents = Annotated[StrictInt, Field(ge=0)]
AnyCents = Annotated[StrictInt, Field()]  # a pay-out may be negative
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(_Fact):
    """An event of the feed; ``data`` is read by its type."""

    id: Name
    position: Annotated[StrictInt, Field(ge=1)]
    type: Name
    occurred_at: AwareDatetime
    reference: str | None = None
    data: dict[str, Any]


class Succeeded(_Fact):
    """``payment.succeeded``"""

    payment: Name
    amount_cents: Cents
    claim_cents: Cents
    surplus_cents: Cents
    suspense_account: Name


class Custody(_Fact):
    """``custody.opened``"""

    item: Name
    amount_cents: Cents
    cause: Name
    suspense_account: Name


class PayoutLine(_Fact):
    """One payment, refund or reversal in a pay-out."""

    payment: Name | None = None
    gross_cents: AnyCents
    fee_cents: AnyCents


class Payout(_Fact):
    """``payout.announced`` and ``payout.arrived``"""

    provider: Name
    account: Name
    payout: Name
    gross_cents: AnyCents
    fee_cents: AnyCents
    net_cents: AnyCents
    lines: tuple[PayoutLine, ...] = ()

    @property
    def subject(self) -> str:
        """Names the pay-out among all provider accounts."""
        return f"{self.account}/{self.payout}"


def read_event(told: Mapping[str, Any] | bytes) -> Event:
    """An event as the portal sends it; raises Invalid when it is none."""
    try:
        return Event.model_validate(_once(told) if isinstance(told, bytes) else told)
    except (ValidationError, ValueError) as error:
        raise Invalid("This is not an event.") from error


def _once(raw: bytes) -> Any:
    return json.loads(raw, object_pairs_hook=_no_key_twice)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
