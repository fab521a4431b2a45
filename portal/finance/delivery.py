"""Delivery (Übermittlung): what waits in the outbox is handed over, in order per request.

Of a lane one event at a time is under way, of a tenant up to eight lanes. A refusal pauses its
lane only and parks the event after 20 tries, which a person then looks at; its lane waits. No
answer pauses the endpoint, which is then probed with one event. Everything is handed over at
least once. While a run waits for an answer it holds no thread, no connection and no transaction,
so that many silent endpoints cost the others nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol, TypeVar

import httpx2
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock, transaction
from portal.finance import alone, attention, push
from portal.finance.lanes import Item, Plan, Verdict, judge, planned
from portal.finance.models import Delivery, Endpoint
from portal.finance.push import Outcome
from portal.finance.reach import Reach
from portal.keys import Keyring

MOST_EVENTS = 100  # handed over in one run
LONGEST_RUN = 20.0  # seconds
MOST_TRIES = 20
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)  # of a lane
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(seconds=20)  # of the endpoint
NO_REST = {"failures": 0, "paused_until": None, "silent_since": None}

Answer = TypeVar("Answer")


class Aside(Protocol):
    """Runs an act of the database where it does not hold up the others."""

    async def __call__(self, act: Callable[[], Answer], /) -> Answer: ...


def set_endpoint(session: Session, keyring: Keyring, tenant_id: str, url: str, secret: str) -> None:
    """Push a tenant's events to ``url`` from now on, signed with ``secret`` (``whsec_…``)."""
    push.check(url, secret)
    sealed = keyring.seal(secret.encode(), "endpoint", tenant_id)
    row = {"url": url, "secret_sealed": sealed, **NO_REST}
    statement = insert(Endpoint).values(tenant_id=tenant_id, **row)
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))
    attention.heard(session, tenant_id)


def deliver(
    tenant_id: str,
    keyring: Keyring,
    *,
    anywhere: bool = False,
    networks: tuple[IPv4Network | IPv6Network, ...] = (),
) -> bool:
    """``run`` from start to end, in this thread."""
    return asyncio.run(run(tenant_id, keyring, Reach(networks, anywhere), _here))


async def run(tenant_id: str, keyring: Keyring, reach: Reach, aside: Aside) -> bool:
    """Hand over what is due; ``True`` when there is more and the caller should ask again.

    Several acts, and none of them open while HTTP is spoken. One run a tenant at a time.
    """
    if not await aside(lambda: alone.take(tenant_id)):
        return False
    try:
        return await _run(tenant_id, lambda: planned(tenant_id, keyring, reach), aside)
    finally:
        await asyncio.shield(aside(lambda: alone.give_back(tenant_id)))


def lane_pause(tries: int) -> timedelta:
    """How long a request waits after so many refusals: 30 seconds, growing to an hour."""
    return min(FIRST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)


def endpoint_pause(failures: int) -> timedelta:
    """How long an endpoint is left alone after so many silences: 5 seconds, growing to 20.

    A rest ends with the next round of the worker, ten seconds later at most: so an endpoint is
    probed every 30 seconds.
    """
    return min(FIRST_REST * (1 << min(failures - 1, 10)), LONGEST_REST)


async def _here(act: Callable[[], Answer], /) -> Answer:
    return act()


async def _run(tenant_id: str, plan_again: Callable[[], Plan | None], aside: Aside) -> bool:
    ends, left = time.monotonic() + LONGEST_RUN, MOST_EVENTS
    async with push.client() as client:
        while plan := await aside(plan_again):
            while plan.lanes:
                if left <= 0 or time.monotonic() >= ends:
                    return True
                verdicts = await _wave(tenant_id, client, plan, left, aside)
                left -= len(verdicts)
                if Verdict.SILENT in verdicts.values():
                    return False
    return False


async def _wave(
    tenant_id: str, client: httpx2.AsyncClient, plan: Plan, most: int, aside: Aside
) -> Mapping[int, Verdict]:
    """Hand over the next events, write down what became of them, and plan on."""
    wave = plan.wave(most)
    posts = [push.post(client, plan.target, item.parcel) for item in wave]
    outcomes = await asyncio.gather(*posts)
    verdicts = await aside(lambda: _recorded(tenant_id, wave, outcomes))
    plan.settle(verdicts)
    return verdicts


def _recorded(
    tenant_id: str, wave: Sequence[Item], outcomes: Sequence[Outcome]
) -> Mapping[int, Verdict]:
    """Write down what became of a wave."""
    alive = any(judge(outcome, alive=False) is not Verdict.SILENT for outcome in outcomes)
    verdicts = [judge(outcome, alive=alive) for outcome in outcomes]
    told = list(zip(wave, outcomes, verdicts, strict=True))
    with transaction() as session:
        rested_until = _write_endpoint(session, tenant_id, silent=not alive)
        _write_taken(session, tenant_id, told)
        for item, outcome, verdict in sorted(told, key=lambda each: each[0].position):
            if verdict is not Verdict.TAKEN:
                _write_not_taken(session, tenant_id, item, outcome, verdict, rested_until)
    return {item.position: verdict for item, _, verdict in told}


def _write_taken(
    session: Session, tenant_id: str, told: Sequence[tuple[Item, Outcome, Verdict]]
) -> None:
    """Taken is taken, also when a person has skipped the event meanwhile."""
    by_status: dict[int | None, list[int]] = {}
    for item, outcome, verdict in told:
        if verdict is Verdict.TAKEN:
            by_status.setdefault(outcome.status, []).append(item.position)
    for status, positions in by_status.items():
        written = session.execute(
            update(Delivery)
            .where(Delivery.tenant_id == tenant_id, Delivery.position.in_(positions))
            .values(
                state="taken",
                # What is sent again was taken when it was taken first.
                taken_at=func.coalesce(Delivery.taken_at, clock.now()),
                last_status=status,
                last_error=None,
            )
            .returning(Delivery.position, Delivery.tries)
        )
        for position in [position for position, tries in written if tries >= MOST_TRIES]:
            attention.taken(session, tenant_id, position)


def _write_not_taken(
    session: Session,
    tenant_id: str,
    item: Item,
    outcome: Outcome,
    verdict: Verdict,
    rested_until: datetime,
) -> None:
    delivery = lock(session, Delivery, tenant_id, item.position)
    if delivery is None or delivery.state != "waiting":
        return  # a person has skipped it meanwhile
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    if verdict is Verdict.SILENT:
        delivery.due_at = rested_until  # the probe takes another lane first: one may be poison
        return
    delivery.tries += 1
    delivery.due_at = clock.now() + lane_pause(delivery.tries)
    if delivery.tries >= MOST_TRIES:
        delivery.state = "parked"
        attention.parked(session, tenant_id, delivery)


def _write_endpoint(session: Session, tenant_id: str, *, silent: bool) -> datetime:
    """The endpoint answered, or was silent once more; until when it is left alone."""
    now = clock.now()
    if not silent:
        was_silent = (Endpoint.tenant_id == tenant_id) & (
            (Endpoint.failures > 0) | Endpoint.paused_until.is_not(None)
        )
        heard = update(Endpoint).where(was_silent).values(**NO_REST).returning(Endpoint.tenant_id)
        if session.scalars(heard).first():
            attention.heard(session, tenant_id)
        return now
    endpoint = session.get_one(Endpoint, tenant_id, populate_existing=True)
    endpoint.failures += 1
    endpoint.silent_since = endpoint.silent_since or now
    endpoint.paused_until = now + endpoint_pause(endpoint.failures)
    attention.silent(session, tenant_id, endpoint.silent_since)
    return endpoint.paused_until
