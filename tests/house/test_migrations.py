"""The tables: up from nothing, down again, and who may do what to them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import psycopg
import pytest
from flask import Flask
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege, UniqueViolation

from office import schema as office_schema
from portal import embedded, schema
from portal.db import Base, db
from portal.embedded_server import SUPERUSER
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.proof import small_town
from tests.returns.test_refunds import paid

TOWN_DATABASE = "quitt_trial_town"
OWN_DATABASE, OWN_OWNER, OWN_APP = "quitt_trial", "quitt_trial_owner", "quitt_trial_app"

LEFT = """
SELECT 'table', relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE nspname = 'public' AND relkind IN ('r', 'v', 'S') AND relname <> 'alembic_version'
UNION ALL SELECT 'function', proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
 WHERE nspname = 'public'
UNION ALL SELECT 'type', typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
 WHERE nspname = 'public' AND typtype IN ('e', 'd')
"""


def left(url: str) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(LEFT).fetchall()


def test_up_from_nothing_down_and_up_again(cluster: embedded.Cluster) -> None:
    embedded.ensure(cluster, {OWN_DATABASE: (OWN_OWNER, OWN_APP)})
    url = embedded.url(cluster, OWN_DATABASE, OWN_OWNER)
    bare = schema.app(url)
    with bare.app_context():
        flask_migrate.upgrade()
        first = sorted(left(url))
        assert {name for kind, name in first if kind == "table"} >= set(Base.metadata.tables)
        flask_migrate.check()
        flask_migrate.downgrade(revision="base")
        assert left(url) == []
        flask_migrate.upgrade()
        assert sorted(left(url)) == first
        flask_migrate.check()
        db.engine.dispose()


def test_migrating_twice_changes_nothing(cluster: embedded.Cluster, owner_url: str) -> None:
    before = sorted(left(owner_url))
    schema.migrate(owner_url, schema.APP)
    assert sorted(left(owner_url)) == before


@pytest.fixture
def as_app(cluster: embedded.Cluster, owner_url: str) -> Iterator[psycopg.Connection]:
    """Connected as the application's role."""
    url = embedded.url(cluster, schema.DATABASE, schema.APP)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def refused(connection: psycopg.Connection, statement: str, table: str) -> None:
    column = next(iter(Base.metadata.tables[table].columns)).name
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
    with pytest.raises(InsufficientPrivilege):
        connection.execute(sql.SQL(statement).format(**names))


# What stood here once is never taken off the lists.
BOOKED = {
    "ledger_entries", "ledger_postings", "events", "audit", "audit_chain", "request_versions",
    "payment_steps", "allocations", "settlements", "provider_reports", "closed_rests",
    "payout_arrivals",
}  # fmt: skip
KEPT = BOOKED | {
    "payments", "suspense_items", "custody_items", "paid_elsewhere", "acknowledgements",
    "refunds", "reversals", "approvals", "audit_heads",
}  # fmt: skip


@pytest.mark.parametrize("table", schema.APPEND_ONLY)
def test_what_was_booked_or_noted_is_never_changed(as_app: psycopg.Connection, table: str) -> None:
    refused(as_app, "UPDATE {table} SET {column} = {column}", table)


@pytest.mark.parametrize("table", schema.NEVER_DELETED)
def test_what_was_booked_or_noted_is_never_deleted(as_app: psycopg.Connection, table: str) -> None:
    refused(as_app, "DELETE FROM {table}", table)
    refused(as_app, "TRUNCATE {table} CASCADE", table)


RIGHTS = """
SELECT relname, coalesce(string_agg(held, ' ' ORDER BY held), '')
FROM pg_class CROSS JOIN LATERAL (
    SELECT held FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER',
        'TRUNCATE', 'UPDATE']) AS held WHERE has_table_privilege(%s, oid, held)) AS rights
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
    AND relname NOT LIKE 'procrastinate%%'
GROUP BY relname
"""


