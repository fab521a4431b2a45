"""Which providers may be used for an amount. PayPal up to 800.00 here, up to 100.00 there."""

from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.db import db, transaction
from portal.money import Money
from portal.payments.models import ProviderAccount
from portal.payments.offers import SENTENCES, Offers, Reason, Situation, offers
from portal.payments.start import offers_for
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, eur

DAY = date(2026, 11, 21)


@dataclass(frozen=True)
class Rule:
    """A rule that offers PayPal for everything, unless changed."""

    id: int = 1
    account_id: str = "paypal"
    label: str = "PayPal"
    kind: str | None = None
    channel: str | None = None
    minimum_cents: int | None = None
    maximum_cents: int | None = None
    currency: str = "EUR"
    valid_from: date = date(2020, 1, 1)
    valid_until: date | None = None
    position: int = 100


NOW = Situation(eur("50"), "tax", "web", DAY, frozenset({"card", "paypal"}))
FOR_ALL = Rule()


def refused(rule: Rule, **now: object) -> Reason | None:
    """Why a rule does not offer; ``None`` when it does."""
    found = offers([rule], replace(NOW, **now))  # type: ignore[arg-type]
    assert len(found.offered) + len(found.refused) == 1
    return found.refused[0].reason if found.refused else None


@pytest.mark.parametrize("limit", ["800.00", "100.00"])
def test_up_to_a_limit_means_the_limit_too(limit: str) -> None:
    rule = replace(FOR_ALL, maximum_cents=eur(limit).cents)
    cent = Money(1)
    assert refused(rule, amount=eur(limit) - cent) is None
    assert refused(rule, amount=eur(limit)) is None
    assert refused(rule, amount=eur(limit) + cent) is Reason.ABOVE_MAXIMUM


@pytest.mark.parametrize("limit", ["5.00", "0.01"])
def test_from_a_limit_means_the_limit_too(limit: str) -> None:
    rule = replace(FOR_ALL, minimum_cents=eur(limit).cents)
    cent = Money(1)
    assert refused(rule, amount=eur(limit) - cent) is Reason.BELOW_MINIMUM
    assert refused(rule, amount=eur(limit)) is None
    assert refused(rule, amount=eur(limit) + cent) is None


def test_a_limit_of_zero_is_a_limit() -> None:
    assert refused(replace(FOR_ALL, maximum_cents=0)) is Reason.ABOVE_MAXIMUM
    assert refused(replace(FOR_ALL, minimum_cents=0)) is None


def test_the_limit_is_told_with_the_refusal() -> None:
    (told,) = offers([replace(FOR_ALL, maximum_cents=4_000)], NOW).refused
    assert (told.limit, told.label, told.rule) == (eur("40"), "PayPal", 1)
    (told,) = offers([replace(FOR_ALL, minimum_cents=6_000)], NOW).refused
    assert told.limit == eur("60")
    (told,) = offers([replace(FOR_ALL, kind="fine")], NOW).refused
    assert told.limit is None


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 11, 20), Reason.NOT_YET),
        (date(2026, 11, 21), None),
        (date(2026, 11, 30), None),
        (date(2026, 12, 1), Reason.NO_LONGER),
    ],
)
def test_a_rule_holds_on_its_first_and_its_last_day(day: date, reason: Reason | None) -> None:
    rule = replace(FOR_ALL, valid_from=date(2026, 11, 21), valid_until=date(2026, 11, 30))
    assert refused(rule, day=day) is reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "tax"}, None),
        ({"kind": "fine"}, Reason.OTHER_KIND),
        ({"channel": "web"}, None),
        ({"channel": "counter"}, Reason.OTHER_CHANNEL),
        ({"currency": "PLN"}, Reason.OTHER_CURRENCY),
        ({"account_id": "giropay"}, Reason.ACCOUNT_CLOSED),
    ],
)
def test_a_rule_may_be_for_some_only(change: dict[str, object], reason: Reason | None) -> None:
    assert refused(replace(FOR_ALL, **change)) is reason  # type: ignore[arg-type]


def test_what_can_never_be_helped_is_told_before_the_amount() -> None:
    rule = replace(FOR_ALL, kind="fine", maximum_cents=1)
    assert refused(rule) is Reason.OTHER_KIND


