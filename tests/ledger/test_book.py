"""The book: posted once, read back in balance."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.db import db, transaction
from portal.ledger import book, entries
from portal.ledger.entry import Entry
from portal.ledger.models import EntryRow, PostingRow
from portal.money import Money
from tests.builders import OTHER_TOWN, TOWN, eur
from tests.conftest import Time

ENTRY = entries.payment_succeeded("p1", "card", "tax", eur("100"), eur("20"))

pytestmark = pytest.mark.rows_by_hand


def post(tenant_id: str = TOWN, entry: Entry = ENTRY) -> bool:
    with transaction() as session:
        return book.post(session, tenant_id, entry)


def balance(account: str, tenant_id: str = TOWN, currency: str = "EUR") -> Money:
    db.session.rollback()
    return book.balance(db.session(), tenant_id, account, currency)


def test_what_is_heard_twice_is_posted_once(app: Flask) -> None:
    assert [post(), post()] == [True, False]
    assert balance("suspense:card") == eur("100")
    assert balance("claims:tax") == -eur("80")
    assert balance("custody:surplus") == -eur("20")


def test_the_same_reference_in_two_towns_is_two_entries(app: Flask) -> None:
    assert [post(TOWN), post(OTHER_TOWN)] == [True, True]
    assert balance("suspense:card", OTHER_TOWN) == eur("100")


def test_an_account_without_postings_is_zero(app: Flask) -> None:
    assert balance("suspense:nobody") == eur("0")


def test_currencies_are_never_summed(app: Flask) -> None:
    post()
    post(entry=entries.unclear_report("x", "card", Money(500, "PLN")))
    assert balance("suspense:card") == eur("100")
    assert balance("suspense:card", currency="PLN") == Money(500, "PLN")


def test_the_whole_book_sums_to_zero(app: Flask) -> None:
    for number in range(5):
        post(entry=entries.unclear_report(f"x{number}", "card", Money(number + 1)))
    assert db.session.scalar(select(func.sum(PostingRow.cents))) == 0


def test_the_booking_day_is_that_of_the_town(app: Flask, time: Time) -> None:
    post()
    row = db.session.scalars(select(EntryRow)).one()
    assert row.booked_on == clock.today("Europe/Berlin")


def test_eight_who_post_the_same_make_one_entry(app: Flask) -> None:
    done = in_parallel(app, 8, post)
    assert sorted(done) == [False] * 7 + [True]
    assert balance("suspense:card") == eur("100")


def in_parallel(app: Flask, count: int, act: Callable[[], bool]) -> list[bool]:
    done: list[bool] = []
    gate = threading.Barrier(count, timeout=10)

    def run() -> None:
        with app.app_context():
            gate.wait()
            done.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings"])
def test_a_line_names_its_town_first(table: str) -> None:
    assert next(iter(db.metadata.tables[table].primary_key.columns)).name == "tenant_id"


def test_an_act_that_goes_on_past_midnight_books_on_one_day(app: Flask, time: Time) -> None:
    time.move("-3d")
    first = clock.today("Europe/Berlin")
    with transaction() as session:
        book.post(session, TOWN, ENTRY)
        time.move("-2d")
        book.post(session, TOWN, entries.payout_arrived("s1", "card", eur("1")))
    with transaction() as session:
        book.post(session, TOWN, entries.payout_arrived("s2", "card", eur("1")))
    days = db.session.scalars(select(EntryRow.booked_on).order_by(EntryRow.id)).all()
    assert [(day - first).days for day in days] == [0, 0, 1]
