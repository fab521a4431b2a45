"""What the finance system may order about a request, or tell of it: the shapes of the contract."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from portal.requests.asked import Cents, Day, Reference, Short


class Why(StrEnum):
    """Why a request can no longer be paid online."""

    CANCELLED = "cancelled"
    PAID = "paid"
    DEFERRED = "deferred"
    DEBIT = "debit"
    ENFORCEMENT = "enforcement"
    OTHER = "other"


class How(StrEnum):
    """By what money came on the town's own account."""

    TRANSFER = "transfer"
    CASH = "cash"
    DEBIT = "debit"
    OFFSET = "offset"
    OTHER = "other"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Withdrawal(_Strict):
    """The request can no longer be paid online."""

    reason: Why


class Restoring(_Strict):
    """The request can be paid online again, until this day or without a last one."""

    payable_until: Day | None


class Elsewhere(_Strict):
    """Money came on the town's own account; ``id`` is the finance system's name of it."""

    id: Reference
    amount_cents: Cents
    paid_on: Day
    how: How


class Rest(_Strict):
    """A small rest that is waived: all that is still open, why, and by which order."""

    amount_cents: Cents
    reason: Short
    order: Short
