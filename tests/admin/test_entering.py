"""Signing in and out of the admin view, as a browser does it."""

from datetime import timedelta

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock
from portal.admin.doors import DOORS, Open
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.staff import granting, members, new_keys, passwords, signing_in
from portal.staff.models import Sitting
from portal.staff.roles import Grant, Role
from portal.staff.sittings import MOST_WRONG, Person
from tests import builders
from tests.builders import TOWN, token
from tests.staff.people import colleague, sign_in


def test_every_page_of_the_admin_view_has_its_door(app: Flask) -> None:
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")}
    assert routes == set(DOORS)


def test_a_stranger_is_led_to_sign_in_and_back_again(client: FlaskClient) -> None:
    who = colleague("jansen", Role.CLERK)
    answer = client.get("/admin/account?part=2")
    assert answer.location == "/admin/sign-in?back=/admin/account?part%3D2"
    page = client.get(answer.location)
    told = {"login": who.login, "password": who.password, "code": who.code()}
    back = {"back": "/admin/account?part=2", "csrf_token": token(page)}
    assert client.post("/admin/sign-in", data=told | back).location == "/admin/account?part=2"
    assert "Jansen" in client.get("/admin/account").text


@pytest.mark.parametrize(
    "back",
    ["https://elsewhere.example/", "//elsewhere.example", "/admin/\\elsewhere", "/r/x/", "",
     "/admin/\r\nX: y"],
)  # fmt: skip
def test_signing_in_leads_to_no_other_house(client: FlaskClient, back: str) -> None:
    who = colleague("jansen", Role.CLERK)
    told = {"login": who.login, "password": who.password, "code": who.code(), "back": back}
    csrf = token(client.get("/admin/sign-in"))
    answer = client.post("/admin/sign-in", data={**told, "csrf_token": csrf})
    assert answer.location == "/admin/"


def test_whatever_was_wrong_the_page_says_the_same(client: FlaskClient) -> None:
    who = colleague("jansen", Role.CLERK)
    right = {"login": who.login, "password": who.password}
    csrf = token(client.get("/admin/sign-in"))

    def told(**wrong: str) -> str:
        data = {**right, "code": who.code(), **wrong, "csrf_token": csrf}
        answer = client.post("/admin/sign-in", data=data)
        assert answer.status_code == 403
        assert who.password not in answer.text
        return answer.text.split("<main")[1].split("<form")[0]

    assert told(password="x") == told(code="1") == told(login="nobody")


def test_the_cookie_is_the_hosts_own_and_no_script_reads_it(client: FlaskClient) -> None:
    who = colleague("jansen", Role.CLERK)
    told = {"login": who.login, "password": who.password, "code": who.code()}
    csrf = token(client.get("/admin/sign-in"))
    answer = client.post("/admin/sign-in", data={**told, "csrf_token": csrf})
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if "staff" in c]
    assert cookie.startswith("__Host-quitt-staff=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_after_a_quarter_of_an_hour_without_use_one_must_sign_in_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    now = clock.now
    for minutes in (10, 20, 30):  # used, it goes on
        monkeypatch.setattr(clock, "now", lambda by=minutes: now() + timedelta(minutes=by))
        assert client.get("/admin/account").status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=46))
    assert client.get("/admin/account").location.startswith("/admin/sign-in")


def test_who_signed_out_is_out_with_every_copy_of_the_cookie(
    app: Flask, client: FlaskClient
) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    copy = client.get_cookie("__Host-quitt-staff")
    assert copy is not None
    csrf = token(client.get("/admin/account"))
    client.post("/admin/sign-out", data={"csrf_token": csrf})
    other = builders.browser(app)
    other.set_cookie("__Host-quitt-staff", copy.value, secure=True)
    for browser in (client, other):
        assert browser.get("/admin/account").location.startswith("/admin/sign-in")


def test_one_towns_sitting_is_none_in_another(app: Flask, client: FlaskClient) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    cookie = client.get_cookie("__Host-quitt-staff")
    assert cookie is not None
    other = builders.browser(app, "127.0.0.1")
    other.set_cookie("__Host-quitt-staff", cookie.value, domain="127.0.0.1", secure=True)
    assert other.get("/admin/account").location.startswith("/admin/sign-in")


def test_a_role_that_was_taken_back_is_gone_at_the_next_page(client: FlaskClient) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    assert "Sachbearbeitung" in client.get("/admin/account").text
    granting.take_back(TOWN, "jansen", Grant(Role.CLERK), "staff:admin")
    assert "Sachbearbeitung" not in client.get("/admin/account").text


