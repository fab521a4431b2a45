"""The crash trial: payments over real HTTP, while web, worker and PostgreSQL are killed."""

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from demo import sample, secrets_file
from demo import settings as demo_settings
from demo.place import Place
from office import importing, pseudonyms, pushing
from office import schema as office_schema
from office.client import Portal
from office.db import office_db, transaction
from office.models import Claim, Link
from office.web import create_app
from portal import embedded
from tests import stages
from tests.crash import citizens, comparing, killing
from tests.stages import Demo

PREFIX = "C-"
LONGEST_QUIET = 90.0  # seconds until everything must have been told to everyone
LAPSE_EVERY = 8.0  # seconds
LAPSE = 3  # minutes: then it is time to ask about a payment, and to repeat a notification


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial. ``differences`` must be empty, ``killed`` as long as was asked."""

    seed: int
    payments: int
    killed: list[str]
    tried_again: int
    differences: list[str]
    driven_seconds: float
    quiet_seconds: float

    def __str__(self) -> str:
        each = ", ".join(f"{name} {self.killed.count(name)}" for name in killing.VICTIMS)
        return (
            f"seed {self.seed}: {self.payments} paid in {self.driven_seconds:.0f} s with"
            f" {len(self.killed)} kills ({each}), tried again {self.tried_again} times;"
            f" quiet after {self.quiet_seconds:.0f} s, {len(self.differences)} differences"
        )


def run(data: Path, payments: int, kills: int, seed: int) -> Outcome:
    """Let so many letters be paid, with so many kills, and compare the books when all is quiet."""
    with staged(data) as demo, office_of(data) as office_url:
        letters = _push(demo, office_url, payments, seed)
        progress = citizens.Progress()
        plan = killing.plan(random.Random(seed), payments, kills)
        killer = killing.Killer(demo, plan, lambda: progress.made)
        begun = time.monotonic()
        with time_flies(demo):
            with killer.at_work():
                tried_again = citizens.all_pay(demo, letters, seed, progress)
            driven = time.monotonic() - begun
            found = _until_quiet(lambda: comparing.differences(demo, office_url, PREFIX))
        quiet = time.monotonic() - begun - driven
        return Outcome(seed, payments, killer.done, tried_again, found, driven, quiet)


@contextmanager
def staged(data: Path) -> Iterator[Demo]:
    """A demo of the trial's own."""
    demo = stages.start(data)
    try:
        yield demo
    finally:
        demo.end()


@contextmanager
def time_flies(demo: Demo) -> Iterator[None]:
    """Three minutes go by every few seconds, for all processes."""
    ended = threading.Event()

    def fly() -> None:
        passed = 0
        while not ended.wait(LAPSE_EVERY):
            passed += LAPSE
            draft = demo.data / "clock.draft"
            draft.write_text(f"+{passed}m")
            draft.replace(demo.data / "clock")  # nobody reads it half written

    thread = threading.Thread(target=fly, name="time")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def office_of(data: Path) -> Iterator[str]:
    """The address of the office's database; the server stands as long as it is needed."""
    cluster = embedded.start(data)
    try:
        yield embedded.url(cluster, office_schema.DATABASE, office_schema.APP)
    finally:
        embedded.stop(cluster)


def _push(demo: Demo, office_url: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Invoices of the seed, read and pushed by the office; their letters."""
    place = Place.chosen({"PORT": str(demo.port), "QUITT_DATA": str(demo.data)}, lan=False)
    settings = dataclasses.replace(demo_settings.of(place), office_database_url=office_url)
    rows = sample.rows(count, seed, secrets_file.day(demo.data))
    for number, row in enumerate(rows):
        row["Belegnummer"] = f"{PREFIX}{number:06}"
    office = create_app(settings, office_url)
    with office.app_context():
        importing.import_file(sample.as_bytes(rows))
        with Portal.of(settings) as portal:
            pushing.push(portal, pseudonyms.key(settings.office_pseudonym_key), lambda *_: None)
        with transaction() as session:
            query = select(Claim, Link).join(Link).where(Claim.reference.startswith(PREFIX))
            letters = [_letter(claim, link) for claim, link in session.execute(query)]
        office_db.engine.dispose()
    assert len(letters) == count, f"{len(letters)} of {count} letters"
    return letters


def _letter(claim: Claim, link: Link) -> dict[str, Any]:
    return {
        "reference": claim.reference,
        "url": link.url,
        "tan": link.tan,
        "amount_cents": claim.cents,
    }


def _until_quiet(differences: Callable[[], list[str]]) -> list[str]:
    """What still differs when nothing moves any more, at the latest after ``LONGEST_QUIET``."""
    last = time.monotonic() + LONGEST_QUIET
    while True:
        try:
            found = differences()
        except Exception as error:  # the database may still be getting up
            found = [f"not compared: {error}"]
        if not found or time.monotonic() > last:
            return found
        time.sleep(0.5)
