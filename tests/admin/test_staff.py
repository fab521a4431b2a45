"""The staff page: people, roles by two, new keys of which each of two sees one half."""

import re

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.approvals import deciding
from portal.approvals.deciding import Wanted
from portal.approvals.models import SealedPart
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.staff import members, new_keys
from portal.staff.roles import Grant, Role
from tests import builders
from tests.builders import TOWN, token
from tests.staff.people import Colleague, colleague, decide, sign_in, waiting


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("admin", Role.TENANT_ADMIN))


@pytest.fixture
def approver(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("petersen", Role.APPROVER))


def send(who: FlaskClient, path: str, **form: str) -> TestResponse:
    csrf = token(who.get("/admin/account"))
    return who.post(f"/admin/{path}", data={**form, "csrf_token": csrf})


def roles(login: str) -> tuple[Grant, ...]:
    with transaction() as session:
        member = members.by_login(session, TOWN, login)
        return members.grants_of(session, TOWN, member.id)


def test_a_person_gets_in_only_by_two_others(admin: FlaskClient, approver: FlaskClient) -> None:
    answer = send(admin, "new-person", login="Jansen", display="Jo Jansen")
    assert answer.location == "/admin/staff/jansen"
    assert "hat noch keine Zugangsdaten" in admin.get("/admin/staff/jansen").text
    send(admin, "staff/jansen/role", role="clerk", unit="20.1")
    assert roles("jansen") == ()
    page = waiting(approver)
    assert "jansen" in page
    assert "20.1" in page
    assert decide(approver, "staff.grant", "jansen:clerk:20.1:").status_code == 303
    assert roles("jansen") == (Grant(Role.CLERK, unit="20.1"),)


def test_who_asked_cannot_agree_and_may_take_it_back(admin: FlaskClient) -> None:
    colleague("jansen")
    send(admin, "staff/jansen/role", role="clerk")
    assert decide(admin, "staff.grant", "jansen:clerk::").status_code == 404
    assert roles("jansen") == ()
    assert decide(admin, "staff.grant", "jansen:clerk::", "refuse").status_code == 303
    assert waiting(admin) == ""


def test_one_who_approves_for_a_unit_only_gives_no_roles(app: Flask, admin: FlaskClient) -> None:
    colleague("jansen")
    send(admin, "staff/jansen/role", role="clerk")
    grants = (Grant(Role.APPROVER, unit="20.1"), Role.AUDITOR)
    narrow = sign_in(builders.browser(app), colleague("narrow", *grants))
    assert decide(narrow, "staff.grant", "jansen:clerk::").status_code == 404
    assert decide(narrow, "staff.grant", "jansen:clerk::", "refuse").status_code == 404


def test_incompatible_roles_are_refused_when_asked_for(admin: FlaskClient) -> None:
    colleague("jansen", Role.CASHIER)
    answer = send(admin, "staff/jansen/role", role="approver", unit="20.1")
    assert answer.status_code == 409
    assert "passen nicht zusammen" in answer.text
    assert 'value="20.1"' in answer.text


def test_a_role_that_is_none_is_told_beside_its_field(admin: FlaskClient) -> None:
    colleague("jansen")
    answer = send(admin, "staff/jansen/role", role="mayor", unit="a:b", kind="nothing")
    assert answer.status_code == 422
    assert set(re.findall(r'id="(\w+)-error"', answer.text)) == {"role", "unit", "kind"}


def test_agreeing_asks_for_a_proof_that_is_not_old(
    admin: FlaskClient, approver: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    colleague("jansen")
    send(admin, "staff/jansen/role", role="clerk")
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=6))
    assert decide(approver, "staff.grant", "jansen:clerk::").status_code == 422
    assert roles("jansen") == ()


def test_one_takes_a_role_back(admin: FlaskClient) -> None:
    colleague("jansen", Grant(Role.CLERK, unit="20.1"), Role.VIEWER)
    send(admin, "staff/jansen/take-back", grant="clerk:20.1:")
    assert roles("jansen") == (Grant(Role.VIEWER),)


def halves(admin: FlaskClient, approver: FlaskClient, login: str) -> tuple[str, str]:
    """Ask, agree, and what each of the two is shown: a page each."""
    assert send(admin, f"staff/{login}/keys").status_code == 303
    assert decide(approver, "staff.keys", login).status_code == 303
    return tuple(send(who, f"staff/{login}/show").text for who in (admin, approver))  # type: ignore[return-value]


