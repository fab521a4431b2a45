"""Suspense items and the suspense account never drift apart, whatever comes in whatever order."""

from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from office import reading
from office.client import Portal
from office.db import office_db
from office.facts import read_event
from office.models import Claim, EventState, ItemState, PayoutLine, SuspenseItem
from office.settling import match
from office.syncing import sync
from office.taking import take
from tests.office.conftest import import_sample
from tests.office.fake_portal import Books

FIRST = "K-2026-000001"
ACCOUNT = "suspense:sandbox"
NAMES = st.sampled_from(["a", "b", None])
CENTS = st.integers(0, 500)

pytestmark = pytest.mark.usefixtures("claim")


@pytest.fixture
def claim(office: Flask) -> Claim:
    import_sample(1)
    return office_db.session.get_one(Claim, FIRST)


def succeeded(books: Books, payment: str = "p", cents: int = 450, **other: Any) -> dict[str, Any]:
    told = {"payment": payment, "provider_reference": f"ref-{payment}", "amount_cents": cents}
    told |= {"claim_cents": cents, "surplus_cents": 0, "suspense_account": ACCOUNT}
    return books.tell("payment.succeeded", FIRST, **(told | other))


def unclear(books: Books, item: str = "8", cents: int = 99, **other: Any) -> dict[str, Any]:
    told = {"item": item, "amount_cents": cents, "currency": "EUR", "cause": "unclear"}
    told |= {"suspense_account": ACCOUNT, "payment": None, "provider_reference": "ref-u"}
    return books.tell("custody.opened", None, **(told | other))


def assigned(books: Books, item: str = "8", cents: int = 99, **other: Any) -> dict[str, Any]:
    told = {"item": item, "amount_cents": cents, "currency": "EUR", "cause": "unclear"}
    return books.tell("custody.assigned", None, **(told | {"suspense_account": ACCOUNT} | other))


def line(payment: str | None, reference: str | None, gross: int) -> dict[str, Any]:
    return {
        "payment": payment, "provider_reference": reference, "gross_cents": gross, "fee_cents": 0
    }  # fmt: skip


def announced(books: Books, *lines: dict[str, Any], payout: str = "po", **other: Any) -> Any:
    gross = sum(one["gross_cents"] for one in lines)
    told = {"provider": "sandbox", "account": "sandbox", "payout": payout, "currency": "EUR"}
    told |= {"gross_cents": gross, "fee_cents": 0, "net_cents": gross, "lines": list(lines)}
    return books.tell("payout.announced", None, **(told | other))


def withdrawn(books: Books, *lines: dict[str, Any], **other: Any) -> Any:
    told = announced(books, *lines, **other)["data"]
    books.events.pop()
    return books.tell("payout.withdrawn", None, **told)


def taken(*told: dict[str, Any]) -> None:
    """Take events, and check the books after each."""
    for one in told:
        take(read_event(one))
        assert_in_step()


def assert_in_step() -> None:
    office_db.session.rollback()
    items = office_db.session.scalars(select(SuspenseItem)).all()
    still_open = {one.account: 0 for one in items}
    for one in items:
        still_open[one.account] += one.open_cents
    for account in {*still_open, *(a for a in balances() if a.startswith("suspense:"))}:
        assert balances().get(account, 0) == still_open.get(account, 0), account
    assert reading.sums(office_db.session()).in_suspense.cents == sum(still_open.values())


def balances() -> dict[str, int]:
    office_db.session.rollback()
    found = reading.balances(office_db.session())
    return {one.account: one.balance.cents for one in found if one.balance}


def item(name: str) -> SuspenseItem:
    office_db.session.rollback()
    return office_db.session.get_one(SuspenseItem, name)


def test_unclear_money_is_settled_by_its_line(books: Books) -> None:
    taken(unclear(books), announced(books, line(None, "ref-u", 99)))
    assert (item("custody:8").state, item("custody:8").payout) == (ItemState.SETTLED, "po")
    assert balances() == {"custody:unclear": -99, "transit:sandbox": 99}


def test_an_empty_name_is_no_name(books: Books) -> None:
    told = announced(books, line("", "ref-u", 99) | {"refund": ""})
    taken(unclear(books, payment=""), told)
    assert item("custody:8").state == ItemState.SETTLED


def test_a_part_settles_a_part(books: Books) -> None:
    taken(succeeded(books), announced(books, line("p", "ref-p", 100)))
    assert (item("payment:p").state, item("payment:p").open_cents) == (ItemState.OPEN, 350)
    taken(announced(books, line("p", "ref-p", 350), payout="po-2"))
    assert (item("payment:p").state, item("payment:p").payout) == (ItemState.SETTLED, "po-2")


