"""Asking providers nightly what they have taken: once a day, when the town's day is over."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from portal import clock
from portal.db import db, transaction
from portal.money import Money
from portal.payments import figures, tasks
from portal.payments.figures import ProviderFigure
from portal.payments.models import ProviderAccount
from portal.providers.protocol import Account, ProviderDown
from portal.tenants import Tenant
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider

THE_20TH, THE_21ST = date(2026, 11, 20), date(2026, 11, 21)


class Telling(FakeProvider):
    """One that says how much it has taken; an account named here says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: dict[str, Exception] = {}
        self.asked: list[tuple[str, datetime]] = []

    def taken(self, account: Account, until: datetime) -> tuple[Money, ...]:
        self.asked.append((f"{account.tenant_id}/{account.id}", until))
        if error := self.silent.get(account.id):
            raise error
        return (Money(4200), Money(100, "PLN"))


@pytest.fixture
def provider(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Telling:
    from portal.providers import registry

    fake = Telling()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": fake})
    return fake


@pytest.fixture(autouse=True)
def moment(app: Flask, tmp_path: Path) -> Iterator[Path]:
    """The file that says what time it is; the accounts were opened the day before yesterday."""
    file = tmp_path / "clock"
    file.write_text("2026-11-22T03:00:00+00:00")
    clock.move_by(file)
    with transaction() as session:
        session.execute(update(ProviderAccount).values(valid_from=THE_21ST))
    yield file
    clock.move_by(None)


def ask() -> int:
    return figures.ask_due(current_app.extensions["keyring"])


def told(account: str = "card") -> list[tuple[date, str, int]]:
    db.session.rollback()
    rows = db.session.scalars(
        select(ProviderFigure)
        .where(ProviderFigure.tenant_id == TOWN, ProviderFigure.account_id == account)
        .order_by(ProviderFigure.id)
    )
    return [(row.day, row.currency, row.taken_cents) for row in rows]


def test_yesterday_is_asked_for_once_an_account(provider: Telling) -> None:
    accounts = ask()
    assert accounts == len(provider.asked) >= 2
    assert told() == [(THE_21ST, "EUR", 4200), (THE_21ST, "PLN", 100)]
    assert ask() == 0
    assert len(provider.asked) == accounts


def test_the_job_asks(app: Flask, provider: Telling) -> None:
    tasks.ask_for_figures(timestamp=0)
    assert told()


def test_a_day_ends_at_the_towns_own_midnight(provider: Telling, moment: Path) -> None:
    with transaction() as session:
        session.get_one(Tenant, OTHER_TOWN).time_zone = "America/New_York"
        session.execute(update(ProviderAccount).values(valid_from=THE_20TH))
    ends = {}
    for hour in ("2026-11-21T22:59", "2026-11-21T23:04", "2026-11-21T23:06", "2026-11-22T05:06"):
        moment.write_text(f"{hour}:00+00:00")
        provider.asked.clear()
        ask()
        ends[hour[-5:]] = {(place.partition("/")[0], until) for place, until in provider.asked}
    assert ends["22:59"] == {
        (TOWN, datetime(2026, 11, 20, 23, tzinfo=UTC)),
        (OTHER_TOWN, datetime(2026, 11, 21, 5, tzinfo=UTC)),
    }
    assert ends["23:04"] == set(), "what is being booked there has five minutes"
    assert ends["23:06"] == {(TOWN, datetime(2026, 11, 21, 23, tzinfo=UTC))}
    assert ends["05:06"] == {(OTHER_TOWN, datetime(2026, 11, 22, 5, tzinfo=UTC))}


@pytest.mark.parametrize("error", [ProviderDown("no answer"), RuntimeError("a fault of ours")])
def test_one_that_is_down_is_asked_again_and_keeps_nobody_from_their_turn(
    provider: Telling, moment: Path, error: Exception
) -> None:
    provider.silent["card"] = error
    others = ask()
    assert (others > 0, told()) == (True, [])
    moment.write_text("2026-11-23T03:00:00+00:00")
    ask()
    assert told() == []
    provider.silent.clear()
    ask()
    assert {day for day, _, _ in told()} == {THE_21ST, date(2026, 11, 22)}
    assert ask() == 0


def test_one_that_is_down_is_asked_once_a_round(provider: Telling, moment: Path) -> None:
    moment.write_text("2026-11-24T03:00:00+00:00")
    provider.silent["card"] = ProviderDown("no answer")
    ask()
    assert sum(place == f"{TOWN}/card" for place, _ in provider.asked) == 1


def test_what_was_told_before_the_day_was_over_is_no_word_for_it(
    provider: Telling, moment: Path
) -> None:
    moment.write_text("2026-11-21T12:00:00+00:00")
    figures.ask(current_app.extensions["keyring"], TOWN, THE_21ST)
    assert len(told()) == 2
    moment.write_text("2026-11-22T03:00:00+00:00")
    ask()
    assert len(told()) == 4


def test_days_before_an_account_are_not_asked_for(provider: Telling) -> None:
    with transaction() as session:
        session.execute(update(ProviderAccount).values(valid_from=date(2026, 11, 22)))
    assert (ask(), provider.asked) == (0, [])


def test_a_provider_that_cannot_say_is_let_be(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from portal.providers import registry

    monkeypatch.setattr(registry, "PROVIDERS", {"fake": FakeProvider()})
    assert (ask(), told(), caplog.records) == (0, [], [])
