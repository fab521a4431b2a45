"""``quitt doctor``: everything that would keep the portal from starting, and what only worries.

Each check is a function of what stands around it that gives findings. One that breaks says so and
stops no other.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from portal import clock, embedded, refusals, schema
from portal.config import Settings
from portal.embedded_folder import files
from portal.errors import Misconfigured
from portal.operating import database, manifest
from portal.operating.database import Said
from portal.operating.findings import Finding, fail, good, warn
from portal.operating.rounds import ROUNDS, Round

LEAST_FREE, LOW_FREE = 100 * 1024**2, 2 * 1024**3  # bytes
LARGEST_SKEW = 5.0  # seconds between our clock and the database's
BACKUP_AGE = timedelta(hours=26)
RENEW_BEFORE = timedelta(days=30)
GIB = 1024**3

Around = TypeVar("Around")


@dataclass(frozen=True, slots=True)
class Machine:
    """What can be seen without looking into the tables."""

    settings: Settings
    said: Said
    asked_at: datetime  # when we asked the database, by our clock


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; changes nothing."""
    found = [fail(fault.setting, fault.what) for fault in refusals.of(settings)]
    found = found or [good("settings", "complete and plausible")]
    try:
        url = address(settings)
        asked_at = datetime.fromtimestamp(time.time(), UTC)
        said = database.ask(url)
    except Misconfigured as error:
        return [*found, fail("database", str(error))]
    wrong = database.faults(said, demo=settings.demo)
    found += [fail(fault.setting, fault.what) for fault in wrong]
    machine = Machine(settings, said, asked_at)
    for look in LOOKS:
        found += _tried(look.__name__, look, machine)
    if said.alembic == database.heads():
        found += _rounds(settings, url)
    return found


def address(settings: Settings) -> str:
    """The portal's database as the application; the embedded one is started, never made."""
    if settings.database_url:
        return settings.database_url
    if not (files(settings.data) / "PG_VERSION").exists():
        raise Misconfigured(f"There is none in {settings.data} yet. Make it: ./quitt migrate")
    return embedded.url(embedded.start(settings.data), schema.DATABASE, schema.APP)


def _rounds(settings: Settings, url: str) -> list[Finding]:
    """What the tables say, each round in a transaction of its own that can write nothing."""
    found: list[Finding] = []
    engine = create_engine(url, execution_options={"postgresql_readonly": True})
    for look in ROUNDS:
        with Session(engine) as session:
            found += _tried(look.__name__, look, Round(settings, session, clock.now()))
    engine.dispose()
    return found


def _tried(name: str, look: Callable[[Around], Iterator[Finding]], around: Around) -> list[Finding]:
    try:
        return list(look(around))
    except Misconfigured as error:
        return [fail(name.strip("_"), str(error))]
    except Exception as error:  # the others must be heard
        return [
            fail(name.strip("_"), f"could not be looked at ({type(error).__name__})", "Tell us.")
        ]


def _engine(machine: Machine) -> Iterator[Finding]:
    said = machine.said
    where = "of your own" if machine.settings.database_url else "embedded"
    yield good("database", f"PostgreSQL {said.version // 10_000}, {where}, as role {said.role}")


def _clock(machine: Machine) -> Iterator[Finding]:
    skew = abs((machine.said.clock - machine.asked_at).total_seconds())
    if skew > LARGEST_SKEW:
        yield warn(
            "clock",
            f"this machine and the database differ by {skew:.0f} seconds",
            "Let both keep time by NTP: the last day to pay hangs on it.",
        )
    else:
        yield good("clock", "this machine and the database agree")


def _disk(machine: Machine) -> Iterator[Finding]:
    folder = machine.settings.data
    standing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(standing).free
    told = f"{free / GIB:.1f} GiB are free where QUITT_DATA is"
    if free < LEAST_FREE:
        yield fail("disk", told, "Make room at once: the database stops when none is left.")
    elif free < LOW_FREE:
        yield warn("disk", told, "Make room, or give QUITT_DATA a larger disk.")
    else:
        yield good("disk", told)


def _certificate(machine: Machine) -> Iterator[Finding]:
    if not machine.settings.tls_certificate:
        return
    found = load_pem_x509_certificate(Path(machine.settings.tls_certificate).read_bytes())
    left = found.not_valid_after_utc - machine.asked_at
    if left < timedelta(0):
        yield fail("certificate", "has ended", "Put a new one at QUITT_TLS_CERTIFICATE.")
    elif left < RENEW_BEFORE:
        yield warn("certificate", f"ends in {left.days} days", "Renew it.")
    else:
        yield good("certificate", f"is good for {left.days} days")


def _wire(machine: Machine) -> Iterator[Finding]:
    parts = urlsplit(machine.settings.database_url)
    host = parts.hostname or ""
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[0]
    if host and host not in {"localhost", "127.0.0.1", "::1"} and mode not in {
        "require", "verify-ca", "verify-full",
    }:  # fmt: skip
        yield warn(
            "database",
            f"what goes to {host} may be read on the way",
            "Add ?sslmode=verify-full to QUITT_DATABASE_URL.",
        )


def _words(machine: Machine) -> Iterator[Finding]:
    if machine.settings.log_level.lower() == "debug" and not machine.settings.demo:
        yield warn("logs", "QUITT_LOG_LEVEL is debug", "Set it to info: the logs grow fast.")


def _backup(machine: Machine) -> Iterator[Finding]:
    if machine.settings.demo:
        return
    last = manifest.latest(machine.settings.backup_folder)
    if last is None:
        yield warn(
            "backup",
            f"none is known in {machine.settings.backup_folder}",
            "Make one each night: ./quitt db backup (or say QUITT_BACKUPS).",
        )
        return
    age = machine.asked_at - last
    hours = age // timedelta(hours=1)
    if age > BACKUP_AGE:
        yield warn("backup", f"the last one is {hours} hours old", "Make one: ./quitt db backup")
    else:
        yield good("backup", f"the last one is {hours} hours old")


LOOKS: tuple[Callable[[Machine], Iterator[Finding]], ...] = (
    _engine,
    _clock,
    _disk,
    _certificate,
    _wire,
    _words,
    _backup,
)