def test_a_line_that_fits_no_item_is_a_difference_and_leaves_suspense_alone(books: Books) -> None:
    taken(succeeded(books), announced(books, line("x", "ref-x", 70)))
    assert balances()[ACCOUNT] == 450
    assert balances()["differences:sandbox"] == -70


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_line_of_another_account_settles_nothing(order: tuple[int, ...], books: Books) -> None:
    told = succeeded(books), announced(books, line("p", "ref-p", 450), account="other")
    taken(*(told[at] for at in order))
    assert item("payment:p").state == ItemState.OPEN


def test_a_refund_in_a_payout_settles_nothing(books: Books) -> None:
    back = line(None, "ref-p", 450) | {"refund": "r-1"}
    taken(succeeded(books), announced(books, back))
    assert item("payment:p").state == ItemState.OPEN


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_unclear_money_that_was_a_payments_ends_alike_in_every_order(
    order: tuple[int, ...], books: Books
) -> None:
    told = [
        unclear(books, cents=400, provider_reference="ref-p", payment="p"),
        assigned(books, cents=400),
        succeeded(books, cents=450),
        announced(books, line("p", "ref-p", 450)),
    ]
    taken(*(told[at] for at in order))
    assert item("custody:8").state == ItemState.REVERSED
    assert item("payment:p").state == ItemState.SETTLED
    assert balances() == {"claims:certificate": -450, "transit:sandbox": 450}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_two_payouts_and_two_kinds_of_money_end_alike_in_every_order(
    order: tuple[int, ...], books: Books
) -> None:
    told = [
        succeeded(books),
        unclear(books, payment="p"),
        announced(books, line("p", "ref-u", 99), line("p", "ref-p", 400)),
        announced(books, line("p", "ref-p", 60), payout="po-2"),
    ]
    taken(*(told[at] for at in order))
    assert (item("payment:p").open_cents, item("custody:8").open_cents) == (0, 0)
    assert balances() == {
        "claims:certificate": -450,
        "custody:unclear": -99,
        "differences:sandbox": -10,
        "transit:sandbox": 559,
    }


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_items_and_account_stay_in_step_whatever_comes(office: Flask, data: st.DataObject) -> None:
    books = Books()
    run = uuid4()  # the rows of earlier cases stay; a drawn number comes twice
    lines = st.builds(line, NAMES, NAMES, CENTS)
    drawn = st.one_of(
        st.tuples(st.just("pay"), st.sampled_from("ab"), CENTS, NAMES),
        st.tuples(st.just("unclear"), st.sampled_from("12"), CENTS, NAMES),
        st.tuples(st.just("assigned"), st.sampled_from("12"), CENTS, NAMES),
        st.tuples(st.just("payout"), st.sampled_from("xy"), st.lists(lines, max_size=4), NAMES),
        st.tuples(st.just("withdrawn"), st.sampled_from("xy"), st.just([]), NAMES),
    )
    make = {
        "pay": lambda n, cents, ref: succeeded(
            books, f"{run}{n}", cents, provider_reference=ref and f"{run}{ref}"
        ),
        "unclear": lambda n, cents, ref: unclear(
            books, f"{run}{n}", cents, provider_reference=ref and f"{run}{ref}"
        ),
        "assigned": lambda n, cents, _: assigned(books, f"{run}{n}", cents),
        "payout": lambda n, found, _: announced(
            books, *(_of(run, one) for one in found), payout=f"{run}{n}"
        ),
        "withdrawn": lambda n, _, __: withdrawn(books, payout=f"{run}{n}"),
    }
    for at, (kind, *given_) in enumerate(data.draw(st.lists(drawn, max_size=8))):
        told = make[kind](*given_) | {"id": f"{run}-{at}"}
        take(read_event(told))
        assert_in_step()


def _of(run: Any, one: dict[str, Any]) -> dict[str, Any]:
    names = ("payment", "provider_reference")
    return one | {name: one[name] and f"{run}{one[name]}" for name in names}


def test_an_assignment_to_a_claim_is_a_persons_act(books: Books) -> None:
    take(read_event(unclear(books)))
    told = assigned(books) | {"reference": FIRST}
    assert take(read_event(told)) == EventState.BY_HAND


@pytest.mark.parametrize("other", [{"currency": "PLN"}, {"suspense_account": None}])
def test_unclear_money_that_we_cannot_book_is_left_to_a_person(
    other: dict[str, Any], books: Books
) -> None:
    assert take(read_event(unclear(books, **other))) == EventState.BY_HAND
    assert balances() == {}


