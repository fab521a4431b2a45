"""A batch of payment requests: many in one transaction, each with its own outcome.

Most lines are new, or the same as before: a thousand of them are stored together. What is unusual
goes the way of a single request: two hundred lines share a transaction; when it fails, each of
them gets one of its own, so that a bad line never stops the others. Inside a transaction they go
by reference: two batches that hold the same references then wait for each other and never deadlock.
"""

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TypeVar

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from portal.db import transaction
from portal.errors import PortalError, Unavailable
from portal.requests import staging
from portal.requests.asked import Asked
from portal.requests.desk import Desk, Put
from portal.requests.staging import Staged

TOGETHER = 1000  # lines that are stored together
UNUSUAL = 200  # lines that share a transaction of the single way

Outcome = Put | PortalError
Thing = TypeVar("Thing")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line that could be read: what is asked under which reference."""

    line: int
    reference: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class Plan:
    """Which way each line goes; none of one part says anything of a line of another."""

    staged: Sequence[Staged]
    twice: Sequence[Wanted]
    replacing: Sequence[Wanted]


def lines(spool: IO[bytes], longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number, without its end; ``None`` for one longer than so many bytes."""
    for number in itertools.count(1):
        raw = spool.readline(longest + 2)
        if not raw:
            return
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) <= longest:
            yield number, line
            continue
        while raw and not raw.endswith(b"\n"):
            raw = spool.readline(longest)
        yield number, None


def together(things: Iterable[Thing], most: int = TOGETHER) -> Iterator[list[Thing]]:
    """The things in order, at most so many at a time."""
    rest = iter(things)
    while some := list(itertools.islice(rest, most)):
        yield some


def planned(desk: Desk, wanted: Sequence[Wanted]) -> Plan:
    """Make ready what can be stored together, and set aside what hangs on other lines."""
    named = {name for each in wanted if each.asked.replaces for name in _named(each)}
    times = Counter(each.reference for each in wanted)
    staged: list[Staged] = []
    twice: list[Wanted] = []
    replacing: list[Wanted] = []
    for each in wanted:
        if each.reference in named:
            replacing.append(each)
        elif times[each.reference] > 1:
            twice.append(each)
        else:
            staged.append(staging.staged(desk, each.line, each.reference, each.asked))
    return Plan(staged, twice, replacing)


def put_all(desk: Desk, plan: Plan) -> dict[int, Outcome]:
    """Put every line and give the outcome of each by its number: an answer, or what was wrong."""
    found: dict[int, Outcome] = {**_put_staged(desk, plan.staged)}
    left = [
        Wanted(each.line, each.reference, each.asked)
        for each in plan.staged
        if each.line not in found
    ]
    in_order = sorted([*left, *plan.twice], key=lambda each: (each.reference, each.line))
    for some in together(in_order, UNUSUAL):
        found |= _put_some(desk, some)
    # What takes another's place means something else when that one comes later: as they stand.
    return found | {each.line: _put_one(desk, each) for each in plan.replacing}


def _named(wanted: Wanted) -> Iterator[str]:
    return itertools.chain([wanted.reference], wanted.asked.replaces)


def _put_staged(desk: Desk, staged: Sequence[Staged]) -> dict[int, Put]:
    if not staged:
        return {}
    try:
        with transaction() as session:
            return staging.put(session, desk, staged)
    except (SQLAlchemyError, psycopg.Error) as error:
        # Which line it was shows when they go one by one.
        log.warning("lines_not_stored_together", extra={"error": type(error).__name__})
        return {}


def _put_some(desk: Desk, wanted: Sequence[Wanted]) -> dict[int, Outcome]:
    if len(wanted) > 1:
        try:
            # Versions and notes are written together in the end, not line by line.
            with transaction() as session, session.no_autoflush:
                return {e.line: desk.put(session, e.reference, e.asked) for e in wanted}
        except (PortalError, SQLAlchemyError):
            pass  # which line it was shows when each has a transaction of its own
    return {each.line: _put_one(desk, each) for each in wanted}


def _put_one(desk: Desk, wanted: Wanted) -> Outcome:
    try:
        with transaction() as session:
            return desk.put(session, wanted.reference, wanted.asked)
    except PortalError as error:
        return error
    except SQLAlchemyError as error:
        log.error("line_not_stored", extra={"error": type(error).__name__})  # noqa: TRY400 -- no values
        return Unavailable("The line could not be stored just now. Push it again.")
