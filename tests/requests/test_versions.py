"""What a new version means for what was paid already."""

import threading

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from portal import clock
from portal.db import db, transaction
from portal.ledger.models import CustodyItem
from portal.payments.record import Source, record
from portal.requests import expiry, intake, orders, register
from portal.requests.asked import Asked
from portal.requests.orders import Subject
from portal.requests.replacing import ReplacesItself
from portal.returns import reversals
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")


def paid(provider: FakeProvider, reference: str = "K-1", amount_cents: int = 10_000) -> None:
    record(
        provider.pay(builders.begin(builders.letter(reference, amount_cents=amount_cents))), CARD
    )


def test_a_version_below_what_was_paid_makes_a_surplus(provider: FakeProvider) -> None:
    paid(provider)
    letter = builders.letter("K-1", amount_cents=6_000)
    assert builders.request_of(letter).state == "paid"
    (item,) = db.session.scalars(select(CustodyItem))
    assert (item.cause, item.open_cents, item.account) == ("surplus", 4_000, None)
    assert [event.type for event in builders.events()][-2:] == ["custody.opened", "request.changed"]


def test_a_version_above_what_was_paid_asks_for_the_rest(provider: FakeProvider) -> None:
    paid(provider)
    letter = builders.letter("K-1", amount_cents=12_500)
    assert builders.request_of(letter).state == "partly_paid"
    assert builders.request_of(letter).open.cents == 2_500


def test_what_was_paid_follows_a_request_into_its_new_kind(provider: FakeProvider) -> None:
    paid(provider)
    builders.letter("K-1", amount_cents=10_000, kind="fee")  # the books are checked afterwards


def test_a_later_last_day_opens_an_expired_request_again(
    provider: FakeProvider, time: Time
) -> None:
    builders.letter("K-1", payable_until=clock.today("Europe/Berlin").isoformat())
    time.move("+2d")
    expiry.expire_due()
    letter = builders.letter("K-1", payable_until="2099-12-31")
    assert builders.request_of(letter).state == "open"


def test_a_newer_letter_takes_over_what_was_paid_on_older_ones(provider: FakeProvider) -> None:
    paid(provider, "K-1", 3_000)
    paid(provider, "K-2", 4_000)
    newer = builders.letter("K-3", kind="reminder", amount_cents=6_000, replaces=["K-1", "K-2"])
    assert builders.request_of(newer).state == "paid"
    (item,) = db.session.scalars(select(CustodyItem))
    assert item.open_cents == 1_000


def test_replacing_again_changes_nothing(provider: FakeProvider) -> None:
    paid(provider, "K-1", 3_000)
    builders.letter("K-2", amount_cents=6_000, replaces=["K-1"])
    newer = builders.letter("K-2", amount_cents=6_500, replaces=["K-1"])
    assert builders.request_of(newer).open.cents == 3_500


def test_letters_the_portal_never_saw_are_passed_over(provider: FakeProvider) -> None:
    newer = builders.letter("K-2", replaces=["K-1"])
    assert builders.request_of(newer).state == "open"


def again(**asked: object) -> tuple[str, tuple[str, ...]]:
    """Push K-2 in the place of K-1; what became of it, and of what the answer warns."""
    body = {
        "amount_cents": 10_000, "currency": "EUR", "kind": "tax", "purpose": "Grundsteuer",
        "replaces": ["K-1"], **asked,
    }  # fmt: skip
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        taken = intake.put(session, keyring, TOWN, "K-2", Asked.model_validate(body))
        return taken.stored.value, taken.warnings


def test_a_letter_that_came_late_is_replaced_when_the_newer_one_is_pushed_again(
    provider: FakeProvider,
) -> None:
    assert again() == ("created", ("replaces/0:unknown_request",))
    paid(provider, "K-1", 3_000)
    told = len(builders.events())
    assert again() == ("same", ())
    assert [event.type for event in builders.events()[told:]] == ["request.replaced"]
    with transaction() as session:
        stand = [
            (request.state, request.covered_cents)
            for request in (register.by_reference(session, TOWN, f"K-{n}") for n in (1, 2))
        ]
    assert stand == [("replaced", 0), ("partly_paid", 3_000)]
    assert again() == ("same", ())
    assert len(builders.events()) == told + 1


