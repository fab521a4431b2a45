"""Nothing is lost and nothing doubled when the same thing is told at the same moment."""

from flask import Flask

from portal.config import Settings
from portal.db import db
from portal.ledger import book
from portal.payments.record import record
from portal.providers.protocol import Outcome
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.payments import races


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def test_of_100_payments_told_failed_and_paid_by_two_processes_100_are_booked(
    settings: Settings, provider: FakeProvider
) -> None:
    told = races.failed_and_paid(settings, provider, 100)
    assert (told["booked"], told["succeeded"], told["events"]) == (100, 100, 100)
    assert balance("suspense:card") == provider.collected() == 100 * 14_850
    positions = [event.position for event in builders.events()]
    assert positions == list(range(1, len(positions) + 1))


def test_20_payments_told_by_8_threads_each_make_20_entries(
    app: Flask, provider: FakeProvider
) -> None:
    told = races.same_report(app, provider, 20, 8)
    assert told == {"entries": 20, "events": 20, "moved": 20, "repeated": 140}
    assert balance("suspense:card") == provider.collected()


def test_two_payments_of_one_request_paid_at_one_moment_clear_it_once(
    app: Flask, provider: FakeProvider
) -> None:
    for number in range(10):
        letter = builders.letter(f"K-{number}", amount_cents=5_000)
        first = builders.begin(letter)
        record(provider.say(first, Outcome.CANCELLED), races.CARD)
        reports = [provider.pay(payment) for payment in (first, builders.begin(letter))]
        races.at_once(app, 2, lambda left=reports: record(left.pop(), races.CARD))
        assert builders.request_of(letter).covered_cents == 5_000
    assert balance("suspense:card") == provider.collected() == 100_000
    assert balance("claims:tax") == balance("custody:surplus") == -50_000


def test_of_64_guesses_at_one_moment_with_5_left_5_are_looked_at(app: Flask) -> None:
    assert races.guesses(app, builders.letter(), 64) == {"guesses": 64, "looked_at": 5}
