"""The table of a payment's life: every pair decided, money never refused."""

import pytest

from portal.payments.record import EVENT_FOR
from portal.payments.states import TRANSITIONS, UNDECIDED, Event, IllegalStep, State, step
from portal.providers.protocol import Outcome

ENDED = set(State) - UNDECIDED
HEARD = sorted(set(Event) - {Event.CORRECTED})  # of a provider; the other is two people's


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalStep):
            step(state, event)


@pytest.mark.parametrize("state", State)
def test_money_that_arrives_is_never_refused(state: State) -> None:
    assert step(state, Event.SUCCEEDED) is State.SUCCEEDED


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", Outcome)
def test_whatever_a_provider_says_can_be_recorded(state: State, outcome: Outcome) -> None:
    assert (state, EVENT_FOR[outcome]) in TRANSITIONS


@pytest.mark.parametrize("event", HEARD)
def test_a_success_is_final(event: Event) -> None:
    assert step(State.SUCCEEDED, event) is State.SUCCEEDED


@pytest.mark.parametrize("state", sorted(ENDED - {State.SUCCEEDED}))
def test_only_money_moves_a_payment_that_has_ended(state: State) -> None:
    moves = {event for event in HEARD if step(state, event) is not state}
    assert moves == {Event.SUCCEEDED, Event.PENDING, Event.DOES_NOT_FIT}


def test_only_an_unknown_payment_is_ever_corrected() -> None:
    corrected = {old: new for (old, event), new in TRANSITIONS.items() if event is Event.CORRECTED}
    assert corrected == {State.UNKNOWN: State.FAILED}


@pytest.mark.parametrize("event", HEARD)
def test_a_payment_is_never_new_again(event: Event) -> None:
    assert State.CREATED not in {step(state, event) for state in ENDED | {State.STARTED}}


def test_every_state_can_be_reached() -> None:
    reached = {State.CREATED}
    while more := {TRANSITIONS[s, e] for s, e in TRANSITIONS if s in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_the_undecided_are_those_that_no_outcome_has_ended() -> None:
    said = {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED}
    ends = {step(State.STARTED, EVENT_FOR[outcome]) for outcome in said}
    assert ends == ENDED
