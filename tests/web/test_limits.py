"""A coarse limit for each network address: only wrong entries count."""

import dataclasses
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal import create_app
from portal.admin.doors import DOORS
from portal.config import Settings
from portal.db import db
from portal.web import limits
from portal.web.gate import WHO
from tests import builders

AFAR = "93.184.216.34"
WRONG = "/Z/777"
TOKEN = "/api/v1/oauth/token"


@pytest.fixture
def few(app: Flask, settings: Settings) -> Iterator[Flask]:
    """A portal behind one proxy that takes three wrong entries a minute."""
    strict = dataclasses.replace(
        settings, proxies=1, wrong_entries=3, wrong_tokens=3,
        unlimited_networks=(ip_network("127.0.0.0/8"), ip_network("198.51.100.0/24")),
    )  # fmt: skip
    made = create_app(strict)
    made.config["TESTING"] = True
    yield made
    with made.app_context():
        db.engine.dispose()


def ask(app: Flask, address: str, path: str = WRONG, **more: object) -> TestResponse:
    """Someone new asks from this address, through the proxy."""
    headers = {"X-Forwarded-For": address, "Accept-Language": "en"}
    return builders.browser(app).get(path, headers=headers, **more)  # type: ignore[arg-type]


def use_up(app: Flask, address: str) -> None:
    assert [ask(app, address).status_code for _ in range(3)] == [404] * 3


def test_after_so_many_wrong_links_a_page_says_when_to_come_again(few: Flask) -> None:
    use_up(few, AFAR)
    answer = ask(few, AFAR)
    assert answer.status_code == 429
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert f"Please try again in {seconds} seconds." in answer.text
    assert "0123 45678" in answer.text


@pytest.mark.parametrize("language", ["de", "de-simple", "en", "uk", "pl", "tr", "nb", "ar"])
def test_the_page_speaks_every_language(few: Flask, language: str) -> None:
    use_up(few, AFAR)
    answer = builders.browser(few).get(
        f"{WRONG}?lang={language}", headers={"X-Forwarded-For": AFAR}
    )
    assert answer.status_code == 429
    assert f'<html lang="{language.partition("-")[0]}"' in answer.text


def test_a_letter_opens_as_often_as_people_have_letters(few: Flask) -> None:
    letter = builders.letter()
    path = "/Z/" + letter.url.rsplit("/", 1)[1]
    assert {ask(few, AFAR, path).status_code for _ in range(20)} == {303}
    use_up(few, AFAR)


def test_pages_that_open_nothing_stay_open(few: Flask) -> None:
    use_up(few, AFAR)
    for path in ("/", "/impressum", "/is-my-letter-real", "/nothing-here"):
        assert ask(few, AFAR, path).status_code in {200, 404}, path


def test_wrong_links_codes_and_numbers_count_together(few: Flask) -> None:
    browser = builders.browser(few)
    csrf = builders.token(browser.get("/"))
    wrong = {"code1": "7777", "csrf_token": csrf}
    headers = {"X-Forwarded-For": AFAR}
    for path in ("/", "/is-my-letter-real"):
        assert browser.post(path, data=wrong, headers=headers).status_code == 422
    assert ask(few, AFAR).status_code == 404
    assert browser.post("/", data=wrong, headers=headers).status_code == 429


def test_another_address_is_not_touched(few: Flask) -> None:
    use_up(few, AFAR)
    use_up(few, "93.184.216.35")


def test_an_ipv6_network_counts_as_one(few: Flask) -> None:
    assert [ask(few, f"2001:db8:0:1::{n}").status_code for n in (1, 2, 3, 4)] == [404] * 3 + [429]
    assert ask(few, "2001:db8:0:2::1").status_code == 404


def test_an_ipv4_address_written_as_ipv6_is_the_same(few: Flask) -> None:
    use_up(few, AFAR)
    assert ask(few, f"::ffff:{AFAR}").status_code == 429


def test_what_a_visitor_says_of_his_address_counts_for_nothing(few: Flask) -> None:
    told = [ask(few, f"10.0.0.{n}, {AFAR}").status_code for n in range(4)]
    assert told == [404, 404, 404, 429]


@pytest.mark.parametrize("free", ["127.0.0.1", "198.51.100.7"])
def test_this_machine_and_named_networks_are_not_limited(few: Flask, free: str) -> None:
    assert {ask(few, free).status_code for _ in range(9)} == {404}


def test_refused_tokens_get_a_problem_that_says_when(few: Flask) -> None:
    client = builders.browser(few)
    body = {"grant_type": "client_credentials"}
    headers = {"X-Forwarded-For": AFAR}
    for _ in range(3):
        answer = client.post(TOKEN, data=body, headers=headers, auth=("nobody", "x"))
        assert answer.status_code == 401
    answer = client.post(TOKEN, data=body, headers=headers, auth=("nobody", "x"))
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    assert answer.json is not None
    assert answer.json["code"] == "too_many_requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert ask(few, AFAR).status_code == 404, "citizens at this address are not touched"


def test_addresses_stand_in_no_log(few: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    use_up(few, AFAR)
    assert ask(few, AFAR).status_code == 429
    assert AFAR not in caplog.text


def test_every_limited_route_is_there(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert set(limits.LIMITED) <= known
    assert {each for each in limits.LIMITED if not each.startswith("token_api.")} <= {*WHO, *DOORS}
