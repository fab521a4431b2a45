"""Delivery (Übermittlung): what waits in the outbox is handed over, in order per request.

A lane is the events of one request; those without a request share one. Of a lane one event at a
time is under way, of a tenant up to eight lanes. A refusal pauses its lane only and parks the
event after 20 tries, which a person then looks at; its lane waits. No answer pauses the endpoint,
which is then probed with one event. Everything is handed over at least once.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import httpx2
from sqlalchemy import ColumnElement, Row, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import db, transaction
from portal.finance import feed, push
from portal.finance.models import Delivery, Endpoint, EventRow
from portal.finance.push import Outcome, Parcel, Target
from portal.keys import Keyring

LANES = 8
MOST_EVENTS = 100  # handed over in one run
LONGEST_RUN = 20.0  # seconds
LONGEST_POST = 15.0  # seconds, for slow drips that no single time-out catches
PLANNED = 250  # events looked at to plan a run
MOST_TRIES = 20
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)  # of a lane
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(seconds=30)  # of the endpoint
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


def set_endpoint(session: Session, keyring: Keyring, tenant_id: str, url: str, secret: str) -> None:
    """Push a tenant's events to ``url`` from now on, signed with ``secret`` (``whsec_…``)."""
    push.check(url, secret)
    sealed = keyring.seal(secret.encode(), "endpoint", tenant_id)
    row = {"url": url, "secret_sealed": sealed, "failures": 0, "paused_until": None}
    statement = insert(Endpoint).values(tenant_id=tenant_id, **row)
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


def tenants_due(session: Session) -> Sequence[str]:
    """The tenants for which something can be handed over now."""
    now = clock.now()
    waits = select(Delivery.position).where(
        Delivery.tenant_id == Endpoint.tenant_id, _is("waiting"), Delivery.due_at <= now
    )
    open_now = (Endpoint.paused_until.is_(None)) | (Endpoint.paused_until <= now)
    return session.scalars(select(Endpoint.tenant_id).where(open_now, waits.exists())).all()


def deliver(tenant_id: str, keyring: Keyring, *, anywhere: bool = False) -> bool:
    """Hand over what is due; ``True`` when there is more and the caller should ask again.

    A whole act of several transactions, none of them open while HTTP is spoken. One run a tenant
    at a time. ``anywhere`` lets private addresses be reached (practice mode).
    """
    with _alone(tenant_id) as alone:
        return alone and _run(tenant_id, keyring, anywhere)


def judge(outcome: Outcome, *, alive: bool) -> Verdict:
    """What an outcome means; an ``alive`` endpoint answered another event at the same time."""
    if outcome.status in SUCCESS:
        return Verdict.TAKEN
    silent = outcome.status is None or outcome.status in NOT_NOW or outcome.status in SERVER_ERRORS
    return Verdict.SILENT if silent and not alive else Verdict.REFUSED


def lane_pause(tries: int) -> timedelta:
    """How long a request waits after so many refusals: 30 seconds, growing to an hour."""
    return min(FIRST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)


def endpoint_pause(failures: int) -> timedelta:
    """How long an endpoint is left alone after so many silences: 5 seconds, growing to 30."""
    return min(FIRST_REST * (1 << min(failures - 1, 10)), LONGEST_REST)


def _run(tenant_id: str, keyring: Keyring, anywhere: bool) -> bool:
    ends, left = time.monotonic() + LONGEST_RUN, MOST_EVENTS
    pool = ThreadPoolExecutor(LANES, thread_name_prefix="deliver")
    try:
        with push.client() as client:
            while plan := _planned(tenant_id, keyring, anywhere):
                while plan.lanes:
                    if left <= 0 or time.monotonic() >= ends:
                        return True
                    wave = plan.wave(left)
                    verdicts = _recorded(tenant_id, wave, _posted(pool, client, plan.target, wave))
                    plan.settle(verdicts)
                    left -= len(wave)
                    if Verdict.SILENT in verdicts.values():
                        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return False


