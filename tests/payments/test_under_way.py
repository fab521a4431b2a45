"""Money that is under way bars another payment, whichever of the letter's payments carries it."""

import pytest
from flask import current_app
from flask.testing import FlaskClient

from portal.db import transaction
from portal.payments import sweep
from portal.payments.record import Source, record
from portal.payments.start import Undecided
from portal.payments.states import UNDECIDED
from portal.providers.protocol import Outcome
from portal.requests import register
from tests import builders
from tests.builders import TOWN, Letter
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_pages_of_states import told
from tests.house.test_routes import give_tan
from tests.payments.test_collecting import Agreeing, agreed, ask, far

__all__ = ["far"]  # a fixture

CARD = Source(TOWN, "card", "notification")
CONFIRMED_SOON = "Your payment is being confirmed"
UNDER_WAY = "Your payment is under way"
REVIEW = "Please check what is to be paid"
LEFT = "A payment was already begun"


def left(provider: FakeProvider, letter: Letter) -> str:
    """A payment whose citizen started again while the provider was silent."""
    payment = builders.begin(letter)
    provider.down = 1000
    sweep.give_up(current_app.extensions["keyring"], TOWN, payment)
    provider.down = 0
    assert not builders.payment(payment).current
    return payment


def pending(provider: FakeProvider, payment: str) -> None:
    record(provider.say(payment, Outcome.PENDING), CARD)


def reminder(*replaced: str, reference: str = "K-2026-2", amount_cents: int = 15_350) -> Letter:
    return builders.letter(reference, amount_cents=amount_cents, replaces=replaced, language="en")


def letter() -> Letter:
    return builders.letter(language="en")


def test_a_payment_that_was_left_and_is_under_way_bars_another(
    client: FlaskClient, provider: FakeProvider
) -> None:
    asked = letter()
    handle = give_tan(client, asked)
    first = left(provider, asked)
    assert REVIEW in told(client.get(f"/r/{handle}/payment")), "what was merely left bars nobody"
    pending(provider, first)
    with pytest.raises(Undecided):
        builders.begin(asked)
    page = client.get(f"/r/{handle}/payment", follow_redirects=True)
    assert CONFIRMED_SOON in told(page)
    assert "/payment/" in page.request.path
    for other in ("choice", "amount"):
        assert client.get(f"/r/{handle}/{other}").location == f"/r/{handle}/payment"
    assert len(provider.books) == 1


def test_it_bars_nobody_once_it_has_failed(client: FlaskClient, provider: FakeProvider) -> None:
    asked = letter()
    handle = give_tan(client, asked)
    first = left(provider, asked)
    pending(provider, first)
    record(provider.say(first, Outcome.FAILED), CARD)
    assert REVIEW in told(client.get(f"/r/{handle}/payment"))
    builders.begin(asked)


def test_nobody_is_led_on_to_a_second_payment_while_the_first_is_under_way(
    client: FlaskClient, provider: FakeProvider
) -> None:
    asked = letter()
    handle = give_tan(client, asked)
    first = left(provider, asked)
    second = builders.begin(asked)
    assert LEFT in told(client.get(f"/r/{handle}/payment"))
    pending(provider, first)
    assert CONFIRMED_SOON in told(client.get(f"/r/{handle}/payment", follow_redirects=True))
    on = client.get(f"/r/{handle}/leaving/{second}", follow_redirects=True)
    assert "pay.example" not in on.text
    record(provider.say(first, Outcome.FAILED), CARD)
    assert LEFT in told(client.get(f"/r/{handle}/payment"))


def test_money_under_way_on_an_older_letter_bars_a_payment_of_the_newer(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    older = letter()
    first = builders.begin(older)
    pending(provider, first)
    time.move("+48h")
    newer = reminder(older.reference)
    handle = give_tan(client, newer)
    page = client.get(f"/r/{handle}/payment")
    assert UNDER_WAY in told(page)
    assert "148.50" in told(page)
    assert first not in page.text, "the older letter's payment has its page there"
    with pytest.raises(Undecided):
        builders.begin(newer)
    assert client.get(f"/r/{handle}/choice").location == f"/r/{handle}/payment"
    record(provider.pay(first), CARD)
    assert (builders.request_of(newer).covered_cents, provider.collected()) == (14_850, 14_850)
    assert builders.begin(newer)


def test_it_is_found_behind_two_letters_and_a_version_that_forgot_them(
    provider: FakeProvider,
) -> None:
    older = letter()
    pending(provider, left(provider, older))
    second = reminder(older.reference)
    third = reminder(second.reference, reference="K-2026-3")
    third = reminder(reference="K-2026-3", amount_cents=16_000)
    with pytest.raises(Undecided):
        builders.begin(third)


def test_the_newer_letters_page_waits_for_the_older_ones_payment(
    client: FlaskClient, provider: FakeProvider
) -> None:
    older = letter()
    pending(provider, builders.begin(older))
    handle = give_tan(client, reminder(older.reference))
    page = client.get(f"/r/{handle}/payment")
    assert CONFIRMED_SOON in told(page)
    assert f"/r/{handle}/payment?again=1" in page.text


def test_what_was_merely_begun_on_an_older_letter_bars_nobody(
    client: FlaskClient, provider: FakeProvider
) -> None:
    older = letter()
    builders.begin(older)
    newer = reminder(older.reference)
    handle = give_tan(client, newer)
    assert REVIEW in told(client.get(f"/r/{handle}/payment"))
    assert builders.begin(newer)


def test_a_letter_that_stands_beside_is_not_barred(provider: FakeProvider) -> None:
    pending(provider, builders.begin(letter()))
    assert builders.begin(reminder())


def test_nothing_is_collected_for_a_newer_letter_while_the_older_ones_is_under_way(
    far: Agreeing,
) -> None:
    older = letter()
    first = builders.begin(older)
    newer = reminder(older.reference)
    second = agreed(far, newer)
    record(far.say(first, Outcome.PENDING), CARD)
    ask(second)
    assert far.asked_to_collect == 0
    record(far.say(first, Outcome.FAILED), CARD)
    ask(second)
    assert far.asked_to_collect == 1


def test_what_was_left_on_an_older_letter_does_not_keep_a_newer_one_from_collecting(
    far: Agreeing,
) -> None:
    older = letter()
    first = builders.begin(older)
    second = agreed(far, reminder(older.reference))
    assert builders.payment(first).state in UNDECIDED
    ask(second)
    assert far.asked_to_collect == 1


def test_the_letters_whose_line_ends_here(provider: FakeProvider) -> None:
    first, beside = letter(), builders.letter("K-2026-9")
    second = reminder(first.reference)
    third = reminder(second.reference, beside.reference, reference="K-2026-3")
    with transaction() as session:
        last = register.get(session, TOWN, third.request_id)
        found = {request.reference for request in register.ending_at(session, last)}
    assert found == {"K-2026-1", "K-2026-2", "K-2026-3", "K-2026-9"}
