"""Reserves: what a provider holds back is seen, and closed by order by two people."""

import re

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.money import Money
from portal.providers.protocol import SettlementLine
from portal.settlements import reserves, settle
from portal.staff.roles import Grant, Role
from tests import builders
from tests.builders import TOWN, token
from tests.fakes import FakeProvider
from tests.settlements.test_settle import balance
from tests.staff.people import colleague, decide, sign_in

CLOSE = "/admin/reserves/card/close"


@pytest.fixture
def held(provider: FakeProvider) -> None:
    """The account card holds 10 euros back."""
    hold = SettlementLine("reserve", "", "hold-1", Money(-1_000), Money(0))
    provider.settle("s2", [], 0, hold)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s2")


@pytest.fixture
def clerk(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("jansen", Role.CLERK))


def send(who: FlaskClient, **told: str) -> TestResponse:
    csrf = token(who.get("/admin/account"))
    return who.post(CLOSE, data={"currency": "EUR", **told, "csrf_token": csrf})


def wrong(answer: TestResponse) -> tuple[int, set[str]]:
    return answer.status_code, set(re.findall(r'id="([\w-]+)-error"', answer.text))


@pytest.mark.usefixtures("held")
def test_a_clerk_finds_the_reserve_beside_suspense_and_closes_it_with_another(
    app: Flask, clerk: FlaskClient
) -> None:
    assert 'href="/admin/reserves"' in clerk.get("/admin/held").text
    page = clerk.get("/admin/reserves").text
    assert "10,00\xa0€" in page
    assert f'href="{CLOSE}"' in page
    assert "10,00\xa0€" in clerk.get(CLOSE).text
    answer = send(clerk, amount="4,00", order="AO-7")
    assert answer.status_code == 303
    assert "Beantragt" in clerk.get(answer.location).text
    assert balance("reserves:card") == 1_000
    bert = sign_in(builders.browser(app), colleague("bert", Role.APPROVER))
    assert decide(bert, reserves.ACT, "card:EUR").status_code == 303
    assert balance("reserves:card") == 600
    assert "6,00\xa0€" in clerk.get("/admin/reserves").text


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("change", "field"),
    [({"amount": "0"}, "amount"), ({"amount": "much"}, "amount"), ({"amount": "10,01"}, "amount"),
     ({"order": ""}, "order"), ({"order": "x" * 65}, "order"), ({"currency": "NOK"}, "amount")],
)  # fmt: skip
def test_what_cannot_be_closed_is_told_beside_its_field(
    clerk: FlaskClient, change: dict[str, str], field: str
) -> None:
    told = {"amount": "10,00", "order": "AO-7", **change}
    answer = send(clerk, **told)
    assert wrong(answer) == (422, {field})
    if told["order"]:
        assert f'value="{told["order"]}"' in answer.text


@pytest.mark.usefixtures("held")
def test_the_same_is_asked_for_once(clerk: FlaskClient) -> None:
    assert send(clerk, amount="4,00", order="AO-7").status_code == 303
    assert wrong(send(clerk, amount="5,00", order="AO-8")) == (422, {"order"})


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("grant", [Grant(Role.CLERK, "20.1"), Grant(Role.VIEWER)], ids=str)
def test_who_has_not_the_whole_towns_money_closes_nothing(app: Flask, grant: Grant) -> None:
    who = sign_in(builders.browser(app), colleague("anna", grant))
    assert who.get(CLOSE).status_code == 404
    assert send(who, amount="4,00", order="AO-7").status_code == 404
    assert who.get("/admin/reserves").status_code == (200 if grant.whole else 404)
    assert ("/admin/reserves" in who.get("/admin/held").text) is grant.whole


def test_where_nothing_is_held_back_the_page_says_so(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    assert "behält etwas ein" in clerk.get("/admin/reserves").text
    assert "<form" not in clerk.get(CLOSE).text.split("<main")[1]
    answer = send(clerk, amount="4,00", order="AO-7")
    assert (answer.status_code, answer.location) == (303, "/admin/reserves")
    assert "nicht mehr einbehalten" in clerk.get("/admin/reserves").text
