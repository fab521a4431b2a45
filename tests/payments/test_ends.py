"""What ends, what follows it, and what cannot be paid online then."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.money import Money
from portal.payments.ends import Calendar, Ending, calendar, endings, without_any
from portal.payments.offers import Situation, offers

LAST = date(2026, 12, 31)
NEXT = LAST + timedelta(days=1)
TODAY = date(2026, 11, 21)


@dataclass(frozen=True)
class Account:
    """An account without an end, unless changed."""

    id: str = "wero"
    provider: str = "girocheckout"
    valid_from: date = date(2020, 1, 1)
    valid_until: date | None = None


@dataclass(frozen=True)
class Rule:
    """A rule that offers Wero for everything, without an end, unless changed."""

    id: int = 1
    account_id: str = "wero"
    label: str = "Wero"
    method: str = "wero"
    kind: str | None = None
    channel: str | None = None
    minimum_cents: int | None = None
    maximum_cents: int | None = None
    currency: str = "EUR"
    valid_from: date = date(2020, 1, 1)
    valid_until: date | None = None
    position: int = 100


WERO, CARD = Account(), Account("card", "stripe")
ENDING = Rule(valid_until=LAST)
BY_CARD = Rule(2, "card", "Karte", "card")
KINDS = ("fine", "tax")


def town(*rules: Rule, accounts: tuple[Account, ...] = (WERO, CARD)) -> Calendar:
    return calendar(accounts, rules, KINDS)


def found(*rules: Rule, today: date = TODAY, **more: tuple[Account, ...]) -> list[Ending]:
    return endings(town(*rules, **more), TODAY, TODAY + timedelta(days=60), today)


def gaps(ending: Ending) -> list[tuple[tuple[str, ...], int, int | None]]:
    return [(gap.kinds, gap.least, gap.most) for gap in ending.gaps]


@pytest.mark.parametrize(("days", "told"), [(-1, False), (0, True), (60, True), (61, False)])
def test_an_end_is_told_from_sixty_days_before_to_its_day(days: int, told: bool) -> None:
    rule = replace(ENDING, valid_until=TODAY + timedelta(days=days))
    assert bool(found(rule, BY_CARD)) == told


def test_an_end_without_a_successor_is_told_and_leaves_a_gap_if_nothing_else_is_there() -> None:
    (ending,) = found(ENDING, BY_CARD)
    assert (ending.what, ending.name, ending.labels) == ("rule", "1", ("Wero",))
    assert ending.gaps == ()
    (ending,) = found(ENDING)
    assert gaps(ending) == [(("fine", "tax"), 1, None)]


@pytest.mark.parametrize(
    ("change", "is_followed"),
    [
        ({}, True),
        ({"valid_from": NEXT}, True),
        ({"valid_from": NEXT + timedelta(days=1)}, False),
        ({"valid_until": LAST}, False),
        ({"label": "Wero per App"}, False),
        ({"kind": "tax"}, False),
        ({"maximum_cents": 80_000}, False),
        ({"account_id": "late"}, False),
        ({"currency": "CHF"}, False),
    ],
)
def test_what_follows_an_end_is_valid_from_the_day_after_for_all_that_was_paid_with_it(
    change: dict[str, object], is_followed: bool
) -> None:
    late = Account("late", valid_from=NEXT + timedelta(days=1))
    successor = replace(Rule(3, "card"), **change)  # type: ignore[arg-type]
    told = found(ENDING, successor, BY_CARD, accounts=(WERO, CARD, late))
    assert (1 not in {int(each.name) for each in told}) == is_followed


def test_several_rules_may_follow_together() -> None:
    small = Rule(3, "card", maximum_cents=80_000, valid_from=NEXT)
    large = Rule(4, "card", minimum_cents=80_001, valid_from=NEXT)
    assert found(ENDING, small, large) == []
    assert found(ENDING, small, replace(large, minimum_cents=80_002)) != []


def test_a_gap_names_kinds_and_amounts_to_the_cent() -> None:
    (ending,) = found(
        replace(ENDING, maximum_cents=100_000), replace(BY_CARD, maximum_cents=80_000)
    )
    assert gaps(ending) == [(("fine", "tax"), 80_001, 100_000)]
    (ending,) = found(ENDING, replace(BY_CARD, kind="tax", minimum_cents=500))
    assert gaps(ending) == [(("fine",), 1, None), (("tax",), 1, 499)]


def test_an_account_ends_with_all_its_rules_and_is_told_once() -> None:
    wero = replace(WERO, valid_until=LAST)
    rules = (replace(ENDING, valid_until=LAST), Rule(3, label="Lastschrift"), BY_CARD)
    (ending,) = found(*rules, accounts=(wero, CARD))
    assert (ending.what, ending.name, ending.labels) == (
        "account", "wero", ("Lastschrift", "Wero")
    )  # fmt: skip
    before = replace(ENDING, valid_until=LAST - timedelta(days=1))
    told = found(before, *rules[1:], accounts=(wero, CARD))
    assert [each.what for each in told] == ["rule", "account"]


def test_the_known_end_of_its_method_ends_a_rule_that_says_none() -> None:
    rule = Rule(method="giropay", label="giropay")
    (ending,) = endings(town(rule), date(2024, 12, 1), date(2025, 1, 31), date(2024, 12, 1))
    assert (ending.last_day, gaps(ending)) == (date(2024, 12, 31), [(("fine", "tax"), 1, None)])
    assert without_any(town(rule), date(2024, 12, 31)) == []
    assert without_any(town(rule), date(2025, 1, 1)) == ["fine", "tax"]


def test_what_follows_an_end_that_came_is_what_is_there_today() -> None:
    later = Rule(3, "card", valid_from=NEXT + timedelta(days=10))
    calendar_ = town(ENDING, later)
    for day, told in ((NEXT, 1), (NEXT + timedelta(days=9), 1), (NEXT + timedelta(days=10), 0)):
        assert len(endings(calendar_, TODAY, NEXT, day)) == told


def test_a_rule_that_offered_nothing_ends_unnoticed() -> None:
    assert found(replace(ENDING, valid_from=NEXT), BY_CARD) == []
    assert found(replace(ENDING, minimum_cents=9, maximum_cents=8), BY_CARD) == []


amounts = st.none() | st.integers(0, 12)
days = st.none() | st.integers(0, 6).map(lambda number: LAST + timedelta(days=number))
some_rules = st.lists(
    st.builds(
        Rule,
        id=st.integers(1, 99),
        account_id=st.sampled_from(["wero", "card"]),
        label=st.sampled_from(["Wero", "Karte"]),
        kind=st.sampled_from([None, "tax", "fine"]),
        minimum_cents=amounts,
        maximum_cents=amounts,
        valid_until=days,
    ),
    max_size=6,
    unique_by=lambda rule: rule.id,
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(some_rules)
def test_the_calendar_says_what_the_offers_say_cent_by_cent(rules: list[Rule]) -> None:
    """Every gap is one, and every cent that is lost is in a gap: asked one by one."""
    calendar_ = town(*rules)
    told = endings(calendar_, LAST, LAST + timedelta(days=6), LAST)
    for day in (LAST + timedelta(days=number) for number in range(7)):
        before, after = day, day + timedelta(days=1)
        said = {
            (kind, cents)
            for ending in told if ending.last_day == day
            for gap in ending.gaps for kind in gap.kinds
            for cents in range(gap.least, min(gap.most or 20, 20) + 1)
        }  # fmt: skip
        lost = {
            (kind, cents)
            for kind in KINDS for cents in range(1, 21)
            if offered(rules, kind, cents, before) and not offered(rules, kind, cents, after)
        }  # fmt: skip
        assert said == lost


def offered(rules: list[Rule], kind: str, cents: int, day: date) -> bool:
    now = Situation(Money(cents), kind, "web", day, frozenset({"wero", "card"}))
    return bool(offers(rules, now).offered)