def test_the_application_has_exactly_the_rights_that_are_said(as_app: psycopg.Connection) -> None:
    held = {name: set(rights.split()) for name, rights in as_app.execute(RIGHTS, [schema.APP])}
    said = {table: {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in Base.metadata.tables}
    for table in schema.NEVER_DELETED:
        said[table] -= {"DELETE"}
    for table in schema.APPEND_ONLY:
        said[table] -= {"UPDATE"}
    views = {view: {"SELECT"} for (view,) in as_app.execute(schema.VIEWS)}
    assert held == said | views | {"alembic_version": {"SELECT"}}


# --- What is append only is so for every role ----------------------------------------------------


@pytest.fixture
def as_owner(owner_url: str) -> Iterator[psycopg.Connection]:
    """Connected as the role that owns the tables; what it does is undone."""
    with psycopg.connect(owner_url) as connection:
        yield connection
        connection.rollback()


def note(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO audit (tenant_id, at, actor, act, subject, detail)"
        " SELECT id, now(), 'worker', 'act', 'thing', '{}' FROM tenants"
    )


TOUCHES = ("UPDATE audit SET act = 'other'", "DELETE FROM audit", "TRUNCATE audit")


@pytest.mark.parametrize("touch", TOUCHES)
def test_not_even_the_owner_changes_what_is_append_only(
    app: Flask, as_owner: psycopg.Connection, touch: str
) -> None:
    note(as_owner)
    with pytest.raises(InsufficientPrivilege, match="append only"):
        as_owner.execute(touch)


@pytest.mark.parametrize("touch", TOUCHES)
def test_the_owner_purges_when_he_says_so(
    app: Flask, as_owner: psycopg.Connection, touch: str
) -> None:
    note(as_owner)
    as_owner.execute("SET LOCAL quitt.purge = 'on'")
    as_owner.execute(touch)
    left_over = as_owner.execute("SELECT count(*) FROM audit WHERE act = 'act'").fetchone()
    assert left_over == (0,)


def test_who_is_not_the_owner_purges_nothing_whatever_he_says(
    app: Flask, cluster: embedded.Cluster
) -> None:
    with psycopg.connect(embedded.url(cluster, schema.DATABASE, SUPERUSER)) as mighty:
        note(mighty)
        mighty.execute("SET LOCAL quitt.purge = 'on'")
        with pytest.raises(InsufficientPrivilege, match="append only"):
            mighty.execute("UPDATE audit SET act = 'other'")
        mighty.rollback()


def test_every_append_only_table_is_guarded(as_owner: psycopg.Connection) -> None:
    guards = """SELECT tgrelid::regclass::text, tgtype & 1, tgtype >> 1 & 1, tgtype >> 3 & 7
        FROM pg_trigger WHERE tgname LIKE 'append_only%' AND tgenabled = 'O'"""
    row, statement, before, delete_update, truncate = 1, 0, 1, 3, 4
    assert set(as_owner.execute(guards)) == {
        guard
        for table in schema.APPEND_ONLY
        for guard in ((table, row, before, delete_update), (table, statement, before, truncate))
    }


LINES = {
    "debits and credits differ": [(1, "bank", 5, "EUR"), (2, "elsewhere", -4, "EUR")],
    "two currencies": [(1, "bank", 5, "EUR"), (2, "elsewhere", -5, "CHF")],
    "one line": [(1, "bank", 5, "EUR")],
}


def book_by_hand(connection: psycopg.Connection, lines: list[tuple[object, ...]]) -> None:
    with connection.transaction():
        ((entry,),) = connection.execute(
            "INSERT INTO ledger_entries (tenant_id, reference, reason, booked_on, booked_at)"
            " VALUES (%s, 'x', 'x', now(), now()) RETURNING id",
            [TOWN],
        )
        for line in lines:
            connection.execute(
                "INSERT INTO ledger_postings (tenant_id, entry_id, line, account, cents, currency)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [TOWN, entry, *line],
            )


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_an_entry_that_does_not_balance_is_not_committed(
    app: Flask, as_app: psycopg.Connection, lines: list[tuple[object, ...]]
) -> None:
    with pytest.raises(CheckViolation, match="does not balance"):
        book_by_hand(as_app, lines)
    assert as_app.execute("SELECT FROM ledger_entries").fetchall() == []


def test_a_payment_succeeds_once(
    app: Flask, provider: FakeProvider, as_app: psycopg.Connection
) -> None:
    paid(provider)
    again = (
        "INSERT INTO payment_steps (tenant_id, payment_id, at, event, source, old, new) SELECT"
        " tenant_id, payment_id, at, event, source, old, new FROM payment_steps"
        " WHERE new = 'succeeded'"
    )
    with pytest.raises(UniqueViolation, match="one_success"):
        as_app.execute(again)


# The tables of the first version that was given out; migrations from here on keep their rows.
RELEASED = {
    "tenants", "tenant_hosts", "kinds", "provider_accounts", "provider_rules", "payment_requests",
    "request_versions", "payments", "payment_steps", "allocations", "provider_reports", "events",
    "event_feed", "deliveries", "ledger_entries", "ledger_postings", "suspense_items",
    "custody_items", "settlements", "payout_arrivals", "paid_elsewhere", "closed_rests", "refunds",
    "reversals", "approvals", "audit", "clients", "endpoints",
}  # fmt: skip


# --- Down and up with data ----------------------------------------------------------------------


def everything(url: str, tables: set[str]) -> dict[str, list[str]]:
    """The rows of each table, as text."""
    with psycopg.connect(url) as connection:
        return {
            table: sorted(
                row for (row,) in connection.execute(
                    sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
                )
            )
            for table in tables
        }  # fmt: skip


def copied(cluster: embedded.Cluster, owner_url: str, run_folder: Path) -> str:
    """The address of the town's database once more, under a name of its own."""
    embedded.ensure(cluster, {TOWN_DATABASE: (OWN_OWNER, OWN_APP)})
    url, dump = embedded.url(cluster, TOWN_DATABASE, OWN_OWNER), run_folder / "town.dump"
    for program, *words in (
        ("pg_dump", "--format=custom", f"--file={dump}", owner_url),
        ("pg_restore", "--no-owner", "--no-acl", f"--dbname={url}", str(dump)),
    ):
        subprocess.run([str(embedded.binary(program)), *words], check=True, capture_output=True)
    return url


def moved(url: str) -> list[str]:
    """The replaced requests whose money counts for another."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT reference FROM payment_requests WHERE money_moved_on")
        return [reference for (reference,) in rows]


def amounts(row: str) -> str:
    """What came back of a reversal; when it did is the moment of its entry."""
    return row.rpartition(",")[0]


def test_down_and_up_again_with_a_town_in_it(
    app: Flask, provider: FakeProvider, cluster: embedded.Cluster, owner_url: str, run_folder: Path
) -> None:
    small_town.build(app, provider)
    db.session.rollback()
    url = copied(cluster, owner_url, run_folder)
    before, moved_on = everything(url, RELEASED), moved(url)
    won = everything(url, {"reversal_wins"})
    assert moved_on == ["K-6"]
    assert all(before[table] for table in ("payments", "refunds", "ledger_postings", "events"))
    bare = schema.app(url)
    with bare.app_context():
        flask_migrate.downgrade(revision="0004")
        flask_migrate.upgrade()
        flask_migrate.check()
        db.engine.dispose()
    after = everything(url, RELEASED)
    assert moved(url) == moved_on
    assert [amounts(row) for row in everything(url, {"reversal_wins"})["reversal_wins"]] == [
        amounts(row) for row in won["reversal_wins"]
    ]
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    for table in ("ledger_entries", "ledger_postings", "events", "audit", "refunds", "allocations"):
        assert after[table] == before[table]


def test_the_application_owns_nothing(as_app: psycopg.Connection) -> None:
    owned = as_app.execute("SELECT relname FROM pg_class WHERE relowner = current_user::regrole")
    assert owned.fetchall() == []


def test_the_application_is_no_superuser_and_makes_nothing(as_app: psycopg.Connection) -> None:
    mighty = (
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert as_app.execute(mighty).fetchone() == (False,)
    for statement in (
        "CREATE TABLE own (id int)",
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '0000'",
        "SET SESSION AUTHORIZATION quitt_portal_owner",
        "SET ROLE quitt_portal_owner",
    ):
        with pytest.raises(InsufficientPrivilege):
            as_app.execute(statement)


def test_neither_wing_may_connect_to_the_others_database(
    cluster: embedded.Cluster, owner_url: str
) -> None:
    wings = {
        each.DATABASE: (each.OWNER, each.APP)  # type: ignore[attr-defined]
        for each in (schema, office_schema)
    }
    embedded.ensure(cluster, wings)
    for database, own_roles in wings.items():
        for role in {role for roles in wings.values() for role in roles} - set(own_roles):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(embedded.url(cluster, database, role))
        for role in own_roles:
            psycopg.connect(embedded.url(cluster, database, role)).close()


def test_every_table_says_what_may_be_done_to_it() -> None:
    tables = set(Base.metadata.tables)
    assert set(schema.APPEND_ONLY) >= BOOKED
    assert set(schema.NEVER_DELETED) >= KEPT | set(schema.APPEND_ONLY)
    assert set(schema.NEVER_DELETED) <= tables
