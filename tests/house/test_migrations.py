"""The tables: up from nothing, down again, and who may do what to them."""

from collections.abc import Iterator

import flask_migrate
import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from office import schema as office_schema
from portal import embedded, schema
from portal.db import Base, db

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


BOOKED = (
    "ledger_entries", "ledger_postings", "events", "audit", "request_versions", "payment_steps",
    "allocations", "settlements", "provider_reports", "closed_rests", "payout_arrivals",
)  # fmt: skip
KEPT = (
    *BOOKED, "payments", "suspense_items", "custody_items", "paid_elsewhere", "acknowledgements",
    "refunds", "reversals", "approvals",
)  # fmt: skip


@pytest.mark.parametrize("table", BOOKED)
def test_what_was_booked_or_noted_is_never_changed(as_app: psycopg.Connection, table: str) -> None:
    refused(as_app, "UPDATE {table} SET {column} = {column}", table)


@pytest.mark.parametrize("table", KEPT)
def test_what_was_booked_or_noted_is_never_deleted(as_app: psycopg.Connection, table: str) -> None:
    refused(as_app, "DELETE FROM {table}", table)
    refused(as_app, "TRUNCATE {table} CASCADE", table)


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
    assert set(schema.APPEND_ONLY) | {"audit"} == set(BOOKED) <= tables
    assert set(schema.NEVER_DELETED) == set(KEPT) <= tables
