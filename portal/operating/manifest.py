"""What a backup is: a small file beside it, ``<name>.json``, that needs no database to be read."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from portal import embedded_folder
from portal.errors import Invalid

SUFFIX = ".json"
VERSION = 1


class NotABackup(Invalid):
    """The file is no backup of ours, or not the one its manifest speaks of."""

    code = "not_a_backup"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup, as of one moment."""

    wing: str  # portal or office
    made_at: datetime
    postgresql: int
    alembic: str
    rows: dict[str, int]
    feeds: dict[str, int]  # tenant -> last position of its feed
    audit: dict[str, str]  # tenant -> head of its audit chain
    bytes: int
    sha256: str


def beside(backup: Path) -> Path:
    """Where the manifest of a backup stands."""
    return backup.with_name(backup.name + SUFFIX)


def write(backup: Path, told: Manifest) -> None:
    """Put the manifest beside its backup, for the owner's eyes."""
    plain = {"version": VERSION, **asdict(told), "made_at": told.made_at.isoformat()}
    embedded_folder.write_private(beside(backup), json.dumps(plain, indent=1) + "\n")


def read(backup: Path) -> Manifest:
    """The manifest of a backup; raises ``NotABackup``."""
    try:
        told = json.loads(beside(backup).read_text("utf-8"))
        version = told.pop("version")
        told["made_at"] = datetime.fromisoformat(told["made_at"])
        found = Manifest(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NotABackup(
            f"{beside(backup)} is missing or cannot be read: a backup is two files, kept together."
        ) from None
    if version != VERSION:
        raise NotABackup(f"{beside(backup)} was written by a newer Quitt.")
    return found


def check(backup: Path, told: Manifest) -> None:
    """Raise ``NotABackup`` when the file is not byte for byte what the manifest speaks of."""
    if not backup.is_file() or backup.stat().st_size != told.bytes:
        raise NotABackup(f"{backup} is missing or was cut off.")
    if digest(backup) != told.sha256:
        raise NotABackup(f"{backup} was changed after it was made.")


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def latest(folder: Path, wing: str = "portal") -> datetime | None:
    """When the newest backup in a folder was made; ``None`` when there is none."""
    found = []
    for note in folder.glob(f"*.dump{SUFFIX}"):
        try:
            told = read(note.with_name(note.name.removesuffix(SUFFIX)))
        except NotABackup:
            continue
        if told.wing == wing:
            found.append(told.made_at)
    return max(found, default=None)
