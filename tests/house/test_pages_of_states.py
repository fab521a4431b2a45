"""Every state has its page: what happened, whether money was taken, and the one next thing.

The tables hold the sentences as the code names them; a state that is missing here fails, and so
does a page that does not say them in every language that is complete.
"""

from collections.abc import Mapping

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.catalogues import FOLDER
from portal.db import transaction
from portal.payments.models import Payment
from portal.payments.record import Source, record
from portal.payments.states import UNDECIDED
from portal.payments.states import State as PaymentState
from portal.providers.protocol import Outcome
from portal.requests.models import PaymentRequest
from portal.requests.states import State as RequestState
from tests import builders, pages
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan

Said = tuple[str, ...]  # the heading first

REVIEW = ("Please check what is to be paid", "Continue to the payment method")
CONFIRMING = (
    "Your payment is being confirmed",
    "We are waiting for the confirmation by %(method)s. Please do not pay again.",
)
BEGUN = (
    "A payment was already begun",
    "If you have already paid there, please do not start again."
    " The confirmation may take a moment.",
)
NO_MONEY = "No money was taken."
NOT_PAID = (
    NO_MONEY,
    "You can pay in another way or at another time. Your letter stays valid.",
)
CONFIRMATION = (
    "You find the confirmation and everything else by the link or the code in your letter."
)
WAIT = "You may close this page. Please do not pay again before this is clear."

# fmt: off
OF_REQUEST: Mapping[RequestState, Said] = {
    RequestState.OPEN:        REVIEW,
    RequestState.PARTLY_PAID: REVIEW,
    RequestState.PAID:        ("This letter is already paid",
        "Nothing is left to pay for this letter. Please do not pay again."),
    RequestState.WITHDRAWN:   ("This letter can no longer be paid online",
        "The cash office has stopped online payment for this letter."
        " Please call us before you pay."),
    RequestState.EXPIRED:     ("The time for online payment is over",
        "The demand itself is not settled by this. Please call us to ask how you can pay now."),
    RequestState.REPLACED:    ("There is a newer letter",
        "A newer letter replaces this one. Please pay only the newer one."),
}

# What the letter shows while its last payment is so, or after it.
OF_LETTER: Mapping[PaymentState, Said] = {
    PaymentState.CREATED:   BEGUN,
    PaymentState.STARTED:   (*BEGUN, "Continue this payment", "Start again"),
    PaymentState.PENDING:   CONFIRMING,
    PaymentState.UNKNOWN:   BEGUN,
    PaymentState.SUCCEEDED: OF_REQUEST[RequestState.PAID],
    PaymentState.FAILED:    REVIEW,
    PaymentState.CANCELLED: REVIEW,
    PaymentState.EXPIRED:   REVIEW,
}

# What the page of that payment shows to who comes back and has the letter open.
OF_PAYMENT: Mapping[PaymentState, Said] = {
    PaymentState.CREATED:   CONFIRMING,
    PaymentState.STARTED:   CONFIRMING,
    PaymentState.PENDING:   CONFIRMING,
    PaymentState.UNKNOWN:   CONFIRMING,
    PaymentState.SUCCEEDED: ("Your payment is confirmed",
        "You need not do anything more. Please keep the confirmation number."),
    PaymentState.FAILED:    ("The payment did not work", NO_MONEY, "Choose another payment method"),
    PaymentState.CANCELLED: ("You cancelled the payment", NO_MONEY, "Back to the choice"),
    PaymentState.EXPIRED:   ("The payment was not finished in time", NO_MONEY,
        "Choose another payment method"),
}

# The same for who comes back without the letter: outcome and amount, nothing of the claim.
OF_RETURN: Mapping[PaymentState, Said] = {
    PaymentState.CREATED:   ("Your payment is being confirmed", WAIT),
    PaymentState.STARTED:   ("Your payment is being confirmed", WAIT),
    PaymentState.PENDING:   ("Your payment is being confirmed", WAIT),
    PaymentState.UNKNOWN:   ("We do not know yet how the payment ended", WAIT),
    PaymentState.SUCCEEDED: ("Your payment is confirmed", "You need not do anything more.",
        CONFIRMATION),
    PaymentState.FAILED:    ("The payment did not work", *NOT_PAID),
    PaymentState.CANCELLED: ("The payment was cancelled", *NOT_PAID),
    PaymentState.EXPIRED:   ("The payment was not finished in time", *NOT_PAID),
}
# fmt: on