def test_offers_stand_in_the_tenants_order_then_in_that_of_the_rules() -> None:
    rules = [
        replace(FOR_ALL, id=1, label="third", position=20),
        replace(FOR_ALL, id=3, label="second", position=10),
        replace(FOR_ALL, id=2, label="first", position=10),
    ]
    assert [offer.label for offer in offers(rules, NOW).offered] == ["first", "second", "third"]


def test_a_provider_that_one_rule_offers_is_not_also_refused() -> None:
    rules = [
        replace(FOR_ALL, id=1, kind="fine"),
        replace(FOR_ALL, id=2, kind="tax"),
        replace(FOR_ALL, id=3, label="Card", maximum_cents=1),
    ]
    found = offers(rules, NOW)
    assert [offer.rule for offer in found.offered] == [2]
    assert [refusal.label for refusal in found.refused] == ["Card"]


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


limits = st.none() | st.integers(0, 200_000)


@given(limits, limits, st.integers(1, 200_000))
def test_it_is_offered_exactly_between_the_limits(
    minimum: int | None, maximum: int | None, cents: int
) -> None:
    rule = replace(FOR_ALL, minimum_cents=minimum, maximum_cents=maximum)
    fits = (minimum is None or minimum <= cents) and (maximum is None or cents <= maximum)
    assert (refused(rule, amount=Money(cents)) is None) == fits


def offered(cents: int, tenant_id: str, reference: str) -> tuple[set[str], dict[str, Reason]]:
    letter = builders.letter(reference, tenant_id, amount_cents=cents)
    request = builders.request_of(letter, tenant_id)
    found: Offers = offers_for(db.session(), request, "web")
    return (
        {offer.label for offer in found.offered},
        {refusal.label: refusal.reason for refusal in found.refused},
    )


@pytest.mark.parametrize(("tenant_id", "limit"), [(TOWN, 80_000), (OTHER_TOWN, 10_000)])
def test_paypal_up_to_800_here_and_up_to_100_there(app: Flask, tenant_id: str, limit: int) -> None:
    both: tuple[set[str], dict[str, Reason]] = ({"Card", "Paypal"}, {})
    assert offered(limit - 1, tenant_id, "below") == both
    assert offered(limit, tenant_id, "at") == both
    assert offered(limit + 1, tenant_id, "above") == (
        {"Card"}, {"Paypal": Reason.ABOVE_MAXIMUM}
    )  # fmt: skip


def test_what_is_still_open_counts_not_what_was_asked(app: Flask) -> None:
    letter = builders.letter(amount_cents=80_100)
    with transaction():
        builders.request_of(letter)
    request = SimpleNamespace(tenant_id=TOWN, kind="tax", open=Money(80_000), amount=Money(80_100))
    found = offers_for(db.session(), request, "web")  # type: ignore[arg-type]
    assert {offer.label for offer in found.offered} == {"Card", "Paypal"}


@pytest.mark.parametrize(
    ("first", "last", "open_today"),
    [(0, None, True), (0, 0, True), (1, None, False), (-9, -1, False)],
)
def test_an_account_is_open_on_its_first_and_its_last_day(
    app: Flask, first: int, last: int | None, open_today: bool
) -> None:
    from datetime import timedelta

    from portal import clock

    today = clock.today("Europe/Berlin")
    with transaction() as session:
        account = session.get_one(ProviderAccount, (TOWN, "paypal"))
        account.valid_from = today + timedelta(days=first)
        account.valid_until = None if last is None else today + timedelta(days=last)
    labels, why = offered(5_000, TOWN, "K-1")
    assert ("Paypal" in labels) == open_today
    assert open_today or why == {"Paypal": Reason.ACCOUNT_CLOSED}


# --- Several rules under one label ---------------------------------------------------------------

FIRST = Rule(1, "wero-a", "Wero", position=10)
SECOND = Rule(2, "wero-b", "Wero", position=20)
BOTH = frozenset({"wero-a", "wero-b"})


def wero(*rules: Rule, **now: object) -> tuple[int | None, Reason | None]:
    """What stands for Wero, or why nothing does."""
    found = offers(rules, replace(NOW, accounts=BOTH, **now))  # type: ignore[arg-type]
    assert len(found.offered) + len(found.refused) == 1, "the page says something twice"
    offer = found.under("Wero")
    return offer and offer.rule, found.refused[0].reason if found.refused else None


