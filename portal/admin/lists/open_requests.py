"""What of requests is still asked, as the index of the open ones knows it."""

from typing import Any

from sqlalchemy import ColumnElement, literal_column

from portal.requests.models import PaymentRequest as P

OPEN: Any = P.amount_cents - P.closed_cents - P.covered_cents  # cents
# Written out, so that the partial index fits.
IN_OPEN_STATE = "payment_requests.state IN ('open', 'partly_paid')"
STILL_ASKED: ColumnElement[bool] = literal_column(IN_OPEN_STATE)
