"""Settlement reports that are fetched each night, whoever lost a notification."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from portal import clock
from portal.db import db, transaction
from portal.ledger.models import SettlementRow
from portal.money import Money
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.protocol import (
    Account,
    ProviderDown,
    Settlement,
    SettlementLine,
    UnknownWord,
)
from portal.settlements import booking, fetching, settle, unbooked
from portal.settlements.settle import NoSettlements
from portal.worklist import reading, writing
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider

HOUR = timedelta(hours=1)
NIGHT = "2026-11-20T02:30:00+00:00"  # half past three in the town


class Listing(FakeProvider):
    """A provider that says which reports it has, as long as it is not silent."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: dict[str, Settlement] = {}
        self.silent: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str, datetime]] = []

    def settlements(self, account: Account, since: datetime) -> tuple[str, ...]:
        self.asked.append((account.tenant_id, account.id, since))
        if (account.tenant_id, account.id) in self.silent:
            raise ProviderDown("no answer")
        found = [
            each for each in self.reports.values()
            if each.merchant == account.merchant and each.made_at >= since
        ]  # fmt: skip
        return tuple(each.settlement for each in found)

    def settlement(self, account: Account, settlement: str) -> Settlement:
        return self.reports[settlement]

    def make(self, name: str, account: str = "card", ago: timedelta = timedelta()) -> None:
        """A report over nothing but a monthly sum."""
        made_at = clock.now() - ago
        self.reports[name] = Settlement(name, f"m-{account}", made_at, Money(0), ())


@pytest.fixture
def moment(tmp_path: Path) -> Iterator[Path]:
    """The file that says what time it is: a night."""
    file = tmp_path / "clock"
    file.write_text(NIGHT)
    clock.move_by(file)
    yield file
    clock.move_by(None)


@pytest.fixture
def listing(app: Flask, moment: Path, monkeypatch: pytest.MonkeyPatch) -> Listing:
    fake = Listing()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def fetched() -> int:
    return fetching.fetch_due(current_app.extensions["keyring"])


def booked() -> set[tuple[str, str]]:
    db.session.rollback()
    return {(row.tenant_id, row.settlement) for row in db.session.scalars(select(SettlementRow))}


def test_a_report_of_which_no_notification_came_is_booked_in_the_night(listing: Listing) -> None:
    listing.make("s1")
    listing.make("s2")
    assert fetched() == 4  # both towns have an account of this merchant
    assert booked() == {(town, name) for town in (TOWN, OTHER_TOWN) for name in ("s1", "s2")}


def test_each_account_is_asked_once_a_night(listing: Listing, moment: Path) -> None:
    fetched()
    asked = len(listing.asked)
    assert asked == 4
    moment.write_text("2026-11-20T22:00:00+00:00")
    fetched()
    assert len(listing.asked) == asked
    moment.write_text("2026-11-21T02:30:00+00:00")
    fetched()
    assert len(listing.asked) == 2 * asked


def test_notified_and_listed_at_once_is_booked_once(listing: Listing) -> None:
    listing.make("s1")
    keyring = current_app.extensions["keyring"]
    assert settle.settle(keyring, TOWN, "card", "s1")
    assert fetched() == 1  # the other town's
    told = [event.type for event in builders.events()]
    assert told.count("payout.announced") == 1


def test_a_silent_account_does_not_hold_up_the_others(listing: Listing, moment: Path) -> None:
    listing.make("s1")
    listing.silent.add((TOWN, "card"))
    assert fetched() == 1
    assert booked() == {(OTHER_TOWN, "s1")}
    listing.silent.clear()
    assert fetched() == 0  # it is tried again within the hour
    moment.write_text("2026-11-20T03:45:00+00:00")
    assert fetched() == 1


def test_an_account_whose_adapter_is_gone_does_not_hold_up_the_others(listing: Listing) -> None:
    listing.make("s1")
    with transaction() as session:
        session.get_one(ProviderAccount, (TOWN, "card")).provider = "gone"
    assert fetched() == 1
    assert booked() == {(OTHER_TOWN, "s1")}


