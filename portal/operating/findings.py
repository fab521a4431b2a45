"""What ``quitt doctor`` says: one finding a line, with what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """``ok``; ``warn``: look at it soon; ``fail``: the portal will not start, or is not right."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing, and what to do."""

    level: Level
    about: str
    said: str
    todo: str = ""

    def __str__(self) -> str:
        todo = f"\n        {self.todo}" if self.todo else ""
        return f"[{self.level}]".ljust(7) + f"{self.about}: {self.said}{todo}"


def good(about: str, said: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, about, said)


def warn(about: str, said: str, todo: str) -> Finding:
    """Somebody should look at it."""
    return Finding(Level.WARN, about, said, todo)


def fail(about: str, said: str, todo: str = "") -> Finding:
    """It must be mended."""
    return Finding(Level.FAIL, about, said, todo)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst of all."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)