def test_what_is_not_ones_own_answers_as_if_it_were_not_there_and_is_noted(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.staff.roles import Right

    sign_in(client, colleague("jansen", Role.CLERK))
    monkeypatch.setitem(DOORS, "admin.account", Right.GRANT)
    refused, missing = client.get("/admin/account"), client.get("/admin/not-there")
    assert (refused.status_code, refused.data) == (404, missing.data)
    notes = db.session.execute(
        select(AuditRow.actor, AuditRow.subject).where(AuditRow.act == "staff.refused")
    )
    assert [tuple(row) for row in notes] == [("staff:jansen", "GET admin.account")]


def test_a_route_without_a_door_is_not_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    monkeypatch.delitem(DOORS, "admin.account")
    assert client.get("/admin/account").status_code == 404


def test_staff_read_german_or_english_whatever_the_citizens_page_spoke(client: FlaskClient) -> None:
    client.get("/?lang=uk")
    assert '<html lang="de">' in client.get("/admin/sign-in").text
    assert '<html lang="en">' in client.get("/admin/sign-in?lang=en").text


def test_a_new_password_asks_for_the_old_one_and_ends_the_other_sittings(
    app: Flask, client: FlaskClient
) -> None:
    who = colleague("jansen", Role.CLERK)
    elsewhere = sign_in(builders.browser(app), who)
    sign_in(client, who)
    csrf = token(client.get("/admin/account"))
    new = "vier kleine Worte 7"

    def change(**other: str) -> int:
        told = {"old": who.password, "new": new, "again": new, **other, "csrf_token": csrf}
        return client.post("/admin/account/password", data=told).status_code

    assert [change(old="x"), change(again="y"), change(new="kurz", again="kurz")] == [422] * 3
    assert change() == 303
    assert client.get("/admin/account").status_code == 200
    assert elsewhere.get("/admin/account").location.startswith("/admin/sign-in")


def test_an_account_that_ended_opens_nothing(client: FlaskClient) -> None:
    who = sign_in(client, colleague("jansen", Role.CLERK))
    with transaction() as session:
        members.end(session, members.locked(session, TOWN, "jansen"), "operator")
    assert who.get("/admin/account").location.startswith("/admin/sign-in")
    assert DOORS["admin.account"] is Open.SIGNED_IN


def test_a_password_that_is_changed_meanwhile_by_two_others_is_not_changed_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, keyring = colleague("jansen", Role.CLERK), current_app.extensions["keyring"]
    sign_in(client, who)
    csrf = token(client.get("/admin/account"))
    knows = signing_in.knows_password

    def then_two_others_end_it(person: Person, told: str) -> object:
        verified = knows(person, told)
        new_keys.ask(TOWN, who.login, "staff:anna")
        new_keys.approve(keyring, TOWN, who.login, "staff:bert")
        return verified

    monkeypatch.setattr(signing_in, "knows_password", then_two_others_end_it)
    new = "vier kleine Worte 7"
    told = {"old": who.password, "new": new, "again": new, "csrf_token": csrf}
    assert client.post("/admin/account/password", data=told).status_code == 422
    assert client.get("/admin/account").status_code == 303
    part, given = new_keys.show(keyring, TOWN, who.login, "staff:anna") or ("", "")
    with transaction() as session:
        kept = members.by_login(session, TOWN, who.login).password
    assert (part, passwords.is_right(kept, given)) == ("password", True)


def test_a_new_password_makes_the_sitting_no_younger_and_proves_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = colleague("jansen", Role.CLERK)
    sign_in(client, who)
    csrf = token(client.get("/admin/account"))

    def sitting() -> tuple[object, object]:
        db.session.rollback()
        row = db.session.scalars(select(Sitting).where(Sitting.ended_at.is_(None))).one()
        return row.began_at, row.proved_at

    before, now = sitting(), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=10))
    new = {"old": who.password, "new": "vier kleine Worte 7", "again": "vier kleine Worte 7"}
    answer = client.post("/admin/account/password", data={**new, "csrf_token": csrf})
    assert answer.status_code == 303
    assert client.get("/admin/account").status_code == 200
    assert sitting() == before


def test_guessing_the_password_so_far_ends_the_sitting(client: FlaskClient) -> None:
    who = colleague("jansen", Role.CLERK)
    sign_in(client, who)
    told = {"new": "vier kleine Worte 7", "again": "vier kleine Worte 7"}
    told["csrf_token"] = token(client.get("/admin/account"))
    for number in range(MOST_WRONG):
        answer = client.post("/admin/account/password", data={**told, "old": f"guess {number}"})
        assert answer.status_code == 422
    answer = client.post("/admin/account/password", data={**told, "old": who.password})
    assert answer.location.startswith("/admin/sign-in")
    query = select(AuditRow.actor).where(AuditRow.act == "staff.password_refused")
    assert db.session.scalars(query).all() == ["staff:jansen"] * MOST_WRONG


@pytest.mark.parametrize(
    "path",
    ["requests/%00", "staff/%00", "settings/accounts/%00", "settings/texts/%00",
     "audit?subject=%00", "audit?actor=%00", "requests?after=%5B%222026-01-01%22%2C1%00%5D",
     f"approvals/{2**63}", f"tasks/{2**70}", f"rules/{2**63}", "reconciliation/%00",
     "requests?after=[%222026-01-01T00:00:00%2B00:00%22,%22%5Cud800%22]",
     "payments?paid_from=2026-01-01&after=[%222026-01-01%22,%22%5Cud800%22]",
     "payments?paid_from=2026-01-01&after=[%222026-01-01%22,%22%5Cu0000%22]",
     "search?q=%00", "rules?amount=%00", "tasks?behind=%00"],
)  # fmt: skip
def test_what_no_row_can_hold_is_no_fault_of_ours(client: FlaskClient, path: str) -> None:
    sign_in(client, colleague("jansen", Role.CLERK, Role.AUDITOR, Role.TENANT_ADMIN))
    assert client.get(f"/admin/{path}").status_code in {200, 404, 422}