def test_what_was_restored_is_not_replaced_by_the_same_again(provider: FakeProvider) -> None:
    older = builders.letter("K-1")
    again()
    with transaction() as session:
        orders.restore(session, Subject(TOWN, "K-1", "client:c_1"), None)
    assert again() == ("same", ())
    assert builders.request_of(older).state == "open"


def test_the_answer_warns_of_what_another_letter_has_replaced(provider: FakeProvider) -> None:
    builders.letter("K-1")
    builders.letter("K-3", replaces=["K-1"])
    assert again() == ("created", ("replaces/0:already_replaced",))
    assert again(purpose="Grundsteuer B") == ("changed", ("replaces/0:already_replaced",))


def test_a_letter_cannot_take_its_own_place(provider: FakeProvider) -> None:
    builders.letter("K-1")
    builders.letter("K-2", replaces=["K-1"])
    with pytest.raises(ReplacesItself):
        builders.letter("K-1", amount_cents=1, replaces=["K-2"])
    with pytest.raises(ReplacesItself):
        builders.letter("K-2", amount_cents=1, replaces=["K-2"])


def test_what_a_replaced_letter_replaces_later_counts_for_the_one_in_force(
    provider: FakeProvider,
) -> None:
    first = builders.letter("K-1", amount_cents=10_000)
    second = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    third = builders.letter("K-3", amount_cents=5_000)
    payment = builders.begin(third)
    record(provider.pay(payment), CARD)
    builders.letter("K-1", amount_cents=11_000, replaces=["K-3"])
    stand = [(builders.request_of(each).state, builders.request_of(each).covered_cents)
             for each in (first, second, third)]  # fmt: skip
    assert stand == [("replaced", 0), ("partly_paid", 5_000), ("replaced", 0)]
    back = provider.reverse(payment, 5_000, 0)
    reversals.record_reversal(current_app.extensions["keyring"], TOWN, "card", back)
    assert builders.request_of(second).open.cents == 10_000
    assert builders.events()[-1].data["loss_cents"] == 0


def test_what_it_brings_beyond_what_is_asked_is_surplus_each_time(provider: FakeProvider) -> None:
    paid(provider, "K-1", 9_000)
    builders.letter("K-2", amount_cents=4_000, replaces=["K-1"])
    paid(provider, "K-3", 700)
    builders.letter("K-1", amount_cents=9_500, replaces=["K-3"])
    paid(provider, "K-4", 800)
    builders.letter("K-1", amount_cents=9_600, replaces=["K-3", "K-4"])
    found = db.session.scalars(select(CustodyItem).order_by(CustodyItem.id))
    assert [(item.open_cents, item.request_reference) for item in found] == [
        (5_000, "K-2"), (700, "K-2"), (800, "K-2"),
    ]  # fmt: skip


def test_two_that_replace_while_their_place_is_taken_do_not_block_each_other(
    app: Flask, provider: FakeProvider
) -> None:
    """The older letter's change waits for the newer one to be there, and then sees it."""
    builders.letter("K-1", amount_cents=10_000)
    paid(provider, "K-3", 3_000)
    go = threading.Barrier(2)

    def push(reference: str, replaced: str) -> None:
        with app.app_context():
            go.wait()
            builders.letter(reference, amount_cents=12_000, replaces=[replaced])

    threads = [
        threading.Thread(target=push, args=each) for each in (("K-1", "K-3"), ("K-2", "K-1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    newest = builders.letter("K-2", amount_cents=12_000, replaces=["K-1"])
    assert builders.request_of(newest).covered_cents == 3_000
