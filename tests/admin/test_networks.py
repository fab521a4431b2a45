"""The admin view may be opened from the town's own networks only, and nobody locks himself out."""

from contextlib import nullcontext
from ipaddress import ip_address

import pytest
from click.testing import CliRunner
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit import AuditRow
from portal.db import db
from portal.staff import networks
from portal.staff.cli import staff
from portal.staff.roles import Role
from tests import builders
from tests.builders import TOWN, token
from tests.staff.people import colleague, sign_in

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}
HERE = ip_address("127.0.0.1")


def close(*told: str) -> None:
    networks.put(TOWN, networks.read("\n".join(told)), HERE, "staff:admin")


def put(who: FlaskClient, text: str) -> TestResponse:
    csrf = token(who.get("/admin/settings/networks"))
    data = {"networks": text, "csrf_token": csrf}
    return who.post("/admin/settings/networks", data=data)


def test_from_elsewhere_the_administration_is_not_there(app: Flask, client: FlaskClient) -> None:
    assert client.get("/admin/sign-in", environ_base=ELSEWHERE).status_code == 200
    close("127.0.0.0/8")
    refused = client.get("/admin/sign-in", environ_base=ELSEWHERE)
    missing = client.get("/admin/not-there", environ_base=ELSEWHERE)
    assert (refused.status_code, refused.data) == (404, missing.data)
    assert client.get("/admin/sign-in").status_code == 200
    other = builders.browser(app, "127.0.0.1")
    assert other.get("/admin/sign-in", environ_base=ELSEWHERE).status_code == 200
    assert client.get("/", environ_base=ELSEWHERE).status_code == 200, "citizens come from anywhere"


def test_a_cookie_that_was_taken_opens_nothing_elsewhere_and_is_noted(client: FlaskClient) -> None:
    sign_in(client, colleague("jansen", Role.CLERK))
    close("127.0.0.0/8")
    assert client.get("/admin/account", environ_base=ELSEWHERE).status_code == 404
    notes = db.session.scalars(select(AuditRow.subject).where(AuditRow.act == "staff.refused"))
    assert notes.all() == ["from another network"]


def test_nobody_locks_himself_out(client: FlaskClient) -> None:
    sign_in(client, colleague("admin", Role.TENANT_ADMIN))
    answer = put(client, "10.20.0.0/16")
    assert (answer.status_code, "127.0.0.1" in answer.text) == (409, True)
    assert "10.20.0.0/16" in answer.text, "what was typed stays"
    assert put(client, "10.20.0.0/16, 127.0.0.0/8").status_code == 303
    assert networks.of(db.session(), TOWN) == ("10.20.0.0/16", "127.0.0.0/8")


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.1/8", "10.0.0.0/99", "127.0.0.0/8 <b>"])
def test_what_is_no_network_is_told(client: FlaskClient, text: str) -> None:
    sign_in(client, colleague("admin", Role.TENANT_ADMIN))
    assert put(client, text).status_code == 422
    assert networks.of(db.session(), TOWN) == ()


def test_whoever_runs_the_portal_lets_everybody_in_again(client: FlaskClient) -> None:
    close("127.0.0.0/8")
    keyring = current_app.extensions["keyring"]
    for arguments, said in (([], "127.0.0.0/8\n"), (["--clear"], "from everywhere\n")):
        told = ["networks", TOWN, *arguments]
        result = CliRunner().invoke(staff, told, obj=lambda: nullcontext(keyring))
        assert result.output == said
    assert client.get("/admin/sign-in", environ_base=ELSEWHERE).status_code == 200


def test_an_address_of_no_network_is_let_in_only_where_all_are() -> None:
    assert networks.lets_in((), None)
    assert not networks.lets_in(("10.0.0.0/8",), None)
    assert networks.lets_in(("10.0.0.0/8", "2001:db8::/32"), ip_address("2001:db8::7"))
