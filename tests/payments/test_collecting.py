"""What a payer agreed to is taken only while it is asked for, and from one hand."""

from dataclasses import replace

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient

from portal import clock
from portal.db import transaction
from portal.money import Money
from portal.payments import sweep
from portal.payments.models import Payment
from portal.payments.record import Source, record
from portal.providers import registry
from portal.providers.protocol import Account, Outcome, ProviderDown, Report
from portal.requests import elsewhere
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount
from tests.house.test_routes import give_tan

CARD = Source(TOWN, "card", "notification")


class Agreeing(FakeProvider):
    """No money moves when a payer agrees, only when it is told to collect; nothing is cancelled."""

    cancel = None  # type: ignore[assignment]
    asked_to_collect = 0
    answers_collecting = True
    refuses = False

    def agree(self, payment: str) -> None:
        self.books[payment].outcome = Outcome.AGREED

    def collect(self, account: Account, payment: str, provider_reference: str) -> Report:
        self.asked_to_collect += 1
        if self.books[payment].outcome is Outcome.AGREED:
            if self.refuses:
                return self.report(payment, Outcome.FAILED)
            self.pay(payment)
        if not self.answers_collecting:
            raise ProviderDown("its answer was lost")
        return self.report(payment)


@pytest.fixture
def far(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Agreeing:
    fake = Agreeing()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def ask(payment: str) -> object:
    return sweep.ask(current_app.extensions["keyring"], TOWN, payment, "sweep")


def give_up(payment: str) -> None:
    sweep.give_up(current_app.extensions["keyring"], TOWN, payment)


def agreed(far: Agreeing, letter: builders.Letter, account_id: str = "card") -> str:
    payment = builders.begin(letter, account_id=account_id)
    far.agree(payment)
    return payment


def pushed(amount_cents: int) -> builders.Letter:
    """The same demand in its next version."""
    return builders.letter(amount_cents=amount_cents)


def test_what_is_still_asked_is_taken(far: Agreeing) -> None:
    letter = builders.letter()
    payment = agreed(far, letter)
    ask(payment)
    assert builders.request_of(letter).state == "paid"
    assert builders.payment(payment).collecting_at is None


@pytest.mark.parametrize(("asks_now", "state"), [(14_849, "started"), (14_850, "succeeded"),
                                                 (20_000, "succeeded")])  # fmt: skip
def test_of_a_changed_demand_no_more_is_taken_than_it_asks(
    far: Agreeing, asks_now: int, state: str
) -> None:
    payment = agreed(far, builders.letter())
    pushed(asks_now)
    ask(payment)
    assert builders.payment(payment).state == state
    assert far.asked_to_collect == (state == "succeeded")


def test_what_was_paid_elsewhere_is_not_taken(far: Agreeing) -> None:
    letter = builders.letter()
    payment = agreed(far, letter)
    with transaction() as session:
        told = Elsewhere(id="t-1", amount_cents=1, paid_on=builders.today(), how=How.TRANSFER)
        elsewhere.tell(session, Subject(TOWN, letter.reference, "client:1"), told)
    ask(payment)
    assert (far.asked_to_collect, builders.payment(payment).state) == (0, "started")


def test_what_the_citizen_has_left_is_not_taken(far: Agreeing) -> None:
    letter = builders.letter()
    payment = agreed(far, letter)
    give_up(payment)
    assert not builders.payment(payment).current
    ask(payment)
    assert far.asked_to_collect == 0
    second = agreed(far, letter)
    ask(second)
    assert far.collected() == 14_850, "what was left bars nobody's way"


def test_after_the_last_day_nothing_is_taken(far: Agreeing, time: Time) -> None:
    payment = agreed(far, builders.letter(payable_until=builders.today().isoformat()))
    time.move("+48h")
    ask(payment)
    assert (far.asked_to_collect, builders.payment(payment).state) == (0, "expired")


def test_a_part_is_taken_after_an_earlier_part_but_not_after_one_that_came_meanwhile(
    far: Agreeing, time: Time
) -> None:
    letter = builders.letter(amount_cents=10_000)
    first = builders.begin(letter)
    part_of(far, first, 4_000)
    record(far.pay(first), CARD)
    time.move("+1m")
    second = agreed(far, letter)
    part_of(far, second, 3_000)
    ask(second)
    assert far.asked_to_collect == 1, "an earlier part is no reason"
    third = builders.begin(letter)
    part_of(far, third, 1_000)
    give_up(third)
    fourth = agreed(far, letter)
    part_of(far, fourth, 1_000)
    record(far.pay(third), CARD)
    ask(fourth)
    assert far.asked_to_collect == 1


def part_of(far: Agreeing, payment: str, cents: int) -> None:
    """The payment is about a part only."""
    with transaction() as session:
        session.get_one(Payment, (TOWN, payment)).amount_cents = cents
    booked = far.books[payment]
    booked.order = replace(booked.order, amount=Money(cents))


def test_money_that_came_and_did_not_fit_is_not_taken_once_more(far: Agreeing) -> None:
    payment = builders.begin(builders.letter())
    record(other_amount(far.pay(payment), 1), CARD)
    far.agree(payment)
    ask(payment)
    assert far.asked_to_collect == 0


def test_what_does_not_fit_is_not_taken(far: Agreeing) -> None:
    payment = agreed(far, builders.letter())
    far.books[payment].merchant = "another"
    ask(payment)
    assert far.asked_to_collect == 0


def test_a_refused_taking_is_not_tried_again(far: Agreeing, time: Time) -> None:
    payment = agreed(far, builders.letter())
    far.refuses = True
    ask(payment)
    assert builders.payment(payment).state == "failed"
    time.move("+26h")
    ask(payment)
    assert far.asked_to_collect == 1


def test_while_it_is_taken_nobody_lets_go_of_it(far: Agreeing, time: Time) -> None:
    """Or he pays by another, and the answer that was lost turns out to be money."""
    payment = agreed(far, builders.letter())
    far.answers_collecting = False
    assert ask(payment) is None
    far.down = 1
    give_up(payment)
    assert builders.payment(payment).current
    give_up(payment)
    assert builders.payment(payment).state == "succeeded"


def test_what_was_surely_not_taken_can_be_let_go(far: Agreeing, time: Time) -> None:
    payment = agreed(far, builders.letter())
    with transaction() as session:
        session.get_one(Payment, (TOWN, payment)).collecting_at = clock.now()
    give_up(payment)
    assert builders.payment(payment).current, "it may still be on its way there"
    time.move("+3m")
    give_up(payment)
    assert not builders.payment(payment).current


def test_who_does_not_cancel_is_asked_before_a_payment_is_let_go(far: Agreeing) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    far.pay(payment)
    give_up(payment)
    assert builders.payment(payment).state == "succeeded"
    assert builders.request_of(letter).state == "paid"


def test_what_is_not_taken_runs_out_after_a_day(far: Agreeing, time: Time) -> None:
    payment = agreed(far, builders.letter())
    give_up(payment)
    time.move("+25h")
    ask(payment)
    assert builders.payment(payment).state == "expired"


GONE = "This payment will not be carried out"


@pytest.mark.parametrize("at_home", [True, False], ids=["with a session", "without one"])
def test_who_agreed_to_what_is_not_taken_any_more_is_told_so(
    far: Agreeing, client: FlaskClient, at_home: bool
) -> None:
    letter = builders.letter(language="en")
    handle = give_tan(client, letter)
    payment = agreed(far, letter)
    pushed(9_900)
    if not at_home:
        client.delete_cookie("__Host-quitt", domain="localhost")
    path = f"/r/{handle}/payment/{payment}" if at_home else f"/return/{payment}"
    page = client.get(f"{path}?lang=en", follow_redirects=True).text
    assert (GONE in page, "No money was taken." in page) == (True, True)
    assert "being confirmed" not in page
    assert far.asked_to_collect == 0


def test_what_is_still_taken_is_not_said_to_be_gone(far: Agreeing, client: FlaskClient) -> None:
    letter = builders.letter(language="en")
    handle = give_tan(client, letter)
    payment = builders.begin(letter)
    page = client.get(f"/r/{handle}/payment/{payment}?lang=en").text
    assert GONE not in page
    assert "Your payment is being confirmed" in page


def test_where_money_may_move_without_us_nothing_is_said_to_be_gone(
    provider: FakeProvider, client: FlaskClient
) -> None:
    letter = builders.letter(language="en")
    handle = give_tan(client, letter)
    payment = builders.begin(letter)
    pushed(9_900)
    page = client.get(f"/r/{handle}/payment/{payment}?lang=en").text
    assert GONE not in page
