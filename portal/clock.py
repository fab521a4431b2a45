"""The only place that asks what time it is. Time is aware and UTC.

For the demo and for tests ``QUITT_DEMO_CLOCK`` names a file that moves time for all processes
that read it. It holds a distance (``+90m``, ``+2h``, ``-3d``, seconds without a letter), or a
moment in ISO 8601, from which time goes on since the file was written. A missing, empty or
unreadable file moves nothing.
"""

import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DISTANCE = re.compile(r"([+-]?\d+)([smhd]?)")

_moved_by: Path | None = None


def move_by(file: Path | None) -> None:
    """Let ``file`` move this process's time; ``None`` is real time. Never in production."""
    global _moved_by  # noqa: PLW0603 -- one clock a process, set once at start
    _moved_by = file


def now() -> datetime:
    """This moment, in UTC."""
    real = datetime.now(UTC)
    return real if _moved_by is None else real + _shift(_moved_by, real)


def today(zone: str) -> date:
    """The business day in a tenant's time zone (an IANA name)."""
    return now().astimezone(ZoneInfo(zone)).date()


def _shift(file: Path, real: datetime) -> timedelta:
    try:
        with file.open() as opened:  # text and time are those of one file, if another comes now
            written = datetime.fromtimestamp(os.fstat(opened.fileno()).st_mtime, UTC)
            text = opened.read().strip()
    except OSError:
        return timedelta(0)
    if found := _DISTANCE.fullmatch(text):
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return timedelta(0)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(aware - written, datetime.max.replace(tzinfo=UTC) - real)