def test_anything_but_euro_is_left_to_a_person(books: Books) -> None:
    told = [
        succeeded(books, currency="PLN"),
        announced(books, line("p", "ref-p", 450), currency="NOK"),
    ]
    assert [take(read_event(one)) for one in told] == [EventState.BY_HAND] * 2
    assert balances() == {}


def test_fees_and_reserves_are_booked_and_settle_no_item(books: Books) -> None:
    fee = {"fee": "ref-p", "provider_reference": "ref-p", "gross_cents": 0, "fee_cents": 12}
    held = {"reserve": "ref-p", "provider_reference": "ref-p", "gross_cents": -50, "fee_cents": 0}
    sums = {"gross_cents": 350, "fee_cents": 12, "reserve_cents": 50, "net_cents": 388}
    taken(succeeded(books), announced(books, line("p", "ref-p", 450), fee, held, **sums))
    assert balances() == {
        "claims:certificate": -450, "fees:sandbox": 12, "reserves:sandbox": 50,
        "transit:sandbox": 388,
    }  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_withdrawn_payout_leaves_the_books_as_they_were(
    order: tuple[int, ...], books: Books
) -> None:
    sums = {"fee_cents": 10, "reserve_cents": 50, "net_cents": 380}
    told = [
        succeeded(books),
        announced(books, line("p", "ref-p", 450), **sums),
        withdrawn(books, line("p", "ref-p", 450), **sums),
    ]
    taken(*(told[at] for at in order))
    assert item("payment:p").state == ItemState.OPEN
    assert balances() == {"claims:certificate": -450, ACCOUNT: 450}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_payout_that_is_announced_anew_is_booked_once(
    order: tuple[int, ...], books: Books
) -> None:
    told = [
        succeeded(books),
        announced(books, line("p", "ref-p", 400)),
        withdrawn(books, line("p", "ref-p", 400)),
        announced(books, line("p", "ref-p", 450), version=2),
    ]
    taken(*(told[at] for at in order))
    assert (item("payment:p").state, item("payment:p").payout) == (ItemState.SETTLED, "po/2")
    assert balances() == {"claims:certificate": -450, "transit:sandbox": 450}


def test_what_has_arrived_is_withdrawn_by_a_person_only(books: Books) -> None:
    told = announced(books, line("p", "ref-p", 450))
    taken(succeeded(books), told, books.tell("payout.arrived", None, **told["data"]))
    assert take(read_event(withdrawn(books, line("p", "ref-p", 450)))) == EventState.BY_HAND
    assert balances()["bank"] == 450


def test_what_was_withdrawn_and_arrives_is_left_to_a_person(books: Books) -> None:
    told = announced(books, line("p", "ref-p", 450))
    taken(succeeded(books), told, withdrawn(books, line("p", "ref-p", 450)))
    arrived = books.tell("payout.arrived", None, **told["data"])
    assert take(read_event(arrived)) == EventState.BY_HAND


# fmt: off
@pytest.mark.parametrize(
    "spoilt",
    [
        {"data": {"text": "a\0b"}}, {"id": "\0"}, {"id": None}, {"type": 7}, {"occurred_at": "now"},
        {"data": {"half": "\ud800"}}, {"position": 2**64}, {"position": 0}, {"reference": "\0"},
        {"data": {"payment": "p", "amount_cents": 2**70}},
    ],
)
def test_an_event_that_cannot_be_stored_does_not_stop_the_feed(
    spoilt: dict[str, Any], portal: Portal, books: Books
) -> None:
    succeeded(books, "first", 100)
    succeeded(books, "bad", 100)
    books.events[1] |= spoilt
    succeeded(books, "last", 100)
    assert dict(sync(portal, lambda _: None)) == {EventState.BOOKED: 2, EventState.UNREADABLE: 1}
    assert dict(sync(portal, lambda _: None)) == {}
    assert balances()[ACCOUNT] == 200
# fmt: on


def test_thousands_of_lines_are_matched_at_once() -> None:
    items = [
        SuspenseItem(item=str(n), payment=str(n), provider_reference=f"r{n}", cents=5, state="open")
        for n in range(5000)
    ]
    lines = [
        PayoutLine(payout="po", number=n, payment=str(n), provider_reference=None, gross_cents=5)
        for n in range(5000)
    ]
    assert sum(one.cents for one in match(items, lines).values()) == 25_000


def test_the_database_knows_no_item_settled_beyond_its_amount(books: Books) -> None:
    take(read_event(succeeded(books)))
    with pytest.raises(Exception, match="ck_suspense_items_settled_cents"):
        office_db.session.execute(text("UPDATE suspense_items SET settled_cents = cents + 1"))
    office_db.session.rollback()
