"""The page on which a town says who gets the daily mail."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import db
from portal.proof import daily
from portal.staff.roles import Role
from tests.builders import TOWN, token
from tests.staff.people import colleague, sign_in

PAGE = "/admin/daily-mail"


def send(client: FlaskClient, mailboxes: str, hour: str = "7") -> tuple[int, str]:
    csrf = token(client.get("/admin/account"))
    told = {"mailboxes": mailboxes, "hour": hour, "csrf_token": csrf}
    answer = client.post(PAGE, data=told)
    return answer.status_code, answer.text


def boxes() -> list[tuple[str, int]]:
    db.session.rollback()
    return [(row.address, row.hour) for row in daily.set_for(db.session(), TOWN)]


def test_the_administrator_sets_and_ends_it(client: FlaskClient) -> None:
    sign_in(client, colleague("chef", Role.TENANT_ADMIN))
    assert send(client, "kasse@town.example\nkaemmerei@town.example; ", "6")[0] == 303
    assert boxes() == [("kaemmerei@town.example", 6), ("kasse@town.example", 6)]
    shown = client.get(PAGE).text
    assert "kasse@town.example" in shown
    assert '<option value="6" selected>' in shown
    assert send(client, "")[0] == 303
    assert boxes() == []
    assert "Die tägliche E-Mail ist abgeschaltet." in client.get(PAGE).text


@pytest.mark.parametrize(
    ("mailboxes", "hour", "sentence"),
    [
        ("kasse@town.example\nniemand", "7", "Eine Angabe ist keine E-Mail-Adresse."),
        (" ".join(f"b{n}@town.example" for n in range(11)), "7", "höchstens zehn"),
        ("kasse@town.example", "25", "Bitte wählen Sie eine Stunde."),
        ("kasse@town.example", "x", "Bitte wählen Sie eine Stunde."),
    ],
)
def test_what_was_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    client: FlaskClient, mailboxes: str, hour: str, sentence: str
) -> None:
    sign_in(client, colleague("chef", Role.TENANT_ADMIN))
    status, page = send(client, mailboxes, hour)
    assert (status, sentence in page, "town.example" in page) == (422, True, True)
    assert boxes() == []


def test_the_audit_says_that_it_was_set_and_no_address(client: FlaskClient) -> None:
    sign_in(client, colleague("chef", Role.TENANT_ADMIN))
    send(client, "kasse@town.example")
    notes = text("SELECT actor, detail::text FROM audit WHERE act = 'daily_mail.set'")
    ((actor, detail),) = db.session.execute(notes).all()
    assert (actor, "@" in detail) == ("staff:chef", False)


def test_who_may_only_look_finds_no_form(client: FlaskClient) -> None:
    sign_in(client, colleague("pruefer", Role.AUDITOR))
    assert "<textarea" not in client.get(PAGE).text
    assert send(client, "kasse@town.example")[0] == 404
    assert boxes() == []
