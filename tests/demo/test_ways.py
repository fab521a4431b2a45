"""The towns' ways to pay: begun and ended by turns, never deleted."""

from pathlib import Path

import pytest
from flask import Flask

from demo import far_side, towns, ways
from demo.place import Place
from portal import clock
from portal.db import db, transaction
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.capabilities import Checks
from tests.builders import TOWN

BUILT = {"card", "paypal"}  # the builders' own accounts bear these names


@pytest.fixture
def offered(app: Flask, tmp_path: Path) -> list[far_side.Merchant]:
    """The town's accounts at both sides, offered twice as by two starts."""
    place = Place(tmp_path, 20_000, pays_at_fakes=True)
    keyring = app.extensions["keyring"]
    found = [one for one in far_side.merchants(place, keyring, TOWN) if one.account not in BUILT]
    for _ in range(2):
        with transaction() as session:
            for merchant in found:
                ways.offer(session, keyring, TOWN, merchant)
    return found


def test_each_account_is_one_that_its_adapter_can_work_with(
    app: Flask, offered: list[far_side.Merchant]
) -> None:
    for merchant in offered:
        row = db.session.get_one(ProviderAccount, (TOWN, merchant.account))
        adapter = registry.get(row.provider)
        assert isinstance(adapter, Checks)
        adapter.checked(accounts.unsealed(app.extensions["keyring"], row))


def test_a_second_start_adds_nothing(offered: list[far_side.Merchant]) -> None:
    with transaction() as session:
        labels = [rule.label for rule in accounts.rules(session, TOWN) if "test" in rule.account_id]
    assert labels == [way.label for way in sorted(ways.AT_FAKES, key=_made)]


def test_one_side_ends_when_the_other_begins_and_comes_back(
    offered: list[far_side.Merchant],
) -> None:
    sandbox, fakes = ({way.account for way in side} for side in (ways.AT_SANDBOX, ways.AT_FAKES))
    for chosen, mine, others in (("fakes", fakes, sandbox), ("sandbox", sandbox, fakes)) * 2:
        with transaction() as session:
            ways.switch(session, TOWN, chosen)
            open_today = accounts.open_on(session, TOWN, clock.today("Europe/Berlin"))
        assert open_today == mine
        assert not open_today & others


def test_paypal_is_limited_as_each_town_wants_it() -> None:
    for side in ways.SIDES.values():
        limits = [way.limits for way in side if way.label.startswith("PayPal")]
        assert limits
        assert all(limit == {towns.FIRST: 80_000, towns.SECOND: 10_000} for limit in limits)


def _made(way: ways.Way) -> int:
    return list(far_side.MERCHANTS).index(way.account.removesuffix("-test"))
