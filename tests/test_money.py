"""Money is whole cents of one currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.money import CurrencyMismatch, Money

cents = st.integers(-(10**12), 10**12)


@given(cents, cents)
def test_sums_are_those_of_whole_numbers(one: int, other: int) -> None:
    assert Money(one) + Money(other) == Money(one + other)
    assert Money(one) - Money(other) == Money(one - other)
    assert (Money(one) < Money(other), Money(one) <= Money(other)) == (one < other, one <= other)


@pytest.mark.parametrize("no_cents", [1.0, True, "1", Decimal(1), None])
def test_only_whole_numbers_are_cents(no_cents: object) -> None:
    with pytest.raises(TypeError):
        Money(no_cents)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_never_meet(act: str) -> None:
    with pytest.raises(CurrencyMismatch):
        getattr(Money(1, "EUR"), act)(Money(1, "PLN"))


def test_the_same_cents_of_another_currency_are_other_money() -> None:
    assert Money(1, "EUR") != Money(1, "PLN")


def test_money_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Money(1).cents = 2  # type: ignore[misc]


def test_nothing_is_false_and_a_debt_is_not() -> None:
    assert not Money(0)
    assert Money(-1)
