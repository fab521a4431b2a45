"""The worker: takes jobs from the board until it is told to stop.

A job is a function of a room's ``tasks``; it runs in a thread, inside an application context. A
worker that loses the database starts again; one that is killed leaves its jobs to the others.
"""

import asyncio
import importlib
import logging
import signal
from collections.abc import Sequence

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from portal import create_app, jobs
from portal.config import Settings

TASKS = (
    "portal.finance.tasks",
    "portal.payments.tasks",
    "portal.proof.tasks",
    "portal.requests.tasks",
    "portal.retention.tasks",
    "portal.approvals.tasks",
    "portal.returns.tasks",
    "portal.settlements.tasks",
    "portal.staff.tasks",
)
CREWS = {"default": 4, jobs.EVENTS: 64}  # jobs at once of each queue; handing over takes no thread
CONNECTIONS = 6  # of the board itself; jobs take theirs from the application's pool
PATIENCE = 8.0  # seconds for a connection; so long a stop takes when the database is gone
HEARTBEAT = 5.0  # seconds
LAST_MOMENT = 25.0  # seconds that running jobs are given to end
START_AGAIN = 2.0  # seconds

log = logging.getLogger("portal.worker")


def main(settings: Settings | None = None) -> None:
    """Work until SIGTERM or SIGINT."""
    settings = settings or Settings.from_env()
    app = create_app(settings)
    for name in TASKS:
        importlib.import_module(name)
    jobs.within(app.app_context)
    try:
        asyncio.run(work(settings.database_url))
    finally:
        jobs.unhang()


async def work(database_url: str) -> None:
    """Take jobs until a signal asks to stop; begin again when the database went away."""
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told_to_stop.set)
    while not told_to_stop.is_set():
        try:
            await _shift(database_url, told_to_stop)
        except (ConnectorException, OSError) as error:
            log.warning("worker_lost_database", extra={"error": type(error).__name__})
        await _pause(told_to_stop)


async def _shift(database_url: str, told_to_stop: asyncio.Event) -> None:
    """One stretch of work: until told to stop, or until the database is gone."""
    connector = PsycopgConnector(
        conninfo=database_url, min_size=1, max_size=CONNECTIONS, timeout=PATIENCE
    )
    with jobs.board.replace_connector(connector) as board:
        async with board.open_async():
            await jobs.put_back(board)  # what was killed may bar the way of what comes
            working = [_crew(board, queue, at_once) for queue, at_once in CREWS.items()]
            stopping = asyncio.create_task(told_to_stop.wait())
            await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await _ended(working)


def _crew(board: App, queue: str, at_once: int) -> asyncio.Task[None]:
    return asyncio.create_task(
        board.run_worker_async(
            queues=[queue],
            concurrency=at_once,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=jobs.STALLED_AFTER,
            shutdown_graceful_timeout=LAST_MOMENT,
            delete_jobs="successful",
            install_signal_handlers=False,
        )
    )


async def _ended(crews: Sequence[asyncio.Task[None]]) -> None:
    """Let all crews end together; what one of them died of goes out."""
    for crew in crews:
        if not crew.done():
            crew.cancel()  # asks it to end its jobs first
    for died in await asyncio.gather(*crews, return_exceptions=True):
        if isinstance(died, Exception):
            raise died
    log.info("worker_stopped")


async def _pause(told_to_stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(told_to_stop.wait(), START_AGAIN)
    except TimeoutError:
        return


if __name__ == "__main__":
    main()
