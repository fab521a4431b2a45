"""Races at full size on a PostgreSQL of its own, with its safety on.

    python bench/races.py [--payments 100] [--repeated 20] [--threads 8] [--guesses 64]

Prints one line a race and exits 1 when a figure is not what it must be: every payment that was
told failed and paid at the same moment by two processes is booked, every report is booked once,
and of parallel guesses of a TAN only as many are looked at as are left.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask

from portal import create_app, embedded, jobs, keys, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.providers import registry
from portal.requests.tan import TRIES_IN_HOUR
from tests import builders
from tests.fakes import FakeProvider
from tests.payments import races


def main() -> None:
    """Run the three races and say what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payments", type=int, default=100, help="told failed and paid at once")
    parser.add_argument("--repeated", type=int, default=20, help="payments told by all threads")
    parser.add_argument("--threads", type=int, default=8, help="that tell the same")
    parser.add_argument("--guesses", type=int, default=64, help="of a TAN at one moment")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, portal(Path(folder)) as (app, settings):
        right = [
            failed_and_paid(settings, given.payments),
            same_report(app, given.repeated, given.threads),
            guesses(app, given.guesses),
        ]
    sys.exit(not all(right))


def failed_and_paid(settings: Settings, payments: int) -> bool:
    began = time.perf_counter()
    told = races.failed_and_paid(settings, _provider(), payments)
    took = time.perf_counter() - began
    print(
        f"failed and paid at the same moment, by 2 processes: {told['booked']} of {payments} booked"
        f" ({told['failed_first']} had failed first), {told['events']} events, {took:.1f} s"
    )
    return told["booked"] == told["succeeded"] == told["events"] == payments


def same_report(app: Flask, payments: int, threads: int) -> bool:
    before = len(builders.events())
    booked = races.entries()
    began = time.perf_counter()
    told = races.same_report(app, _provider(), payments, threads)
    took = time.perf_counter() - began
    entries, events = told["entries"] - booked, told["events"] - before
    print(
        f"the same report by {threads} threads: {entries} entries and {events} events for"
        f" {payments} payments, {told['repeated']} repeated, {took:.1f} s"
    )
    return entries == events == told["moved"] == payments


def guesses(app: Flask, count: int) -> bool:
    began = time.perf_counter()
    told = races.guesses(app, builders.letter("G-1"), count)
    took = time.perf_counter() - began
    print(
        f"{count} guesses of a TAN at one moment with {TRIES_IN_HOUR} left:"
        f" {told['looked_at']} looked at, {took:.1f} s"
    )
    return told == {"guesses": count, "looked_at": TRIES_IN_HOUR}


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
            yield app, settings
            db.session.remove()
            db.engine.dispose()
    finally:
        jobs.unhang()
        embedded.stop(cluster)


def _provider() -> FakeProvider:
    made = FakeProvider()
    registry.PROVIDERS = {**registry.PROVIDERS, "fake": made}
    return made


if __name__ == "__main__":
    main()
