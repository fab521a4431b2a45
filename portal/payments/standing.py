"""Where a citizen stands with a request: the page that tells what happened and the one next thing.

Pure: a situation, which is a few facts about a request and its money, decides by table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.payments.states import State as P
from portal.requests.states import PAYABLE
from portal.requests.states import State as R

# A provider that calls a payment pending for longer has handed it to a bank: that takes days.
PENDING_AFTER = timedelta(minutes=3)
LONGEST_PENDING_DAYS = 6  # PayPal's eCheck; a transfer takes one business day (section 675s BGB)


class Standing(StrEnum):
    """The page that fits a request, or one of its payments."""

    REVIEW = "review"
    PARTLY_PAID = "partly_paid"
    TAKEN_BACK = "taken_back"
    ASKED_AGAIN = "asked_again"
    HELD = "held"
    ELSEWHERE = "elsewhere"
    PROCESSING = "processing"
    PENDING = "pending"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RUN_OUT = "run_out"
    LET_GO = "let_go"
    CONFIRMED = "confirmed"
    ALREADY_PAID = "already_paid"
    PAID_ELSEWHERE = "paid_elsewhere"
    PAID_TWICE = "paid_twice"
    RETURNING = "returning"
    REFUNDED = "refunded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Situation:
    """How a request stands and what became of its money.

    ``payment`` is the one being looked at: the request's current one, or the one whose outcome is
    asked for. ``held``: money came for it that does not fit, and a person looks at it.
    ``let_go``: what the payer may agree to is not taken any more. ``pending_long``: it is pending
    for longer than a page waits. ``over``: the last day for paying online is past.

    The rest says of the request whether money was confirmed by a provider here, is surplus that
    nobody decided about, is on its way back, went back, or was taken back.
    """

    request: R
    payment: P | None = None
    held: bool = False
    let_go: bool = False
    pending_long: bool = False
    over: bool = False
    online: bool = False
    covered: bool = False
    surplus: bool = False
    returning: bool = False
    refunded: bool = False
    taken_back: bool = False


Check = Callable[[Situation], bool]

# The first that is true. A payment that is not decided is told first: nobody shall pay twice.
# fmt: off
UNDECIDED_FIRST: tuple[tuple[Standing, Check], ...] = (
    (Standing.HELD,           lambda now: now.payment is P.UNKNOWN and now.held),
    (Standing.ELSEWHERE,      lambda now: now.payment in {P.CREATED, P.STARTED, P.UNKNOWN}),
    (Standing.PENDING,        lambda now: now.payment is P.PENDING and now.pending_long),
    (Standing.PROCESSING,     lambda now: now.payment is P.PENDING),
)

OF_REQUEST: tuple[tuple[Standing, Check], ...] = (
    (Standing.REPLACED,       lambda now: now.request is R.REPLACED),
    (Standing.WITHDRAWN,      lambda now: now.request is R.WITHDRAWN),
    (Standing.EXPIRED,        lambda now: now.request is R.EXPIRED),
    # The day is over at midnight; the job that ends requests comes a little later.
    (Standing.EXPIRED,        lambda now: now.request in PAYABLE and now.over),
    (Standing.TAKEN_BACK,     lambda now: now.request in PAYABLE and now.taken_back),
    (Standing.ASKED_AGAIN,    lambda now: now.request in PAYABLE and now.refunded),
    (Standing.PARTLY_PAID,    lambda now: now.request in PAYABLE and now.covered),
    (Standing.REVIEW,         lambda now: now.request in PAYABLE),
    (Standing.RETURNING,      lambda now: now.returning),
    (Standing.PAID_TWICE,     lambda now: now.surplus),
    (Standing.REFUNDED,       lambda now: now.refunded),
    (Standing.ALREADY_PAID,   lambda now: now.online),
    (Standing.PAID_ELSEWHERE, lambda _: True),
)

# The outcome of one payment, as the citizen sees it who comes back from the provider.
OF_PAYMENT: tuple[tuple[Standing, Check], ...] = (
    (Standing.HELD,           lambda now: now.payment is P.UNKNOWN and now.held),
    (Standing.LET_GO,         lambda now: now.payment in {P.CREATED, P.STARTED} and now.let_go),
    (Standing.PENDING,        lambda now: now.payment is P.PENDING and now.pending_long),
    (Standing.CONFIRMED,      lambda now: now.payment is P.SUCCEEDED),
    (Standing.FAILED,         lambda now: now.payment is P.FAILED),
    (Standing.CANCELLED,      lambda now: now.payment is P.CANCELLED),
    (Standing.RUN_OUT,        lambda now: now.payment is P.EXPIRED),
    (Standing.PROCESSING,     lambda _: True),
)

# The same without a session: a word for the page that shows no more than outcome and amount. Of
# what was let go it is ``let_go``.
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


def of_request(now: Situation) -> Standing:
    """The page for a request, whose payment is its current one if there is one."""
    return _first((*UNDECIDED_FIRST, *OF_REQUEST), now)


def of_payment(now: Situation) -> Standing:
    """The page for the outcome of a payment."""
    return _first(OF_PAYMENT, now)


def _first(table: tuple[tuple[Standing, Check], ...], now: Situation) -> Standing:
    return next(standing for standing, holds in table if holds(now))
