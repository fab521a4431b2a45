"""``quitt retention``: says what is due, lets it go, notes accounts and holds."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import current_app
from sqlalchemy import text

from portal.db import db
from portal.retention.classes import CLASSES, Name
from portal.retention.cli import retention
from tests.builders import TOWN
from tests.conftest import Time
from tests.retention.conftest import Town


def said(*arguments: str) -> str:
    keyring = current_app.extensions["keyring"]
    db.session.rollback()
    result = CliRunner().invoke(retention, arguments, obj=lambda: nullcontext(keyring))
    if result.exception:
        raise result.exception
    return result.output


def test_it_says_what_is_due_when_and_a_dry_run_changes_nothing(town: Town, time: Time) -> None:
    town.done("K-1")
    town.paid("K-2")
    assert f"{TOWN}\tdetails\t1 requests\t0 due" in said("show")
    time.move("+181d")
    for told in (said("show"), said("run", "--dry-run")):
        assert f"{TOWN}\tdetails\t1 requests\t1 due" in told
        assert "held: suspense_open" in told
    assert f"{TOWN}\tdetails: 1" in said("run")
    assert f"{TOWN}\tnothing was due" in said("run")
    assert f"{TOWN}\tbooks\t1 requests\t0 due\tfirst: accounts not adopted" in said("show")


def test_accounts_and_holds_are_noted_with_who_did_it(town: Town, time: Time) -> None:
    time.move("2029-01-01T12:00:00+00:00")
    said("accounts", TOWN, "2026", "--adopted", "2027-06-30", "--discharged", "2027-12-01")
    assert said("hold", TOWN, "--reason", "audit", "--reference", "K-1") == "Hold 1\n"
    said("release", TOWN, "1")
    db.session.rollback()
    noted = text("SELECT actor, act, subject FROM audit WHERE act LIKE 'retention.%' ORDER BY id")
    assert [tuple(row) for row in db.session.execute(noted)] == [
        ("operator", "retention.accounts", "2026"),
        ("operator", "retention.hold", "1"),
        ("operator", "retention.release", "1"),
    ]


@pytest.mark.parametrize("name", Name)
def test_each_class_stands_once_in_the_table_and_in_the_concept(name: Name) -> None:
    assert [each.name for each in CLASSES].count(name) == 1
    concept = Path(__file__).parents[2] / "docs" / "loeschkonzept.md"
    assert f"| `{name}` |" in concept.read_text(encoding="utf-8")
