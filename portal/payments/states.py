"""The life of a payment. This table is the whole truth; nothing else sets a state.

Money wins: ``SUCCEEDED`` is accepted from every state. ``succeeded`` is final; what goes back
later stands in refunds and reversals, which are rows of their own.
"""

from collections.abc import Mapping
from enum import StrEnum

from portal.errors import Conflict


class State(StrEnum):
    """Where a payment stands."""

    CREATED = "created"
    STARTED = "started"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Event(StrEnum):
    """What is heard of a payment."""

    HANDED_OVER = "handed_over"
    STILL_OPEN = "still_open"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CANNOT_SAY = "cannot_say"
    NEVER_ARRIVED = "never_arrived"
    DOES_NOT_FIT = "does_not_fit"
    CORRECTED = "corrected"  # by two people


class IllegalStep(Conflict):
    """The table has no such edge."""

    code = "illegal_step"


S, E = State, Event

# fmt: off
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (S.CREATED,   E.HANDED_OVER):   S.STARTED,
    (S.CREATED,   E.CANNOT_SAY):    S.UNKNOWN,
    (S.CREATED,   E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.CREATED,   E.NEVER_ARRIVED): S.FAILED,
    # A notification may overtake our own note that we handed the citizen over.
    (S.CREATED,   E.STILL_OPEN):    S.STARTED,
    (S.CREATED,   E.PENDING):       S.PENDING,
    (S.CREATED,   E.SUCCEEDED):     S.SUCCEEDED,
    (S.CREATED,   E.FAILED):        S.FAILED,
    (S.CREATED,   E.CANCELLED):     S.CANCELLED,
    (S.CREATED,   E.EXPIRED):       S.EXPIRED,

    (S.STARTED,   E.HANDED_OVER):   S.STARTED,
    (S.STARTED,   E.STILL_OPEN):    S.STARTED,
    (S.STARTED,   E.CANNOT_SAY):    S.UNKNOWN,
    (S.STARTED,   E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.STARTED,   E.NEVER_ARRIVED): S.FAILED,
    (S.STARTED,   E.PENDING):       S.PENDING,
    (S.STARTED,   E.SUCCEEDED):     S.SUCCEEDED,
    (S.STARTED,   E.FAILED):        S.FAILED,
    (S.STARTED,   E.CANCELLED):     S.CANCELLED,
    (S.STARTED,   E.EXPIRED):       S.EXPIRED,

    # Money under way is not undone by a page that was left, nor by a provider that mislaid it.
    (S.PENDING,   E.HANDED_OVER):   S.PENDING,
    (S.PENDING,   E.STILL_OPEN):    S.PENDING,
    (S.PENDING,   E.CANNOT_SAY):    S.UNKNOWN,
    (S.PENDING,   E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.PENDING,   E.NEVER_ARRIVED): S.PENDING,
    (S.PENDING,   E.PENDING):       S.PENDING,
    (S.PENDING,   E.SUCCEEDED):     S.SUCCEEDED,
    (S.PENDING,   E.FAILED):        S.FAILED,
    (S.PENDING,   E.CANCELLED):     S.CANCELLED,
    (S.PENDING,   E.EXPIRED):       S.EXPIRED,

    # Left only by the provider's word (or by a correction of two people).
    (S.UNKNOWN,   E.HANDED_OVER):   S.STARTED,
    (S.UNKNOWN,   E.STILL_OPEN):    S.STARTED,
    (S.UNKNOWN,   E.CANNOT_SAY):    S.UNKNOWN,
    (S.UNKNOWN,   E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.UNKNOWN,   E.NEVER_ARRIVED): S.FAILED,
    (S.UNKNOWN,   E.PENDING):       S.PENDING,
    (S.UNKNOWN,   E.SUCCEEDED):     S.SUCCEEDED,
    (S.UNKNOWN,   E.FAILED):        S.FAILED,
    (S.UNKNOWN,   E.CANCELLED):     S.CANCELLED,
    (S.UNKNOWN,   E.EXPIRED):       S.EXPIRED,
    (S.UNKNOWN,   E.CORRECTED):     S.FAILED,

    # Providers repeat themselves and contradict themselves. Money moves an ended payment, and so
    # does a report of money that does not fit: then nobody is asked to pay again.
    (S.SUCCEEDED, E.HANDED_OVER):   S.SUCCEEDED,
    (S.SUCCEEDED, E.STILL_OPEN):    S.SUCCEEDED,
    (S.SUCCEEDED, E.CANNOT_SAY):    S.SUCCEEDED,
    (S.SUCCEEDED, E.DOES_NOT_FIT):  S.SUCCEEDED,
    (S.SUCCEEDED, E.NEVER_ARRIVED): S.SUCCEEDED,
    (S.SUCCEEDED, E.PENDING):       S.SUCCEEDED,
    (S.SUCCEEDED, E.SUCCEEDED):     S.SUCCEEDED,
    (S.SUCCEEDED, E.FAILED):        S.SUCCEEDED,
    (S.SUCCEEDED, E.CANCELLED):     S.SUCCEEDED,
    (S.SUCCEEDED, E.EXPIRED):       S.SUCCEEDED,

    (S.FAILED,    E.HANDED_OVER):   S.FAILED,
    (S.FAILED,    E.STILL_OPEN):    S.FAILED,
    (S.FAILED,    E.CANNOT_SAY):    S.FAILED,
    (S.FAILED,    E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.FAILED,    E.NEVER_ARRIVED): S.FAILED,
    (S.FAILED,    E.PENDING):       S.PENDING,
    (S.FAILED,    E.SUCCEEDED):     S.SUCCEEDED,
    (S.FAILED,    E.FAILED):        S.FAILED,
    (S.FAILED,    E.CANCELLED):     S.FAILED,
    (S.FAILED,    E.EXPIRED):       S.FAILED,

    (S.CANCELLED, E.HANDED_OVER):   S.CANCELLED,
    (S.CANCELLED, E.STILL_OPEN):    S.CANCELLED,
    (S.CANCELLED, E.CANNOT_SAY):    S.CANCELLED,
    (S.CANCELLED, E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.CANCELLED, E.NEVER_ARRIVED): S.CANCELLED,
    (S.CANCELLED, E.PENDING):       S.PENDING,
    (S.CANCELLED, E.SUCCEEDED):     S.SUCCEEDED,
    (S.CANCELLED, E.FAILED):        S.CANCELLED,
    (S.CANCELLED, E.CANCELLED):     S.CANCELLED,
    (S.CANCELLED, E.EXPIRED):       S.CANCELLED,

    (S.EXPIRED,   E.HANDED_OVER):   S.EXPIRED,
    (S.EXPIRED,   E.STILL_OPEN):    S.EXPIRED,
    (S.EXPIRED,   E.CANNOT_SAY):    S.EXPIRED,
    (S.EXPIRED,   E.DOES_NOT_FIT):  S.UNKNOWN,
    (S.EXPIRED,   E.NEVER_ARRIVED): S.EXPIRED,
    (S.EXPIRED,   E.PENDING):       S.PENDING,
    (S.EXPIRED,   E.SUCCEEDED):     S.SUCCEEDED,
    (S.EXPIRED,   E.FAILED):        S.EXPIRED,
    (S.EXPIRED,   E.CANCELLED):     S.EXPIRED,
    (S.EXPIRED,   E.EXPIRED):       S.EXPIRED,
}
# fmt: on

UNDECIDED = frozenset({State.CREATED, State.STARTED, State.PENDING, State.UNKNOWN})


def step(state: State, event: Event) -> State:
    """The state after ``event``; raises ``IllegalStep``."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalStep(f"{event} while {state}") from None
