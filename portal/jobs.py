"""Background work: the board on which jobs are hung (Procrastinate), and the bell.

A row in an outbox is the job; the bell only says that there is one. It is rung after the commit,
in a transaction of its own, and never inside a transaction that books: a waiting bell would
poison it. A lost bell costs ten seconds, never an event. Job arguments are ids only.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, TypeVar

import psycopg_pool
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status

log = logging.getLogger(__name__)

EVENTS = "events"  # the queue of what hands over events: towns must not wait for each other there
STALLED_AFTER = 15.0  # seconds without a heartbeat of its worker
ACTS_AT_ONCE = 3  # acts of asynchronous jobs; each takes a connection for a moment

Answer = TypeVar("Answer")

board = App(connector=SyncPsycopgConnector())

_around: Callable[[], AbstractContextManager[object]] = nullcontext
_rope: psycopg_pool.ConnectionPool[Any] | None = None
_acting = ThreadPoolExecutor(ACTS_AT_ONCE, thread_name_prefix="act")


def hang(database_url: str) -> None:
    """Give this process's bell its rope: a connection pool of its own, opened when first rung."""
    global _rope  # noqa: PLW0603 -- one bell a process
    unhang()
    _rope = psycopg_pool.ConnectionPool(database_url, min_size=0, max_size=2, open=False)
    _rope.open(wait=False)
    board.open(_rope)


def unhang() -> None:
    """Take the rope away; ringing does nothing then."""
    global _rope  # noqa: PLW0603
    if _rope is not None:
        board.close()
        _rope.close()
        _rope = None


def ring(tenant_id: str) -> None:
    """Say that a tenant has events to hand over. Never fails: the periodic round covers it."""
    if _rope is None:
        return
    try:
        board.configure_task(
            "deliver", queue=EVENTS, queueing_lock=f"deliver:{tenant_id}", allow_unknown=True
        ).defer(tenant_id=tenant_id)
    except AlreadyEnqueued:
        pass
    except ConnectorException:
        log.warning("bell_lost", extra={"tenant": tenant_id})


def within(around: Callable[[], AbstractContextManager[object]]) -> None:
    """Run every task of this process inside ``around()``: the worker's application context."""
    global _around  # noqa: PLW0603
    _around = around


async def aside(act: Callable[[], Answer]) -> Answer:
    """Run an act of an asynchronous job in a thread, inside what every task runs in."""

    def within_it() -> Answer:
        with _around():
            return act()

    return await asyncio.get_running_loop().run_in_executor(_acting, within_it)


def task(name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Hang a function on the board. Every job may run twice."""

    def hung(act: Callable[..., Any]) -> Any:
        @wraps(act)
        def run(**arguments: Any) -> Any:
            with _around():
                return act(**arguments)

        decorate: Any = board.task(name=name, **options)
        return decorate(run)

    return hung


def every(cron: str, name: str, *, alone: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Hang a function on the board to be run by the clock (cron with seconds as sixth field).

    ``alone``: never twice at once, and so not before one whose worker was killed is put back.
    """

    def hung(act: Callable[[], Any]) -> Any:
        periodic: Any = board.periodic(cron=cron, queueing_lock=name)
        # A queueing lock alone is no mutex.
        hang_up: Any = task(name, lock=name) if alone else task(name)
        return periodic(hang_up(lambda timestamp: act()))

    return hung


async def put_back(board: App) -> None:
    """Put the jobs of killed workers back on the board. Two at once do not harm each other."""
    manager = board.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
        try:
            await _put_back(board, job)
        except ConnectorException:  # another put it back; or the database is gone, which will show
            log.info("job_not_put_back")


async def _put_back(board: App, job: Job) -> None:
    try:
        await board.job_manager.retry_job(job)
    except UniqueViolation:  # one with its queueing lock waits already and does its work
        await board.job_manager.finish_job(job, Status.FAILED, delete_job=True)
