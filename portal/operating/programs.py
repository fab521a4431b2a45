"""PostgreSQL's own programs (pg_dump, pg_restore, psql), of the version that fits the server.

An older program cannot read a newer server; a newer one writes what an older server refuses.
"""
# Every command is written here; a file's name is the only word from outside, and no option.
# ruff: noqa: S603

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal import embedded
from portal.embedded_processes import MAJOR
from portal.errors import Misconfigured, PortalError

DEBIAN = "/usr/lib/postgresql/{major}/bin"


class ProgramFailed(PortalError):
    """One of PostgreSQL's programs ended with an error; the message holds its last words."""

    code = "program_failed"


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs for one server, and how they reach a database without naming its password."""

    major: int
    reach: str
    environment: dict[str, str] = field(repr=False)

    def command(self, name: str, *arguments: str) -> list[str]:
        """A program with its arguments; raises ``Misconfigured`` when it is not installed."""
        return [str(_find(name, self.major)), *arguments]

    def run(self, name: str, *arguments: str) -> str:
        """What the program writes; raises ``ProgramFailed``."""
        done = subprocess.run(
            self.command(name, *arguments),
            capture_output=True, text=True, check=False, env=self.environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode != 0:
            raise ProgramFailed(f"{name}: {last_words(done.stderr)}")
        return done.stdout


def of(url: str, server_version: int) -> Programs:
    """The programs for the database at ``url`` on a server of this version (as 180001)."""
    known = conninfo_to_dict(url)
    password = str(known.pop("password", "") or "")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "LC_ALL": "C", "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
    return Programs(server_version // 10_000, make_conninfo("", **known), environment)


def last_words(text: str) -> str:
    """The end of what a program complained."""
    return " / ".join(text.strip().splitlines()[-3:]) or "it said nothing"


def _find(name: str, major: int) -> Path:
    if major == MAJOR:
        return embedded.binary(name)
    places: Sequence[str | None] = (
        shutil.which(name, path=DEBIAN.format(major=major)),
        shutil.which(name),
    )
    for place in filter(None, places):
        told = subprocess.run([place, "--version"], capture_output=True, text=True, check=False)
        if re.search(rf"\) {major}(\.|\D|$)", told.stdout):
            return Path(place)
    raise Misconfigured(
        f"{name} of PostgreSQL {major} is not here: install postgresql-client-{major}, or work on"
        " a machine that has it."
    )
