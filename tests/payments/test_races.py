"""Nothing is lost and nothing doubled when the same thing is told at the same moment."""

import pytest
from flask import Flask

from portal.config import Settings
from portal.db import db
from portal.ledger import book
from portal.payments.record import record
from portal.providers.protocol import Outcome
from tests import builders, trials
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.payments import races


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def test_payments_told_failed_and_paid_by_two_processes_are_all_booked(
    settings: Settings, provider: FakeProvider, pytestconfig: pytest.Config
) -> None:
    count = trials.size(pytestconfig, "races")
    told = races.failed_and_paid(settings, provider, count)
    assert (told["booked"], told["succeeded"], told["events"]) == (count, count, count)
    assert balance("suspense:card") == provider.collected() == count * 14_850
    positions = [event.position for event in builders.events()]
    assert positions == list(range(1, len(positions) + 1))


def test_a_payment_told_by_8_threads_makes_one_entry(
    app: Flask, provider: FakeProvider, pytestconfig: pytest.Config
) -> None:
    count = trials.size(pytestconfig, "races") // 5
    told = races.same_report(app, provider, count, 8)
    assert told == {"entries": count, "events": count, "moved": count, "repeated": 7 * count}
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
