"""A batch of payment requests: many in one transaction, each with its own outcome.

Two hundred lines share a transaction; when it fails, each of them gets one of its own, so that a
bad line never stops the others. Inside a transaction they go by reference: two batches that hold
the same references then wait for each other and never deadlock.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.errors import PortalError, Unavailable
from portal.requests.asked import Asked

TOGETHER = 200  # lines in one transaction

Outcome = TypeVar("Outcome")
Thing = TypeVar("Thing")
Put = Callable[[Session, str, Asked], Outcome]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line that could be read: what is asked under which reference."""

    line: int
    reference: str
    asked: Asked


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


def together(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    """The things in order, so many at a time as share a transaction."""
    rest = iter(things)
    while some := list(itertools.islice(rest, TOGETHER)):
        yield some


def put_all(wanted: Sequence[Wanted], put: Put[Outcome]) -> dict[int, Outcome | PortalError]:
    """Put every line and give the outcome of each by its number: an answer, or what was wrong."""
    in_order = sorted(wanted, key=lambda each: (each.reference, each.line))
    if len(in_order) > 1:
        try:
            # Versions and notes are written together in the end, not line by line.
            with transaction() as session, session.no_autoflush:
                return {each.line: put(session, each.reference, each.asked) for each in in_order}
        except (PortalError, SQLAlchemyError):
            pass  # which line it was shows when each has a transaction of its own
    return {each.line: _put_one(each, put) for each in in_order}


def _put_one(wanted: Wanted, put: Put[Outcome]) -> Outcome | PortalError:
    try:
        with transaction() as session:
            return put(session, wanted.reference, wanted.asked)
    except PortalError as error:
        return error
    except SQLAlchemyError as error:
        log.error("line_not_stored", extra={"error": type(error).__name__})  # noqa: TRY400 -- no values
        return Unavailable("The line could not be stored just now. Push it again.")
