"""The worker: bells, killed workers' jobs, and an end when it is told to stop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from procrastinate import PsycopgConnector
from sqlalchemy import text

from portal import jobs
from portal.db import db, transaction
from portal.finance import delivery, messages, outbox, tasks
from tests.finance.receiver import SECRET, listening

ROOT = Path(__file__).parents[2]
TOWN = "musterhausen"

JOB = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, worker_id)"
    " VALUES ('default', 'deliver', :lock, '{\"tenant_id\": \"x\"}',"
    " CAST(:status AS procrastinate_job_status), :worker) RETURNING id"
)
BY_THE_CLOCK = text(
    "INSERT INTO procrastinate_jobs"
    " (queue_name, task_name, lock, queueing_lock, args, status, worker_id)"
    " SELECT 'default', name, name, name, '{\"timestamp\": 0}',"
    " CAST(:status AS procrastinate_job_status), :worker"
    " FROM CAST(:name AS text) AS name RETURNING id"
)
BOARD = text("SELECT id, status::text FROM procrastinate_jobs ORDER BY id")
WORKER = text(
    "INSERT INTO procrastinate_workers (last_heartbeat)"
    " VALUES (now() - make_interval(secs => :ago)) RETURNING id"
)


@pytest.fixture
def board(app):
    with app.app_context():
        with transaction() as session:
            session.execute(text("DELETE FROM procrastinate_jobs"))
            session.execute(text("DELETE FROM procrastinate_workers"))
        yield
        with transaction() as session:
            session.execute(text("DELETE FROM procrastinate_jobs"))
            session.execute(text("DELETE FROM procrastinate_workers"))


def hang(status, lock, silent_for=None):
    with transaction() as session:
        worker = silent_for and session.scalar(WORKER, {"ago": silent_for})
        return session.scalar(JOB, {"status": status, "lock": lock, "worker": worker})


def hang_by_the_clock(name, status, silent_for=None):
    with transaction() as session:
        worker = silent_for and session.scalar(WORKER, {"ago": silent_for})
        told = {"name": name, "status": status, "worker": worker}
        return session.scalar(BY_THE_CLOCK, told)


def on_board():
    with transaction() as session:
        return dict(session.execute(BOARD).all())


def put_back(settings):
    async def once():
        connector = PsycopgConnector(conninfo=settings.database_url, min_size=1, max_size=2)
        with jobs.board.replace_connector(connector):
            async with jobs.board.open_async():
                await tasks.put_back_stalled.func(timestamp=0)

    asyncio.run(once())


def test_a_killed_workers_job_is_put_back(board, settings):
    stalled = hang("doing", None, silent_for=16)
    running = hang("doing", None, silent_for=5)
    put_back(settings)
    assert on_board() == {stalled: "todo", running: "doing"}


def test_a_job_whose_worker_is_gone_altogether_is_put_back(board, settings):
    orphan = hang("doing", "deliver:x")
    put_back(settings)
    assert on_board() == {orphan: "todo"}


def test_a_killed_workers_job_goes_when_another_waits_in_its_place(board, settings):
    hang("doing", "deliver:x", silent_for=60)
    also = hang("doing", "deliver:y", silent_for=60)
    waiting = hang("todo", "deliver:x")
    put_back(settings)
    assert on_board() == {also: "todo", waiting: "todo"}


def test_two_who_put_back_at_once_do_not_harm_each_other(board, settings, monkeypatch):
    orphan = hang("doing", None, silent_for=60)
    gone = hang("doing", "deliver:x", silent_for=60)
    waiting = hang("todo", "deliver:x")

    async def both_have_looked():
        connector = PsycopgConnector(conninfo=settings.database_url, min_size=1, max_size=2)
        with jobs.board.replace_connector(connector) as at_work:
            async with at_work.open_async():
                manager = at_work.job_manager
                seen = await manager.get_stalled_jobs(seconds_since_heartbeat=15)
                monkeypatch.setattr(type(manager), "get_stalled_jobs", lambda *_, **__: told(seen))
                await jobs.put_back(at_work)
                await jobs.put_back(at_work)

    asyncio.run(both_have_looked())
    assert gone not in on_board()
    assert on_board() == {orphan: "todo", waiting: "todo"}


async def told(seen):
    return seen


@pytest.mark.parametrize("name", ["finance.put_back", "finance.ring"])
def test_a_job_by_the_clock_that_was_killed_itself_is_put_back(app, settings, board, name):
    """Also when a worker is there already: what puts back waits for nobody's lock."""
    with working(settings):
        wait_for(lambda: app.test_client().get("/readyz").json["worker"] == "working")
        killed = hang_by_the_clock(name, "doing", silent_for=60)
        wait_for(lambda: on_board().get(killed) != "doing")


def test_a_worker_that_begins_puts_back_what_bars_the_way(app, settings, board):
    """A board on which all who could put back wait behind one that was killed."""
    killed = hang_by_the_clock("finance.put_back", "doing", silent_for=60)
    behind = hang_by_the_clock("finance.put_back", "todo")
    with working(settings):
        wait_for(lambda: not {killed, behind} & set(on_board()))


def test_the_round_rings_only_for_towns_with_something_due(app, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    with transaction() as session:
        for town in (TOWN, "beispielstadt"):
            keyring = app.extensions["keyring"]
            delivery.set_endpoint(session, keyring, town, "https://example.org/", SECRET)
        outbox.put(session, TOWN, messages.request_changed("A", 2, "new_version"))
    rung.clear()  # the writer's own bell
    with app.app_context():
        tasks.ring_for_all.func(timestamp=0)
    assert rung == [TOWN]


def test_a_worker_that_is_killed_is_followed_by_one_that_goes_on(app, settings, board):
    with listening() as receiver:
        with transaction() as session:
            keyring = app.extensions["keyring"]
            delivery.set_endpoint(session, keyring, TOWN, receiver.url, SECRET)
        with working(settings) as first:
            tell("A")
            wait_for(lambda: receiver.positions() == [1])
            first.send_signal(signal.SIGKILL)
            first.wait(10)
        tell("B", "C")
        with working(settings) as second:
            wait_for(lambda: set(receiver.positions()) == {1, 2, 3})  # at least once
            wait_for(lambda: app.test_client().get("/readyz").json["worker"] == "working")
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0


def tell(*references):
    with transaction() as session:
        for reference in references:
            outbox.put(session, TOWN, messages.request_changed(reference, 2, "new_version"))
    db.session.remove()


@contextlib.contextmanager
def working(settings):
    """A worker process in practice mode, which may reach this machine."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    env |= {
        "QUITT_DATABASE_URL": settings.database_url,
        "QUITT_KEYS": settings.keys,
        "QUITT_DATA": str(settings.data),
        "QUITT_DEMO": "1",
        "QUITT_LOG_LEVEL": "error",
    }
    process = subprocess.Popen([sys.executable, "-m", "portal.worker"], cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def wait_for(condition, seconds=60):
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")