def _planned(tenant_id: str, keyring: Keyring, anywhere: bool) -> Plan | None:
    """What is due now; ``None`` when nothing is, or the endpoint is left alone."""
    with transaction() as session:
        endpoint = session.get(Endpoint, tenant_id, populate_existing=True)
        if endpoint is None or (endpoint.paused_until or clock.now()) > clock.now():
            return None
        secret = keyring.unseal(endpoint.secret_sealed, "endpoint", tenant_id).decode()
        plan = Plan(Target(endpoint.url, secret, anywhere), endpoint.failures > 0, [])
        lanes: dict[str, deque[Item]] = {}
        for event, due_at in _due(session, tenant_id):
            lane = event.reference or ""
            parcel = Parcel(event.id, feed.as_json(feed.told(event)))
            lanes.setdefault(lane, deque()).append(Item(event.position, lane, due_at, parcel))
    plan.lanes = list(lanes.values())
    return plan if plan.lanes else None


def _due(session: Session, tenant_id: str) -> Sequence[Row[EventRow, datetime]]:
    """Waiting events by position, without the lanes that pause or hold a parked event."""
    lane = func.coalesce(EventRow.reference, "")
    mine = Delivery.tenant_id == tenant_id
    joined = (EventRow.tenant_id == Delivery.tenant_id) & (EventRow.position == Delivery.position)
    pausing = _is("waiting") & (Delivery.due_at > clock.now())
    stuck = select(lane).join(Delivery, joined).where(mine, pausing | _is("parked"))
    query = (
        select(EventRow, Delivery.due_at)
        .join(Delivery, joined)
        .where(mine, _is("waiting"), lane.not_in(stuck))
        .order_by(Delivery.position)
        .limit(PLANNED)
    )
    return session.execute(query).all()


def _posted(
    pool: ThreadPoolExecutor, client: httpx2.Client, target: Target, wave: Sequence[Item]
) -> list[Outcome]:
    futures = [pool.submit(push.post, client, target, item.parcel) for item in wave]
    done, _ = wait(futures, timeout=LONGEST_POST)
    late = Outcome(None, "TooLate")
    return [future.result() if future in done else late for future in futures]


def _recorded(
    tenant_id: str, wave: Sequence[Item], outcomes: Sequence[Outcome]
) -> dict[int, Verdict]:
    """Write down what became of a wave."""
    alive = any(judge(outcome, alive=False) is not Verdict.SILENT for outcome in outcomes)
    verdicts = [judge(outcome, alive=alive) for outcome in outcomes]
    with transaction() as session:
        rested_until = _write_endpoint(session, tenant_id, silent=not alive)
        these = Delivery.position.in_([item.position for item in wave])
        rows = session.scalars(select(Delivery).where(Delivery.tenant_id == tenant_id, these))
        deliveries = {delivery.position: delivery for delivery in rows}
        for item, outcome, verdict in zip(wave, outcomes, verdicts, strict=True):
            delivery = deliveries[item.position]
            delivery.last_status, delivery.last_error = outcome.status, outcome.error
            _write_verdict(delivery, verdict, rested_until)
    return {item.position: verdict for item, verdict in zip(wave, verdicts, strict=True)}


def _write_verdict(delivery: Delivery, verdict: Verdict, rested_until: datetime) -> None:
    if verdict is Verdict.TAKEN:
        delivery.state, delivery.taken_at = "taken", clock.now()
    elif verdict is Verdict.SILENT:
        delivery.due_at = rested_until  # the probe takes another lane first: one may be poison
    else:
        delivery.tries += 1
        delivery.due_at = clock.now() + lane_pause(delivery.tries)
        if delivery.tries >= MOST_TRIES:
            delivery.state = "parked"


def _write_endpoint(session: Session, tenant_id: str, *, silent: bool) -> datetime:
    """The endpoint answered, or was silent once more; until when it is left alone."""
    mine = Endpoint.tenant_id == tenant_id
    if not silent:
        heard = mine & ((Endpoint.failures > 0) | Endpoint.paused_until.is_not(None))
        session.execute(update(Endpoint).where(heard).values(failures=0, paused_until=None))
        return clock.now()
    endpoint = session.get_one(Endpoint, tenant_id, populate_existing=True)
    endpoint.failures += 1
    endpoint.paused_until = clock.now() + endpoint_pause(endpoint.failures)
    return endpoint.paused_until


def _is(state: str) -> ColumnElement[bool]:
    # Written out, not bound: only so does PostgreSQL know that the partial index fits.
    return Delivery.state == literal_column(f"'{state}'")


@contextmanager
def _alone(tenant_id: str) -> Iterator[bool]:
    """Whether this is the tenant's only run; on a connection of its own, no transaction open."""
    name = {"name": f"deliver:{tenant_id}"}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        take = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        if not connection.scalar(take, name):
            yield False
            return
        try:
            yield True
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), name)
