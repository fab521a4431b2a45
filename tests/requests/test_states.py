"""The table of a request's life: every pair decided, the finance system's facts stay."""

import pytest

from portal.requests.states import (
    CLEARS,
    PAYABLE,
    TRANSITIONS,
    Event,
    IllegalStep,
    State,
    coverage,
    step,
)

COVERAGE = (Event.UNCOVERED, Event.PARTLY_COVERED, Event.COVERED)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalStep):
            step(state, event)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", COVERAGE)
def test_money_and_its_going_back_is_never_refused(state: State, event: Event) -> None:
    assert (state, event) in TRANSITIONS


@pytest.mark.parametrize("state", [State.OPEN, State.PARTLY_PAID, State.PAID])
def test_what_is_covered_decides_between_open_and_paid(state: State) -> None:
    found = [step(state, event) for event in COVERAGE]
    assert found == [State.OPEN, State.PARTLY_PAID, State.PAID]


@pytest.mark.parametrize("state", [State.WITHDRAWN, State.REPLACED])
@pytest.mark.parametrize("event", COVERAGE)
def test_money_does_not_undo_what_the_finance_system_decided(state: State, event: Event) -> None:
    assert step(state, event) is state


@pytest.mark.parametrize("state", [State.WITHDRAWN, State.EXPIRED, State.REPLACED])
def test_the_finance_system_has_a_way_back(state: State) -> None:
    assert step(state, Event.RESTORED) is State.OPEN


@pytest.mark.parametrize("state", State)
def test_only_what_is_not_paid_runs_out(state: State) -> None:
    runs_out = TRANSITIONS.get((state, Event.RUN_OUT)) is State.EXPIRED
    assert runs_out == (state in PAYABLE | {State.EXPIRED})


def test_money_under_way_when_the_day_came_still_clears() -> None:
    assert State.EXPIRED in CLEARS
    assert step(State.EXPIRED, Event.COVERED) is State.PAID


@pytest.mark.parametrize(
    ("covered", "event"),
    [
        (0, Event.UNCOVERED),
        (1, Event.PARTLY_COVERED),
        (9_999, Event.PARTLY_COVERED),
        (10_000, Event.COVERED),
        (10_001, Event.COVERED),
        (-1, Event.UNCOVERED),
    ],
)
def test_coverage_turns_at_the_first_and_at_the_last_cent(covered: int, event: Event) -> None:
    assert coverage(10_000, covered) is event
