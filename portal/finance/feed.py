"""The feed: a tenant's events in order, by position. Positions are gapless and never change."""

import json
from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from portal.db import Json
from portal.errors import Invalid
from portal.finance.models import EventFeed, EventRow

MOST_EVENTS = 1000


class BeyondTheFeed(Invalid):
    """No event has this position: not yet, or not any more since a backup was restored."""

    code = "beyond_the_feed"


def check_within(session: Session, tenant_id: str, position: int) -> None:
    """Raise ``BeyondTheFeed`` unless the tenant's feed has come to this position."""
    last = session.scalar(select(EventFeed.last).where(EventFeed.tenant_id == tenant_id)) or 0
    if position > last:
        raise BeyondTheFeed(f"The last position is {last}.")


def page(session: Session, tenant_id: str, after: int, limit: int) -> Sequence[EventRow]:
    """At most ``limit`` events behind the position ``after``, in order.

    Raises ``BeyondTheFeed``: a reader who stands further than the feed has read what a restore
    took back, and would miss what is told anew until the feed has come to where he stands.
    """
    check_within(session, tenant_id, after)
    query = (
        select(EventRow)
        .where(EventRow.tenant_id == tenant_id, EventRow.position > after)
        .order_by(EventRow.position)
        .limit(limit)
    )
    return session.scalars(query).all()


def announced(session: Session, tenant_id: str, account: str, payout: str) -> Json:
    """What was told when this pay-out was announced, the last time."""
    query = select(EventRow.data).where(
        EventRow.tenant_id == tenant_id,
        EventRow.type == literal_column("'payout.announced'"),  # so the partial index fits
        EventRow.data["account"].astext == account,
        EventRow.data["payout"].astext == payout,
    )
    return session.scalars(query.order_by(EventRow.position.desc()).limit(1)).one()


def told(event: EventRow) -> Json:
    """An event as the contract has it: the same in the feed and when it is pushed."""
    return {
        "id": event.id,
        "position": event.position,
        "type": event.type,
        "occurred_at": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "reference": event.reference,
        "data": event.data,
    }


def as_json(message: Json) -> str:
    """The JSON of an event, in which the pushed and the read one agree to the byte."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
