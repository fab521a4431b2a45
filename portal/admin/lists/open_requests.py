"""What of requests is asked and still asked, as the indexes know it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_

from portal.requests.models import PaymentRequest as P

OPEN: Any = P.amount_cents - P.closed_cents - P.covered_cents  # cents
# Written out, so that the partial index fits.
IN_OPEN_STATE = "payment_requests.state IN ('open', 'partly_paid')"
STILL_ASKED: ColumnElement[bool] = literal_column(IN_OPEN_STATE)
# As migration 0028 has it: what came in and had nothing happen to it stands in no second index.
MOVED: tuple[ColumnElement[bool], ...] = (
    literal_column("payment_requests.state <> 'open'"),
    literal_column("payment_requests.covered_cents + payment_requests.closed_cents <> 0"),
)


def asks(cents: int) -> ColumnElement[bool]:
    """Requests of exactly this amount; where nothing happened to one, all of it is still asked."""
    return and_(P.amount_cents == cents, or_(and_(STILL_ASKED, cents == OPEN), *MOVED))
