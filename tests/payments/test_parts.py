"""What of a request may be paid now: all, what is due, or a part of one's own."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.db import Json
from portal.money import Money
from portal.payments import parts
from portal.payments.parts import Due, NotAPart, Part, Payable, Which, Wrong
from portal.tenants import Kind, Law
from tests.builders import eur

DAY = date(2026, 6, 1)
TAX = Kind(law=Law.PUBLIC, parts_allowed=True, closes_after_payable_until=False)
QUARTERS: list[Json] = [
    {"due_on": day, "amount_cents": 10_000}
    for day in ("2026-02-15", "2026-05-15", "2026-08-15", "2026-11-15")
]
MAY, AUGUST = date(2026, 5, 15), date(2026, 8, 15)


def payable(open_: str = "400", covered: str = "0", kind: Kind = TAX, **content: object) -> Payable:
    return parts.payable(eur(open_), eur(covered).cents, content, kind, DAY)


@pytest.mark.parametrize(("open_", "covered", "due"), [
    ("400", "0",   Due(eur("200"), MAY, later=False)),
    ("350", "50",  Due(eur("150"), MAY, later=False)),
    ("200", "200", Due(eur("100"), AUGUST, later=True)),   # all that is due is paid: the next
    ("150", "250", Due(eur("50"), AUGUST, later=True)),
    ("100", "300", None),                                  # the last instalment is all there is
    ("180", "0",   None),                                  # a waived rest: less than is due
])  # fmt: skip
def test_due_is_what_fell_due_up_to_today_less_what_is_paid(
    open_: str, covered: str, due: Due | None
) -> None:
    assert payable(open_, covered, instalments=QUARTERS).due == due


@pytest.mark.parametrize(
    ("day", "due"), [(date(2026, 2, 14), "100"), (date(2026, 2, 15), "100"), (MAY, "200")]
)
def test_an_instalment_is_due_from_the_morning_of_its_day(day: date, due: str) -> None:
    found = parts.payable(eur("400"), 0, {"instalments": QUARTERS}, TAX, day).due
    assert found is not None
    assert (found.amount, found.later) == (eur(due), day < date(2026, 2, 15))


def test_two_instalments_of_one_day_are_one() -> None:
    twice = [{"due_on": "2026-08-15", "amount_cents": 5_000}] * 2 + QUARTERS[3:]
    assert payable("200", instalments=twice).due == Due(eur("100"), AUGUST, later=True)


@pytest.mark.parametrize(
    "kind",
    [
        Kind(law=Law.WARNING, parts_allowed=True, closes_after_payable_until=False),
        Kind(law=Law.FINE, parts_allowed=True, closes_after_payable_until=True),
    ],
)
def test_what_has_no_effect_in_parts_is_paid_as_a_whole(kind: Kind) -> None:
    now = payable(kind=kind, instalments=QUARTERS, partial={"minimum_cents": 1_000})
    assert now == Payable(eur("400"))
    assert not now.has_parts
    with pytest.raises(NotAPart):
        parts.chosen(now, Which.AMOUNT, 1_000)
    assert parts.chosen(now, Which.WHOLE, 40_000) == Part(Which.WHOLE, eur("400"))


def test_a_kind_that_no_longer_allows_parts_has_none_of_ones_own() -> None:
    kind = Kind(law=Law.FINE, parts_allowed=False, closes_after_payable_until=False)
    now = payable(kind=kind, instalments=QUARTERS, partial={"minimum_cents": 1_000})
    assert (now.least, now.due is not None) == (None, True)


@pytest.mark.parametrize(
    ("open_", "cents", "found"),
    [
        ("100", 999, Wrong.BELOW),
        ("100", 1_000, None),
        ("100", 9_000, None),
        ("100", 9_001, Wrong.REST),
        ("100", 9_999, Wrong.REST),
        ("100", 10_000, None),
        ("100", 10_001, Wrong.ABOVE),
        ("100", 0, Wrong.BELOW),
        ("19.99", 1_000, Wrong.NO_PARTS),  # its rest could not be paid as a part
        ("19.99", 1_999, None),
        ("20", 1_000, None),
    ],
)
def test_a_part_and_what_stays_open_are_both_large_enough(
    open_: str, cents: int, found: Wrong | None
) -> None:
    assert parts.wrong(payable(open_, partial={"minimum_cents": 1_000}), cents) is found


@given(whole=st.integers(1, 100_000), least=st.integers(1, 50_000), cents=st.integers(-5, 110_000))
def test_what_stays_open_can_always_be_paid(whole: int, least: int, cents: int) -> None:
    now = parts.payable(Money(whole), 0, {"partial": {"minimum_cents": least}}, TAX, DAY)
    if parts.wrong(now, cents) is None:
        rest = Money(whole - cents)
        after = parts.payable(rest, cents, {"partial": {"minimum_cents": least}}, TAX, DAY)
        assert cents == whole or (cents >= least and rest.cents >= least)
        assert parts.wrong(after, rest.cents) is None


@pytest.mark.parametrize(
    ("which", "cents", "fits"),
    [
        (Which.WHOLE, 40_000, True),
        (Which.WHOLE, 39_999, False),
        (Which.DUE, 20_000, True),
        (Which.DUE, 10_000, False),
        (Which.AMOUNT, 12_345, True),
        (Which.AMOUNT, 40_000, True),
        (Which.AMOUNT, 999, False),
        (Which.AMOUNT, -1, False),
    ],
)
def test_only_what_the_page_offered_can_be_chosen(which: Which, cents: int, fits: bool) -> None:
    now = payable(instalments=QUARTERS, partial={"minimum_cents": 1_000})
    if fits:
        assert parts.chosen(now, which, cents) == Part(which, Money(cents))
    else:
        with pytest.raises(NotAPart):
            parts.chosen(now, which, cents)


def test_a_payment_that_failed_is_chosen_again_as_it_was() -> None:
    now = payable(instalments=QUARTERS, partial={"minimum_cents": 1_000})
    assert parts.like(now, 20_000).which is Which.DUE
    assert parts.like(now, 12_345) == Part(Which.AMOUNT, eur("123.45"))
    assert parts.like(payable(), 12_345) == Part(Which.WHOLE, eur("400"))


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("148,50", 14_850),
        ("148.50", 14_850),
        ("148,5", 14_850),
        ("148", 14_800),
        (" 148,50 € ", 14_850),
        ("€148.50", 14_850),
        ("148,50 EUR", 14_850),
        ("1.234,50 €", 123_450),
        ("1,234.50", 123_450),
        ("1'234.50", 123_450),
        ("1\u2019234,50", 123_450),
        ("1 234,50", 123_450),
        ("1\u202f234,50", 123_450),
        ("1.234", 123_400),
        ("1234,50", 123_450),
        ("1.234.567,89", 123_456_789),
        ("\u0661\u0664\u0668\u066b\u0665\u0660", 14_850),  # Arabic-Indic digits
        ("0,05", 5),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, cents: int) -> None:
    assert parts.read(typed) == cents


@pytest.mark.parametrize(
    "typed",
    ["", "x", "-5", "+5", "1,2,3", "1.2345", "12.34,56", "1.234.50", "1.23.456",
     "148,", ",50", "1e3", "0x10", "1/2", "€", "1 2", "9" * 40, "½", "²"],
)  # fmt: skip
def test_what_may_mean_two_things_is_not_read(typed: str) -> None:
    assert parts.read(typed) is None


@given(cents=st.integers(0, 10**10))
def test_what_a_page_writes_is_read_as_the_same(cents: int) -> None:
    german = f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"
    assert parts.read(f"{german} €") == cents
