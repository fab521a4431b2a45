"""Which request unclear money may be meant for: ranked, with reasons."""

from dataclasses import replace
from datetime import date

import pytest

from portal.returns.matching import CHECKS, MOST, WEIGHTS, Candidate, Found, Why, proposals
from tests.builders import eur

DAY = date(2026, 11, 20)
ITEM = Found(eur("148.50"), ("pi_3Q", "Grundsteuer 5.0101.000123.4"), DAY, "card")
NOTHING = Candidate("K-1", eur("10"), None, None, None)


def reasons(candidate: Candidate, item: Found = ITEM) -> tuple[Why, ...]:
    return next((one.reasons for one in proposals(item, [candidate])), ())


FITS = {
    Why.PAYMENT_NAMED: {"payments": frozenset({"pi_3Q"})},
    Why.REFERENCE_NAMED: {"reference": "5010-1000123"},
    Why.SIGN_NAMED: {"payment_sign": "5.0101.000123.4"},
    Why.OWN_LETTER: {"reference": "K-7"},
    Why.SAME_SIGN: {"payment_sign": "S-9"},
    Why.SAME_DEBTOR: {"debtor": "p-1"},
    Why.SAME_AMOUNT: {"open": eur("148.50")},
    Why.PRINTED_AMOUNT: {"printed": frozenset({14_850})},
    Why.BEGUN_THEN: {"begun": frozenset({(DAY, "card")})},
    Why.DUE_THEN: {"due_on": date(2026, 11, 15)},
}
CAME_BY = replace(ITEM, reference="K-7", payment_sign="S-9", debtor="p-1")


def test_every_reason_has_its_check_and_its_weight() -> None:
    assert set(CHECKS) == set(WEIGHTS) == set(Why) == set(FITS)


@pytest.mark.parametrize("why", Why)
def test_each_reason_is_told_alone(why: Why) -> None:
    assert reasons(replace(NOTHING, **FITS[why]), CAME_BY) == (why,)


@pytest.mark.parametrize(
    "near",
    [
        {"payments": frozenset({"pi_3"})},
        {"reference": "123"},
        {"payment_sign": "5.0101.000123.5"},
        {"open": eur("148.51")},
        {"printed": frozenset({14_849})},
        {"begun": frozenset({(DAY, "paypal"), (date(2026, 11, 21), "card")})},
        {"due_on": date(2026, 11, 5)},
        {"payment_sign": None, "debtor": None},
    ],
)
def test_what_nearly_fits_is_no_reason(near: dict[str, object]) -> None:
    assert reasons(replace(NOTHING, **near)) == ()  # type: ignore[arg-type]


def test_what_names_a_request_comes_before_what_only_fits() -> None:
    named = replace(NOTHING, reference="K-NAMED", payment_sign="5.0101.000123.4")
    fits = replace(NOTHING, reference="K-FITS", open=eur("148.50"))
    both = replace(named, reference="K-BOTH", open=eur("148.50"))
    found = proposals(ITEM, [fits, named, both, NOTHING])
    assert [one.candidate.reference for one in found] == ["K-BOTH", "K-NAMED", "K-FITS"]
    assert found[0].reasons == (Why.SIGN_NAMED, Why.SAME_AMOUNT)


def test_of_equals_the_nearest_amount_is_first_and_then_the_reference() -> None:
    due = replace(NOTHING, due_on=DAY)
    made = [
        replace(due, reference="K-C", open=eur("100")),
        replace(due, reference="K-B", open=eur("150")),
        replace(due, reference="K-A", open=eur("150")),
    ]
    found = proposals(ITEM, made)
    assert [one.candidate.reference for one in found] == ["K-A", "K-B", "K-C"]


def test_a_request_takes_no_more_than_it_asks_and_no_more_than_there_is() -> None:
    due = replace(NOTHING, due_on=DAY)
    found = proposals(ITEM, [replace(due, open=eur("40")), replace(due, open=eur("900"))])
    assert {one.amount for one in found} == {eur("40"), eur("148.50")}


def test_another_currency_and_what_asks_nothing_are_never_proposed() -> None:
    crowns = replace(NOTHING, open=type(ITEM.amount)(14_850, "NOK"), payment_sign="5.0101.000123.4")
    paid = replace(NOTHING, open=eur("0"), payment_sign="5.0101.000123.4")
    assert proposals(ITEM, [crowns, paid]) == []


def test_no_more_than_ten_are_proposed() -> None:
    many = [replace(NOTHING, reference=f"K-{n}", due_on=DAY) for n in range(30)]
    assert len(proposals(ITEM, many)) == MOST
