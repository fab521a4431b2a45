"""What a visitor can end, and where."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.payments.record import Source, record
from portal.providers.protocol import Outcome
from portal.web import visits
from tests import builders
from tests.builders import TOWN, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan, open_letter

ENDS = 'action="/end"'
CARD = Source(TOWN, "card", "notification")


def test_before_the_tan_there_is_nothing_to_end(app: Flask, client: FlaskClient) -> None:
    handle = open_letter(client, builders.letter())
    for path in ("/", f"/r/{handle}/", "/impressum"):
        assert ENDS not in client.get(path).text


@pytest.mark.parametrize("path", ["/", "/impressum", "/is-my-letter-real", "/receipt", "/nowhere"])
def test_after_the_tan_every_page_of_the_town_offers_to_end(
    app: Flask, client: FlaskClient, path: str
) -> None:
    give_tan(client, builders.letter())
    page = client.get(path)
    assert ENDS in page.text
    client.post("/end", data={"csrf_token": token(page)})
    assert ENDS not in client.get(path).text


def test_the_page_that_leads_to_the_provider_offers_to_end(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    payment = builders.begin(letter)
    assert ENDS in client.get(f"/r/{handle}/leaving/{payment}").text


def waits(client: FlaskClient, provider: FakeProvider) -> str:
    """The address of a page that waits for the provider's word."""
    letter = builders.letter()
    handle = give_tan(client, letter)
    payment = builders.begin(letter)
    record(provider.say(payment, Outcome.PENDING), CARD)
    return f"/r/{handle}/payment/{payment}"


def cookie_of(client: FlaskClient) -> str:
    kept = client.get_cookie("__Host-quitt", domain="localhost")
    assert kept is not None
    return kept.value


def test_a_page_that_only_waits_takes_no_letter_from_another_tab(
    app: Flask, client: FlaskClient, provider: FakeProvider
) -> None:
    page = waits(client, provider)
    client.get(page)  # its form has its token now
    tab = builders.browser(app)
    tab.set_cookie("__Host-quitt", cookie_of(client), domain="localhost", secure=True)
    second = give_tan(client, builders.letter("K-2026-2"))
    late = tab.get(page)
    assert late.status_code == 200
    assert "Set-Cookie" not in late.headers
    assert client.get(f"/r/{second}/payment").status_code == 200


def test_who_stays_is_known_to_be_there_by_the_minute(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    page = waits(client, provider)
    client.get(page)
    before = cookie_of(client)
    time.move("+59s")
    client.get(page)
    assert cookie_of(client) == before
    time.move("+62s")
    client.get(page)
    assert cookie_of(client) != before


def test_a_use_that_was_not_written_down_still_counts_for_all_its_time(
    client: FlaskClient, time: Time
) -> None:
    handle = give_tan(client, builders.letter())
    time.move("+50s")
    assert client.get(f"/r/{handle}/payment").status_code == 200
    time.move(f"+{50 + visits.IDLE_SECONDS - 5}s")
    assert client.get(f"/r/{handle}/payment").status_code == 200
