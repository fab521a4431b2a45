"""What must not come out: in logs, after a rest, under a foreign host."""

import io
import json
import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import logs
from portal.db import db
from portal.providers import paypal_wire
from portal.providers.wire import Answer
from portal.requests import links
from tests import builders
from tests.conftest import Time


@pytest.fixture
def log(app: Flask) -> io.StringIO:
    """Everything that this process logs, at the lowest level."""
    logs.configure("debug")
    out = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    return out


def opened(client: FlaskClient, letter: builders.Letter) -> str:
    """Follow the link; the address of the letter's page."""
    answer = client.get("/Z/" + letter.url.rsplit("/", 1)[1])
    return str(answer.location)


def with_tan(client: FlaskClient, page: str, letter: builders.Letter) -> None:
    token = builders.token(client.get(page))
    client.post(page + "tan", data={"tan": letter.tan, "csrf_token": token})


def test_what_paypal_and_a_refund_are_asked_for_by_stands_in_the_log(log: io.StringIO) -> None:
    """Support asks for the debug id; of what PayPal says only words and numbers of it are kept."""
    told = {"name": "NOT_AUTHORIZED", "debug_id": "f2a1b", "details": [{"issue": "PAYEE_BLOCKED"}]}
    for odd in ({}, {"debug_id": "Erika\n", "details": [{"issue": "Erika Mustermann"}]}):
        paypal_wire._refusal(Answer(422, json.dumps(told | odd).encode()))
    logging.getLogger("portal.returns").warning("no_answer", extra={"refund": "ref-1"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line.get("issue"), line.get("debug_id"), line.get("refund")) for line in lines] == [
        ("PAYEE_BLOCKED", "f2a1b", None), ("", "", None), (None, None, "ref-1"),
    ]  # fmt: skip


def test_a_fault_leaves_no_code_in_the_log(
    app: Flask, client: FlaskClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = builders.letter()
    page = opened(client, letter)

    def stumble(*_: object) -> None:
        raise RuntimeError(letter.tan)

    monkeypatch.setattr(links, "find_by_link", stumble)
    monkeypatch.setitem(app.config, "TESTING", False)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    code = letter.url.rsplit("/", 1)[1]
    assert client.get(f"/Z/{code}").status_code == 500
    client.get(page)
    told = log.getvalue()
    assert "RuntimeError" in told
    for secret in (code, code[:12], letter.short_code, letter.tan, page.strip("/").split("/")[-1]):
        assert secret not in told
    for line in told.splitlines():
        assert set(json.loads(line)) <= logs.ALLOWED


def test_after_a_rest_the_link_alone_does_not_open_the_claim(
    client: FlaskClient, time: Time
) -> None:
    letter = builders.letter()
    page = opened(client, letter)
    with_tan(client, page, letter)
    assert "148,50" in client.get(page + "payment").text
    time.move("+1h")
    assert client.get(page + "payment").status_code == 303

    again = opened(client, letter)

    assert client.get(again + "payment").status_code == 303
    assert "148,50" not in client.get(again, follow_redirects=True).text


def test_a_letter_that_left_the_cookie_asks_its_tan_again(client: FlaskClient) -> None:
    letter = builders.letter("K-0")
    with_tan(client, opened(client, letter), letter)
    for number in range(1, 22):
        opened(client, builders.letter(f"K-{number}"))
    page = opened(client, letter)
    assert client.get(page + "payment").status_code == 303


@pytest.mark.parametrize("path", ["/", "/end", "/nothing"])
def test_a_form_under_an_unknown_host_is_an_answer_not_a_fault(app: Flask, path: str) -> None:
    stranger = builders.browser(app, "stranger.example")
    assert stranger.post(path).status_code in {400, 404}


@pytest.mark.parametrize("path", ["/return/%00", "/webhooks/fake/%00", "/Z/%00", "/r/%00/"])
def test_signs_that_no_database_can_hold_are_no_address(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in {303, 404, 405}


def test_static_files_carry_the_headers_too(app: Flask, client: FlaskClient) -> None:
    url = app.jinja_env.globals["static_url"]("portal.css")  # type: ignore[operator]
    answer = client.get(url)
    answer.close()
    assert answer.status_code == 200
    for name in ("Content-Security-Policy", "Strict-Transport-Security", "Referrer-Policy"):
        assert answer.headers[name]


def test_a_former_host_leads_to_the_host_of_today(app: Flask) -> None:
    from portal.db import transaction
    from portal.tenants import TenantHost

    with transaction() as session:
        session.add(TenantHost(host="old.example", tenant_id=builders.TOWN, current=False))
    answer = builders.browser(app, "old.example").get("/impressum?lang=en")
    assert (answer.status_code, answer.location) == (308, "https://localhost/impressum?lang=en")


def test_a_statement_that_fails_does_not_tell_its_values(app: Flask) -> None:
    assert db.engine.hide_parameters
