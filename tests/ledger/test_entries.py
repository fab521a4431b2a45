"""Entries: balanced by construction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger import entries
from portal.ledger.entries import PaidOut, TakenBack
from portal.ledger.entry import Entry, Posting, Unbalanced
from portal.money import Money
from tests.builders import eur

cents = st.integers(1, 10**9)


def lines(entry: Entry) -> dict[str, int]:
    return {posting.account: posting.amount.cents for posting in entry.postings}


def test_a_payment_clears_the_claim() -> None:
    entry = entries.payment_succeeded("p", "card", "tax", eur("148.50"), eur("0"))
    assert lines(entry) == {"suspense:card": 14_850, "claims:tax": -14_850}
    assert (entry.reason, entry.reference) == ("payment_succeeded", "payment:p")


def test_what_is_not_asked_any_more_is_surplus() -> None:
    entry = entries.payment_succeeded("p", "card", "tax", eur("148.50"), eur("48.50"))
    assert lines(entry) == {
        "suspense:card": 14_850, "claims:tax": -10_000, "custody:surplus": -4_850
    }  # fmt: skip


def test_a_payment_of_nothing_asked_is_all_surplus() -> None:
    entry = entries.payment_succeeded("p", "card", "tax", eur("5"), eur("5"))
    assert lines(entry) == {"suspense:card": 500, "custody:surplus": -500}


def test_money_of_nobody_is_unclear() -> None:
    entry = entries.unclear_report("card:x", "card", Money(500, "PLN"))
    assert lines(entry) == {"suspense:card": 500, "custody:unclear": -500}
    assert {posting.amount.currency for posting in entry.postings} == {"PLN"}


def test_a_settlement_moves_suspense_to_transit_and_shows_fees() -> None:
    sums = PaidOut(eur("300"), eur("3.50"), eur("0"), eur("296.50"))
    entry = entries.settlement("s1", "card", sums)
    assert lines(entry) == {"transit:card": 29_650, "fees:card": 350, "suspense:card": -30_000}


@given(cents, cents, st.integers(-(10**9), 10**9))
def test_a_settlement_that_does_not_add_up_still_balances(gross: int, fee: int, net: int) -> None:
    entry = entries.settlement(
        "s1", "card", PaidOut(Money(gross), Money(fee), Money(0), Money(net))
    )
    assert sum(lines(entry).values()) == 0
    assert lines(entry).get("differences:card", 0) == gross - fee - net


def test_what_is_held_back_is_no_difference() -> None:
    sums = PaidOut(eur("300"), eur("3.50"), eur("30"), eur("266.50"))
    assert lines(entries.settlement("s1", "card", sums)) == {
        "transit:card": 26_650, "fees:card": 350, "reserves:card": 3_000, "suspense:card": -30_000
    }  # fmt: skip


def test_an_undone_settlement_is_the_reverse() -> None:
    sums = PaidOut(eur("300"), eur("3.50"), eur("30"), eur("260"))
    booked, undone = (
        entries.settlement("s1", "card", sums),
        entries.settlement_undone("s1", "card", sums),
    )
    assert lines(undone) == {account: -cents for account, cents in lines(booked).items()}
    assert undone.reference != booked.reference


@given(cents, st.data())
def test_every_payment_balances_and_has_no_empty_line(amount: int, data: st.DataObject) -> None:
    surplus = data.draw(st.integers(0, amount))
    entry = entries.payment_succeeded("p", "card", "tax", Money(amount), Money(surplus))
    assert sum(lines(entry).values()) == 0
    assert all(lines(entry).values())


def test_a_refund_takes_surplus_and_claim_out_of_suspense() -> None:
    taken = TakenBack(eur("3"), eur("2"), eur("0"), eur("0"))
    assert lines(entries.refund("r", "card", "tax", taken)) == {
        "custody:surplus": 300, "claims:tax": 200, "suspense:card": -500
    }  # fmt: skip


def test_a_reversal_takes_what_is_left_its_fee_and_the_rest_as_a_loss() -> None:
    taken = TakenBack(eur("3"), eur("2"), eur("1"), eur("20"))
    entry = entries.reversal("card:cb", "card", "tax", taken)
    assert lines(entry) == {
        "custody:surplus": 300, "claims:tax": 200, "losses:card": 100, "fees:card": 2_000,
        "suspense:card": -2_600,
    }  # fmt: skip
    assert taken.amount == eur("6")


@given(st.tuples(*[st.integers(0, 10**9)] * 4).filter(any))
def test_what_comes_back_is_the_reverse_of_what_went(parts: tuple[int, int, int, int]) -> None:
    taken = TakenBack(*(Money(part) for part in parts))
    for there, back in (
        (entries.refund, entries.refund_failed),
        (entries.reversal, entries.reversal_won),
    ):
        went, came = there("x", "card", "tax", taken), back("x", "card", "tax", taken)
        assert lines(came) == {account: -cents for account, cents in lines(went).items()}
        assert went.reference != came.reference


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting("a", Money(1)),),
        (Posting("a", Money(2)), Posting("b", Money(-1))),
        (Posting("a", Money(1, "EUR")), Posting("b", Money(-1, "PLN"))),
    ],
)
def test_an_entry_that_does_not_balance_cannot_be_built(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(Unbalanced):
        Entry("reason", "reference", postings)
