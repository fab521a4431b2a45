"""Giving unclear money to requests: two people, what the second one saw, and nothing before."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.approvals import deciding, ending
from portal.approvals.models import Approval
from portal.db import db, transaction
from portal.ledger.items import NoSuchItem
from portal.money import Money
from portal.payments.record import record
from portal.requests import elsewhere, orders
from portal.requests.ordered import Elsewhere, How, Why
from portal.requests.orders import Subject
from portal.requests.register import NoSuchRequest
from portal.returns import assigning, closing, custody
from tests import builders
from tests.approvals.test_people import notes, one_is_enough
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.payments import races
from tests.returns.test_custody import kept, unclear
from tests.returns.test_refunds import ANNA, BERT, CARD, balance


def asked(item: int, by: str = ANNA, **parts: int) -> bool:
    """Ask for so many cents to be given to each letter ("K2": K-2)."""
    told = {name.replace("K", "K-"): Money(cents) for name, cents in parts.items()}
    return assigning.ask(TOWN, item, told, by)


def approved(item: int, by: str = BERT) -> None:
    assigning.approve(TOWN, str(item), by)


def covered(letter: builders.Letter) -> int:
    return builders.request_of(letter).covered_cents


def test_what_one_person_asks_for_does_nothing_until_another_agrees(
    provider: FakeProvider,
) -> None:
    found = unclear(provider)
    two, three = (builders.letter(name, amount_cents=4_000) for name in ("K-2", "K-3"))
    told = len(builders.events())
    assert not asked(found, K2=4_000, K3=1_500)
    assert (kept().open_cents, covered(two), covered(three)) == (10_000, 0, 0)
    assert len(builders.events()) == told
    for by in (ANNA, " staff:Anna", "client:finance", "operator:root"):
        with pytest.raises((deciding.SamePerson, deciding.NotAPerson)):
            approved(found, by)
    assert (kept().open_cents, balance("custody:unclear")) == (10_000, -10_000)
    approved(found)
    assert (kept().open_cents, covered(two), covered(three)) == (4_500, 4_000, 1_500)
    assert balance("claims:tax") == -5_500
    assert (notes("custody.assign.asked"), notes("custody.assign.approved")) == ([ANNA], [BERT])
    assert notes("custody.assigned") == [BERT] * 2
    with pytest.raises(deciding.AlreadyDecided):
        approved(found)


def test_only_a_person_asks_for_what_is_there_once(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    for by in ("client:finance", "worker", "operator:root"):
        with pytest.raises(deciding.NotAPerson):
            asked(found, by, K2=1_000)
    wrong: list[tuple[type[Exception], Callable[[], object]]] = [
        (custody.NotThere, lambda: asked(found, K2=4_001)),
        (custody.NotThere, lambda: asked(found)),
        (NoSuchRequest, lambda: asked(found, K9=1)),
        (NoSuchItem, lambda: asked(found + 1, K2=1)),
        (NoSuchItem, lambda: assigning.ask(OTHER_TOWN, found, {"K-2": Money(1)}, ANNA)),
    ]
    for error, act in wrong:
        with pytest.raises(error):
            act()
    asked(found, K2=1_000)
    with pytest.raises(deciding.AskedBefore):
        asked(found, K2=2_000)
    assert notes("custody.assign.asked") == [ANNA]


def test_together_no_more_is_asked_for_than_the_item_has(provider: FakeProvider) -> None:
    found = unclear(provider)
    for name in ("K-2", "K-3"):
        builders.letter(name, amount_cents=9_000)
    with pytest.raises(custody.NotThere):
        asked(found, K2=6_000, K3=4_001)


def _withdrawn(_: int) -> None:
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, "K-2", "client:finance"), Why.OTHER)


def _kept_by_order(found: int) -> None:
    closing.ask(TOWN, closing.CUSTODY, found, "AO-9", ANNA)
    closing.approve(TOWN, closing.CUSTODY, found, BERT)


def _replaced(_: int) -> None:
    builders.letter("K-7", amount_cents=4_000, replaces=["K-2"])


def _lowered(_: int) -> None:
    builders.letter("K-2", amount_cents=3_999)


MEANWHILE: dict[str, tuple[Callable[[int], None], type[Exception]]] = {
    "withdrawn": (_withdrawn, custody.NotThere),
    "lowered": (_lowered, custody.NotThere),
    "replaced": (_replaced, assigning.RequestReplaced),
    "kept": (_kept_by_order, assigning.ItemChanged),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_what_changed_meanwhile_is_looked_at_again_and_nothing_is_given(
    provider: FakeProvider, what: str
) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    three = builders.letter("K-3", amount_cents=4_000)
    asked(found, K2=4_000, K3=4_000)
    change, error = MEANWHILE[what]
    change(found)
    left = kept().open_cents
    with pytest.raises(error):
        approved(found)
    assert (kept().open_cents, covered(three)) == (left, 0)
    assert notes("custody.assign.approved") == []
    assigning.refuse(TOWN, str(found), BERT, "Bitte neu")
    assert notes("custody.assign.refused") == [BERT]


def test_a_payer_is_never_refused_because_something_waits(provider: FakeProvider) -> None:
    found = unclear(provider)
    letter = builders.letter("K-2", amount_cents=4_000)
    asked(found, K2=4_000)
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.request_of(letter).state == "paid"
    with pytest.raises(custody.NotThere):
        approved(found)
    assert kept().open_cents == 10_000


def test_a_part_that_a_payer_has_paid_leaves_room_for_the_rest(provider: FakeProvider) -> None:
    found = unclear(provider)
    letter = builders.letter("K-2", amount_cents=9_000)
    asked(found, K2=4_000)
    with transaction() as session:
        fact = Elsewhere(id="b-1", amount_cents=5_000, paid_on=builders.LONG_AGO, how=How.CASH)
        elsewhere.tell(session, Subject(TOWN, "K-2", "client:finance"), fact)
    approved(found)
    assert builders.request_of(letter).state == "paid"


def test_what_is_asked_for_a_replaced_letter_is_shown_and_given_as_the_newer_ones(
    provider: FakeProvider,
) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    newer = builders.letter("K-3", amount_cents=4_000, replaces=["K-2"])
    with pytest.raises(custody.NotThere):
        asked(found, K2=2_000, K3=2_001)
    asked(found, K2=1_000, K3=2_000)
    facts = db.session.scalars(select(Approval.facts)).one()
    assert facts["parts"] == [{"request": "K-3", "amount_cents": 3_000}]
    approved(found)
    assert covered(newer) == 3_000


def test_one_is_enough_up_to_the_towns_amount_and_parts_count_together(
    provider: FakeProvider,
) -> None:
    one_is_enough("custody.assign")
    found = unclear(provider)
    builders.letter("K-2", amount_cents=9_000)
    assert asked(found, K2=3_000)
    assert (kept().open_cents, notes("custody.assigned")) == (7_000, [ANNA])
    assert not asked(found, K2=3_000)
    assert kept().open_cents == 7_000


def test_what_nobody_agrees_to_in_seven_days_runs_out(provider: FakeProvider, time: Time) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    asked(found, K2=4_000)
    time.move("+7d")
    with pytest.raises(deciding.RunOut):
        approved(found)
    ending.run_out(frozenset({assigning.ACT}))
    assert notes("custody.assign.expired") == ["worker"]
    asked(found, K2=4_000)
    approved(found)
    assert kept().open_cents == 6_000


def test_it_is_given_once_though_keeping_it_by_order_is_approved_at_the_same_moment(
    app: Flask, provider: FakeProvider
) -> None:
    found = unclear(provider)
    letter = builders.letter("K-2", amount_cents=4_000)
    asked(found, K2=4_000)
    closing.ask(TOWN, closing.CUSTODY, found, "AO-1", ANNA)
    acts = [
        lambda: approved(found),
        lambda: closing.approve(TOWN, closing.CUSTODY, found, BERT),
    ] * 2
    done: list[str] = []

    def one() -> None:
        act = acts.pop()
        try:
            act()
        except (closing.ItemChanged, deciding.AlreadyDecided):
            return
        done.append("done")

    races.at_once(app, 4, one)
    assert done == ["done"]
    assert -balance("claims:tax") == covered(letter)
    assert covered(letter) - balance("income:surplus") in {4_000, 10_000}
