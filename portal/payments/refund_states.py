"""The life of a refund. This table is the whole truth; nothing else sets a state.

A provider that calls a refund sent may still get the money back from a closed account: then it has
failed after all, and what was booked is booked back.
"""

from collections.abc import Mapping
from enum import StrEnum

from portal.errors import Conflict


class State(StrEnum):
    """Where a refund stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Event(StrEnum):
    """What happens to a refund."""

    APPROVED = "approved"
    REFUSED = "refused"
    RUN_OUT = "run_out"
    NOT_LEFT = "not_left"
    SUBMITTED = "submitted"
    KEY_REFUSED = "key_refused"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEVER_ARRIVED = "never_arrived"
    FOUND_MADE = "found_made"
    FOUND_NOT_MADE = "found_not_made"


class IllegalRefundStep(Conflict):
    """The table has no such edge."""

    code = "illegal_step"


S, E = State, Event

# fmt: off
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (S.REQUESTED, E.APPROVED):  S.APPROVED,
    (S.REQUESTED, E.REFUSED):   S.FAILED,
    (S.REQUESTED, E.RUN_OUT):   S.FAILED,

    (S.APPROVED,  E.SUBMITTED): S.SUBMITTED,
    # What was approved has been taken back by a bank meanwhile.
    (S.APPROVED,  E.NOT_LEFT):  S.FAILED,

    (S.SUBMITTED, E.SUBMITTED): S.SUBMITTED,
    (S.SUBMITTED, E.PENDING):   S.SUBMITTED,
    (S.SUBMITTED, E.SUCCEEDED): S.SUCCEEDED,
    (S.SUBMITTED, E.FAILED):    S.FAILED,
    # The first time it was told, and not let in: surely nothing was done.
    (S.SUBMITTED, E.KEY_REFUSED): S.APPROVED,
    # Asked when its key had ended, the provider has no such refund.
    (S.SUBMITTED, E.NEVER_ARRIVED):  S.FAILED,
    # Nobody says it: people have looked it up on the provider's own pages.
    (S.SUBMITTED, E.FOUND_MADE):     S.SUCCEEDED,
    (S.SUBMITTED, E.FOUND_NOT_MADE): S.FAILED,

    (S.SUCCEEDED, E.PENDING):   S.SUCCEEDED,
    (S.SUCCEEDED, E.SUCCEEDED): S.SUCCEEDED,
    (S.SUCCEEDED, E.FAILED):    S.FAILED,

    # Failed at the provider is final: it is ordered anew.
    (S.FAILED,    E.PENDING):   S.FAILED,
    (S.FAILED,    E.SUCCEEDED): S.FAILED,
    (S.FAILED,    E.FAILED):    S.FAILED,
}
# fmt: on

# Ended by no word of the provider that money went or did not: it may still say that it went.
NOT_SAID_BY_IT = frozenset({Event.NEVER_ARRIVED, Event.FOUND_NOT_MADE})
UNDECIDED = frozenset({State.REQUESTED, State.APPROVED, State.SUBMITTED})


def step(state: State, event: Event) -> State:
    """The state after ``event``; raises ``IllegalRefundStep``."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalRefundStep(f"{event} while {state}") from None
