"""What a visitor can end, and where."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import builders
from tests.builders import token
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan, open_letter

ENDS = 'action="/end"'


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
