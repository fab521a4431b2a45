"""A payment that was begun and left: continued only while all of it is still asked."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal import clock
from portal.db import transaction
from portal.payments.models import Payment
from portal.requests.models import PaymentRequest
from tests import builders
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider
from tests.house.test_pages_of_states import told
from tests.house.test_routes import give_tan

CONTINUE = "Continue this payment"
NOTHING = "Nothing is to be paid online for this letter any more. Please do not pay there."

Change = Callable[[PaymentRequest], None]


def state(name: str) -> Change:
    return lambda request: setattr(request, "state", name)


def over(request: PaymentRequest) -> None:
    request.payable_until = builders.LONG_AGO


def partly_paid_and_over(request: PaymentRequest) -> None:
    request.state, request.covered_cents, request.payable_until = (
        "partly_paid", 1_000, builders.LONG_AGO,
    )  # fmt: skip


def change(letter: Letter, how: Change) -> None:
    with transaction() as session:
        how(session.get_one(PaymentRequest, (TOWN, letter.request_id)))


def begun(client: FlaskClient) -> tuple[Letter, str, str]:
    """A letter of 148.50 whose payment was left at the provider; its handle and the payment."""
    letter = builders.letter(language="en")
    payment = builders.begin(letter)
    return letter, give_tan(client, letter), payment


by_hand = pytest.mark.rows_by_hand
NOT_ASKED = pytest.mark.parametrize(
    "how",
    [*map(state, ("paid", "withdrawn", "expired", "replaced")), over, partly_paid_and_over],
    ids=["paid", "withdrawn", "expired", "replaced", "over", "partly paid and over"],
)


def test_what_is_still_asked_can_be_continued(client: FlaskClient, provider: FakeProvider) -> None:
    _, handle, payment = begun(client)
    page = client.get(f"/r/{handle}/payment")
    assert CONTINUE in page.text
    assert NOTHING not in told(page)
    csrf = {"csrf_token": builders.token(page)}
    on = client.post(f"/r/{handle}/go-on/{payment}", data=csrf)
    assert "http-equiv" in client.get(str(on.location)).text


@by_hand
@NOT_ASKED
def test_a_letter_that_asks_nothing_any_more_leads_nobody_back_to_its_payment(
    client: FlaskClient, provider: FakeProvider, how: Change
) -> None:
    letter, handle, payment = begun(client)
    change(letter, how)
    page = client.get(f"/r/{handle}/payment")
    assert CONTINUE not in page.text
    assert "start again" not in told(page)
    assert NOTHING in told(page)
    csrf = {"csrf_token": builders.token(page)}
    on = client.post(f"/r/{handle}/go-on/{payment}", data=csrf, follow_redirects=True)
    assert provider.books[payment].order.payment == payment
    assert "http-equiv" not in on.text
    assert NOTHING in told(on)


@by_hand
@NOT_ASKED
def test_one_button_ends_it_and_leads_to_how_the_letter_stands(
    client: FlaskClient, provider: FakeProvider, how: Change
) -> None:
    letter, handle, payment = begun(client)
    change(letter, how)
    page = client.get(f"/r/{handle}/payment")
    assert page.text.count(f"/{payment}") == page.text.count(f"/restart/{payment}") == 1
    assert "Cancel this payment" in told(page)
    csrf = {"csrf_token": builders.token(page)}
    after = client.post(f"/r/{handle}/restart/{payment}", data=csrf, follow_redirects=True)
    assert "A payment was already begun" not in told(after)
    assert CONTINUE not in after.text


@by_hand
def test_a_payment_of_more_than_is_open_is_not_continued_but_begun_again(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, handle, payment = begun(client)
    change(letter, lambda request: setattr(request, "covered_cents", 5_000))
    page = client.get(f"/r/{handle}/payment")
    assert CONTINUE not in page.text
    assert "The demand has changed since: less is open now." in told(page)
    assert "Start again" in told(page)
    assert "http-equiv" not in client.get(f"/r/{handle}/leaving/{payment}").text


def test_who_started_again_is_not_led_to_the_first_payment_by_going_back(
    client: FlaskClient, provider: FakeProvider
) -> None:
    _, handle, payment = begun(client)
    csrf = {"csrf_token": builders.token(client.get(f"/r/{handle}/payment"))}
    provider.down = 1000  # and cannot say that it is cancelled
    client.post(f"/r/{handle}/restart/{payment}", data=csrf)
    with transaction() as session:
        first = session.get_one(Payment, (TOWN, payment))
        assert (first.state, first.current) == ("started", False)
    assert "http-equiv" not in client.get(f"/r/{handle}/leaving/{payment}").text


def test_the_last_day_is_the_towns(client: FlaskClient, provider: FakeProvider) -> None:
    letter, handle, _ = begun(client)
    today = clock.today("Europe/Berlin")
    change(letter, lambda request: setattr(request, "payable_until", today))
    assert CONTINUE in client.get(f"/r/{handle}/payment").text
