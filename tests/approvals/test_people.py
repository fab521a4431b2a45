"""One person or two: the table, and a town's rules, which two people change."""

from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import select

from portal.approvals import deciding, rules, standing
from portal.approvals.models import Approval, ApprovalRule
from portal.approvals.people import ONE_MAY_BE_ENOUGH, TOWNS_CHOICE, Rule, people_needed
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments import correcting
from portal.returns import assigning, closing, custody_returns, looked_up, refunds
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.payments import races
from tests.payments.test_correcting import unknown
from tests.returns.test_custody_returns import custody_item, unclear
from tests.returns.test_custody_returns import row as return_row
from tests.returns.test_left import lowered as lowered_by
from tests.returns.test_looked_up import silent
from tests.returns.test_refunds import (
    ANNA,
    BERT,
    asked,
    item,
    paid,
    paid_twice,
    row,
    submitted,
)

UP_TO = Money(5_000)


def one_is_enough(act: str, cents: int = 5_000, tenant_id: str = TOWN) -> None:
    rules.ask(tenant_id, act, Money(cents), "staff:admin")
    rules.approve(tenant_id, act, BERT)


def notes(act: str) -> list[str]:
    db.session.rollback()
    query = select(AuditRow.actor).where(AuditRow.act == act).order_by(AuditRow.id)
    return list(db.session.scalars(query))


@given(act=some.sampled_from([*ONE_MAY_BE_ENOUGH, "made.up"]), cents=some.integers(-9_999, 9_999))
def test_without_a_rule_it_takes_two(act: str, cents: int) -> None:
    assert people_needed(act, Money(cents), []) == 2


@given(
    act=some.sampled_from([*ONE_MAY_BE_ENOUGH, "tenant.bank", "made.up"]),
    cents=some.integers(-9_999, 9_999),
)
def test_one_is_enough_only_where_a_town_may_choose_it_and_up_to_its_amount(
    act: str, cents: int
) -> None:
    enough = act in TOWNS_CHOICE and abs(cents) <= UP_TO.cents
    assert people_needed(act, Money(cents), [Rule(act, UP_TO)]) == (1 if enough else 2)


@pytest.mark.parametrize("amount", [None, Money(1, "NOK")])
def test_a_rule_says_nothing_of_another_currency_or_of_no_amount(amount: Money | None) -> None:
    assert people_needed("refund", amount, [Rule("refund", UP_TO)]) == 2


def test_a_rule_counts_once_two_people_agreed_and_the_last_word_counts(app: Flask) -> None:
    rules.ask(TOWN, "refund", UP_TO, ANNA)
    assert standing.in_force(db.session(), TOWN) == []
    with pytest.raises(deciding.SamePerson):
        rules.approve(TOWN, "refund", ANNA)
    rules.approve(TOWN, "refund", BERT)
    assert standing.in_force(db.session(), TOWN) == [Rule("refund", UP_TO)]
    assert standing.in_force(db.session(), OTHER_TOWN) == []
    with pytest.raises(rules.RuleStands):
        rules.ask(TOWN, "refund", UP_TO, ANNA)
    rules.ask(TOWN, "refund", None, ANNA)
    rules.approve(TOWN, "refund", BERT)
    assert standing.in_force(db.session(), TOWN) == []
    given = db.session.scalars(select(ApprovalRule.given_by)).all()
    assert given == [f"{ANNA} {BERT}"] * 2


def test_of_eight_who_ask_for_a_rule_at_once_one_has_asked(app: Flask) -> None:
    told: list[str] = []

    def ask() -> None:
        try:
            rules.ask(TOWN, "refund", UP_TO, ANNA)
            told.append("asked")
        except deciding.AskedBefore:
            told.append("before")

    races.at_once(app, 8, ask)
    assert sorted(told) == ["asked", *["before"] * 7]


@pytest.mark.parametrize("act", ["staff.grant", "approvals.rule", "tenant.bank", "made.up"])
def test_what_always_takes_two_can_have_no_rule(app: Flask, act: str) -> None:
    with pytest.raises(rules.AlwaysTwo):
        rules.ask(TOWN, act, UP_TO, ANNA)