REPORTED = {
    PaymentState.PENDING: Outcome.PENDING,
    PaymentState.SUCCEEDED: Outcome.SUCCEEDED,
    PaymentState.FAILED: Outcome.FAILED,
    PaymentState.CANCELLED: Outcome.CANCELLED,
    PaymentState.EXPIRED: Outcome.EXPIRED,
}

by_hand = pytest.mark.rows_by_hand
languages = pytest.mark.parametrize("language", sorted(pages.COMPLETE))


def catalogue(language: str) -> Catalog:
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def in_words(known: Catalog, sentence: str) -> str:
    """A sentence in a catalogue's language; the English one fills only what it says better."""
    found = known.get(sentence) or pytest.fail(sentence)
    return str(found.string or sentence)


def told(page: TestResponse) -> str:
    """All words of a page's main part."""
    look = pages.Look(page.text, page.request.path, "localhost")
    return pages.words(look.of("main")[0])


def assert_says(page: TestResponse, language: str, said: Said) -> None:
    assert page.status_code == 200, page.location
    known = catalogue(language)
    heading, *sentences = (in_words(known, sentence) for sentence in said)
    look = pages.Look(page.text, page.request.path, "localhost")
    assert look.language == language
    assert pages.words(look.of("h1")[0]) == heading
    for sentence in sentences:
        assert sentence % {"method": "Card"} in told(page)


def speaks(client: FlaskClient, language: str) -> None:
    """The visitor chooses a language once, on any page."""
    client.get(f"/impressum?lang={language}")


def in_state(provider: FakeProvider, letter: Letter, state: PaymentState) -> str:
    """A payment of the letter that is in this state; the provider says no more of it."""
    payment = builders.begin(letter)
    if state in REPORTED:
        record(provider.say(payment, REPORTED[state]), Source(TOWN, "card", "notification"))
    else:
        with transaction() as session:
            session.get_one(Payment, (TOWN, payment)).state = state
    assert builders.payment(payment).state == state
    provider.down = 1000
    return payment


def test_no_state_is_without_a_page() -> None:
    assert OF_REQUEST.keys() == set(RequestState)
    for table in (OF_LETTER, OF_PAYMENT, OF_RETURN):
        assert table.keys() == set(PaymentState)


@by_hand
@languages
@pytest.mark.parametrize("state", RequestState)
def test_a_request_says_where_it_stands_and_what_to_do(
    client: FlaskClient, state: RequestState, language: str
) -> None:
    speaks(client, language)
    letter = builders.letter()
    with transaction() as session:
        session.get_one(PaymentRequest, (TOWN, letter.request_id)).state = state
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/payment")
    assert_says(page, language, OF_REQUEST[state])


@by_hand
@languages
@pytest.mark.parametrize("state", PaymentState)
def test_a_letter_with_a_payment_says_how_it_stands(
    client: FlaskClient, provider: FakeProvider, state: PaymentState, language: str
) -> None:
    speaks(client, language)
    letter = builders.letter()
    in_state(provider, letter, state)
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/payment", follow_redirects=True)
    assert_says(page, language, OF_LETTER[state])


@by_hand
@languages
@pytest.mark.parametrize("state", PaymentState)
def test_who_comes_back_is_told_how_the_payment_stands(
    client: FlaskClient, provider: FakeProvider, state: PaymentState, language: str
) -> None:
    speaks(client, language)
    letter = builders.letter()
    payment = in_state(provider, letter, state)
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/payment/{payment}", follow_redirects=True)
    assert_says(page, language, OF_PAYMENT[state])


@by_hand
@languages
@pytest.mark.parametrize("state", PaymentState)
def test_who_comes_back_in_another_browser_is_told_the_outcome_and_nothing_of_the_claim(
    app: Flask, client: FlaskClient, provider: FakeProvider, state: PaymentState, language: str
) -> None:
    speaks(client, language)
    payment = in_state(provider, builders.letter(), state)
    page = client.get(f"/return/{payment}")
    assert_says(page, language, OF_RETURN[state])
    assert not any(word in page.text for word in ("Grundsteuer", "5.0101"))
    has_one = state in {*UNDECIDED, PaymentState.SUCCEEDED}
    assert (in_words(catalogue(language), CONFIRMATION) in told(page)) == has_one, (
        "of what was not paid there is none"
    )