def test_who_was_slow_stands_behind_all_others(
    listing: Listing, moment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LONGEST_ROUND", -1.0)
    assert fetched() == 0
    assert listing.asked == []
    monkeypatch.undo()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": listing})
    keyring = current_app.extensions["keyring"]
    listing.silent.add((TOWN, "card"))
    with pytest.raises(NoSettlements):
        fetching.fetch(keyring, TOWN, "card")
    moment.write_text("2026-11-20T04:30:00+00:00")
    listing.asked.clear()
    fetched()
    assert [place[:2] for place in listing.asked][-1] == (TOWN, "card")


def test_a_bad_report_is_a_task_and_does_not_hold_up_the_next(listing: Listing) -> None:
    listing.make("s1")
    listing.make("s2")
    line = SettlementLine("payment", "", "x-1", Money(700, "PLN"), Money(0, "PLN"))
    listing.reports["s1"] = replace(listing.reports["s1"], lines=(line,))
    keyring = current_app.extensions["keyring"]
    found = fetching.fetch(keyring, TOWN, "card")
    assert (found.booked, found.failed) == (1, ("s1",))
    assert builders.tasks()["settlement:card:s1"] == "settlement_difference"
    listing.make("s1")
    assert fetching.fetch(keyring, TOWN, "card").booked == 1
    assert builders.tasks() == {}


def task(subject: str) -> str:
    """The kind of the open task of a subject."""
    db.session.rollback()
    return builders.tasks().get(subject, "")


def cause(subject: str) -> object:
    db.session.rollback()
    found = reading.open_tasks(db.session(), TOWN)
    return next(task.detail["cause"] for task in found if task.subject == subject)


def at(moment: Path, day: int, hour: int = 2) -> None:
    """It is a day of November, half past three in the town if no hour is said."""
    moment.write_text(f"2026-11-{day}T{hour:02}:30:00+00:00")


class Reads(Listing):
    """Some of its reports cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, Exception] = {}

    def settlement(self, account: Account, settlement: str) -> Settlement:
        if settlement in self.faults:
            raise self.faults[settlement]
        return super().settlement(account, settlement)


@pytest.fixture
def reads(app: Flask, moment: Path, monkeypatch: pytest.MonkeyPatch) -> Reads:
    fake = Reads()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def test_a_report_with_a_word_that_we_do_not_know_is_a_task_at_once(reads: Reads) -> None:
    reads.make("s1")
    reads.make("s2")
    reads.faults["s1"] = UnknownWord("T9999")
    fetched()
    assert booked() == {(TOWN, "s2"), (OTHER_TOWN, "s2")}
    assert (task("settlement:card:s1"), cause("settlement:card:s1")) == (
        "settlement_difference", "unknown_word",
    )  # fmt: skip


def test_a_notification_of_an_unreadable_report_is_told_too(reads: Reads) -> None:
    reads.faults["s1"] = UnknownWord("T9999")
    with pytest.raises(settle.UnknownWords):
        settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert cause("settlement:card:s1") == "unknown_word"


def test_a_report_that_cannot_be_had_for_a_day_is_a_task(reads: Reads, moment: Path) -> None:
    reads.make("s1")
    reads.faults["s1"] = ProviderDown("what the pay-out consists of does not add up to it")
    for hour in (3, 12, 23):
        at(moment, 20, hour)
        fetched()
        assert builders.tasks() == {}, "it may pass"
    at(moment, 21, 4)
    fetched()
    assert cause("settlement:card:s1") == "no_settlement"


def test_an_error_of_ours_in_one_report_stops_no_other_and_is_told(
    reads: Reads, moment: Path
) -> None:
    reads.make("s1")
    reads.make("s2")
    reads.faults["s1"] = KeyError("s1")
    fetched()
    assert (TOWN, "s2") in booked()
    at(moment, 21, 4)
    fetched()
    assert cause("settlement:card:s1") == "fault"


def test_an_unread_report_is_tried_again_by_its_name_when_it_is_listed_no_more(
    reads: Reads, moment: Path
) -> None:
    reads.make("s1")
    reads.faults["s1"] = UnknownWord("T9999")
    fetched()
    at(moment, 21)
    reads.make("s2")
    fetched()
    moment.write_text("2026-12-20T02:30:00+00:00")  # s1 is out of the window that s2 opens
    fetched()
    assert (TOWN, "s1") not in booked()
    del reads.faults["s1"]
    moment.write_text("2026-12-20T04:30:00+00:00")
    assert fetched() == 2
    assert (TOWN, "s1") in booked()
    assert builders.tasks() == {}


def test_what_a_person_has_ended_is_neither_tried_nor_told_again(
    reads: Reads, moment: Path
) -> None:
    reads.make("s1")
    reads.faults["s1"] = UnknownWord("T9999")
    fetched()
    with transaction() as session:
        writing.end(
            session, TOWN, "settlement_difference", "settlement:card:s1", "staff:a", "by hand"
        )
    at(moment, 21)
    del reads.faults["s1"]
    assert fetched() == 1  # the other town's
    assert (TOWN, "s1") not in booked()
    assert builders.tasks() == {}


def test_a_file_that_brings_the_report_ends_the_waiting(reads: Reads, moment: Path) -> None:
    reads.faults["s1"] = UnknownWord("T9999")
    keyring = current_app.extensions["keyring"]
    with pytest.raises(settle.UnknownWords):
        settle.settle(keyring, TOWN, "card", "s1")
    reads.make("s1")
    with transaction() as session:
        booking.book_report(session, TOWN, "card", reads.reports["s1"])
    with transaction() as session:
        assert unbooked.of_town(session, TOWN) == []
    assert builders.tasks() == {}


def test_an_account_that_does_not_list_its_reports_for_a_day_is_a_task(
    listing: Listing, moment: Path
) -> None:
    listing.silent.add((TOWN, "card"))
    for day, hour in ((20, 3), (20, 12), (21, 2)):
        at(moment, day, hour)
        fetched()
        assert builders.tasks() == {}, "it may pass"
    at(moment, 21, 4)
    fetched()
    assert task("card") == "settlements_missing"
    with transaction() as session:
        writing.end(session, TOWN, "settlements_missing", "card", "staff:a", "seen")
    at(moment, 21, 6)
    fetched()
    assert builders.tasks() == {}, "who has ended it need not end it each hour"
    listing.silent.clear()
    at(moment, 21, 8)
    fetched()
    listing.silent.add((TOWN, "card"))
    for day, hour in ((22, 3), (23, 4)):
        at(moment, day, hour)
        fetched()
    assert task("card") == "settlements_missing", "another outage is told again"
    listing.silent.clear()
    at(moment, 23, 6)
    fetched()
    assert builders.tasks() == {}


def test_a_new_account_that_was_silent_for_weeks_misses_no_report(
    listing: Listing, moment: Path
) -> None:
    listing.make("s1", ago=timedelta(days=20))
    listing.silent |= {(TOWN, "card"), (OTHER_TOWN, "card")}
    fetched()
    moment.write_text("2026-12-24T02:30:00+00:00")  # 34 days later
    listing.silent.clear()
    fetched()
    assert (TOWN, "s1") in booked()


def test_what_was_made_some_days_before_the_last_one_is_found(
    listing: Listing, moment: Path
) -> None:
    listing.make("s2")
    fetched()
    listing.make("s1", ago=timedelta(days=9))
    moment.write_text("2026-11-21T02:30:00+00:00")
    fetched()
    assert (TOWN, "s1") in booked()


def test_a_new_account_is_asked_for_a_month_and_not_before_it_began(
    listing: Listing, moment: Path
) -> None:
    with transaction() as session:
        row = session.get_one(ProviderAccount, (TOWN, "paypal"))
        row.valid_from = builders.today() - timedelta(days=3)
    fetched()
    since = {place[:2]: place[2] for place in listing.asked}
    assert since[TOWN, "card"] == pytest.approx(clock.now() - timedelta(days=30), abs=HOUR)
    assert since[TOWN, "paypal"].date() == builders.today() - timedelta(days=3)


def test_a_provider_that_lists_nothing_is_not_asked(app: Flask, provider: FakeProvider) -> None:
    assert fetched() == 0
    with pytest.raises(NoSettlements):
        fetching.fetch(current_app.extensions["keyring"], TOWN, "card")
