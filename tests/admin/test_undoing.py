"""A settlement report with a difference is undone from its task; what came in a file, whole."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.db import db
from portal.ledger.settlements import SettlementUndoing
from portal.money import Money
from portal.providers.protocol import SettlementLine
from portal.settlements import settle
from portal.staff.roles import Role
from portal.worklist.kinds import Kind
from tests import builders
from tests.admin import kinds_of_tasks as made
from tests.admin.test_tasks import notes, offered, send, stands
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.settlements.test_files import arrive, imported, keyring, reference, row
from tests.settlements.test_settle import balances, paid
from tests.staff.people import colleague, sign_in

UNDONE = {"suspense": 10_000, "transit": 0, "fees": 0, "differences": 0}


@pytest.fixture
def clerk(client: FlaskClient) -> FlaskClient:
    """A clerk's browser, in English."""
    sign_in(client, colleague("jansen", Role.CLERK))
    client.get("/admin/account?lang=en")
    return client


def of_a_file(provider: FakeProvider) -> int:
    """The task of a file whose first report holds a euro that fits nothing."""
    (payment,) = paid(provider, 10_000)
    imported(
        row("Zahlung", reference(payment), "100,00"),
        row("Zahlung", "f-1", "1,00"),
        row("Entgelt", "monthly", "", "2,00", s="s2"),
    )
    return made.number(Kind.SETTLEMENT_DIFFERENCE)


def undone() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(SettlementUndoing)) or 0


def test_a_report_is_undone_with_its_whole_file(clerk: FlaskClient, provider: FakeProvider) -> None:
    number = of_a_file(provider)
    page = f"/admin/tasks/{number}/undo"
    assert "undo" in offered(clerk.get(f"/admin/tasks/{number}"), number)
    assert "whole file" in clerk.get(page).text
    answer = send(clerk, page, reason="mit der falschen\r\nSpalte gelesen")
    assert answer.status_code == 303
    assert "The file with 2 settlement reports is undone" in clerk.get(answer.location).text
    assert (undone(), balances()) == (2, UNDONE)
    assert stands(number).ended_by == "staff:jansen"
    assert notes("settlement.undone") == ["staff:jansen"] * 2
    assert offered(clerk.get(f"/admin/tasks/{number}"), number) == set(), "a file is read in anew"


def test_a_report_that_the_provider_told_is_undone_alone(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    (payment,) = paid(provider, 10_000)
    other = SettlementLine("other", "", "o-1", Money(-77), Money(0))
    provider.settle("s1", [payment], 0, other)
    settle.settle(keyring(), TOWN, "card", "s1")
    number = made.number(Kind.SETTLEMENT_DIFFERENCE)
    answer = send(clerk, f"/admin/tasks/{number}/undo", reason="falsch gemeldet")
    assert "The settlement report is undone" in clerk.get(answer.location).text
    assert (undone(), balances()) == (1, UNDONE)


def test_a_report_that_was_undone_is_fetched_again_from_the_same_page(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    (payment,) = paid(provider, 10_000)
    other = SettlementLine("other", "", "o-1", Money(-77), Money(0))
    provider.settle("s1", [payment], 0, other)
    settle.settle(keyring(), TOWN, "card", "s1")
    booked, number = balances(), made.number(Kind.SETTLEMENT_DIFFERENCE)
    page = f"/admin/tasks/{number}"
    assert "refetch" not in offered(clerk.get(page), number)
    send(clerk, f"{page}/undo", reason="falsch gemeldet")
    assert not settle.settle(keyring(), TOWN, "card", "s1"), "by itself it is not fetched"
    assert "refetch" in offered(clerk.get(page), number)
    answer = send(clerk, f"{page}/refetch")
    assert "The settlement report is booked anew" in clerk.get(answer.location).text
    assert balances() == booked
    assert notes("settlement.asked") == ["staff:jansen"]
    assert "refetch" not in offered(clerk.get(page), number)
    arrive("s1", 9_923)


@pytest.mark.parametrize("reason", ["", "x" * 201, "von anna@example.org"])
def test_it_takes_a_reason_that_names_nobody(
    clerk: FlaskClient, provider: FakeProvider, reason: str
) -> None:
    number = of_a_file(provider)
    answer = send(clerk, f"/admin/tasks/{number}/undo", reason=reason)
    assert (answer.status_code, 'id="reason-error"' in answer.text) == (422, True)
    assert undone() == 0


def test_what_stands_on_the_bank_account_is_not_undone(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    number = of_a_file(provider)
    arrive("s1", 10_100)
    answer = send(clerk, f"/admin/tasks/{number}/undo", reason="falsch gelesen")
    assert (answer.status_code, "is on the bank account" in answer.text) == (409, True)
    assert undone() == 0


def test_who_moves_no_money_undoes_nothing(app: Flask, provider: FakeProvider) -> None:
    number = of_a_file(provider)
    who = sign_in(builders.browser(app), colleague("anna", Role.VIEWER))
    assert "undo" not in offered(who.get(f"/admin/tasks/{number}"), number)
    assert send(who, f"/admin/tasks/{number}/undo", reason="falsch").status_code == 404
    assert undone() == 0
