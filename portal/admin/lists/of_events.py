"""The list of events: what was told to the finance system, and what became of it."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from portal.admin import gate
from portal.admin.lists import filters
from portal.admin.lists.columns import Column, Field, Filter, Listing, Shape, codes
from portal.admin.words import DELIVERY, EVENT
from portal.db import db
from portal.finance.models import Acknowledgement, Delivery, Endpoint, EventRow, ReadThrough
from portal.requests.models import PaymentRequest
from portal.tenants import Tenant
from portal.words import N_

E, D, A, R = EventRow, Delivery, Acknowledgement, PaymentRequest
NOT_TAKEN = ("waiting", "parked")


def _same(rows: type[Delivery | Acknowledgement]) -> ColumnElement[bool]:
    return and_(rows.tenant_id == E.tenant_id, rows.position == E.position)


state = case(
    (A.result.is_not(None), A.result),
    (D.state.is_not(None), D.state),
    (E.position <= ReadThrough.position, "taken"),
    else_="in_feed",
)
# The same once more, one by one: what stands in columns PostgreSQL can weigh, a CASE it cannot.
# Of a row that is not there the key is asked for: that makes an anti-join.
OPEN, NEVER_SENT = A.position.is_(None), D.position.is_(None)
STATES: Mapping[str, ColumnElement[bool]] = {
    "booked": A.result == "booked",
    "skipped": and_(OPEN, D.state == "skipped"),
    "taken": and_(
        OPEN, or_(D.state == "taken", and_(NEVER_SENT, E.position <= ReadThrough.position))
    ),
    "in_feed": and_(
        OPEN, NEVER_SENT, func.coalesce(E.position > ReadThrough.position, literal(value=True))
    ),
}


def _undelivered(_: str) -> ColumnElement[bool]:
    """What was not taken over; where the feed is read, what was not acknowledged up to now."""
    mine = gate.person().tenant_id
    if db.session.get(Endpoint, mine) is None:
        reader = db.session.get(ReadThrough, mine)
        return E.position > (reader.position if reader else 0)
    not_taken = select(D.position).where(D.tenant_id == mine, D.state.in_(NOT_TAKEN))
    return E.position.in_(not_taken)


def _state(value: str) -> ColumnElement[bool]:
    """By the short lists of what waits, where there is one: most events are taken."""
    mine = gate.person().tenant_id
    if value == "refused":
        refused = select(A.position).where(A.tenant_id == mine, A.result == value)
        return E.position.in_(refused)
    if value in NOT_TAKEN:
        waiting = select(D.position).where(D.tenant_id == mine, D.state == value)
        return and_(E.position.in_(waiting), OPEN)
    return _undelivered(value) if value == "undelivered" else STATES[value]


EVENTS = Listing(
    name="events",
    path="events",
    title=N_("Events"),
    lead=N_("What the finance system was told, the newest first, and what became of it."),
    columns=(
        Column("number", N_("Number"), Shape.NUMBER, E.position),
        Column("type", N_("What happened"), Shape.TEXT, E.type, EVENT),
        Column("request", N_("Request"), Shape.TEXT, E.reference),
        Column("state", N_("State"), Shape.STATE, state, DELIVERY),
        Column("occurred", N_("When"), Shape.MOMENT, E.occurred_at),
        Column("tries", N_("Tries"), Shape.NUMBER, D.tries),
        Column("error", N_("Last error"), Shape.TEXT, func.coalesce(A.reason, D.last_error)),
        Column("document", N_("Booking document"), Shape.TEXT, A.document),
        Column("id", N_("Event’s own name"), Shape.TEXT, E.id),
    ),
    source=E.__table__.outerjoin(D.__table__, _same(D))
    .outerjoin(A.__table__, _same(A))
    .outerjoin(ReadThrough.__table__, ReadThrough.tenant_id == E.tenant_id)
    .outerjoin(R.__table__, and_(R.tenant_id == E.tenant_id, R.reference == E.reference))
    .outerjoin(Tenant.__table__, Tenant.id == E.tenant_id),
    tenant=E.tenant_id,
    currency=func.coalesce(Tenant.currency, ""),
    reference=R.reference,
    filters=(
        Filter(
            "state",
            N_("State"),
            Field.CHOICE,
            _state,
            codes(DELIVERY, ("undelivered", N_("not taken over"))),
        ),
        filters.choice("type", N_("What happened"), E.type, codes(EVENT)),
        filters.choice("kind", N_("Kind"), R.kind, filters.kinds),
        filters.text("unit", N_("Unit"), R.unit),
        *filters.between(E.occurred_at),
        filters.text("request", N_("Request"), E.reference),
    ),
    orders={"newest": (E.occurred_at, E.position)},
)
