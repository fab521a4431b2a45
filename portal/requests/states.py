"""The life of a request. This table is the whole truth; nothing else sets a state.

*Overdue* and *payment under way* are facts about a request, not states of it.
"""

from collections.abc import Mapping
from enum import StrEnum

from portal.errors import Conflict


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


class Event(StrEnum):
    """What happens to a request. The first three say how much of the amount is covered now."""

    UNCOVERED = "uncovered"
    PARTLY_COVERED = "partly_covered"
    COVERED = "covered"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    RUN_OUT = "run_out"
    REPLACED = "replaced"


class IllegalStep(Conflict):
    """The table has no such edge."""

    code = "illegal_step"


S, E = State, Event

# fmt: off
TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (S.OPEN,        E.UNCOVERED):      S.OPEN,
    (S.OPEN,        E.PARTLY_COVERED): S.PARTLY_PAID,
    (S.OPEN,        E.COVERED):        S.PAID,
    (S.OPEN,        E.WITHDRAWN):      S.WITHDRAWN,
    (S.OPEN,        E.RUN_OUT):        S.EXPIRED,
    (S.OPEN,        E.REPLACED):       S.REPLACED,

    (S.PARTLY_PAID, E.UNCOVERED):      S.OPEN,
    (S.PARTLY_PAID, E.PARTLY_COVERED): S.PARTLY_PAID,
    (S.PARTLY_PAID, E.COVERED):        S.PAID,
    (S.PARTLY_PAID, E.WITHDRAWN):      S.WITHDRAWN,
    (S.PARTLY_PAID, E.RUN_OUT):        S.EXPIRED,
    (S.PARTLY_PAID, E.REPLACED):       S.REPLACED,

    # Back by reversal, refund or a higher version.
    (S.PAID,        E.UNCOVERED):      S.OPEN,
    (S.PAID,        E.PARTLY_COVERED): S.PARTLY_PAID,
    (S.PAID,        E.COVERED):        S.PAID,
    (S.PAID,        E.WITHDRAWN):      S.WITHDRAWN,
    (S.PAID,        E.REPLACED):       S.REPLACED,

    # Facts of the finance system stay; money that comes now is surplus or goes to the new one.
    (S.WITHDRAWN,   E.UNCOVERED):      S.WITHDRAWN,
    (S.WITHDRAWN,   E.PARTLY_COVERED): S.WITHDRAWN,
    (S.WITHDRAWN,   E.COVERED):        S.WITHDRAWN,
    (S.WITHDRAWN,   E.WITHDRAWN):      S.WITHDRAWN,
    (S.WITHDRAWN,   E.RESTORED):       S.OPEN,
    (S.WITHDRAWN,   E.REPLACED):       S.REPLACED,

    # Money that was under way when the day came still clears the claim.
    (S.EXPIRED,     E.UNCOVERED):      S.EXPIRED,
    (S.EXPIRED,     E.PARTLY_COVERED): S.EXPIRED,
    (S.EXPIRED,     E.COVERED):        S.PAID,
    (S.EXPIRED,     E.WITHDRAWN):      S.WITHDRAWN,
    (S.EXPIRED,     E.RESTORED):       S.OPEN,
    (S.EXPIRED,     E.RUN_OUT):        S.EXPIRED,
    (S.EXPIRED,     E.REPLACED):       S.REPLACED,

    (S.REPLACED,    E.UNCOVERED):      S.REPLACED,
    (S.REPLACED,    E.PARTLY_COVERED): S.REPLACED,
    (S.REPLACED,    E.COVERED):        S.REPLACED,
    (S.REPLACED,    E.WITHDRAWN):      S.REPLACED,
    (S.REPLACED,    E.REPLACED):       S.REPLACED,
    (S.REPLACED,    E.RESTORED):       S.OPEN,
}
# fmt: on

PAYABLE = frozenset({State.OPEN, State.PARTLY_PAID})
CLEARS = PAYABLE | {State.EXPIRED}  # money that comes in these states still clears the claim


def step(state: State, event: Event) -> State:
    """The state after ``event``; raises ``IllegalStep``."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalStep(f"{event} while {state}") from None


def coverage(amount_cents: int, covered_cents: int) -> Event:
    """How much of the amount is covered."""
    if covered_cents >= amount_cents:
        return Event.COVERED
    return Event.PARTLY_COVERED if covered_cents > 0 else Event.UNCOVERED
