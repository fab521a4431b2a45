"""What the embedded PostgreSQL keeps in the data folder, and who may be in there.

``pg.lock`` is held by everyone who uses the server, ``pg-start.lock`` by the one who changes it;
``pg-passwords.json`` is for the owner's eyes; ``pg-socket`` remembers where the socket is when the
path is too long for one; ``postgres/`` belongs to the user that the server runs as.
"""

import fcntl
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from portal.errors import Unavailable

PORT = "5432"  # names the socket file; no network port is opened
PATIENCE = 300.0  # seconds; recovery after a power cut may take minutes
LONGEST_SOCKET_PATH = 100  # bytes; kernels allow 104 (macOS) to 108 (Linux)


def home(data: Path) -> Path:
    """What belongs to the user that the server runs as."""
    return data / "postgres"


def files(data: Path) -> Path:
    """PostgreSQL's own data directory."""
    return home(data) / "cluster"


def own(path: Path, owner: os.stat_result) -> None:
    """As root, give what we make to its folder's owner, who may come back without being root."""
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def private_folder(path: Path, owner: os.stat_result) -> Path:
    """A folder that only its owner may enter, made if missing."""
    if not path.exists():
        path.mkdir(mode=0o700)
        own(path, owner)
    if stat.S_IMODE(path.stat().st_mode) != 0o700:
        path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """All or nothing, readable by the folder's owner only."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    own(new, path.parent.stat())
    new.replace(path)


def passwords(data: Path) -> dict[str, str]:
    """Role -> password."""
    file = data / "pg-passwords.json"
    known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return known


def password(data: Path, role: str) -> str:
    """The role's password, generated and kept before it is used. Only inside ``changing``."""
    known = passwords(data)
    if role not in known:
        known[role] = secrets.token_urlsafe(32)
        write_private(data / "pg-passwords.json", json.dumps(known, indent=1))
    return known[role]


def socket_folder(data: Path) -> Path:
    """Beside the files, or, where that path is too long, a private one in the temporary folder."""
    owner = home(data).stat()
    beside = home(data) / "socket"
    if _fits(beside):
        return private_folder(beside, owner)
    remembered = _remembered(data)
    if remembered is not None and _is_private(remembered, owner.st_uid):
        return remembered
    bases = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - the folder made in it is private
    base = next(base for base in bases if _fits(Path(base, "quitt-12345678")))
    folder = Path(tempfile.mkdtemp(prefix="quitt-", dir=base))
    own(folder, owner)
    write_private(data / "pg-socket", json.dumps([str(folder), str(data)]))
    return folder


def forget_socket_folder(data: Path) -> None:
    """Take away the one in the temporary folder, if there is one. Only with the server stopped."""
    remembered = _remembered(data)
    if remembered is not None:
        with suppress(OSError):
            remembered.rmdir()
        (data / "pg-socket").unlink()


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH


def _remembered(data: Path) -> Path | None:
    try:
        folder, meant_for = json.loads((data / "pg-socket").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    # A copy of the data folder carries a copy of this note.
    return Path(folder) if meant_for == str(data) else None


def _is_private(folder: Path, uid: int) -> bool:
    with suppress(OSError):
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        return private and found.st_uid == uid
    return False


def open_lock(path: Path) -> int:
    """A descriptor to lock by the kernel: no kill leaves such a lock behind."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    own(path, path.parent.stat())
    return descriptor


def take_alone(descriptor: int) -> bool:
    """Take the lock if nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(descriptor: int) -> None:
    """Unlocked by word, too: a child forked a moment ago may still have the descriptor open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


@contextmanager
def changing(data: Path) -> Iterator[None]:
    """One at a time starts, stops or changes the server."""
    descriptor = open_lock(data / "pg-start.lock")
    try:
        deadline = time.monotonic() + PATIENCE
        while not take_alone(descriptor):
            if time.monotonic() > deadline:
                raise Unavailable(f"Another process has been changing {data} for {PATIENCE:.0f} s.")
            time.sleep(0.02)
        yield
    finally:
        release(descriptor)
