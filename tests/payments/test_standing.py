"""Which page fits a request and its payment."""

import pytest

from portal.payments import pages, standing
from portal.payments.standing import Standing
from portal.payments.states import UNDECIDED
from portal.payments.states import State as P
from portal.requests.states import State as R


@pytest.mark.parametrize("request_state", R)
@pytest.mark.parametrize("payment", [None, *P])
def test_every_pair_has_a_page_and_an_undecided_payment_comes_first(
    request_state: R, payment: P | None
) -> None:
    found = standing.standing(request_state, payment)
    if payment in UNDECIDED:
        assert found is standing.OF_CURRENT_PAYMENT[payment]
    else:
        assert found is standing.OF_REQUEST[request_state]


def test_every_payment_has_an_outcome_a_word_and_an_answer_about_the_money() -> None:
    for table in (standing.OF_PAYMENT, standing.WORD_OF_PAYMENT, standing.MONEY_TAKEN):
        assert set(table) == set(P)


def test_no_money_taken_is_never_said_of_what_is_not_decided() -> None:
    assert {standing.MONEY_TAKEN[state] for state in UNDECIDED} == {None}
    assert [state for state in P if standing.MONEY_TAKEN[state]] == [P.SUCCEEDED]


def test_every_standing_but_those_that_lead_on_has_its_page() -> None:
    assert set(Standing) - set(pages.PAGES) == {Standing.RUN_OUT}
