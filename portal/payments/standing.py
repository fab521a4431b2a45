"""Where a citizen stands with a request: the page that tells what happened and the one next thing.

Pure: the states of the request and of its current payment decide, by table.
"""

from collections.abc import Mapping
from enum import StrEnum

from portal.payments.states import State as P
from portal.requests.states import State as R


class Standing(StrEnum):
    """The page that fits a request, or one of its payments."""

    REVIEW = "review"
    ELSEWHERE = "elsewhere"
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RUN_OUT = "run_out"
    CONFIRMED = "confirmed"
    ALREADY_PAID = "already_paid"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


# fmt: off
OF_REQUEST: Mapping[R, Standing] = {
    R.OPEN:        Standing.REVIEW,
    R.PARTLY_PAID: Standing.REVIEW,
    R.PAID:        Standing.ALREADY_PAID,
    R.WITHDRAWN:   Standing.WITHDRAWN,
    R.EXPIRED:     Standing.EXPIRED,
    R.REPLACED:    Standing.REPLACED,
}

# A payment that is not decided is told first: nobody shall pay twice.
OF_CURRENT_PAYMENT: Mapping[P, Standing] = {
    P.CREATED: Standing.ELSEWHERE,
    P.STARTED: Standing.ELSEWHERE,
    P.PENDING: Standing.PROCESSING,
    P.UNKNOWN: Standing.ELSEWHERE,
}

# The outcome of one payment, as the citizen sees it who comes back from the provider.
OF_PAYMENT: Mapping[P, Standing] = {
    P.CREATED:   Standing.PROCESSING,
    P.STARTED:   Standing.PROCESSING,
    P.PENDING:   Standing.PROCESSING,
    P.UNKNOWN:   Standing.PROCESSING,
    P.SUCCEEDED: Standing.CONFIRMED,
    P.FAILED:    Standing.FAILED,
    P.CANCELLED: Standing.CANCELLED,
    P.EXPIRED:   Standing.RUN_OUT,
}

# The same without a session: a word for the page that shows no more than outcome and amount.
WORD_OF_PAYMENT: Mapping[P, str] = {
    P.CREATED:   "processing",
    P.STARTED:   "processing",
    P.PENDING:   "processing",
    P.UNKNOWN:   "unknown",
    P.SUCCEEDED: "paid",
    P.FAILED:    "failed",
    P.CANCELLED: "cancelled",
    P.EXPIRED:   "expired",
}

# "No money was taken" is said only when the provider said so.
MONEY_TAKEN: Mapping[P, bool | None] = {
    P.CREATED:   None,
    P.STARTED:   None,
    P.PENDING:   None,
    P.UNKNOWN:   None,
    P.SUCCEEDED: True,
    P.FAILED:    False,
    P.CANCELLED: False,
    P.EXPIRED:   False,
}
# fmt: on


def standing(request: R, current: P | None) -> Standing:
    """The page for a request whose current payment, if any, is in state ``current``."""
    if current is not None and current in OF_CURRENT_PAYMENT:
        return OF_CURRENT_PAYMENT[current]
    return OF_REQUEST[request]
