"""The one clock."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from portal import clock
from tests.moving import move


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    clock.move_by(tmp_path / "clock")
    yield tmp_path / "clock"
    clock.move_by(None)


def moved() -> float:
    return (clock.now() - datetime.now(UTC)).total_seconds()


def test_time_is_aware_and_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+90m", 5400), ("+2h", 7200), ("-3d", -259_200), ("30", 30), ("+45s\n", 45)],
)
def test_a_distance_moves_time(file: Path, text: str, seconds: int) -> None:
    file.write_text(text)
    assert moved() == pytest.approx(seconds, abs=1)


def test_from_a_moment_time_goes_on_since_it_was_written(file: Path) -> None:
    file.write_text("2026-12-24T18:00:00+00:00")
    os.utime(file, (datetime.now(UTC).timestamp() - 60,) * 2)
    told = clock.now() - datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert told.total_seconds() == pytest.approx(60, abs=1)


@pytest.mark.parametrize("text", ["", "tomorrow", "+2 weeks"])
def test_what_cannot_be_read_moves_nothing(file: Path, text: str) -> None:
    file.write_text(text)
    assert moved() == pytest.approx(0, abs=1)


def test_whoever_reads_while_time_is_moved_has_the_old_time_or_the_new(file: Path) -> None:
    days = [date(2026, 1, day) for day in range(1, 32)]
    move(file, f"{days[0]}T12:00:00+00:00")
    read: set[date] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            read.add(clock.today("UTC"))

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for day in days * 3:
            move(file, f"{day}T12:00:00+00:00")
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert read <= set(days)


def test_a_missing_file_moves_nothing(file: Path) -> None:
    assert moved() == pytest.approx(0, abs=1)


def test_the_business_day_is_that_of_the_town(file: Path) -> None:
    file.write_text("2026-06-30T22:30:00+00:00")
    assert clock.today("Europe/Berlin") == date(2026, 7, 1)
    assert clock.today("UTC") == date(2026, 6, 30)
