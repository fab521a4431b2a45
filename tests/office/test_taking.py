"""Booking what the portal tells: each event once, in any order."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from office import reading
from office.client import Portal, Refused
from office.db import office_db
from office.entries import Entry
from office.facts import Event, read_event
from office.models import (
    Booking,
    BookingLine,
    Claim,
    ClaimState,
    EventState,
    ItemState,
    Payout,
    SuspenseItem,
    TakenEvent,
)
from office.syncing import sync
from office.taking import TAKERS, UNBOOKED, UNREADABLE, position, take, take_waiting
from office.words import EVENTS
from portal.failpoints import armed
from tests.office.conftest import import_sample
from tests.office.fake_portal import Books

FIRST = "K-2026-000001"  # 4.50 EUR


@pytest.fixture
def claim(office: Flask) -> Claim:
    import_sample(2)
    return office_db.session.get_one(Claim, FIRST)


def paid(books: Books, claim_cents: int, surplus: int = 0, **other: Any) -> dict[str, Any]:
    told = {
        "payment": "pay-1",
        "provider": "sandbox",
        "provider_reference": "sb-1",
        "amount_cents": claim_cents + surplus,
        "claim_cents": claim_cents,
        "surplus_cents": surplus,
        "allocations": [],
        "suspense_account": "suspense:sandbox",
    }
    return books.tell("payment.succeeded", other.pop("reference", FIRST), **(told | other))


def payout(books: Books, kind: str, **other: Any) -> dict[str, Any]:
    told = {
        "provider": "sandbox",
        "account": "sandbox",
        "payout": "po-1",
        "gross_cents": 450,
        "fee_cents": 30,
        "net_cents": 420,
        "lines": [{"payment": "pay-1", "gross_cents": 450, "fee_cents": 30}],
    }
    return books.tell(kind, None, **(told | other))


def read_all(portal: Portal) -> dict[EventState, int]:
    taken = dict(sync(portal, lambda _read: None))
    office_db.session.rollback()
    return taken


def balances() -> dict[str, int]:
    office_db.session.rollback()
    found = reading.balances(office_db.session())
    return {one.account: one.balance.cents for one in found if one.balance}


def item(name: str = "payment:pay-1") -> SuspenseItem:
    office_db.session.rollback()
    return office_db.session.get_one(SuspenseItem, name)


def test_a_payment_clears_the_claim_and_opens_a_suspense_item(
    claim: Claim, portal: Portal, books: Books
) -> None:
    paid(books, 450)
    assert read_all(portal) == {EventState.BOOKED: 1}
    assert (claim.state, claim.cleared_cents) == (ClaimState.CLEARED, 450)
    assert (item().state, item().cents, item().reference) == (ItemState.OPEN, 450, FIRST)
    assert balances() == {"suspense:sandbox": 450, "claims:certificate": -450}


def test_after_a_restore_of_the_portal_we_go_back_and_miss_nothing(
    claim: Claim, portal: Portal, books: Books
) -> None:
    books.tell("payment.pending", FIRST)
    before = books.tell("payment.pending", FIRST)
    read_all(portal)
    books.events.remove(before)
    with pytest.raises(Refused, match="beyond_the_feed"):
        read_all(portal)
    paid(books, 450)["id"] = "evt_of_the_restored_feed"
    assert read_all(portal) == {}
    taken = sync(portal, lambda _read: None, again_after=1)
    assert taken == {EventState.BOOKED: 1}
    office_db.session.rollback()
    assert claim.state == ClaimState.CLEARED


def test_a_part_payment_leaves_the_rest_open(claim: Claim, portal: Portal, books: Books) -> None:
    paid(books, 100)
    read_all(portal)
    assert (claim.state, claim.open_amount.cents) == (ClaimState.PARTLY_CLEARED, 350)


def test_a_surplus_goes_to_custody_once_though_it_is_told_twice(
    claim: Claim, portal: Portal, books: Books
) -> None:
    paid(books, 450, surplus=50)
    told = {"amount_cents": 50, "cause": "surplus", "suspense_account": "suspense:sandbox"}
    told["payment"] = "pay-1"
    books.tell("custody.opened", FIRST, item="7", **told)
    assert read_all(portal) == {EventState.BOOKED: 1, EventState.NOTED: 1}
    assert balances()["custody:surplus"] == -50
    assert item().cents == 500


def test_the_surplus_of_a_claim_that_was_lowered_is_left_to_a_person(
    claim: Claim, portal: Portal, books: Books
) -> None:
    paid(books, 450)
    told = {"amount_cents": 50, "cause": "surplus", "suspense_account": None, "payment": None}
    books.tell("custody.opened", FIRST, item="7", **told)
    assert read_all(portal) == {EventState.BOOKED: 1, EventState.BY_HAND: 1}
    assert "custody:surplus" not in balances()


def test_money_that_fits_no_claim_is_booked_as_unclear(
    claim: Claim, portal: Portal, books: Books
) -> None:
    told = {"amount_cents": 99, "cause": "unclear", "suspense_account": "suspense:sandbox"}
    books.tell("custody.opened", None, item="8", **told)
    read_all(portal)
    assert balances() == {"suspense:sandbox": 99, "custody:unclear": -99}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_payment_and_payout_end_alike_in_every_order(
    order: tuple[int, ...], claim: Claim, books: Books
) -> None:
    told = [paid(books, 450), payout(books, "payout.announced"), payout(books, "payout.arrived")]
    for at in order:
        take(read_event(told[at]))
    assert balances() == {
        "bank": 420,
        "claims:certificate": -450,
        "fees:sandbox": 30,
    }
    assert (item().state, item().payout) == (ItemState.SETTLED, "po-1")
    assert office_db.session.get_one(Payout, ("sandbox", "po-1")).state == "arrived"


def test_what_a_payout_leaves_unexplained_is_a_difference(claim: Claim, books: Books) -> None:
    take(read_event(paid(books, 450)))
    take(read_event(payout(books, "payout.announced", net_cents=400)))
    assert balances()["differences:sandbox"] == 20


def test_a_negative_payout_is_booked(claim: Claim, books: Books) -> None:
    told = {"gross_cents": -500, "fee_cents": 10, "net_cents": -510, "lines": []}
    take(read_event(payout(books, "payout.announced", **told)))
    assert balances()["transit:sandbox"] == -510


def test_events_read_twice_are_booked_once(claim: Claim, portal: Portal, books: Books) -> None:
    paid(books, 450)
    read_all(portal)
    office_db.session.execute(text("UPDATE feed SET position = 0"))
    office_db.session.commit()
    assert read_all(portal) == {}
    assert claim.cleared_cents == 450


def test_an_event_that_was_pushed_is_skipped_when_read(
    claim: Claim, portal: Portal, books: Books
) -> None:
    take(read_event(paid(books, 450)))
    assert read_all(portal) == {}
    assert position(office_db.session()) == 1


def test_twenty_threads_with_the_same_event_book_it_once(
    office: Flask, claim: Claim, books: Books
) -> None:
    event = read_event(paid(books, 450))
    office_db.session.rollback()

    def in_a_thread(_: int) -> EventState | None:
        with office.app_context():
            return take(event)

    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(in_a_thread, range(20)))
    assert sorted(states, key=str) == [None] * 19 + [EventState.BOOKED]
    assert balances()["claims:certificate"] == -450


def test_payment_and_payout_at_the_same_moment_lose_no_item(
    office: Flask, claim: Claim, books: Books
) -> None:
    told = []
    for number in range(10):
        told.append(paid(books, 10, payment=f"pay-{number}"))
        line = {"payment": f"pay-{number}", "gross_cents": 10, "fee_cents": 0}
        sums = {"payout": f"po-{number}", "gross_cents": 10, "fee_cents": 0, "net_cents": 10}
        told.append(payout(books, "payout.announced", lines=[line], **sums))
    office_db.session.rollback()

    def in_a_thread(event: dict[str, Any]) -> EventState | None:
        with office.app_context():
            return take(read_event(event))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(in_a_thread, told))
    office_db.session.rollback()
    states = office_db.session.scalars(select(SuspenseItem.state)).all()
    assert states == [ItemState.SETTLED] * 10


def test_a_crash_before_the_commit_books_nothing_and_moves_nothing(
    claim: Claim, portal: Portal, books: Books
) -> None:
    paid(books, 450)

    def stumble() -> None:
        raise InterruptedError

    with armed("office.event.taken", stumble), pytest.raises(InterruptedError):
        read_all(portal)
    office_db.session.rollback()
    assert position(office_db.session()) == 0
    assert read_all(portal) == {EventState.BOOKED: 1}


def test_an_event_whose_claim_is_not_here_yet_waits_for_it(
    office: Flask, portal: Portal, books: Books
) -> None:
    paid(books, 450)
    assert read_all(portal) == {EventState.WAITING: 1}
    assert take_waiting().total() == 0
    import_sample(1)
    assert balances()["claims:certificate"] == -450


def test_a_second_success_of_one_payment_is_left_to_a_person(claim: Claim, books: Books) -> None:
    take(read_event(paid(books, 450)))
    assert take(read_event(paid(books, 450))) == EventState.BY_HAND
    assert balances()["claims:certificate"] == -450


# fmt: off
@pytest.mark.parametrize(
    ("kind", "data", "state"),
    [
        ("payment.pending",   {},                                     EventState.NOTED),
        ("refund.succeeded",  {},                                     EventState.BY_HAND),
        ("citizen.says_paid", {"how": "cash", "paid_on": "2026-11-03"}, EventState.NOTED),
        ("citizen.asks",      {"topic": "a new one"},                 EventState.NOTED),
        ("moon.landed",       {"where": "Mare Tranquillitatis"},      EventState.UNKNOWN),
        ("payment.succeeded", {"payment": "p", "amount_cents": "4"},  EventState.UNREADABLE),
        ("payment.succeeded", {"payment": "p", "amount_cents": 9, "claim_cents": 4,
                               "surplus_cents": 4, "suspense_account": "s"}, EventState.UNREADABLE),
        ("payout.arrived",    {"account": True},                      EventState.UNREADABLE),
    ],
)
def test_what_cannot_be_booked_is_kept_and_in_nobodys_way(
    kind: str, data: dict[str, Any], state: EventState, claim: Claim, portal: Portal, books: Books
) -> None:
    books.tell(kind, FIRST, **data)
    paid(books, 450)
    assert read_all(portal) == {state: 1, EventState.BOOKED: 1}
    kept = office_db.session.get_one(TakenEvent, "evt_1")
    assert (kept.state, kept.data) == (state, data)
# fmt: on


def test_every_event_that_is_known_has_a_sentence() -> None:
    assert set(EVENTS) == set(TAKERS) | set(UNBOOKED) | {UNREADABLE}


def test_a_payout_that_does_not_balance_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="balance"):
        Entry("paid", "x", (("a", 1), ("b", -2)))


def test_the_database_refuses_a_booking_that_does_not_balance(claim: Claim, books: Books) -> None:
    take(read_event(paid(books, 450)))
    session = office_db.session()
    session.add(BookingLine(booking_id=session.scalar(select(func.max(Booking.id))), number=9,
                            account="bank", cents=1, currency="EUR"))  # fmt: skip
    with pytest.raises(Exception, match="does not balance"):
        session.commit()
    session.rollback()


@pytest.mark.parametrize("statement", ["UPDATE bookings SET reason = 'x'", "DELETE FROM bookings"])
def test_a_booking_can_be_neither_changed_nor_removed(office: Flask, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        office_db.session.execute(text(statement))
    office_db.session.rollback()


def test_an_event_of_the_feed_is_read_strictly(books: Books) -> None:
    told = paid(books, 1)
    assert isinstance(read_event(told), Event)
