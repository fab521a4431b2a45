"""Putting a backup back: all of it or nothing, and then what must follow at once.

The script that pg_restore writes runs in one transaction of psql, behind the removal of what is
there. Should pg_restore break off, psql is killed before it hears the end, and nothing happened.
"""
# Every command is written by portal.operating.programs.
# ruff: noqa: S603

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, LiteralString

from alembic.script import ScriptDirectory
from alembic.util import CommandError

from portal.errors import Conflict
from portal.operating import database, manifest, programs
from portal.operating.backup import Wing
from portal.operating.manifest import Manifest
from portal.operating.programs import ProgramFailed, Programs

PIECE = 1024 * 1024  # bytes


class NotEmpty(Conflict):
    """There are tables already; replacing them must be said."""

    code = "not_empty"


class InUse(Conflict):
    """Somebody works on the database that is to be replaced."""

    code = "in_use"


# What a role owns in public, and nothing else: no schema, no right that somebody else gave.
CLEAR = r"""
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT format('DROP %s IF EXISTS public.%I CASCADE', what, relname) AS step FROM (
      SELECT relname, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
             WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS what
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
         AND relkind IN ('r', 'p', 'v', 'm', 'S')
         AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
       ORDER BY relkind = 'S') AS found  -- most sequences go with their tables
    LOOP EXECUTE one.step; END LOOP;
  FOR one IN SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) AS step
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
       AND proowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    LOOP EXECUTE one.step; END LOOP;
  FOR one IN SELECT format('DROP TYPE IF EXISTS public.%I CASCADE', typname) AS step
      FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'c')
       AND typowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    LOOP EXECUTE one.step; END LOOP;
END $$;
"""
# Of other roles' sessions one is told no more than database and role.
OTHERS: LiteralString = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
"""
NAMES: LiteralString = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def examined(backup: Path, wing: Wing, migrations: Path) -> Manifest:
    """The manifest of a backup that this program can restore here; raises ``NotABackup``."""
    told = manifest.read(backup)
    if told.wing != wing.name:
        raise manifest.NotABackup(f"{backup} is a backup of the {told.wing}, not the {wing.name}.")
    manifest.check(backup, told)
    try:
        ScriptDirectory(str(migrations)).get_revision(told.alembic)
    except CommandError:
        raise manifest.NotABackup(
            f"{backup} was made by a newer Quitt (its tables are at {told.alembic}): use that one."
        ) from None
    return told


def from_file(wing: Wing, backup: Path, *, replace: bool) -> None:
    """Restore into an empty database, or in place of what is there. Migrate afterwards.

    Raises ``NotEmpty``, ``InUse`` or ``ProgramFailed``; then the database is as it was.
    """
    with database.connected(wing.owner_url, wing.variable) as connection:
        tables = connection.execute(NAMES).fetchall()
        (others,) = connection.execute(OTHERS).fetchone() or (0,)
        tools = programs.of(wing.owner_url, connection.info.server_version)
    if tables and not replace:
        raise NotEmpty(
            "The database is not empty. Restore into an empty one, or say --replace to give up"
            " everything that is in it now."
        )
    if others:
        raise InUse(
            f"{others} connections are at work on this database. End `quitt serve` and"
            " `quitt worker` on every machine first."
        )
    _pour(tools, backup)


def _pour(tools: Programs, backup: Path) -> None:
    written = tools.command(
        "pg_restore", "--no-owner", "--no-privileges", "--schema=public", "--file=-", str(backup)
    )
    with (
        tempfile.TemporaryFile() as words,
        tempfile.NamedTemporaryFile("w", suffix=".sql") as clear,
    ):
        clear.write(CLEAR)
        clear.flush()
        taken = tools.command(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
            "--output=/dev/null", f"--file={clear.name}", "--file=-", tools.reach,
        )  # fmt: skip
        with (
            subprocess.Popen(
                written, stdout=subprocess.PIPE, stderr=words, env=tools.environment
            ) as source,
            subprocess.Popen(
                taken, stdin=subprocess.PIPE, stderr=words, env=tools.environment
            ) as sink,
        ):
            whole = _pass_on(source, sink)
        if not whole or sink.returncode != 0:
            words.seek(0)
            said = programs.last_words(words.read().decode("utf-8", "replace"))
            raise ProgramFailed(f"Nothing was restored, the database is as it was: {said}")


def _pass_on(source: subprocess.Popen[bytes], sink: subprocess.Popen[bytes]) -> bool:
    """Hand the script over; whether it was whole. A sink that never hears its end rolls back."""
    assert source.stdout  # noqa: S101 -- both are pipes
    assert sink.stdin  # noqa: S101
    try:
        shutil.copyfileobj(source.stdout, sink.stdin, PIECE)
        whole = source.wait() == 0
    except BrokenPipeError:
        whole = False
    if not whole:
        sink.kill()
    _close(sink.stdin)
    return whole


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:  # psql has ended with its own complaint
        return