def test_new_keys_are_shown_half_to_one_and_half_to_the_other_once(
    app: Flask, admin: FlaskClient, approver: FlaskClient
) -> None:
    old = colleague("jansen", Role.CLERK)
    seen, scanned = halves(admin, approver, "jansen")
    assert "<svg" in scanned
    assert "<svg" not in seen
    password = re.search(r"\b[a-zA-Z2-9]{20}\b", seen)
    secret = re.search(r"\b[A-Z2-7]{32}\b", scanned)
    assert password is not None
    assert secret is not None
    assert secret[0] not in seen
    assert password[0] not in scanned
    for who in (admin, approver):
        assert send(who, "staff/jansen/show").location == "/admin/staff/jansen"
    assert db.session.scalars(select(SealedPart)).all() == []
    db.session.rollback()
    new = Colleague("jansen", password[0], secret[0])
    assert sign_in(builders.browser(app), new).get("/admin/account").status_code == 200
    told = {"login": "jansen", "password": old.password, "code": pyotp.TOTP(old.secret).now()}
    stranger = builders.browser(app)
    told["csrf_token"] = token(stranger.get("/admin/sign-in"))
    assert stranger.post("/admin/sign-in", data=told).status_code == 403


def test_the_old_keys_count_until_another_has_agreed(app: Flask, admin: FlaskClient) -> None:
    who = colleague("jansen", Role.CLERK)
    send(admin, "staff/jansen/keys")
    assert decide(admin, "staff.keys", "jansen").status_code == 404
    sign_in(builders.browser(app), who)


def test_nobody_agrees_to_his_own_keys(admin: FlaskClient, approver: FlaskClient) -> None:
    send(admin, "staff/petersen/keys")
    assert decide(approver, "staff.keys", "petersen").status_code == 404
    assert approver.get("/admin/account").status_code == 200


def test_nobody_asks_for_his_own_keys_for_he_could_not_come_back_to_read_his_half(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    assert "/staff/admin/keys" not in admin.get("/admin/staff/admin").text
    answer = send(admin, "staff/admin/keys")
    assert (answer.status_code, "Ihre eigenen Zugangsdaten" in answer.text) == (409, True)
    with transaction() as session:  # asked for before that was the rule
        wanted = Wanted(new_keys.ACT, "admin", None, {"login": "admin"})
        deciding.ask(session, TOWN, wanted, "staff:admin")
    assert decide(approver, "staff.keys", "admin").status_code == 409
    assert admin.get("/admin/account").status_code == 200


def test_a_third_person_is_shown_nothing(
    app: Flask, admin: FlaskClient, approver: FlaskClient
) -> None:
    colleague("jansen", Role.CLERK)
    third = sign_in(builders.browser(app), colleague("other", Role.AUDITOR))
    send(admin, "staff/jansen/keys")
    decide(approver, "staff.keys", "jansen")
    assert send(third, "staff/jansen/show").location == "/admin/staff/jansen"
    assert len(db.session.scalars(select(SealedPart)).all()) == 2


def test_no_note_and_no_fact_holds_a_key(admin: FlaskClient, approver: FlaskClient) -> None:
    colleague("jansen", Role.CLERK)
    seen, scanned = halves(admin, approver, "jansen")
    keys = re.findall(r"\b[a-zA-Z2-9]{20}\b", seen) + re.findall(r"\b[A-Z2-7]{32}\b", scanned)
    db.session.rollback()
    noted = str([(row.subject, row.detail) for row in db.session.scalars(select(AuditRow))])
    assert len(keys) == 2
    assert not [key for key in keys if key in noted]


def test_an_account_ends_at_once_but_never_ones_own(
    app: Flask, admin: FlaskClient
) -> None:  # fmt: skip
    who = sign_in(builders.browser(app), colleague("jansen", Role.CLERK))
    send(admin, "staff/jansen/end")
    assert who.get("/admin/account").location.startswith("/admin/sign-in")
    assert send(admin, "staff/admin/end").status_code == 409
    assert admin.get("/admin/account").status_code == 200


@pytest.mark.parametrize(("login", "status"), [("jansen", 409), ("J J", 422), ("", 422)])
def test_a_login_that_cannot_be_taken_is_told(
    admin: FlaskClient, login: str, status: int
) -> None:  # fmt: skip
    colleague("jansen")
    answer = send(admin, "new-person", login=login, display="Somebody")
    assert (answer.status_code, 'value="Somebody"' in answer.text) == (status, True)
