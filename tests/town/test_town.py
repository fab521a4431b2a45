"""Days in two towns, sixty at full size: all equations hold, and every mistake breaks one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from portal import clock
from portal.db import db, transaction
from portal.money import Money
from portal.payments import figures
from portal.proof import reconciling
from portal.proof.equations import Equation, Reconciliation
from portal.requests.expiry import expire_due
from portal.tenants import Tenant
from tests import trials
from tests.builders import OTHER_TOWN, TOWN
from tests.town.desk import ZONES
from tests.town.mistakes import MISTAKES
from tests.town.provider import Provider
from tests.town.town import ACTS, Town

FIRST = date(2026, 10, 1)
ACTS_A_DAY = 5

Said = dict[tuple[str, str, str], Money | None]


@pytest.fixture
def moment(tmp_path: Path) -> Iterator[Path]:
    """The file that says what time it is."""
    file = tmp_path / "clock"
    clock.move_by(file)
    yield file
    clock.move_by(None)


@pytest.fixture
def towns(app: Flask, moment: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Town]:
    """Two towns in two zones in one database, with one provider."""
    from portal.providers import registry

    provider = Provider()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": provider})
    with transaction() as session:
        for tenant_id, zone in ZONES.items():
            session.get_one(Tenant, tenant_id).time_zone = zone
    return {tenant_id: Town(tenant_id, f"{tenant_id} 8", provider) for tenant_id in ZONES}


def reconciled(town: Town, day: date) -> Reconciliation:
    db.session.rollback()
    return reconciling.at(town.id, day)


def said(found: Reconciliation) -> Said:
    """Every figure, but what was heard later: that grows."""
    return {
        (equation.key, equation.part, figure.key): figure.money
        for equation in found.equations
        for side in equation.sides
        for figure in side
        if figure.key != "heard_later" and (figure.money is None or figure.money)
    }


def check(town: Town, found: Reconciliation, expected: dict[tuple[str, str], int]) -> None:
    """All hold, but for money of which only the provider knows; and all is as the model says."""
    for equation in found.equations:
        wanted = town.model.unheard[equation.part] if equation.key == "2" else 0
        told = equation.differences[-1]
        assert told == Money(wanted), (town.id, found.day, equation)
        assert equation.holds is not bool(wanted)
        assert equation.known
    figures_found = {(figure, part): money.cents
                     for (_, part, figure), money in said(found).items()
                     if money and (figure, part) in expected}  # fmt: skip
    assert figures_found == expected, (town.id, found.day)
    named = {figure for figure, _ in expected}
    more = {(figure, part) for (_, part, figure), money in said(found).items()
            if figure in named and money} - set(expected)  # fmt: skip
    assert not more, (town.id, found.day, more)


def live(town: Town, steps: int) -> None:
    for _ in range(steps):
        town.step()


def a_day(towns: dict[str, Town], day: date, moment: Path) -> dict[str, Said]:
    """A day in both towns: by day, and late at night, when it is the next day in one of them."""
    moment.write_text(datetime.combine(day, time(9), UTC).isoformat())
    expire_due()
    for town in towns.values():
        town.model.expire(town.today())
        live(town, ACTS_A_DAY)
    before = dict(towns[TOWN].model.figures())
    unheard = towns[TOWN].model.unheard.copy()
    moment.write_text(datetime.combine(day, time(23, 30), UTC).isoformat())
    live(towns[OTHER_TOWN], 1)
    live(towns[TOWN], 1)
    found = {}
    for town in towns.values():
        figures.ask(current_app.extensions["keyring"], town.id, day)
        found[town.id] = reconciled(town, day)
    now = towns[TOWN].model.unheard
    towns[TOWN].model.unheard = unheard & now  # what was heard past midnight explains itself
    check(towns[TOWN], found[TOWN], before)
    towns[TOWN].model.unheard = now
    check(towns[OTHER_TOWN], found[OTHER_TOWN], towns[OTHER_TOWN].model.figures())
    return {tenant_id: said(each) for tenant_id, each in found.items()}


def test_the_equations_hold_on_every_day_and_each_mistake_breaks_one(
    towns: dict[str, Town], moment: Path, owner_url: str, pytestconfig: pytest.Config
) -> None:
    days = [FIRST + timedelta(days=number) for number in range(trials.size(pytestconfig, "days"))]
    then = {day: a_day(towns, day, moment) for day in days}
    moment.write_text((datetime.combine(days[-1], time(9), UTC) + timedelta(days=2)).isoformat())
    for town in towns.values():
        while town.late:
            town.hear_late()
    for day, told in then.items():
        for town in towns.values():
            again = reconciled(town, day)
            assert again.holds, (town.id, day, again.broken)
            assert said(again) == told[town.id], (town.id, day)
    for town in towns.values():
        missing = {act.__name__ for act, _ in ACTS} - set(town.done)
        assert not missing, (town.id, missing)
    end = days[-1] + timedelta(days=2)
    figures.ask(current_app.extensions["keyring"], TOWN, end)
    assert mistakes_found(owner_url, end) == {
        name: set(mistake.breaks) for name, mistake in MISTAKES.items()
    }


def mistakes_found(owner_url: str, day: date) -> dict[str, set[str]]:
    """Which equations each mistake breaks, made by hand in the books and taken back again."""
    db.session.rollback()
    found, engine = {}, create_engine(owner_url)
    with engine.connect() as connection:
        for name, mistake in MISTAKES.items():
            with connection.begin() as whole:
                connection.execute(text("SET LOCAL quitt.purge = 'on'"))
                there = {"tenant": TOWN, "day": day}
                on = connection.scalar(text(mistake.on), there) if mistake.on else day
                for statement in mistake.statements:
                    assert connection.execute(text(statement), there).rowcount, name
                found[name] = broken(Session(connection), TOWN, on)
                assert not broken(Session(connection), OTHER_TOWN, day), name
                whole.rollback()
    engine.dispose()
    return found


def broken(session: Session, tenant_id: str, day: date) -> set[str]:
    found: tuple[Equation, ...] = reconciling.reconcile(session, tenant_id, day).broken
    return {equation.key for equation in found}
