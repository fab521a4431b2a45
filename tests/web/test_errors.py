"""What a person sees when something does not go."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection

from portal import tenants
from portal.errors import Conflict, Unavailable
from portal.web import pages
from portal.web.language import LANGUAGES
from tests import builders
from tests.conftest import Time
from tests.house.test_routes import give_tan

languages = pytest.mark.parametrize("language", LANGUAGES)


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


def without_database(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """From here on nothing can be asked of the database."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(tenants, "by_host", fail)


def heading(html: str) -> str:
    found = re.search(r"<h1[^>]*>(.+)</h1>", html)
    assert found
    return found[1]


GONE = OperationalError("SELECT", {}, Exception("gone"))
GONE_WRONG = ProgrammingError("SELECT", {}, Exception("gone"))


@languages
def test_without_the_database_the_page_still_speaks_every_language(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    without_database(monkeypatch, GONE)
    answer = client.get(f"/?lang={language}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert f'<html lang="{LANGUAGES[language].tag}"' in answer.text


def test_without_the_database_a_foreign_browser_gets_german(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_database(monkeypatch, GONE)
    answer = client.get("/", headers={"Accept-Language": "fr"})
    assert (answer.status_code, heading(answer.text)) == (503, "Einen Moment bitte")


@pytest.mark.parametrize("error", [GONE, NoConnection()])
def test_without_the_database_a_machine_gets_a_problem(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from portal.db import transaction  # noqa: F401 -- the door that fails below
    from portal.finance import oauth

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(oauth, "caller", fail)
    monkeypatch.setattr("portal.finance.api.api.who", fail)
    answer = client.get("/api/v1/events")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_fault_that_also_hides_the_town_is_a_page(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    without_database(monkeypatch, GONE_WRONG)
    answer = client.get("/", headers={"Accept-Language": "en"})
    assert (answer.status_code, heading(answer.text)) == (500, "Something went wrong")


def test_a_foreign_host_is_told_that_no_town_is_there(app: Flask) -> None:
    answer = builders.browser(app, "stranger.example").get("/", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert "Unter dieser Adresse ist keine Kommune erreichbar." in answer.text


@languages
@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/end", 405)])
def test_a_page_that_is_none_is_told_in_every_language(
    client: FlaskClient, language: str, path: str, status: int
) -> None:
    answer = client.get(f"{path}?lang={language}")
    assert answer.status_code == status
    assert f'<html lang="{LANGUAGES[language].tag}"' in answer.text
    assert "Stadt Musterhausen" in answer.text


def test_an_old_form_may_be_sent_again_as_it_was(client: FlaskClient) -> None:
    letter = builders.letter()
    typed = {"code1": letter.short_code, "code2": "", "code3": "", "secret": "<148,50>"}
    answer = client.post("/?lang=en", data={**typed, "csrf_token": "old"})
    assert (answer.status_code, heading(answer.text)) == (400, "Please send it once more")
    assert f'value="{letter.short_code}"' in answer.text
    assert 'value="&lt;148,50&gt;"' in answer.text
    fresh = builders.token(answer)
    sent = client.post("/", data={**typed, "secret": letter.tan, "csrf_token": fresh})
    assert sent.status_code == 303


def test_an_old_form_of_a_letter_leads_back_to_its_step(client: FlaskClient, time: Time) -> None:
    handle = give_tan(client, builders.letter())
    answer = client.post(f"/r/{handle}/pay", data={"offer": "2", "csrf_token": "old"})
    assert answer.status_code == 400
    assert f'href="/r/{handle}/choice"' in answer.text
    assert 'name="offer" value="2" checked' in client.get(f"/r/{handle}/choice").text


def test_an_old_form_of_nobodys_letter_leads_to_the_start(client: FlaskClient) -> None:
    answer = client.post("/r/nobodys/pay", data={"offer": "2", "csrf_token": "old"})
    assert answer.status_code == 400
    assert 'href="/r/nobodys/choice"' not in answer.text
