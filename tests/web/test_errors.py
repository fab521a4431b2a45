"""What a person sees when something does not go."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.errors import Conflict, Unavailable
from portal.web import pages


def _failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_: str) -> str:
        raise error

    monkeypatch.setattr(pages, "_page", fail)


def test_a_busy_print_process_says_when_to_come_again(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, Unavailable("busy"))
    answer = client.get("/impressum")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "Stadt Musterhausen" in answer.text


def test_the_reason_of_an_error_is_for_the_log_not_for_the_citizen(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, Conflict("payment 4711 of somebody"))
    answer = client.get("/impressum")
    assert answer.status_code == 409
    assert "4711" not in answer.text


def test_an_address_that_is_none_is_a_page_of_the_town(client: FlaskClient) -> None:
    answer = client.get("/nothing/here")
    assert answer.status_code == 404
    assert "Stadt Musterhausen" in answer.text
