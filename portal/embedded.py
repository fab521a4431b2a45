"""PostgreSQL of our own, for a machine where none is given: one server per data folder.

It listens on a Unix socket in a private folder and nowhere else, and every role has a generated
password. Each process that uses it holds a shared lock; who leaves last stops the server.
"""

import atexit
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

from psycopg import sql

from portal import embedded_folder as folder
from portal import embedded_server as server
from portal.embedded_processes import binary
from portal.embedded_server import Cluster
from portal.errors import Misconfigured

__all__ = ["Cluster", "binary", "ensure", "start", "stop", "url"]

_held: dict[Path, int] = {}  # data folder -> descriptor of this process's shared lock


def start(data: Path, settings: Mapping[str, str] | None = None) -> Cluster:
    """Use the server of the folder ``data`` until ``stop`` or the end of this process.

    Initialises and starts it if need be. A second call in a process starts it again should it
    have died, and else changes nothing. ``settings`` count only for a server started by this call.
    Raises Misconfigured, which says what to do, or Unavailable after 300 seconds.
    """
    data = data.expanduser().resolve()
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with folder.changing(data):
            return _enter(data, settings or {})
    except PermissionError as error:
        raise Misconfigured(
            f"This user may not use {data} ({error.filename}): start Quitt as the user that owns"
            " it, or choose another folder by QUITT_DATA."
        ) from None


def _enter(data: Path, settings: Mapping[str, str]) -> Cluster:
    if data not in _held:
        _held[data] = folder.open_lock(data / "pg.lock")
        fcntl.flock(_held[data], fcntl.LOCK_SH)
    folder.private_folder(folder.home(data), data.stat())
    password = folder.password(data, server.SUPERUSER)
    cluster = Cluster(data, folder.socket_folder(data), password)
    server.initialise(cluster)
    server.run(cluster, settings)
    return cluster


def stop(cluster: Cluster) -> None:
    """Leave the server. Who leaves last stops it and waits for its end."""
    _leave(cluster.folder)


def url(cluster: Cluster, database: str, role: str) -> str:
    """The address of a database as seen by this role. It holds the password: never log it."""
    password = folder.passwords(cluster.folder).get(role)
    if password is None:
        raise Misconfigured(f"The embedded database has no role {role}.")
    host = quote(str(cluster.socket_folder), safe="")
    return (
        f"postgresql://{quote(role)}:{password}@/{quote(database)}?host={host}&port={folder.PORT}"
    )


def ensure(cluster: Cluster, databases: Mapping[str, tuple[str, str]]) -> None:
    """Make what is missing: databases, each with (owner role, application role).

    Nobody but these two may connect to it.
    """
    with folder.changing(cluster.folder), server.connect(cluster) as connection:
        for closed in ("postgres", "template1"):
            _run(connection, "REVOKE CONNECT ON DATABASE {} FROM PUBLIC", closed)
        for database, (owner, app) in databases.items():
            for role in (owner, app):
                _ensure_role(connection, role, folder.password(cluster.folder, role))
            if not _known(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database):
                _run(connection, "CREATE DATABASE {} OWNER {}", database, owner)
            _run(connection, "REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database)
            _run(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, app)


def _ensure_role(connection: server.Connection, role: str, password: str) -> None:
    if not _known(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
        _run(connection, "CREATE ROLE {} LOGIN", role)
    # Set each time: a kill between file and server would leave two different passwords.
    # Hashed here, so that the server never sees the password and cannot log it.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))


def _run(connection: server.Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _known(connection: server.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None


def _leave(data: Path) -> None:
    if data not in _held:
        return
    with folder.changing(data):
        descriptor = _held.pop(data)
        last = folder.take_alone(descriptor)
        folder.release(descriptor)
        if last:
            server.shut_down(data)


def _leave_all() -> None:
    for data in list(_held):
        _leave(data)


def _forget_all() -> None:
    """A forked child holds nothing; it may call start for itself."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


atexit.register(_leave_all)
os.register_at_fork(after_in_child=_forget_all)
