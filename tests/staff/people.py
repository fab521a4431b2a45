"""People of the town hall, made as a test needs them, with their authenticator app in the hand."""

from dataclasses import dataclass

import pyotp
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.approvals.models import Approval
from portal.db import db, transaction
from portal.staff import granting, members
from portal.staff.roles import Grant, Role
from tests.builders import TOWN, token


@dataclass(frozen=True)
class Colleague:
    """Somebody with a local account."""

    login: str
    password: str
    secret: str
    tenant_id: str = TOWN

    @property
    def actor(self) -> str:
        return f"staff:{self.login}"

    def code(self) -> str:
        """What the app shows, as if half a minute had passed since its last code."""
        with transaction() as session:
            members.by_login(session, self.tenant_id, self.login).totp_step = 0
        return pyotp.TOTP(self.secret).at(clock.now())


def colleague(login: str, *grants: Role | Grant, tenant_id: str = TOWN) -> Colleague:
    """A person with these roles, each for the whole town unless it says otherwise."""
    with transaction() as session:
        member = members.add(session, tenant_id, login, f"Kollegin {login.title()}", "operator")
        for grant in grants:
            whole = grant if isinstance(grant, Grant) else Grant(grant)
            granting.give_at_the_machine(session, member, whole, "operator")
        keys = members.new_keys(session, current_app.extensions["keyring"], member, "operator")
    return Colleague(login, keys.password, keys.totp_secret, tenant_id)


def decide(who: FlaskClient, act: str, subject: str, decision: str = "approve") -> TestResponse:
    """What waits of an act is approved, or refused, on the page of all that waits."""
    db.session.rollback()
    query = select(Approval.id).where(Approval.act == act, Approval.subject == subject)
    number = db.session.scalars(query.order_by(Approval.id.desc())).first()
    told = {"why": "noch nicht geprüft", "csrf_token": token(who.get("/admin/account"))}
    return who.post(f"/admin/approvals/{number}/{decision}", data=told)


def waiting(who: FlaskClient) -> str:
    """The pages of all that waits, one after the other."""
    db.session.rollback()
    numbers = db.session.scalars(select(Approval.id).where(Approval.state == "asked")).all()
    return "".join(who.get(f"/admin/approvals/{number}").text for number in numbers)


def sign_in(client: FlaskClient, who: Colleague, back: str = "") -> FlaskClient:
    """The same browser, with this person signed in."""
    told = {"login": who.login, "password": who.password, "code": who.code(), "back": back}
    csrf = token(client.get("/admin/sign-in"))
    answer = client.post("/admin/sign-in", data={**told, "csrf_token": csrf})
    assert answer.status_code == 303, answer.text
    return client
