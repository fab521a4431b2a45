"""Whether a provider's report fits the payment it speaks of. Pure.

Authentic is not the same as right: account, merchant, mode, reference, currency and amount of
every report are compared with ours before anything is booked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from portal.money import Money
from portal.providers.protocol import Outcome, Report


class Misfit(StrEnum):
    """What does not fit."""

    UNKNOWN_PAYMENT = "unknown_payment"
    OTHER_ACCOUNT = "other_account"
    OTHER_MERCHANT = "other_merchant"
    OTHER_MODE = "other_mode"
    OTHER_REFERENCE = "other_reference"
    OTHER_CURRENCY = "other_currency"
    OTHER_AMOUNT = "other_amount"
    MOVED_ON = "moved_on"  # it fits, but its money was booked as unclear and has moved on


@dataclass(frozen=True, slots=True)
class Expected:
    """What we know of the payment that a report names."""

    account_id: str
    provider_reference: str | None
    amount: Money


@dataclass(frozen=True, slots=True)
class Heard:
    """The account that a report came for, as it stands in our books."""

    account_id: str
    merchant: str
    live: bool


Check = Callable[[Report, Heard, Expected], bool]

# fmt: off
MISFITS: tuple[tuple[Misfit, Check], ...] = (
    (Misfit.OTHER_MODE,      lambda told, heard, ours: told.live != heard.live),
    (Misfit.OTHER_ACCOUNT,   lambda told, heard, ours: heard.account_id != ours.account_id),
    (Misfit.OTHER_MERCHANT,  lambda told, heard, ours: told.merchant != heard.merchant),
    (Misfit.OTHER_REFERENCE, lambda told, heard, ours:
        ours.provider_reference is not None
        and told.outcome is not Outcome.NOT_FOUND
        and told.provider_reference != ours.provider_reference),
    (Misfit.OTHER_CURRENCY,  lambda told, heard, ours:
        told.outcome is not Outcome.NOT_FOUND
        and told.amount.currency != ours.amount.currency),
    (Misfit.OTHER_AMOUNT,    lambda told, heard, ours:
        told.outcome is not Outcome.NOT_FOUND
        and told.amount.cents != ours.amount.cents),
)
# fmt: on


def judge(told: Report, heard: Heard, ours: Expected | None) -> Misfit | None:
    """The first thing that does not fit, or ``None``."""
    if ours is None:
        # Practice money named on a live account is no money at all.
        return Misfit.OTHER_MODE if told.live != heard.live else Misfit.UNKNOWN_PAYMENT
    return next((misfit for misfit, holds in MISFITS if holds(told, heard, ours)), None)
