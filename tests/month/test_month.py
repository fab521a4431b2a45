"""A month of a town over three providers: every cent is explained on every day.

The suite takes a small one; ``--payments 5000`` was the largest. ``--seed`` deals another.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from demo import far_side as accounts
from demo import ways
from demo.place import Place
from fakes import serving
from portal import clock
from portal.db import transaction
from tests import trials
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.month import comparing
from tests.month.days import DAYS, FIRST, Month
from tests.month.far_side import FarSide
from tests.month.portal import served
from tests.month.town import Town

SEED = 5


@pytest.fixture
def moment(tmp_path: Path) -> Iterator[Path]:
    """The file that says what time it is: before anything is made, the month begins."""
    file = tmp_path / "clock"
    file.write_text(datetime(FIRST.year, FIRST.month, FIRST.day, 4, tzinfo=UTC).isoformat())
    clock.move_by(file)
    yield file
    clock.move_by(None)


@pytest.fixture
def town(app: Flask, provider: FakeProvider, moment: Path, tmp_path: Path) -> Iterator[Town]:
    """The town with an account at each fake, and the portal to which they call back."""
    keyring, folder = app.extensions["keyring"], tmp_path / "fakes"
    folder.mkdir()
    with served(app) as portal, serving.running(folder) as fakes:
        place = Place(tmp_path, int(fakes.rpartition(":")[2]) - 3, pays_at_fakes=True)
        mine = [one for one in accounts.merchants(place, keyring, TOWN) if "test" in one.account]
        with transaction() as session:
            for merchant in mine:
                ways.offer(session, keyring, TOWN, merchant)
        for merchant in mine:
            merchant.open(portal)
        found = Town(FarSide(mine, folder), portal)
        yield found
        found.far.close()


def test_every_cent_of_a_month_is_explained(
    request: pytest.FixtureRequest, town: Town, moment: Path
) -> None:
    payments = trials.size(request.config, "payments")
    chance = Random(request.config.getoption("--seed") or SEED)
    month = Month(town, chance, moment, payments)
    month.plan()
    day = 0
    while day < DAYS or month.steps or month.reports or town.unheard:
        month.live(day)
        comparing.check_day(month, FIRST + timedelta(days=day))
        day += 1
        assert day < 2 * DAYS, (month.steps, town.unheard)
    comparing.check_end(month)
