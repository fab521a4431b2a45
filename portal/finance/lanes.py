"""Lanes: what a run may hand over, planned in one transaction and then decided purely.

A lane is the events of one request; those without a request share one.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, func, literal_column, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.finance import feed
from portal.finance.models import Delivery, Endpoint, EventRow
from portal.finance.push import Outcome, Parcel, Target
from portal.finance.reach import Reach
from portal.keys import Keyring

LANES = 8  # of a tenant at one time
PLANNED = 250  # events looked at to plan a run
NOT_NOW = {408, 429}
SERVER_ERRORS = range(500, 600)
SUCCESS = range(200, 300)


class Verdict(StrEnum):
    """What an outcome means."""

    TAKEN = "taken"
    REFUSED = "refused"  # this event
    SILENT = "silent"  # the endpoint


@dataclass(frozen=True, slots=True)
class Item:
    """One event to hand over."""

    position: int
    lane: str
    due_at: datetime
    parcel: Parcel


@dataclass(slots=True)
class Plan:
    """What a run may hand over: lanes in order of their oldest event."""

    target: Target
    probing: bool
    lanes: list[deque[Item]]

    def wave(self, most: int) -> list[Item]:
        """The next events, one a lane; a single one while the endpoint is being probed."""
        heads = [lane[0] for lane in self.lanes]
        if self.probing:
            return [min(heads, key=lambda item: (item.due_at, item.position))]
        return heads[: min(most, LANES)]

    def settle(self, verdicts: Mapping[int, Verdict]) -> None:
        """Go on behind what was taken; leave the lanes of what was refused."""
        self.probing = self.probing and Verdict.TAKEN not in verdicts.values()
        for lane in self.lanes:
            verdict = verdicts.get(lane[0].position)
            if verdict is Verdict.TAKEN:
                lane.popleft()
            elif verdict is not None:
                lane.clear()
        self.lanes = [lane for lane in self.lanes if lane]


def judge(outcome: Outcome, *, alive: bool) -> Verdict:
    """What an outcome means; an ``alive`` endpoint answered another event at the same time."""
    if outcome.status in SUCCESS:
        return Verdict.TAKEN
    silent = outcome.status is None or outcome.status in NOT_NOW or outcome.status in SERVER_ERRORS
    return Verdict.SILENT if silent and not alive else Verdict.REFUSED


def tenants_due(session: Session) -> Sequence[str]:
    """The tenants for which something can be handed over now."""
    now = clock.now()
    waits = select(Delivery.position).where(
        Delivery.tenant_id == Endpoint.tenant_id, is_("waiting"), Delivery.due_at <= now
    )
    open_now = (Endpoint.paused_until.is_(None)) | (Endpoint.paused_until <= now)
    return session.scalars(select(Endpoint.tenant_id).where(open_now, waits.exists())).all()


def planned(tenant_id: str, keyring: Keyring, reach: Reach) -> Plan | None:
    """What is due now; ``None`` when nothing is, or the endpoint is left alone."""
    with transaction() as session:
        endpoint = session.get(Endpoint, tenant_id, populate_existing=True)
        if endpoint is None or (endpoint.paused_until or clock.now()) > clock.now():
            return None
        secret = keyring.unseal(endpoint.secret_sealed, "endpoint", tenant_id).decode()
        plan = Plan(Target(endpoint.url, secret, reach), endpoint.failures > 0, [])
        lanes: dict[str, deque[Item]] = {}
        for event, due_at in _due(session, tenant_id):
            lane = event.reference or ""
            parcel = Parcel(event.id, feed.as_json(feed.told(event)))
            lanes.setdefault(lane, deque()).append(Item(event.position, lane, due_at, parcel))
    plan.lanes = list(lanes.values())
    return plan if plan.lanes else None


def is_(state: str) -> ColumnElement[bool]:
    """Written out, not bound: only so does PostgreSQL know that the partial index fits."""
    return Delivery.state == literal_column(f"'{state}'")


def _due(session: Session, tenant_id: str) -> Sequence[Row[EventRow, datetime]]:
    """Waiting events by position, without the lanes that pause or hold a parked event."""
    lane = func.coalesce(EventRow.reference, "")
    mine = Delivery.tenant_id == tenant_id
    joined = (EventRow.tenant_id == Delivery.tenant_id) & (EventRow.position == Delivery.position)
    pausing = is_("waiting") & (Delivery.due_at > clock.now())
    stuck = select(lane).join(Delivery, joined).where(mine, pausing | is_("parked"))
    query = (
        select(EventRow, Delivery.due_at)
        .join(Delivery, joined)
        .where(mine, is_("waiting"), lane.not_in(stuck))
        .order_by(Delivery.position)
        .limit(PLANNED)
    )
    return session.execute(query).all()
