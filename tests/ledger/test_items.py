"""Items: what a suspense or custody account consists of."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.db import db, transaction
from portal.ledger import items
from portal.ledger.items import Place
from portal.ledger.models import CustodyItem, SuspenseItem, SuspenseMove
from portal.money import Money
from tests.builders import TOWN, eur

PLACE = Place(TOWN, "card", "payment:p1")

pytestmark = pytest.mark.rows_by_hand


def suspense() -> SuspenseItem:
    db.session.rollback()
    return db.session.scalars(select(SuspenseItem)).one()


def opened(amount: Money = Money(10_000)) -> None:  # noqa: B008 -- money cannot be changed
    with transaction() as session:
        items.open_suspense(session, PLACE, amount)


def settled(gross: Money, place: Place = PLACE) -> Money:
    with transaction() as session:
        part = items.settle(session, place, gross)
        return part.amount if part else Money(0, gross.currency)


def test_an_item_is_opened_once(app: Flask) -> None:
    opened()
    opened(eur("5"))
    assert (suspense().amount_cents, suspense().open_cents, suspense().state) == (
        10_000, 10_000, "open",
    )  # fmt: skip


def test_what_settles_an_item_whole_closes_it(app: Flask) -> None:
    opened()
    assert settled(eur("100")) == eur("100")
    item = suspense()
    assert (item.open_cents, item.state) == (0, "settled")
    assert item.closed_at is not None


def test_what_settles_a_part_leaves_the_rest_open(app: Flask) -> None:
    opened()
    assert settled(eur("40")) == eur("40")
    assert (suspense().open_cents, suspense().state) == (6_000, "open")
    assert settled(eur("60")) == eur("60")
    assert suspense().state == "settled"


def test_no_more_fits_than_is_open(app: Flask) -> None:
    opened()
    assert settled(eur("150")) == eur("100")
    assert settled(eur("1")) == eur("0")


@pytest.mark.parametrize(
    ("place", "gross"),
    [
        (Place(TOWN, "card", "payment:p2"), eur("100")),
        (Place(TOWN, "paypal", "payment:p1"), eur("100")),
        (Place("beispielstadt", "card", "payment:p1"), eur("100")),
        (PLACE, Money(10_000, "PLN")),
        (PLACE, Money(-10_000)),
    ],
)
def test_what_is_another_thing_fits_nothing(app: Flask, place: Place, gross: Money) -> None:
    opened()
    assert settled(gross, place).cents == 0
    assert suspense().open_cents == 10_000


def test_what_is_held_back_settles_an_item_below_zero(app: Flask) -> None:
    opened(-eur("100"))
    assert (settled(eur("100")), settled(-eur("40"))) == (eur("0"), -eur("40"))
    assert (suspense().open_cents, suspense().state) == (-6_000, "open")
    assert settled(-eur("70")) == -eur("60")
    assert suspense().state == "settled"


def test_another_towns_item_is_not_there(app: Flask) -> None:
    opened()
    found = suspense().id
    with transaction() as session:
        assert items.locked(session, SuspenseItem, TOWN, found).id == found
        with pytest.raises(items.NoSuchItem):
            items.locked(session, SuspenseItem, "beispielstadt", found)


@pytest.mark.parametrize("wrong", [{"open_cents": 1}, {"open_cents": -10_001}, {"amount_cents": 0}])
def test_the_database_refuses_what_cannot_be_below_zero(
    app: Flask, wrong: dict[str, object]
) -> None:
    opened(-eur("100"))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(SuspenseItem).values(**wrong))


def test_a_custody_item_is_opened_once_and_named(app: Flask) -> None:
    with transaction() as session:
        first = items.open_custody(session, PLACE, "surplus", eur("20"), "K-1")
        again = items.open_custody(session, PLACE, "surplus", eur("20"), "K-1")
    assert (isinstance(first, int), again) == (True, None)
    item = db.session.scalars(select(CustodyItem)).one()
    assert (item.cause, item.open_cents, item.request_reference) == ("surplus", 2_000, "K-1")


@pytest.mark.parametrize(
    "wrong", [{"open_cents": -1}, {"open_cents": 10_001}, {"state": "settled"}, {"state": "gone"}]
)
def test_the_database_refuses_an_item_that_cannot_be(app: Flask, wrong: dict[str, object]) -> None:
    opened()
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(SuspenseItem).values(**wrong))


def test_every_move_of_an_item_is_written_down(app: Flask) -> None:
    opened()
    settled(eur("30"))
    settled(eur("70"))
    moves = db.session.scalars(select(SuspenseMove).order_by(SuspenseMove.id)).all()
    assert [(move.reason, move.cents) for move in moves] == [
        ("opened", 10_000), ("settled", -3_000), ("settled", -7_000),
    ]  # fmt: skip


def test_what_changes_nothing_is_no_move(app: Flask) -> None:
    opened()
    opened()
    settled(Money(0))
    assert len(db.session.scalars(select(SuspenseMove)).all()) == 1
