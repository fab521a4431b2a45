"""Custody items given to a request, kept by order; suspense items closed by order."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from portal.approvals import deciding
from portal.db import db
from portal.ledger.items import NoSuchItem
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.requests.register import NoSuchRequest
from portal.returns import closing, custody, refunds, sending
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, eur
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount
from tests.payments import races
from tests.returns import giving
from tests.returns.test_refunds import (
    ANNA,
    BERT,
    CARD,
    asked,
    balance,
    item,
    last,
    paid,
    paid_twice,
    sent,
)


def kept() -> CustodyItem:
    db.session.rollback()
    return db.session.scalars(select(CustodyItem)).one()


def unclear(provider: FakeProvider, cents: int = 10_000) -> int:
    """Money that fits no payment of ours; its item."""
    payment = builders.begin(builders.letter("K-U"))
    report = replace(provider.pay(payment), payment="0" * 32, provider_reference="x-1")
    record(other_amount(report, cents), CARD)
    return kept().id


def assigned(item_id: int, reference: str, cents: int) -> None:
    giving.assign(TOWN, item_id, reference, Money(cents), ANNA)


def test_surplus_pays_another_request(provider: FakeProvider) -> None:
    paid_twice(provider)
    other = builders.letter("K-2", amount_cents=15_000, kind="fee")
    assigned(kept().id, "K-2", 10_000)
    assert (builders.request_of(other).state, builders.request_of(other).open) == (
        "partly_paid", eur("50"),
    )  # fmt: skip
    assert kept().state == "assigned"
    assert (balance("custody:surplus"), balance("claims:fee")) == (0, -10_000)
    assert builders.events()[-1].reference == "K-2"
    assert (last()[0], last()[1]["amount_cents"], last()[1]["item"]) == (
        "custody.assigned", 10_000, str(kept().id),
    )  # fmt: skip


def test_unclear_money_is_given_in_parts(provider: FakeProvider) -> None:
    found = unclear(provider)
    for name in ("K-2", "K-3"):
        builders.letter(name, amount_cents=4_000)
        assigned(found, name, 4_000)
    assert (kept().open_cents, kept().state) == (2_000, "open")
    assert (balance("custody:unclear"), balance("claims:tax")) == (-2_000, -8_000)


def test_what_was_given_counts_when_the_rest_is_paid(provider: FakeProvider) -> None:
    found = unclear(provider)
    letter = builders.letter("K-2", amount_cents=15_000)
    assigned(found, "K-2", 10_000)
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.request_of(letter).state == "paid"
    assert balance("claims:tax") == -15_000


def test_money_for_a_replaced_request_goes_to_the_newer(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=10_000)
    newer = builders.letter("K-3", amount_cents=12_000, replaces=["K-2"])
    assigned(found, "K-2", 10_000)
    assert builders.request_of(newer).open == eur("20")


@pytest.mark.parametrize("cents", [0, -1, 4_001, 10_001])
def test_no_more_is_given_than_is_open_and_asked(provider: FakeProvider, cents: int) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000 if cents < 10_001 else 20_000)
    with pytest.raises(custody.NotThere):
        assigned(found, "K-2", cents)
    assert kept().open_cents == 10_000


def test_other_currencies_other_towns_and_what_is_not_there_are_refused(
    provider: FakeProvider,
) -> None:
    found = unclear(provider)
    builders.letter("K-2")
    with pytest.raises(custody.NotThere):
        giving.assign(TOWN, found, "K-2", Money(1, "PLN"), ANNA)
    with pytest.raises(NoSuchItem):
        giving.assign(OTHER_TOWN, found, "K-2", Money(1), ANNA)
    with pytest.raises(NoSuchRequest):
        assigned(found, "K-none", 1)


def test_surplus_that_a_refund_waits_for_is_not_given_away(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    builders.letter("K-2")
    refund = asked(payment, 10_000, "surplus")
    with pytest.raises(custody.Promised):
        assigned(kept().id, "K-2", 1)
    with pytest.raises(custody.Promised):
        closing.ask(TOWN, closing.CUSTODY, kept().id, "AO-9", ANNA)
    refunds.refuse(TOWN, refund, BERT)
    assigned(kept().id, "K-2", 1)


def test_eight_who_give_it_away_at_once_give_it_once(app: Flask, provider: FakeProvider) -> None:
    found = unclear(provider)
    names = [f"K-{number}" for number in range(8)]
    for name in names:
        builders.letter(name, amount_cents=10_000)
    given: list[str] = []

    def act() -> None:
        name = names.pop()
        try:
            assigned(found, name, 10_000)
        except custody.NotThere:
            return
        given.append(name)

    races.at_once(app, 8, act)
    assert len(given) == 1
    assert balance("claims:tax") == -10_000


def test_surplus_is_kept_by_order_of_two(provider: FakeProvider) -> None:
    paid_twice(provider)
    closing.ask(TOWN, closing.CUSTODY, kept().id, "AO-7", ANNA)
    closing.approve(TOWN, closing.CUSTODY, kept().id, BERT)
    assert (kept().open_cents, kept().state) == (0, "kept_by_order")
    assert (balance("custody:surplus"), balance("income:surplus")) == (0, -10_000)


def test_a_suspense_item_that_will_not_come_is_closed_by_order_of_two(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    found = item(f"payment:{payment}").id
    closing.ask(TOWN, closing.SUSPENSE, found, "AO-8", "client:finance")
    closing.approve(TOWN, closing.SUSPENSE, found, BERT)
    assert (balance("suspense:card"), balance("losses:card")) == (0, 10_000)
    assert item(f"payment:{payment}").state == "closed_by_order"


def test_what_a_provider_never_held_back_is_closed_by_order(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    found = item(f"refund:{sent(payment, 4_000)}").id
    closing.ask(TOWN, closing.SUSPENSE, found, "AO-8", ANNA)
    closing.approve(TOWN, closing.SUSPENSE, found, BERT)
    assert (balance("suspense:card"), balance("losses:card")) == (10_000, -4_000)


def test_one_order_may_close_many_items(provider: FakeProvider) -> None:
    found = [item(f"payment:{paid(provider, 500, name)[1]}").id for name in ("K-1", "K-2")]
    for each in found:
        closing.ask(TOWN, closing.SUSPENSE, each, "AO-8", ANNA)
        closing.approve(TOWN, closing.SUSPENSE, each, BERT)
    assert balance("losses:card") == 1_000


Item = Callable[[FakeProvider], tuple[str, int]]


def _a_custody_item(provider: FakeProvider) -> tuple[str, int]:
    return closing.CUSTODY, unclear(provider)


def _a_suspense_item(provider: FakeProvider) -> tuple[str, int]:
    return closing.SUSPENSE, item(f"payment:{paid(provider)[1]}").id


both = pytest.mark.parametrize("made", [_a_custody_item, _a_suspense_item])


@both
def test_who_asked_does_not_close_it(provider: FakeProvider, made: Item) -> None:
    act, found = made(provider)
    with pytest.raises(deciding.NotAsked):
        closing.approve(TOWN, act, found, BERT)
    closing.ask(TOWN, act, found, "AO-7", ANNA)
    with pytest.raises(deciding.SamePerson):
        closing.approve(TOWN, act, found, ANNA)
    with pytest.raises(deciding.NotAPerson):
        closing.approve(TOWN, act, found, "client:finance")
    with pytest.raises(NoSuchItem):
        closing.approve(OTHER_TOWN, act, found, BERT)
    assert balance("losses:card") == balance("income:surplus") == 0


@both
def test_without_an_order_nothing_is_closed(provider: FakeProvider, made: Item) -> None:
    act, found = made(provider)
    with pytest.raises(deciding.NoOrder):
        closing.ask(TOWN, act, found, "", ANNA)


def test_an_item_that_changed_since_is_asked_for_anew(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    closing.ask(TOWN, closing.CUSTODY, found, "AO-7", ANNA)
    assigned(found, "K-2", 4_000)
    with pytest.raises(closing.ItemChanged):
        closing.approve(TOWN, closing.CUSTODY, found, BERT)
    closing.refuse(TOWN, closing.CUSTODY, found, BERT)
    closing.ask(TOWN, closing.CUSTODY, found, "AO-7", ANNA)
    closing.approve(TOWN, closing.CUSTODY, found, BERT)
    assert balance("income:surplus") == -6_000
    with pytest.raises(closing.ItemChanged):
        closing.ask(TOWN, closing.CUSTODY, found, "AO-7", ANNA)


@both
def test_what_nobody_closes_in_seven_days_runs_out(
    provider: FakeProvider, time: Time, made: Item
) -> None:
    act, found = made(provider)
    closing.ask(TOWN, act, found, "AO-7", ANNA)
    time.move("+8d")
    assert [closing.run_out(), closing.run_out()] == [1, 0]
    with pytest.raises(deciding.AlreadyDecided):
        closing.approve(TOWN, act, found, BERT)
    closing.ask(TOWN, act, found, "AO-7", ANNA)
    closing.approve(TOWN, act, found, BERT)


def test_no_suspense_item_is_left_by_a_settlement_line_that_comes_after_the_order(
    provider: FakeProvider,
) -> None:
    from tests.returns.test_reversals import settled

    _, payment = paid(provider)
    found = item(f"payment:{payment}").id
    closing.ask(TOWN, closing.SUSPENSE, found, "AO-8", ANNA)
    closing.approve(TOWN, closing.SUSPENSE, found, BERT)
    provider.settle("s1", [payment])
    settled()
    assert (balance("suspense:card"), balance("differences:card")) == (0, -10_000)
    db.session.rollback()
    assert db.session.scalars(select(SuspenseItem)).one().state == "closed_by_order"


def paid_twice_and_replaced(provider: FakeProvider) -> str:
    """A payment of a letter that was replaced, and whose replacement was paid as well."""
    first = builders.begin(builders.letter("K-1", amount_cents=10_000))
    newer = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    record(provider.pay(builders.begin(newer)), CARD)
    record(provider.pay(first), CARD)
    return first


def test_surplus_of_a_replaced_letters_payment_is_kept_for_its_refund(
    provider: FakeProvider,
) -> None:
    first = paid_twice_and_replaced(provider)
    found = kept().id
    provider.refunds_end = Outcome.PENDING
    refund = sent(first, 10_000, "surplus")
    builders.letter("K-3", amount_cents=10_000)
    with pytest.raises(custody.Promised):
        assigned(found, "K-3", 10_000)
    with pytest.raises(custody.Promised):
        closing.ask(TOWN, closing.CUSTODY, found, "AO-9", ANNA)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.SUCCEEDED))
    assert (balance("custody:surplus"), balance("losses:card")) == (0, 0)


def test_what_a_lower_version_of_the_newer_letter_left_is_kept_for_a_refund_of_the_older(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    builders.letter("K-2", amount_cents=4_000, replaces=["K-1"])
    found = kept().id
    provider.refunds_end = Outcome.PENDING
    sent(payment, 6_000, "surplus")
    builders.letter("K-3", amount_cents=10_000)
    with pytest.raises(custody.Promised):
        assigned(found, "K-3", 6_000)


def test_a_refund_of_another_payment_does_not_hold_surplus_back(provider: FakeProvider) -> None:
    first = paid_twice_and_replaced(provider)
    other = db.session.scalars(select(Payment.id).where(Payment.id != first)).one()
    asked(other, 10_000)
    builders.letter("K-3", amount_cents=10_000)
    assigned(kept().id, "K-3", 10_000)
    assert kept().state == "assigned"
