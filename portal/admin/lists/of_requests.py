"""The list of requests."""

from sqlalchemy import ColumnElement, and_, case, func

from portal.admin.lists import filters
from portal.admin.lists.columns import Column, Field, Filter, Listing, Shape, codes
from portal.admin.lists.open_requests import asks
from portal.admin.words import REQUEST, Word
from portal.requests.models import PaymentRequest
from portal.tenants import Kind
from portal.words import N_

R = PaymentRequest
PAYABLE = R.state.in_(["open", "partly_paid"])
STILL_OPEN = case(
    (PAYABLE, func.greatest(0, R.amount_cents - R.closed_cents - R.covered_cents)), else_=0
)
YES_NO = {"yes": Word(N_("yes")), "no": Word(N_("no"))}


def _online(value: str) -> ColumnElement[bool]:
    return R.paid_online.is_(value == "yes")


REQUESTS = Listing(
    name="requests",
    path="requests",
    title=N_("Requests"),
    lead=N_("What citizens are asked to pay, the newest first. Each line leads to all about it."),
    columns=(
        Column("reference", N_("Reference"), Shape.TEXT, R.reference),
        Column("payment_sign", N_("Payment sign"), Shape.TEXT, R.payment_sign),
        Column("state", N_("State"), Shape.STATE, R.state, REQUEST),
        Column("kind", N_("Kind"), Shape.TEXT, func.coalesce(Kind.name, R.kind)),
        Column("unit", N_("Unit"), Shape.TEXT, R.unit),
        Column("received", N_("Received on"), Shape.MOMENT, R.created_at),
        Column("due_on", N_("Due on"), Shape.DAY, R.due_on),
        Column("amount", N_("Amount"), Shape.MONEY, R.amount_cents),
        Column("covered", N_("Covered"), Shape.MONEY, R.covered_cents),
        Column("open", N_("Still open"), Shape.MONEY, STILL_OPEN),
    ),
    source=R.__table__.outerjoin(
        Kind.__table__, and_(Kind.tenant_id == R.tenant_id, Kind.code == R.kind)
    ),
    tenant=R.tenant_id,
    currency=R.currency,
    reference=R.reference,
    filters=(
        filters.grouped(
            "state",
            N_("State"),
            R.state,
            codes(REQUEST, ("payable", N_("open or partly paid"))),
            {"payable": lambda _: PAYABLE},
        ),
        filters.choice("kind", N_("Kind"), R.kind, filters.kinds),
        filters.text("unit", N_("Unit"), R.unit),
        *filters.between(R.created_at, N_("Received from day"), N_("Received to day")),
        Filter("amount", N_("Amount"), Field.AMOUNT, asks),
        filters.text("reference", N_("Reference"), R.reference),
        filters.text("payment_sign", N_("Payment sign"), R.payment_sign),
        Filter("online", N_("Paid online"), Field.CHOICE, _online, codes(YES_NO)),
    ),
    orders={"newest": (R.created_at, R.id)},
)