def test_a_rule_that_nobody_agreed_to_runs_out(app: Flask, time: Time) -> None:
    rules.ask(TOWN, "refund", UP_TO, ANNA)
    time.move("+7d")
    assert rules.run_out() == 1
    assert standing.in_force(db.session(), TOWN) == []


def test_who_looked_at_another_rule_approves_none(app: Flask) -> None:
    rules.ask(TOWN, "refund", UP_TO, ANNA)
    (seen,) = db.session.scalars(select(Approval.id)).all()
    rules.refuse(TOWN, "refund", ANNA)
    rules.ask(TOWN, "refund", Money(99_999_900), ANNA)
    with pytest.raises(deciding.AlreadyDecided):
        rules.approve(TOWN, "refund", BERT, seen)
    assert standing.in_force(db.session(), TOWN) == []


def test_a_small_refund_goes_back_by_one_person_and_the_note_says_so(
    provider: FakeProvider,
) -> None:
    one_is_enough("refund")
    _, payment = paid(provider)
    refund = asked(payment, 5_000)
    left = row(refund)
    assert (left.state, left.asked_by, left.approved_by) == ("approved", ANNA, None)
    assert submitted(refund) == "succeeded"
    assert notes("refund.one_was_enough") == [ANNA]
    assert notes("refund.approved") == []


def test_parts_of_a_payment_count_together(provider: FakeProvider) -> None:
    one_is_enough("refund")
    _, payment = paid(provider)
    assert row(asked(payment, 3_000, order="AO-1")).state == "approved"
    assert row(asked(payment, 3_000, order="AO-2")).state == "requested"


def _open(found: int) -> int:
    db.session.rollback()
    return db.session.get_one(CustodyItem, (TOWN, found)).open_cents


def _given(found: int, cents: int) -> str:
    """Give so much of an item to a letter of its own; whether one was enough, or it waits."""
    name = f"K-{found}-{cents}-{_open(found)}"
    builders.letter(name, amount_cents=cents)
    alone = assigning.ask(TOWN, found, {name: Money(cents)}, ANNA)
    return "alone" if alone else "waits"


def _kept(found: int) -> str:
    closing.ask(TOWN, closing.CUSTODY, found, "AO-8", ANNA)
    with transaction() as session:
        return (
            "alone" if deciding.last(session, TOWN, closing.CUSTODY, str(found)).alone else "waits"
        )


def _sent(found: int) -> str:
    return {"approved": "alone"}.get(
        return_row(custody_returns.ask(TOWN, found, "AO-8", ANNA)).state, "waits"
    )


OTHERS: dict[str, Callable[[int], str]] = {
    "custody.assign": lambda found: _given(found, 4_000),
    "custody.keep": _kept,
    "custody.return": _sent,
}


@pytest.mark.parametrize("act", OTHERS)
def test_no_other_act_on_the_same_item_goes_round_the_amount(
    provider: FakeProvider, act: str
) -> None:
    for each in OTHERS:
        one_is_enough(each)
    small, large = unclear(provider, 5_000), unclear(provider, 8_000, "x-2")
    assert _given(small, 1_000) == "alone"
    assert OTHERS[act](small) == "alone", "all of the item is no more than the amount"
    assert _given(large, 4_000) == "alone"
    assert OTHERS[act](large) == "waits"


@pytest.mark.parametrize("lowered", [False, True], ids=["its_own", "of_a_lower_version"])
def test_what_was_given_of_a_payments_surplus_counts_when_the_rest_goes_back(
    provider: FakeProvider, lowered: bool
) -> None:
    one_is_enough("refund")
    one_is_enough("custody.assign")
    payment, found = _with_surplus(provider, lowered)
    assert _given(found, 4_000) == "alone"
    assert row(asked(payment, 4_000)).state == "requested"


def test_what_went_back_of_a_surplus_counts_when_the_rest_is_given(provider: FakeProvider) -> None:
    one_is_enough("refund")
    one_is_enough("custody.assign")
    payment, found = _with_surplus(provider, lowered=True)
    assert submitted(asked(payment, 4_000)) == "succeeded"
    assert _given(found, 4_000) == "waits"