def test_a_citizen_sees_one_choice_a_label_the_first_by_position() -> None:
    assert wero(SECOND, FIRST) == (1, None)
    assert wero(SECOND, replace(FIRST, position=30)) == (2, None)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({"account_id": "closed"}, {}),
        ({"valid_until": date(2026, 11, 20)}, {}),
        ({"valid_from": date(2026, 11, 22)}, {}),
        ({}, {"paused": frozenset({"wero-a"})}),
        ({"maximum_cents": 4_999}, {}),
    ],
    ids=["closed", "ended", "not yet", "paused", "too much"],
)
def test_the_next_one_steps_in_when_the_first_may_not_be_used(
    change: dict[str, object], now: dict[str, object]
) -> None:
    assert wero(replace(FIRST, **change), SECOND, **now) == (2, None)  # type: ignore[arg-type]


def test_a_method_that_has_ended_stands_behind_every_other_of_its_label() -> None:
    assert wero(FIRST, SECOND, ended=frozenset({1})) == (2, None)
    assert wero(FIRST, SECOND, ended=frozenset({2})) == (1, None)
    assert wero(FIRST, SECOND, ended=frozenset({1, 2})) == (1, None)


def test_a_method_that_has_ended_is_offered_where_nothing_else_is() -> None:
    too_much = replace(SECOND, maximum_cents=4_999)
    assert wero(FIRST, too_much, ended=frozenset({1})) == (1, None), "our table may be wrong"


def test_the_first_stands_again_to_its_last_day_and_the_next_from_the_day_after() -> None:
    ending = replace(FIRST, valid_until=date(2026, 11, 21))
    following = replace(SECOND, valid_from=date(2026, 11, 22))
    assert wero(ending, following) == (1, None)
    assert wero(ending, following, day=date(2026, 11, 22)) == (2, None)


def test_the_one_that_came_nearest_says_why_none_may_be_used() -> None:
    narrow, wide = replace(FIRST, maximum_cents=1_000), replace(SECOND, maximum_cents=4_000)
    (told,) = offers([narrow, wide], replace(NOW, accounts=BOTH)).refused
    assert (told.rule, told.limit) == (2, eur("40"))
    high, low = replace(FIRST, minimum_cents=9_000), replace(SECOND, minimum_cents=6_000)
    (told,) = offers([high, low], replace(NOW, accounts=BOTH)).refused
    assert (told.rule, told.limit) == (2, eur("60"))
    assert wero(replace(FIRST, kind="fine"), wide) == (None, Reason.ABOVE_MAXIMUM)
    assert wero(replace(FIRST, valid_from=date(2027, 1, 1)), replace(SECOND, kind="fine")) == (
        None, Reason.OTHER_KIND
    )  # fmt: skip


def test_what_is_paused_says_so_only_when_it_could_be_used_otherwise() -> None:
    paused = {"paused": BOTH}
    assert wero(FIRST, SECOND, **paused) == (None, Reason.PAUSED)
    assert wero(replace(FIRST, maximum_cents=1), **paused) == (None, Reason.ABOVE_MAXIMUM)
    assert wero(replace(FIRST, maximum_cents=1), SECOND, **paused) == (None, Reason.PAUSED)


made_rules = st.lists(
    st.builds(
        Rule,
        id=st.integers(1, 50),
        account_id=st.sampled_from(["wero-a", "wero-b", "closed"]),
        label=st.sampled_from(["Wero", "PayPal"]),
        kind=st.sampled_from([None, "tax", "fine"]),
        maximum_cents=limits,
        position=st.integers(1, 3),
    ),
    max_size=8,
    unique_by=lambda rule: rule.id,
)


@given(made_rules, st.sets(st.sampled_from(["wero-a", "wero-b"])))
def test_every_label_is_said_once_and_offered_if_any_of_its_rules_may_be_used(
    rules: list[Rule], paused: set[str]
) -> None:
    now = replace(NOW, accounts=BOTH, paused=frozenset(paused))
    found = offers(rules, now)
    said = [each.label for each in (*found.offered, *found.refused)]
    assert sorted(said) == sorted({rule.label for rule in rules})
    assert {offer.label for offer in found.offered} == {
        rule.label for rule in rules if offers([rule], now).offered
    }
