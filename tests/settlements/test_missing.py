"""An account that is silent in its own reports is found, though nobody has an error to tell."""

import pytest

from portal import clock
from portal.db import db, transaction
from portal.money import Money
from portal.payments.record import Source, record
from portal.providers.protocol import Settlement
from portal.settlements import booking, missing
from portal.worklist import writing
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")


@pytest.fixture
def waiting(provider: FakeProvider) -> str:
    """A payment that came and was not paid out."""
    payment = builders.begin(builders.letter())
    record(provider.pay(payment), CARD)
    return payment


def report(name: str) -> None:
    """A report of nothing."""
    with transaction() as session:
        made = Settlement(name, "m-card", clock.now(), Money(0), ())
        booking.book_report(session, TOWN, "card", made)


def said() -> list[str]:
    db.session.rollback()
    return [what for _, what in missing.sentences(db.session())]


def test_money_that_waits_for_two_weeks_without_a_report_is_a_task_until_one_comes(
    waiting: str, time: Time
) -> None:
    time.move("+13d")
    assert (missing.look_all(), builders.tasks(), said()) == (0, {}, [])
    time.move("+15d")
    assert missing.look_all() == missing.look_all() == 1
    assert list(builders.tasks().values()) == ["settlements_missing"]
    assert len(said()) == 1
    report("s1")
    assert (missing.look_all(), builders.tasks(), said()) == (0, {}, [])


def test_who_pays_out_each_month_is_given_two(waiting: str, time: Time) -> None:
    report("s1")
    time.move("+30d")
    report("s2")
    time.move("+85d")
    assert missing.look_all() == 0
    time.move("+91d")
    assert missing.look_all() == 1


def test_an_account_without_money_owes_no_report(provider: FakeProvider, time: Time) -> None:
    time.move("+100d")
    assert missing.look_all() == 0


def test_what_a_person_has_seen_is_told_again_only_after_another_report(
    waiting: str, time: Time
) -> None:
    time.move("+15d")
    missing.look_all()
    (subject,) = builders.tasks()
    with transaction() as session:
        writing.end(session, TOWN, "settlements_missing", subject, "staff:anna", "seen")
    missing.look_all()
    assert builders.tasks() == {}
    report("s1")
    time.move("+60d")
    missing.look_all()
    assert len(builders.tasks()) == 1
