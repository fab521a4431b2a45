"""The lists of payments and refunds: what is stuck or failed stands first."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Integer, and_, literal_column

from portal import clock
from portal.admin.lists import filters
from portal.admin.lists.columns import (
    Column,
    Expression,
    Field,
    Filter,
    Listing,
    Shape,
    Values,
    codes,
)
from portal.admin.words import PAYMENT, REASON, REFUND
from portal.payments.models import Payment
from portal.payments.returned import Refund
from portal.payments.states import UNDECIDED
from portal.requests.models import PaymentRequest
from portal.words import N_

P, R, F = Payment, PaymentRequest, Refund
STUCK_AFTER = timedelta(hours=1)
# As migration 0022 has it: an index is over this very expression.
URGENCY: ColumnElement[int] = literal_column(
    "(CASE payments.state WHEN 'unknown' THEN 3 WHEN 'pending' THEN 2 WHEN 'started' THEN 2"
    " WHEN 'created' THEN 2 WHEN 'failed' THEN 1 ELSE 0 END)",
    Integer,
)
UNDER_WAY = 2
REQUEST_OF_PAYMENT = and_(R.tenant_id == P.tenant_id, R.id == P.request_id)
# From the day on which the request came in to the day of payment (Tag der Zahlung).
DAYS: Expression = P.effective_on - P.received_on


def _undecided(_: str) -> ColumnElement[bool]:
    """They stand at the top of their order: nothing behind them is looked at."""
    return and_(P.state.in_(sorted(UNDECIDED)), URGENCY >= UNDER_WAY)


def _stuck(value: str) -> ColumnElement[bool]:
    return and_(_undecided(value), P.started_at < clock.now() - STUCK_AFTER)


def _unknown(value: str) -> ColumnElement[bool]:
    return and_(P.state == value, URGENCY > UNDER_WAY)


def _order(values: Values) -> str:
    return "paid" if {"paid_from", "paid_to"} & set(values) else "urgent"


PAYMENTS = Listing(
    name="payments",
    path="payments",
    title=N_("Payments"),
    lead=N_("Attempts to pay online. What is stuck or has failed stands first, then the newest."),
    columns=(
        Column("request", N_("Request"), Shape.TEXT, R.reference),
        Column("state", N_("State"), Shape.STATE, P.state, PAYMENT),
        Column("account", N_("Provider account"), Shape.TEXT, P.account_id),
        Column("method", N_("Payment method"), Shape.TEXT, P.label),
        Column("started", N_("Begun"), Shape.MOMENT, P.started_at),
        Column("paid_on", N_("Day of payment"), Shape.DAY, P.effective_on),
        Column("days", N_("Days since the request"), Shape.NUMBER, DAYS),
        Column("provider_reference", N_("Provider's reference"), Shape.TEXT, P.provider_reference),
        Column("amount", N_("Amount"), Shape.MONEY, P.amount_cents),
        Column("refunded", N_("Refunded"), Shape.MONEY, P.refunded_cents),
    ),
    source=P.__table__.outerjoin(R.__table__, REQUEST_OF_PAYMENT),
    tenant=P.tenant_id,
    currency=P.currency,
    reference=R.reference,
    filters=(
        filters.grouped(
            "state",
            N_("State"),
            P.state,
            codes(PAYMENT, ("undecided", N_("not decided")), ("stuck", N_("stuck for an hour"))),
            {"undecided": _undecided, "stuck": _stuck, "unknown": _unknown},
        ),
        filters.choice("account", N_("Provider account"), P.account_id, filters.accounts),
        filters.choice("kind", N_("Kind"), P.kind, filters.kinds),
        filters.text("unit", N_("Unit"), P.unit),
        *filters.between(P.started_at, N_("Begun from day"), N_("Begun to day")),
        Filter("paid_from", N_("Paid from day"), Field.DAY, lambda day: P.effective_on >= day),
        Filter("paid_to", N_("Paid to day"), Field.DAY, lambda day: P.effective_on <= day),
        filters.amount(P.amount_cents),
    ),
    orders={
        "urgent": (URGENCY, P.started_at, P.id),
        "paid": (P.effective_on, P.id),
    },
    order=_order,
    whose=P,
)

REFUNDS = Listing(
    name="refunds",
    path="refunds",
    title=N_("Refunds"),
    lead=N_("Money that goes back to those who paid, the newest first."),
    columns=(
        Column("request", N_("Request"), Shape.TEXT, R.reference),
        Column("state", N_("State"), Shape.STATE, F.state, REFUND),
        Column("reason", N_("Reason"), Shape.TEXT, F.reason, REASON),
        Column("order_number", N_("Order number"), Shape.TEXT, F.order_number),
        Column("account", N_("Provider account"), Shape.TEXT, P.account_id),
        Column("asked", N_("Asked for"), Shape.MOMENT, F.asked_at),
        Column("ended", N_("Ended"), Shape.MOMENT, F.ended_at),
        Column("amount", N_("Amount"), Shape.MONEY, F.amount_cents),
    ),
    source=F.__table__.outerjoin(
        P.__table__, and_(P.tenant_id == F.tenant_id, P.id == F.payment_id)
    ).outerjoin(R.__table__, REQUEST_OF_PAYMENT),
    tenant=F.tenant_id,
    currency=F.currency,
    reference=R.reference,
    filters=(
        filters.choice("state", N_("State"), F.state, codes(REFUND)),
        filters.choice("account", N_("Provider account"), P.account_id, filters.accounts),
        filters.choice("kind", N_("Kind"), P.kind, filters.kinds),
        filters.text("unit", N_("Unit"), P.unit),
        *filters.between(F.ended_at, N_("Ended from day"), N_("Ended to day")),
        filters.amount(F.amount_cents),
    ),
    orders={"newest": (F.asked_at, F.id)},
    whose=P,
)
