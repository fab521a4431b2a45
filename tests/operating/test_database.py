"""What the database must be: each thing that it must not be is refused."""

import re
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from portal import embedded, schema
from portal.config import Settings
from portal.errors import Misconfigured
from portal.operating import database
from portal.operating.database import Said


@pytest.fixture(scope="module")
def said(settings: Settings) -> Said:
    """What the tests' database says of itself; it is fast, not safe, and made safe here."""
    safe = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    return replace(database.ask(settings.database_url), **safe)


def told(said: Said, *, demo: bool = False) -> str:
    return "\n".join(str(fault) for fault in database.faults(said, demo=demo))


def test_a_migrated_database_is_taken(said: Said) -> None:
    assert told(said) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"version": 140_010}, "PostgreSQL 14; 15 or newer"),
        ({"encoding": "SQL_ASCII"}, "SQL_ASCII"),
        ({"alembic": frozenset()}, "at empty"),
        ({"alembic": frozenset({"0001"})}, "at 0001"),
        ({"mighty": True}, "may do everything"),
        ({"owned": frozenset({"payments"})}, "owns 1 tables"),
        ({"may_change": frozenset({"ledger_entries"})}, "may change .*ledger_entries"),
        ({"may_delete": frozenset({"audit"})}, "may delete .*audit"),
        ({"unique": frozenset()}, "uq_payments_one_current"),
        ({"fsync": "off"}, "fsync = off"),
        ({"full_page_writes": "off"}, "full_page_writes = off"),
        ({"synchronous_commit": "off"}, "synchronous_commit = off"),
    ],
)
def test_what_a_database_must_not_be(said: Said, wrong: dict[str, Any], words: str) -> None:
    found = database.faults(replace(said, **wrong), demo=False)
    assert len(found) == 1
    assert found[0].setting == "QUITT_DATABASE_URL"
    assert re.search(words, found[0].what)


def test_practice_takes_no_real_money_and_may_be_fast(said: Said) -> None:
    assert told(replace(said, fsync="off"), demo=True) == ""
    assert "QUITT_DEMO" in told(replace(said, live=frozenset({"town/card"})), demo=True)


def test_the_database_of_these_tests_would_not_do_for_real_money(settings: Settings) -> None:
    found = database.faults(database.ask(settings.database_url), demo=False)
    assert {fault.what.split(" with ")[1].split(" = ")[0] for fault in found} == {
        "fsync", "full_page_writes", "synchronous_commit"
    }  # fmt: skip


def test_the_owner_of_the_tables_is_no_role_to_work_with(owner_url: str) -> None:
    asked = database.ask(owner_url)
    assert {"payments", "ledger_entries"} <= asked.owned
    assert asked.may_change


@pytest.fixture
def empty(cluster: embedded.Cluster) -> str:
    """A database without a table, as the application's role."""
    embedded.ensure(cluster, {"quitt_empty": ("quitt_empty_owner", "quitt_empty_app")})
    return embedded.url(cluster, "quitt_empty", "quitt_empty_app")


def test_an_empty_database_is_told_to_be_migrated(empty: str) -> None:
    asked = database.ask(empty)
    assert asked.alembic == frozenset()
    assert "QUITT_OWNER_DATABASE_URL" in told(asked, demo=True)


def test_rights_that_were_given_by_hand_are_seen(settings: Settings, owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(f"GRANT UPDATE ON ledger_entries TO {schema.APP}".encode())
        owner.execute(f"GRANT TRUNCATE ON audit TO {schema.APP}".encode())
        try:
            asked = database.ask(settings.database_url)
        finally:
            owner.execute(f"REVOKE UPDATE ON ledger_entries FROM {schema.APP}".encode())
            owner.execute(f"REVOKE TRUNCATE ON audit FROM {schema.APP}".encode())
    assert (asked.may_change, asked.may_delete) == ({"ledger_entries"}, {"audit"})


@pytest.mark.parametrize("url", ["postgresql://app:hush@127.0.0.1:9/quitt", "app:hush", "\0"])
def test_a_database_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        database.ask(url)
    assert str(refused.value).startswith("QUITT_DATABASE_URL")
    assert "hush" not in str(refused.value)