def _with_surplus(provider: FakeProvider, lowered: bool) -> tuple[str, int]:
    """A payment with surplus, its own or what a lower version left of it; and the item."""
    _, payment = lowered_by(provider, 18_000) if lowered else paid_twice(provider)
    query = select(CustodyItem.id)
    with transaction() as session:
        return payment, session.scalars(query).one()


def test_an_order_of_the_finance_system_is_no_person(provider: FakeProvider) -> None:
    one_is_enough("refund")
    _, payment = paid(provider)
    assert row(asked(payment, 100, by="client:finance")).state == "requested"


def _close(provider: FakeProvider) -> Callable[[], str]:
    _, payment = paid(provider, 4_000)
    closing.ask(TOWN, closing.SUSPENSE, item(f"payment:{payment}").id, "AO-1", ANNA)
    return lambda: item(f"payment:{payment}").state


def _keep(provider: FakeProvider) -> Callable[[], str]:
    closing.ask(TOWN, closing.CUSTODY, unclear(provider, 4_000), "AO-1", ANNA)
    return lambda: custody_item("unclear:card:x-1").state


def _assign(provider: FakeProvider) -> Callable[[], str]:
    builders.letter("K-9", amount_cents=4_000)
    assigning.ask(TOWN, unclear(provider, 4_000), {"K-9": Money(4_000)}, ANNA)
    return lambda: custody_item("unclear:card:x-1").state


def _return(provider: FakeProvider) -> Callable[[], str]:
    name = custody_returns.ask(TOWN, unclear(provider, 4_000), "AO-1", ANNA)
    return lambda: return_row(name).state


def _correct(provider: FakeProvider) -> Callable[[], str]:
    _, payment = unknown(provider)
    correcting.ask(TOWN, payment, "AO-1", ANNA)
    return lambda: builders.payment(payment).state


def _look_up(act: str) -> Callable[[FakeProvider], Callable[[], str]]:
    def begin(provider: FakeProvider) -> Callable[[], str]:
        refund = silent(provider, 4_000)
        looked_up.ask(TOWN, act, refund, "AO-1", ANNA)
        return lambda: row(refund).state

    return begin


ALONE: dict[str, tuple[Callable[[FakeProvider], Callable[[], str]], str, str]] = {
    "suspense.close": (_close, "open", "closed_by_order"),
    "custody.keep": (_keep, "open", "kept_by_order"),
    "custody.assign": (_assign, "open", "assigned"),
    "custody.return": (_return, "requested", "approved"),
    "payment.correct": (_correct, "unknown", "failed"),
    "refund.made": (_look_up("refund.made"), "submitted", "succeeded"),
    "refund.not_made": (_look_up("refund.not_made"), "submitted", "failed"),
}


@pytest.mark.parametrize("act", ALONE)
def test_each_act_is_done_at_once_where_one_is_enough(provider: FakeProvider, act: str) -> None:
    one_is_enough(act, 10_000)
    begin, _, done = ALONE[act]
    assert begin(provider)() == done
    assert notes(f"{act}.one_was_enough") == [ANNA]


@pytest.mark.parametrize("act", ALONE)
def test_each_act_waits_where_it_takes_two(provider: FakeProvider, act: str) -> None:
    one_is_enough("custody.keep" if act.startswith("refund") else "refund", 10_000)
    begin, waits, _ = ALONE[act]
    assert begin(provider)() == waits
    assert notes(f"{act}.one_was_enough") == []


def test_an_item_below_zero_is_as_large_as_one_above(provider: FakeProvider) -> None:
    one_is_enough("suspense.close", 100)
    _, payment = paid(provider)
    refund = asked(payment, 4_000)
    refunds.approve(TOWN, refund, BERT)
    submitted(refund)
    query = select(SuspenseItem.id).where(SuspenseItem.amount_cents < 0)
    with transaction() as session:
        below = session.scalars(query).one()
    closing.ask(TOWN, closing.SUSPENSE, below, "AO-9", ANNA)
    db.session.rollback()
    assert db.session.get_one(SuspenseItem, (TOWN, below)).state == "open"
