"""A backup (Sicherung): one consistent picture of a database, taken while the portal works.

It is written under another name, checked, brought to the disk, and only then called a backup.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from portal.errors import Conflict, Misconfigured
from portal.operating import database, manifest, programs
from portal.operating.manifest import Manifest
from portal.operating.programs import Programs

Connection = psycopg.Connection[tuple[object, ...]]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
HEADS = "SELECT tenant_id, seq || ':' || encode(hash, 'hex') FROM audit_heads"
FEEDS = "SELECT tenant_id, last FROM event_feed ORDER BY tenant_id"


class AlreadyThere(Conflict):
    """A backup is never written over."""

    code = "already_there"


@dataclass(frozen=True, slots=True)
class Wing:
    """The portal or the office: which database, and the role that owns its tables."""

    name: str
    variable: str  # the setting that leads to it
    owner_url: str = field(repr=False)


def make(wing: Wing, target: Path) -> Path:
    """Write a backup to ``target``, a file, or a folder in which it is named after its moment.

    Raises ``AlreadyThere``, ``Misconfigured`` or ``ProgramFailed``; then nothing is left behind.
    """
    with database.connected(wing.owner_url, wing.variable) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        made_at = datetime.now(UTC)
        place = _place(wing, target, made_at)
        new = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
        try:
            found = _take(wing, connection, new, made_at)
            _keep(new, place, found)
        finally:
            with suppress(FileNotFoundError):
                new.unlink()
    return place


def _place(wing: Wing, target: Path, made_at: datetime) -> Path:
    if target.is_dir() or not target.suffix:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = target / f"quitt-{wing.name}-{made_at:%Y%m%dT%H%M%SZ}.dump"
    if target.exists() or manifest.beside(target).exists():
        raise AlreadyThere(f"{target} is already there; a backup is never written over.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise Misconfigured(f"This user may not write to {target.parent}.")
    return target


def _take(wing: Wing, connection: Connection, new: Path, made_at: datetime) -> Manifest:
    """Dump what this connection's transaction sees, and count it."""
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    version = connection.info.server_version
    tools = programs.of(wing.owner_url, version)
    tools.run(
        "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--schema=public",
        f"--snapshot={snapshot}", f"--file={new}", f"--dbname={tools.reach}",
    )  # fmt: skip
    rows = _rows(connection)
    _check(tools, new, set(rows))
    return Manifest(
        wing.name,
        made_at,
        version,
        "".join(sorted(database.at(connection))),
        rows,
        _feeds(connection) if "event_feed" in rows else {},
        _heads(connection) if "audit_heads" in rows else {},
        new.stat().st_size,
        manifest.digest(new),
    )


def _check(tools: Programs, new: Path, tables: set[str]) -> None:
    """Read it to its end, as a restore would, and see that no table is missing."""
    tools.run("pg_restore", "--file=/dev/null", str(new))
    listed = tools.run("pg_restore", "--list", str(new))
    dumped = {line.split()[-2] for line in listed.splitlines() if " TABLE DATA public " in line}
    if missing := tables - dumped:
        raise programs.ProgramFailed(f"pg_dump left out {', '.join(sorted(missing))}.")


def _keep(new: Path, place: Path, found: Manifest) -> None:
    """To the disk, then under its name; the manifest last, so that a name alone is no backup."""
    _to_disk(new)
    new.rename(place)
    manifest.write(place, found)
    _to_disk(place.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rows(connection: Connection) -> dict[str, int]:
    rows = {}
    for (table,) in connection.execute(TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", str(table)))
        (count,) = connection.execute(query).fetchone() or (0,)
        rows[str(table)] = int(str(count))
    return rows


def _heads(connection: Connection) -> dict[str, str]:
    """Where each tenant's audit chain ended, to be compared by ``quitt audit verify --head``."""
    return {str(tenant): str(head) for tenant, head in connection.execute(HEADS).fetchall()}


def _feeds(connection: Connection) -> dict[str, int]:
    rows = connection.execute(FEEDS).fetchall()
    return {str(tenant): int(str(last)) for tenant, last in rows}
