"""What the portal's database must be before anyone works on it.

``ask`` reads what the database says of itself, connected as the application; each check is a pure
function of that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import LiteralString

import psycopg
from alembic.script import ScriptDirectory
from psycopg.rows import dict_row
from sqlalchemy import UniqueConstraint

from portal import models, schema
from portal.db import Base
from portal.errors import Misconfigured
from portal.refusals import Fault

OLDEST = 150_000  # the oldest major version that Debian still keeps alive
PATIENCE = 10  # seconds for a connection
URL = "QUITT_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Said:
    """What the database says of itself and of the role that asks."""

    version: int  # as 180001
    encoding: str
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    role: str
    mighty: bool  # superuser, or may make databases or roles, or go past row security
    owned: frozenset[str]  # tables of ours that the role, or a role it may become, owns
    may_change: frozenset[str]  # of those written once: may be updated
    may_delete: frozenset[str]
    alembic: frozenset[str]
    unique: frozenset[str]  # names of valid unique indexes
    live: frozenset[str]  # tenant/account of provider accounts that are live
    clock: datetime


# Of the database's own catalogues, so that it can be asked before there is any table of ours.
ITSELF: LiteralString = """
SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_encoding') AS encoding,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_user::text AS role,
       (SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication
          FROM pg_roles WHERE rolname = current_user) AS mighty,
       clock_timestamp() AS clock
"""
OWNED: LiteralString = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
   AND pg_has_role(current_user, relowner, 'MEMBER')
"""
MAY: LiteralString = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname = ANY(%s)
   AND has_table_privilege(oid, %s)
"""
UNIQUE: LiteralString = """
SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE relnamespace = 'public'::regnamespace AND indisunique AND indisvalid
"""
LIVE: LiteralString = "SELECT tenant_id || '/' || id FROM provider_accounts WHERE live"


def ask(url: str) -> Said:
    """Ask the database; raises ``Misconfigured`` when it does not answer."""
    with connected(url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        itself = cursor.execute(ITSELF).fetchone() or {}
        there = connection.execute("SELECT to_regclass('public.provider_accounts')").fetchone()

        def names(query: LiteralString, *values: object) -> frozenset[str]:
            return frozenset(str(name) for (name,) in connection.execute(query, values).fetchall())

        return Said(
            **itself,
            owned=names(OWNED),
            may_change=names(MAY, [*schema.APPEND_ONLY, "audit"], "UPDATE"),
            may_delete=names(MAY, list(schema.NEVER_DELETED), "DELETE, TRUNCATE"),
            alembic=at(connection),
            unique=names(UNIQUE),
            live=names(LIVE) if there != (None,) else frozenset(),
        )


def connected(url: str, variable: str = URL) -> psycopg.Connection[tuple[object, ...]]:
    """A connection; raises ``Misconfigured`` that names the setting, never its password."""
    try:
        return psycopg.connect(url, connect_timeout=PATIENCE, autocommit=True)
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()[-1]
        raise Misconfigured(f"{variable}: the database does not let us in: {said}") from None
    except psycopg.Error:
        raise Misconfigured(
            f"{variable} must read postgresql://role:password@host:port/database."
        ) from None


def at(connection: psycopg.Connection[tuple[object, ...]]) -> frozenset[str]:
    """The versions that the tables are at; none while there are no tables."""
    query: LiteralString = "SELECT to_regclass('public.alembic_version') IS NOT NULL"
    if connection.execute(query).fetchone() != (True,):
        return frozenset()
    found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return frozenset(str(version) for (version,) in found)


def faults(said: Said, *, demo: bool) -> list[Fault]:
    """Everything for which nobody may work on this database."""
    found = [fault for check in ALWAYS for fault in check(said)]
    found += [fault for check in (IN_DEMO if demo else IN_EARNEST) for fault in check(said)]
    return found


def _version(said: Said) -> Iterator[Fault]:
    if said.version < OLDEST:
        yield Fault(
            URL,
            f"leads to PostgreSQL {said.version // 10_000}; {OLDEST // 10_000} or newer is needed.",
        )


def _encoding(said: Said) -> Iterator[Fault]:
    if said.encoding != "UTF8":
        yield Fault(URL, f"leads to a database in {said.encoding}. Make it with ENCODING 'UTF8'.")


def _migrated(said: Said) -> Iterator[Fault]:
    if said.alembic != heads():
        is_at = ", ".join(sorted(said.alembic)) or "empty"
        yield Fault(
            URL,
            f"leads to a database that is at {is_at}, not at {', '.join(sorted(heads()))}: set"
            " QUITT_OWNER_DATABASE_URL and type ./quitt migrate",
        )


def _owns_nothing(said: Said) -> Iterator[Fault]:
    if said.mighty:
        yield Fault(URL, f"logs in as {said.role}, which may do everything. Use a role of its own.")
    elif said.owned:
        yield Fault(
            URL,
            f"logs in as {said.role}, which owns {len(said.owned)} tables: they belong to the role"
            " of QUITT_OWNER_DATABASE_URL alone.",
        )


def _changes_nothing(said: Said) -> Iterator[Fault]:
    if said.mighty or said.owned:
        return
    for may, what in ((said.may_change, "change"), (said.may_delete, "delete")):
        if may:
            yield Fault(
                URL,
                f"logs in as {said.role}, which may {what} what was booked"
                f" ({', '.join(sorted(may))}): ./quitt migrate takes that right away.",
            )


def _unique(said: Said) -> Iterator[Fault]:
    missing = unique_names() - said.unique
    if said.alembic == heads() and missing:
        yield Fault(
            URL,
            f"leads to a database without {', '.join(sorted(missing))}, which keep payments from"
            " being booked twice: restore a backup, or make them again.",
        )


def _durable(said: Said) -> Iterator[Fault]:
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if getattr(said, name) == "off":
            yield Fault(
                URL,
                f"leads to a PostgreSQL with {name} = off: a power cut would lose payments. Set"
                f" {name} = on in postgresql.conf.",
            )


def _no_live_account(said: Said) -> Iterator[Fault]:
    if said.live:
        yield Fault(
            "QUITT_DEMO",
            f"is practice, but {', '.join(sorted(said.live))} takes real money. Unset it.",
        )


Check = Callable[[Said], Iterator[Fault]]
ALWAYS: tuple[Check, ...] = (
    _version,
    _encoding,
    _migrated,
    _owns_nothing,
    _changes_nothing,
    _unique,
)
IN_EARNEST: tuple[Check, ...] = (_durable,)
IN_DEMO: tuple[Check, ...] = (_no_live_account,)


@lru_cache(maxsize=1)
def heads() -> frozenset[str]:
    """The versions to which this program's migrations lead."""
    return frozenset(ScriptDirectory(str(schema.MIGRATIONS)).get_heads())


@lru_cache(maxsize=1)
def unique_names() -> frozenset[str]:
    """The unique indexes that the tables must have, by name."""
    assert models  # noqa: S101 -- imported to fill the metadata
    tables = Base.metadata.sorted_tables
    names = {str(index.name) for table in tables for index in table.indexes if index.unique}
    for table in tables:
        names |= {
            str(each.name) for each in table.constraints if isinstance(each, UniqueConstraint)
        }
        names |= {str(table.primary_key.name)}
    return frozenset(name[:63] for name in names)
