"""A NUL, which no text of ours can hold, is the sender's fault in every form, and never ours."""

import re
from collections.abc import Iterator

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from portal.staff.roles import Role
from portal.web.cookies import MACHINES
from tests import builders
from tests.builders import token
from tests.staff.people import colleague, sign_in

LEAST = 80  # forms
ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
MADE_UP = {"int": "1", "payment": "0" * 32}


def forms(app: Flask) -> Iterator[str]:
    """Where each form of citizens and staff is sent."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "POST" in (rule.methods or set()) and not str(rule).startswith(MACHINES):
            yield ARGUMENT.sub(lambda found: MADE_UP.get(found[1], "made-up-q7"), str(rule))


def test_no_form_takes_a_nul_and_none_fails_by_it(app: Flask, client: FlaskClient) -> None:
    staff = sign_in(builders.browser(app), colleague("jansen", Role.CLERK, Role.TENANT_ADMIN))
    csrf = {client: token(client.get("/")), staff: token(staff.get("/admin/account"))}
    asked = list(forms(app))
    assert len(asked) >= LEAST
    for path in asked:
        browser = staff if path.startswith("/admin/") else client
        for text in ("\0", "K-1\0", "\0" * 5_000):
            told = MultiDict([("csrf_token", csrf[browser]), ("any", "one"), ("any", text)])
            answer = browser.post(path, data=told)
            assert answer.status_code == 400, (path, answer.status_code)
    assert "unvollständig" in answer.text


def test_a_name_with_a_nul_reaches_no_row(app: Flask, client: FlaskClient) -> None:
    sign_in(client, colleague("admin", Role.TENANT_ADMIN))
    told = {"login": "neu", "display": "N\0", "csrf_token": token(client.get("/admin/account"))}
    assert client.post("/admin/new-person", data=told).status_code == 400
    assert "neu" not in client.get("/admin/staff").text
