"""Races: the same thing told at the same moment by several threads or processes.

Each returns a figure; that it is the right one is asserted by the tests, and printed at full size
by ``bench/races.py``.
"""

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from portal import create_app, jobs
from portal.config import Settings
from portal.db import db, transaction
from portal.ledger.models import EntryRow
from portal.payments.models import Payment, PaymentStep
from portal.payments.record import Source, record
from portal.providers.protocol import Outcome, Report
from portal.requests import opening, tan
from tests import builders
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")
PATIENCE = 120  # seconds after which a process that waits for the other gives up


def failed_and_paid(settings: Settings, provider: FakeProvider, payments: int) -> dict[str, int]:
    """Two processes tell, each payment at the same moment, that it failed and that it was paid."""
    made = [builders.begin(builders.letter(f"R-{number}")) for number in range(payments)]
    failed = [provider.say(payment, Outcome.FAILED) for payment in made]
    paid = [provider.pay(payment) for payment in made]
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    tellers = [
        context.Process(target=_tell, args=(settings, gate, reports)) for reports in (failed, paid)
    ]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    assert [teller.exitcode for teller in tellers] == [0, 0], "a report was not acknowledged"
    return {
        "booked": _count(EntryRow.reference.in_([f"payment:{payment}" for payment in made])),
        "succeeded": _count(Payment.id.in_(made), Payment.state == "succeeded"),
        "failed_first": _count(PaymentStep.payment_id.in_(made), PaymentStep.new == "failed"),
        "events": sum(event.type == "payment.succeeded" for event in builders.events()),
    }


def _tell(settings: Settings, gate: Barrier, reports: list[Report]) -> None:
    """One of the processes: tell report after report, each when the other is there too."""
    app = create_app(settings)
    with app.app_context():
        for report in reports:
            gate.wait(PATIENCE)
            record(report, CARD)
        db.session.remove()
        db.engine.dispose()
    jobs.unhang()


def same_report(app: Flask, provider: FakeProvider, payments: int, threads: int) -> dict[str, int]:
    """So many threads tell the same success of each payment at once."""
    verdicts: list[str] = []
    for number in range(payments):
        report = provider.pay(builders.begin(builders.letter(f"S-{number}")))
        at_once(app, threads, lambda told=report: verdicts.append(str(record(told, CARD))))
    return {
        "entries": entries(),
        "events": len(builders.events()),
        "moved": verdicts.count("moved"),
        "repeated": verdicts.count("repeated"),
    }


def guesses(app: Flask, letter: Letter, count: int) -> dict[str, int]:
    """So many wrong TANs at one moment; only of those that are looked at the right one is made."""
    looked, real = [], tan.of_request
    wrong = f"{(int(letter.tan) + 1) % 10**tan.DIGITS:0{tan.DIGITS}d}"
    keyring = app.extensions["keyring"]
    answers: list[str] = []

    def counted(*of: Any) -> str:
        looked.append(1)
        return real(*of)

    def guess() -> None:
        checked = opening.by_tan(keyring, TOWN, letter.request_id, wrong, "a visitor")
        answers.append(checked.verdict)

    tan.of_request = counted
    try:
        at_once(app, count, guess)
    finally:
        tan.of_request = real
    return {"guesses": len(answers), "looked_at": len(looked)}


def entries() -> int:
    """How many entries the book has."""
    return _count(EntryRow.id.is_not(None))


def at_once(app: Flask, threads: int, act: Callable[[], object]) -> None:
    """Run ``act`` in so many threads, each in a context of its own, all from one moment on."""
    gate = threading.Barrier(threads, timeout=PATIENCE)

    def run() -> None:
        with app.app_context():
            gate.wait()
            act()

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def _count(*conditions: Any) -> int:
    db.session.rollback()
    with transaction() as session:
        return session.scalar(select(func.count()).where(*conditions)) or 0
