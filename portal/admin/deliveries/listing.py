"""What became of the events that the finance system is told, page by page by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from portal.admin import gate
from portal.admin.scope import within
from portal.finance.lanes import is_
from portal.finance.models import Acknowledgement, Delivery, EventFeed, EventRow, ReadThrough
from portal.requests.models import PaymentRequest
from portal.staff.roles import Right

PAGE = 50
REFUSED = Acknowledgement.result == literal_column("'refused'")  # so the partial index fits

Shown = Row[EventRow, Delivery | None, Acknowledgement | None]


def _with_trouble() -> ColumnElement[bool]:
    """What waits, is stuck, or was not booked: each is asked of its own small index."""
    mine = gate.person().tenant_id
    not_taken = select(Delivery.position).where(
        Delivery.tenant_id == mine, is_("waiting") | is_("parked")
    )
    refused = select(Acknowledgement.position).where(Acknowledgement.tenant_id == mine, REFUSED)
    return or_(EventRow.position.in_(not_taken), EventRow.position.in_(refused))


FILTERS: Mapping[str, ColumnElement[bool]] = {
    "waiting": is_("waiting"),
    "parked": is_("parked"),
    "refused": REFUSED,
    "booked": Acknowledgement.result == "booked",
    "skipped": is_("skipped"),
}
TROUBLE, ALL = "trouble", "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the handing over stands; ``oldest`` is when the event was told that waits longest."""

    last: int
    waiting: int
    parked: int
    refused: int
    answered: int | None
    oldest: datetime | None


def page(session: Session, show: str, behind: int | None) -> tuple[Sequence[Shown], bool]:
    """A page of events, and whether there are more: what waits longest first, else the newest."""
    query, place = _events(), EventRow.position
    oldest_first = show == TROUBLE
    query = query.order_by(place if oldest_first else place.desc())
    if show == TROUBLE:
        query = query.where(_with_trouble())
    elif show in FILTERS:
        query = query.where(FILTERS[show])
    if behind is not None:
        query = query.where(place > behind if oldest_first else place < behind)
    found = session.execute(query.limit(PAGE + 1)).all()
    return found[:PAGE], len(found) > PAGE


def standing(session: Session) -> Standing:
    """Counts of what is not in order; each by its own small index."""
    mine = gate.person().tenant_id
    of_delivery = Delivery.tenant_id == mine

    def many(state: str) -> int:
        counted = select(func.count()).select_from(Delivery).where(of_delivery, is_(state))
        return session.scalar(counted) or 0

    first = select(func.min(Delivery.position)).where(of_delivery, is_("waiting"))
    oldest = select(EventRow.occurred_at).where(
        EventRow.tenant_id == mine, EventRow.position == first.scalar_subquery()
    )
    refused = select(func.count()).select_from(Acknowledgement)
    through = select(ReadThrough.position).where(ReadThrough.tenant_id == mine)
    last = select(EventFeed.last).where(EventFeed.tenant_id == mine)
    return Standing(
        session.scalar(last) or 0,
        many("waiting"),
        many("parked"),
        session.scalar(refused.where(Acknowledgement.tenant_id == mine, REFUSED)) or 0,
        session.scalar(through),
        session.scalar(oldest),
    )


def _events() -> Select[EventRow, Delivery, Acknowledgement]:
    """Events of this person's requests, with what became of them."""
    who = gate.person()
    delivered = and_(
        Delivery.tenant_id == EventRow.tenant_id, Delivery.position == EventRow.position
    )
    answered = and_(
        Acknowledgement.tenant_id == EventRow.tenant_id,
        Acknowledgement.position == EventRow.position,
    )
    query = (
        select(EventRow, Delivery, Acknowledgement)
        .outerjoin(Delivery, delivered)
        .outerjoin(Acknowledgement, answered)
        .where(EventRow.tenant_id == who.tenant_id)
    )
    if who.reach(Right.SEE).whole:
        return query
    mine = select(PaymentRequest.id).where(
        PaymentRequest.tenant_id == EventRow.tenant_id,
        PaymentRequest.reference == EventRow.reference,
        within(Right.SEE),
    )
    return query.where(mine.exists())
