"""A finance system that is down, and others that are broken beside it.

    python bench/outage.py [--minutes 10] [--events 1000] [--dead 50]

Real processes, real time, the embedded PostgreSQL with its safety on: one worker, one town whose
endpoint is down and comes back, one healthy town beside it, and so many towns with dead endpoints:
hosts that do not answer a connection, answers that drip byte by byte, and servers that only say
500. An event is put every second for the healthy town, before and while the others are broken.

Prints what was taken, whether in order per request, how long it took after the return, and how
long the healthy town waited; ends by itself, with 1 when a figure is not what it must be.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask
from sqlalchemy import text

from portal import create_app, embedded, jobs, keys, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.finance import delivery, messages, outbox
from portal.finance.models import EventFeed
from portal.tenants import Tenant
from tests import builders
from tests.finance.broken import deaf, dripping
from tests.finance.receiver import SECRET, Receiver, listening

ROOT = Path(__file__).resolve().parent.parent
DOWN, HEALTHY = builders.TOWN, builders.OTHER_TOWN
REQUESTS = 100  # over which the events are spread
WITHIN = 60.0  # seconds after its return in which everything must be taken
MOST_WAIT = 2.0  # seconds that the healthy town may wait for an event
QUIET = 30  # seconds of measuring before anything is broken


@dataclass
class Heard:
    """When each event of the healthy town was put and taken, by position."""

    put: dict[int, float] = field(default_factory=dict)
    taken: dict[int, float] = field(default_factory=dict)

    def waits(self, since: float, until: float) -> list[float]:
        told = [p for p, at in self.put.items() if since <= at < until]
        return [self.taken.get(p, float("inf")) - self.put[p] for p in told]


def main() -> None:
    """Run the outage and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="that the endpoint is down")
    parser.add_argument("--events", type=int, default=1000, help="that wait for its return")
    parser.add_argument("--dead", type=int, default=50, help="other towns with a dead endpoint")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        app, settings = stack.enter_context(portal(folder))
        right = outage(app, settings, given.minutes * 60, given.events, given.dead)
    sys.exit(not right)


def outage(app: Flask, settings: Settings, seconds: float, events: int, dead: int) -> bool:
    heard = Heard()
    with contextlib.ExitStack() as stack:
        down = stack.enter_context(listening())
        healthy = stack.enter_context(listening())
        broken = stack.enter_context(broken_endpoints())
        healthy.status = lambda event: _note(heard, event["position"])
        back = threading.Event()
        down.status = lambda _: 204 if back.is_set() else 503
        endpoint(app, DOWN, down)
        endpoint(app, HEALTHY, healthy)
        stack.enter_context(working(settings))
        stack.enter_context(ticking(app, heard))
        while not heard.taken:  # the worker is starting
            time.sleep(0.1)
        begun = time.time()
        time.sleep(QUIET)
        broke = time.time()
        for number in range(dead):
            dead_town(app, f"dead-{number}", broken[number % len(broken)])
        spread(app, events, seconds)
        _sleep_until(broke + seconds)
        tried = len(down.heard)
        back.set()
        after = _until_taken(down, events)
        return told(heard, down, (begun, broke, broke + seconds), (tried, after, events, dead))


def told(
    heard: Heard,
    down: Receiver,
    moments: tuple[float, float, float],
    figures: tuple[int, float, int, int],
) -> bool:
    tried, after, events, dead = figures
    begun, broke, back = moments
    quiet, beside = heard.waits(begun, broke), heard.waits(broke, back)
    order = all(down.positions(ref) == sorted(down.positions(ref)) for ref in references())
    taken = len(set(down.positions()))
    minutes = (back - broke) / 60
    print(
        f"endpoint down for {minutes:.0f} min with {events} events: probed {tried} times,"
        f" {taken} taken ({len(down.taken) - taken} twice), in order per request:"
        f" {'yes' if order else 'NO'}, all {after:.1f} s after its return"
    )
    print(
        f"a healthy town beside it and {dead} dead ones: {len(beside)} events, waited"
        f" {_spread(beside)}; before anything was broken {_spread(quiet)}"
    )
    return taken == events and order and after <= WITHIN and max(beside) <= MOST_WAIT


def _spread(waits: list[float]) -> str:
    if not waits:
        return "nothing measured"
    return f"{statistics.median(waits):.2f} s (longest {max(waits):.2f} s)"


def references() -> list[str]:
    return [f"R{number}" for number in range(REQUESTS)]


def spread(app: Flask, events: int, seconds: float) -> None:
    """Put the events of the town that is down, in the first half of its outage."""
    begun, pause = time.time(), seconds / 2 / events
    for number in range(events):
        tell(app, DOWN, f"R{number % REQUESTS}", number)
        _sleep_until(begun + pause * number)


def tell(app: Flask, town: str, reference: str, version: int) -> int:
    """Put an event; its position."""
    with app.app_context():
        with transaction() as session:
            outbox.put(session, town, messages.request_changed(reference, version, "bench"))
        last = text("SELECT last FROM event_feed WHERE tenant_id = :town")
        return int(db.session.execute(last, {"town": town}).scalar_one())


def endpoint(app: Flask, town: str, receiver: Receiver | str) -> None:
    url = receiver if isinstance(receiver, str) else receiver.url
    with app.app_context(), transaction() as session:
        delivery.set_endpoint(session, app.extensions["keyring"], town, url, SECRET)


def dead_town(app: Flask, town: str, url: str) -> None:
    """A town with a dead endpoint and twenty events."""
    with app.app_context(), transaction() as session:
        session.add(Tenant(id=town, name=town))
        session.flush()
        session.add(EventFeed(tenant_id=town))
    endpoint(app, town, url)
    for number in range(20):
        tell(app, town, f"D{number}", number)


@contextlib.contextmanager
def ticking(app: Flask, heard: Heard) -> Iterator[None]:
    """An event for the healthy town every second."""
    ending = threading.Event()

    def tick() -> None:
        version = 0
        while not ending.wait(1):
            version += 1
            before = time.time()
            heard.put[tell(app, HEALTHY, f"H{version % 7}", version)] = before

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        time.sleep(MOST_WAIT)


@contextlib.contextmanager
def broken_endpoints() -> Iterator[list[str]]:
    """A host that does not answer, an answer that never ends, and a server that only fails."""
    with listening() as failing, dripping() as slow, deaf() as dead:
        failing.status = lambda _: 500
        yield [dead, slow, failing.url]


@contextlib.contextmanager
def working(settings: Settings) -> Iterator[None]:
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
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def portal(folder: Path) -> Iterator[tuple[Flask, Settings]]:
    """The application on a database with two towns; stopped and forgotten afterwards."""
    cluster = embedded.start(folder)
    try:
        url = schema.ready(Settings(data=folder))
        settings = Settings(
            data=folder, base_url="https://localhost", keys=keys.new_key("k1"), database_url=url,
            log_level="error",
        )  # fmt: skip
        app = create_app(settings)
        with app.app_context():
            with transaction() as session:
                builders.towns(session, app.extensions["keyring"])
            db.session.remove()
        yield app, settings
        with app.app_context():
            db.engine.dispose()
    finally:
        jobs.unhang()
        embedded.stop(cluster)


def _note(heard: Heard, position: int) -> int:
    heard.taken.setdefault(position, time.time())
    return 204


def _until_taken(down: Receiver, events: int) -> float:
    """Seconds until all events were taken, at most twice what is allowed."""
    begun = time.time()
    while len(set(down.positions())) < events and time.time() - begun < 2 * WITHIN:
        time.sleep(0.1)
    return time.time() - begun


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


if __name__ == "__main__":
    main()
