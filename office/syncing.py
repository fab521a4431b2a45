"""Reading the portal's feed of events to its end."""

from collections import Counter
from collections.abc import Callable

from office.client import Portal
from office.db import transaction
from office.facts import read_event
from office.models import EventState
from office.taking import position, take, take_waiting

PAGE = 500  # events a call


def sync(portal: Portal, progress: Callable[[int], None]) -> Counter[EventState]:
    """Take all events behind our place in the feed; how many became what.

    What was pushed to us before is skipped. ``progress`` is told how many were read.
    """
    taken: Counter[EventState] = Counter()
    with transaction() as session:
        after = position(session)
    read = 0
    while page := portal.events(after, PAGE):
        for told in page:
            event = read_event(told)
            if state := take(event, from_feed=True):
                taken[state] += 1
            after = event.position
        read += len(page)
        progress(read)
    if late := take_waiting():
        taken[EventState.BOOKED] += late
    return taken
