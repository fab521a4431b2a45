"""A SQLite file that several threads read and write, and how moments stand in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from portal import clock


class File:
    """One file and its tables. Write-ahead log: a killed process loses nothing."""

    def __init__(self, file: Path, schema: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        # While one connection stays open, closing another does not fold the log into the file.
        self.keeper = self._connect(any_thread=True)
        self.keeper.execute("PRAGMA journal_mode = WAL")
        self.widen()
        self.keeper.executescript(schema)

    def widen(self) -> None:
        """Bring an older file up to date."""

    def close(self) -> None:
        """Close the file."""
        self.keeper.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Writes of one act: all or none."""
        with self._begun("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent look at the books."""
        with self._begun("BEGIN") as db:
            yield db

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            db.execute(begin)
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _connect(self, *, any_thread: bool = False) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._file, timeout=15, isolation_level=None, check_same_thread=not any_thread
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        return db


def this_moment() -> str:
    """Now, as it is written in the books."""
    return written(clock.now())


def written(at: datetime) -> str:
    """A moment in UTC as it is written in the books: later ones sort behind it."""
    return at.isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    """What ``this_moment`` wrote."""
    return datetime.fromisoformat(text)


def add(db: sqlite3.Connection, table: str, **values: object) -> None:
    """Insert one row. ``table`` and the names are ours, never a caller's."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
        tuple(values.values()),
    )
