"""What other shops write where names are expected does not get into the database."""

import psycopg
import pytest
from flask import current_app

from portal.money import Money
from portal.payments import names
from portal.payments.record import Source, record
from portal.providers.protocol import (
    Outcome,
    RefundReport,
    Report,
    ReversalReport,
    SettlementLine,
)
from portal.returns import reversals, sending
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider

ANNA = "anna@example.org"
CARD = Source(TOWN, "card", "notification")


@pytest.mark.parametrize("told", ["", ANNA, "4F" * 16, "4f" * 15, "4f" * 17, "4f" * 16 + "\n"])
def test_only_what_has_the_form_of_our_ids_is_one(told: str) -> None:
    assert names.ours(told) == ""


@pytest.mark.parametrize("told", [ANNA, "Anna Meier", "Müller", "x" * 129, "zz\n"])
def test_a_name_that_is_none_stays_the_same_thing_and_names_nobody(told: str) -> None:
    kept = names.theirs(told)
    assert kept == names.theirs(told) != names.theirs(told + "x")
    assert told.strip() not in kept
    assert names.theirs(kept) == kept


@pytest.mark.parametrize("told", ["", "cs_test_a1B2", "8AC12345AB1234567", "wero/3f-0", "x-rest"])
def test_providers_names_stay_as_they_are(told: str) -> None:
    assert names.theirs(told) == told


def kept(owner_url: str) -> str:
    """All that the database holds, as text."""
    with psycopg.connect(owner_url) as owner:
        tables = owner.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return "\n".join(
            str(owner.execute(f"SELECT t::text FROM {table} t").fetchall())  # type: ignore[arg-type]
            for (table,) in tables
        )


def test_another_shops_free_text_is_kept_nowhere_and_its_money_is(
    provider: FakeProvider, owner_url: str
) -> None:
    keyring, eur = current_app.extensions["keyring"], Money(700)
    me = ("m-card", False)
    record(Report(ANNA, f"s:{ANNA}", me[0], Outcome.SUCCEEDED, eur, me[1], f"e:{ANNA}"), CARD)
    refund = RefundReport(ANNA, f"r:{ANNA}", Outcome.SUCCEEDED, eur, *me, ANNA)
    sending.record(TOWN, "card", refund)
    nothing = Money(0)
    took = ReversalReport(f"d:{ANNA}", ANNA, me[0], eur, *[nothing] * 3, False, "chargeback")
    reversals.record_reversal(keyring, TOWN, "card", took)
    line = SettlementLine("payment", ANNA, f"s:{ANNA}", eur, Money(0))
    back = SettlementLine("refund", ANNA, f"r:{ANNA}", -eur, Money(0), ANNA)
    provider.settle("s1", [], 0, line, back)
    settle.settle(keyring, TOWN, "card", "s1")
    assert len(builders.tasks()) == 4, "all of it is told to staff"
    assert ANNA not in kept(owner_url)


def test_money_of_two_strangers_without_any_name_is_booked_twice(
    provider: FakeProvider, owner_url: str
) -> None:
    for who in (ANNA, "Anna Meier", "Anna Meier"):
        record(Report(who, "", "m-card", Outcome.SUCCEEDED, Money(700), False), CARD)
    assert list(builders.tasks().values()) == ["custody_unclear"] * 2
    assert "Anna Meier" not in kept(owner_url)


def test_unclear_money_is_found_again_by_a_name_that_is_none(provider: FakeProvider) -> None:
    record(Report(ANNA, ANNA, "m-card", Outcome.SUCCEEDED, Money(700), False), CARD)
    provider.settle("s1", [], 0, SettlementLine("payment", ANNA, ANNA, Money(700), Money(0)))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert "settlement_difference" not in builders.tasks().values()
