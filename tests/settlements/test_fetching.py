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
from portal.providers.protocol import Account, ProviderDown, Settlement, SettlementLine
from portal.settlements import fetching, settle
from portal.settlements.settle import NoSettlements
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
        row.valid_from = clock.now().date() - timedelta(days=3)
    fetched()
    since = {place[:2]: place[2] for place in listing.asked}
    assert since[TOWN, "card"] == pytest.approx(clock.now() - timedelta(days=30), abs=HOUR)
    assert since[TOWN, "paypal"].date() == clock.now().date() - timedelta(days=3)


def test_a_provider_that_lists_nothing_is_not_asked(app: Flask, provider: FakeProvider) -> None:
    assert fetched() == 0
    with pytest.raises(NoSettlements):
        fetching.fetch(current_app.extensions["keyring"], TOWN, "card")
