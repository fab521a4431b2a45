"""Reading the portal's feed of events to its end."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError

from office.client import Portal
from office.db import transaction
from office.facts import read_event
from office.models import EventState
from office.taking import go_back, keep_unreadable, position, take, take_waiting
from portal.errors import Invalid

PAGE = 500  # events a call

log = logging.getLogger(__name__)


def sync(
    portal: Portal, progress: Callable[[int], None], again_after: int | None = None
) -> Counter[EventState]:
    """Take all events behind our place in the feed; how many became what.

    What was pushed to us before is skipped; what cannot be read or stored is kept as such, and
    the next one is taken. ``progress`` is told how many were read. ``again_after`` is our new
    place before that: the portal restored a backup and tells anew what came later.
    """
    taken: Counter[EventState] = Counter()
    if again_after is not None:
        go_back(again_after)
    with transaction() as session:
        after = position(session)
    read = 0
    while page := portal.events(after, PAGE):
        for told in page:
            after, state = _take(told, after + 1)
            if state:
                taken[state] += 1
        read += len(page)
        progress(read)
    taken.update(take_waiting())
    return taken


def _take(told: Any, place: int) -> tuple[int, EventState | None]:
    """Take what stands at ``place`` (positions have no gaps): our new place, what became of it."""
    try:
        event = read_event(told)
        if event.position >= place:
            return event.position, take(event, from_feed=True)
    except (Invalid, DataError, IntegrityError) as error:
        log.warning("event %s of the feed is kept unread: %s", place, type(error).__name__)
    return place, keep_unreadable(told, place)
