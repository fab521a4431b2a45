"""What a provider held back and will never let go is closed by order, by two people."""

import pytest
from flask import current_app
from sqlalchemy import text

from portal.approvals import deciding
from portal.db import db, transaction
from portal.money import Money
from portal.payments.accounts import NoSuchAccount
from portal.proof import reconciling
from portal.providers.protocol import SettlementLine
from portal.settlements import reserves, settle, undoing
from portal.settlements.reserves import NotHeld
from portal.settlements.undoing import LaterActDepends
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.settlements.test_settle import balance

ANNA, BERT = "staff:anna", "staff:bert"


def reported(provider: FakeProvider, cents: int, name: str = "s1") -> None:
    """The provider holds so much back (below zero), or lets it go."""
    provider.settle(name, [], 0, SettlementLine("reserve", "", f"h-{name}", Money(cents), Money(0)))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", name)


def asked(cents: int, order: str = "AO-7", by: str = ANNA) -> None:
    reserves.ask(TOWN, "card", Money(cents), order, by)


def closed(cents: int, order: str = "AO-7") -> None:
    asked(cents, order)
    reserves.approve(TOWN, "card", "EUR", BERT)


def sums() -> tuple[int, int, int]:
    return balance("reserves:card"), balance("losses:card"), balance("differences:card")


def told() -> list[dict[str, object]]:
    query = "SELECT data FROM events WHERE type = 'reserve.closed' ORDER BY position"
    with transaction() as session:
        return list(session.scalars(text(query)))


def test_two_people_close_a_part_of_it_and_the_finance_system_is_told(
    provider: FakeProvider,
) -> None:
    reported(provider, -10_000)
    closed(4_000)
    assert sums() == (6_000, 4_000, 0)
    (data,) = told()
    assert (data["account"], data["amount_cents"], data["order"]) == ("card", 4_000, "AO-7")


def test_one_order_may_close_more_than_one_part(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    closed(4_000)
    closed(6_000)
    assert sums() == (0, 10_000, 0)
    assert len({data["closing"] for data in told()}) == 2


@pytest.mark.parametrize("cents", [0, -1, 10_001])
def test_no_more_is_closed_than_is_held(provider: FakeProvider, cents: int) -> None:
    reported(provider, -10_000)
    with pytest.raises(NotHeld):
        asked(cents)


def test_what_was_let_go_since_it_was_asked_for_is_not_closed(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    asked(8_000)
    reported(provider, 3_000, "s2")
    with pytest.raises(NotHeld, match="7000"):
        reserves.approve(TOWN, "card", "EUR", BERT)
    assert (sums(), told()) == ((7_000, 0, 0), [])
    reserves.refuse(TOWN, "card", "EUR", BERT)
    closed(7_000)
    assert sums() == (0, 7_000, 0)


def test_what_is_let_go_after_all_is_a_difference_and_a_task(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    closed(10_000)
    reported(provider, 2_500, "s2")
    assert sums() == (0, 10_000, -2_500)
    assert builders.tasks() != {}


def test_a_report_that_held_back_what_is_closed_is_not_undone(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    reported(provider, -5_000, "s2")
    closed(12_000)
    with pytest.raises(LaterActDepends, match="closed by order"):
        undoing.undo_report(TOWN, "card", "s1", "read wrongly", ANNA)
    assert sums() == (3_000, 12_000, 0)


def test_another_currency_another_account_and_another_town_hold_nothing(
    provider: FakeProvider,
) -> None:
    reported(provider, -10_000)
    with pytest.raises(NotHeld):
        reserves.ask(TOWN, "card", Money(100, "CHF"), "AO-7", ANNA)
    with pytest.raises(NotHeld):
        reserves.ask(TOWN, "paypal", Money(100), "AO-7", ANNA)
    with pytest.raises(NotHeld):
        reserves.ask(OTHER_TOWN, "card", Money(100), "AO-7", ANNA)
    with pytest.raises(NoSuchAccount):
        reserves.ask(TOWN, "none", Money(100), "AO-7", ANNA)


def test_only_another_person_approves_and_an_order_is_needed(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    with pytest.raises(deciding.NotAsked):
        reserves.approve(TOWN, "card", "EUR", BERT)
    with pytest.raises(deciding.NoOrder):
        asked(100, order="")
    asked(100)
    with pytest.raises(deciding.AskedBefore):
        asked(200)
    for by, error in ((ANNA, deciding.SamePerson), ("client:finance", deciding.NotAPerson)):
        with pytest.raises(error):
            reserves.approve(TOWN, "card", "EUR", by)
    assert sums() == (10_000, 0, 0)


def test_what_nobody_approved_within_seven_days_runs_out(
    provider: FakeProvider, time: Time
) -> None:
    reported(provider, -10_000)
    asked(100)
    time.move("+8d")
    assert [reserves.run_out(), reserves.run_out()] == [1, 0]
    with pytest.raises(deciding.AlreadyDecided):
        reserves.approve(TOWN, "card", "EUR", BERT)


def test_the_daily_reconciliation_explains_it(provider: FakeProvider) -> None:
    reported(provider, -10_000)
    closed(4_000)
    db.session.rollback()
    today = reconciling.at(TOWN, builders.today())
    assert today.holds, today.broken
    (reserve,) = (each for each in today.equations if each.key == "3.reserves")
    found = {figure.key: figure.money for side in reserve.sides for figure in side}
    assert found == {
        "reserves": Money(6_000), "held_back": Money(10_000), "reserves_closed": Money(-4_000),
    }  # fmt: skip
