"""Which page fits a request, its payment and what became of its money."""

from dataclasses import fields, replace
from itertools import product

import pytest

from portal.payments import pages, standing
from portal.payments.standing import Situation, Standing
from portal.payments.states import UNDECIDED
from portal.payments.states import State as P
from portal.requests.states import State as R

FACTS = [field.name for field in fields(Situation) if field.type is bool]
UNDECIDED_PAGES = {standing for standing, _ in standing.UNDECIDED_FIRST}
OPEN, PAID = Situation(R.OPEN), Situation(R.PAID, online=True, covered=True)


def every_situation() -> list[Situation]:
    assert len(FACTS) == 10
    values = product((False, True), repeat=len(FACTS))
    return [Situation(R.OPEN, **dict(zip(FACTS, each, strict=True))) for each in values]


@pytest.mark.parametrize("payment", [None, *P])
def test_whatever_is_so_there_is_a_page_and_what_is_undecided_comes_first(
    payment: P | None,
) -> None:
    for now in every_situation():
        for request in R:
            situation = replace(now, request=request, payment=payment)
            found = standing.of_request(situation)
            assert (found in UNDECIDED_PAGES) == (payment in UNDECIDED)
            assert found in pages.PAGES
            if payment is not None:
                assert standing.of_payment(situation) in pages.PAGES


@pytest.mark.parametrize(("now", "page"), [
    (OPEN,                                                       Standing.REVIEW),
    (replace(OPEN, covered=True),                                Standing.PARTLY_PAID),
    (replace(OPEN, over=True),                                   Standing.EXPIRED),
    (replace(OPEN, taken_back=True, refunded=True),              Standing.TAKEN_BACK),
    (replace(OPEN, refunded=True),                               Standing.ASKED_AGAIN),
    (replace(OPEN, payment=P.UNKNOWN),                           Standing.ELSEWHERE),
    (replace(OPEN, payment=P.UNKNOWN, held=True),                Standing.HELD),
    (replace(OPEN, payment=P.PENDING),                           Standing.PROCESSING),
    (replace(OPEN, payment=P.PENDING, pending_long=True),        Standing.PENDING),
    (replace(OPEN, payment=P.STARTED, pending_long=True),        Standing.ELSEWHERE),
    (PAID,                                                       Standing.ALREADY_PAID),
    (replace(PAID, online=False),                                Standing.PAID_ELSEWHERE),
    (replace(PAID, surplus=True, refunded=True),                 Standing.PAID_TWICE),
    (replace(PAID, surplus=True, returning=True),                Standing.RETURNING),
    (replace(PAID, refunded=True),                               Standing.REFUNDED),
    (replace(PAID, taken_back=True),                             Standing.ALREADY_PAID),
    (replace(PAID, over=True),                                   Standing.ALREADY_PAID),
    (replace(PAID, request=R.WITHDRAWN, surplus=True),           Standing.WITHDRAWN),
    (replace(PAID, request=R.EXPIRED, refunded=True),            Standing.EXPIRED),
    (replace(PAID, request=R.REPLACED, returning=True),          Standing.REPLACED),
    (replace(PAID, payment=P.STARTED, surplus=True),             Standing.ELSEWHERE),
])  # fmt: skip
def test_the_facts_decide(now: Situation, page: Standing) -> None:
    assert standing.of_request(now) is page


OUTCOMES = [
    (P.CREATED,   Standing.PROCESSING),
    (P.STARTED,   Standing.PROCESSING),
    (P.PENDING,   Standing.PROCESSING),
    (P.UNKNOWN,   Standing.PROCESSING),
    (P.SUCCEEDED, Standing.CONFIRMED),
    (P.FAILED,    Standing.FAILED),
    (P.CANCELLED, Standing.CANCELLED),
    (P.EXPIRED,   Standing.RUN_OUT),
]  # fmt: skip


@pytest.mark.parametrize(("payment", "page"), OUTCOMES)
def test_what_is_not_taken_any_more_is_let_go_and_nothing_else_is(
    payment: P, page: Standing
) -> None:
    found = standing.of_payment(Situation(R.OPEN, payment, let_go=True))
    assert found is (Standing.LET_GO if payment in {P.CREATED, P.STARTED} else page)


@pytest.mark.parametrize(("payment", "page"), OUTCOMES)
def test_a_payment_has_its_outcome_whatever_became_of_the_letter(
    payment: P, page: Standing
) -> None:
    for request in R:
        assert standing.of_payment(Situation(request, payment)) is page


def test_every_payment_has_a_word_and_an_answer_about_the_money() -> None:
    for table in (standing.WORD_OF_PAYMENT, standing.MONEY_TAKEN):
        assert set(table) == set(P)


def test_no_money_taken_is_never_said_of_what_is_not_decided() -> None:
    assert {standing.MONEY_TAKEN[state] for state in UNDECIDED} == {None}
    assert [state for state in P if standing.MONEY_TAKEN[state]] == [P.SUCCEEDED]


def test_every_standing_has_its_page() -> None:
    assert set(Standing) == set(pages.PAGES)
