"""The life of an approval. This table is the whole truth; nothing else sets a state."""

from collections.abc import Mapping
from enum import StrEnum

from portal.errors import Conflict


class State(StrEnum):
    """Where an approval stands."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class Event(StrEnum):
    """What happens to an approval."""

    APPROVED = "approved"
    REFUSED = "refused"
    RUN_OUT = "run_out"
    ONE_WAS_ENOUGH = "one_was_enough"


class AlreadyDecided(Conflict):
    """The table has no such edge: what was decided stays so."""

    code = "already_decided"


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.ASKED, Event.APPROVED): State.APPROVED,
    (State.ASKED, Event.REFUSED): State.REFUSED,
    (State.ASKED, Event.RUN_OUT): State.EXPIRED,
    (State.ASKED, Event.ONE_WAS_ENOUGH): State.APPROVED,
}


def step(state: State, event: Event) -> State:
    """The state after ``event``; raises ``AlreadyDecided``."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise AlreadyDecided(f"The approval is {state}.") from None
