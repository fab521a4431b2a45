"""Access: client credentials in, a signed token out, good for ten minutes."""

import base64
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from portal import clock
from portal.admin import cookie
from portal.db import transaction
from portal.finance import oauth
from portal.finance.clients import UnknownScope, create_client
from portal.keys import Keyring, new_key
from portal.web import cookies
from tests.contract import basic, bearer, client_of, revoke, token_of

TOKEN = "/api/v1/oauth/token"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def known(app):
    return client_of(app, "musterhausen", "events:read", "requests:read")


def test_a_client_gets_a_token_that_is_never_cached(app, known):
    answer = app.test_client().post(TOKEN, data=GRANT, headers=basic(known))
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] <= 600
    assert answer.json["scope"] == "events:read requests:read"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_secret_may_come_in_the_body(app, known):
    told = {**GRANT, "client_id": known[0], "client_secret": known[1], "scope": "events:read"}
    assert app.test_client().post(TOKEN, data=told).json["scope"] == "events:read"


@pytest.mark.parametrize(
    ("form", "wrong", "status", "code"),
    [
        (GRANT, True, 401, "invalid_client"),
        ({"grant_type": "password"}, False, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "requests:write"}, False, 400, "invalid_scope"),
        ({}, False, 400, "invalid_request"),
        ({"grant_type": ["client_credentials"] * 2}, False, 400, "invalid_request"),
        ({**GRANT, "client_secret": "again"}, False, 400, "invalid_request"),
    ],
)
def test_a_refusal_speaks_rfc_6749(app, known, form, wrong, status, code):
    client = (known[0], "wrong") if wrong else known
    answer = app.test_client().post(TOKEN, data=form, headers=basic(client))
    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_who_says_nothing_is_no_client(app):
    answer = app.test_client().post(TOKEN, data=GRANT)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_secret_in_the_address_does_not_count(app, known):
    address = f"{TOKEN}?grant_type=client_credentials&client_id={known[0]}&client_secret={known[1]}"
    answer = app.test_client().post(address, data={})
    assert answer.status_code == 401


def test_the_secret_is_not_stored(app, known):
    from portal.finance.models import Client

    with app.app_context(), transaction() as session:
        row = session.get_one(Client, known[0])
        assert known[1].encode() not in row.secret_sha256
        assert len(row.secret_sha256) == 32


def test_an_unknown_scope_is_never_given(app):
    with app.app_context(), pytest.raises(UnknownScope), transaction() as session:
        create_client(session, "musterhausen", ["events:write"])


def test_a_token_ends_after_ten_minutes_by_the_clock(app, known, monkeypatch):
    token = token_of(app, known)
    now = clock.now()
    for minutes, status in ((9, 200), (11, 401)):
        monkeypatch.setattr(clock, "now", lambda m=minutes: now + timedelta(minutes=m))
        answer = app.test_client().get("/api/v1/events", headers=token)
        assert answer.status_code == status
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_token_of_a_revoked_client_stops_at_once(app, known):
    token = token_of(app, known)
    revoke(app, known[0])
    assert app.test_client().get("/api/v1/events", headers=token).status_code == 401
    assert app.test_client().post(TOKEN, data=GRANT, headers=basic(known)).status_code == 401


def test_a_token_outlives_a_new_key_but_not_the_loss_of_its_own(app, known, monkeypatch):
    old = app.extensions["keyring"]
    fresh = Keyring.parse(new_key("k9"))
    token = token_of(app, known)
    client = app.test_client()
    monkeypatch.setitem(app.extensions, "keyring", Keyring((*fresh.keys, *old.keys)))
    assert client.get("/api/v1/events", headers=token).status_code == 200
    monkeypatch.setitem(app.extensions, "keyring", fresh)
    assert client.get("/api/v1/events", headers=token).status_code == 401


def test_a_revoked_key_signs_no_token_and_no_cookie(app, known, monkeypatch):
    (old,) = app.extensions["keyring"].keys
    ring = Keyring((*Keyring.parse(new_key("k9")).keys, replace(old, revoked=True)))
    token = token_of(app, known)
    monkeypatch.setitem(app.extensions, "keyring", ring)
    assert app.test_client().get("/api/v1/events", headers=token).status_code == 401
    bare = Flask("portal")
    bare.extensions |= {"settings": app.extensions["settings"], "keyring": ring}
    cookies.init_app(bare)
    assert bare.config["SECRET_KEY_FALLBACKS"] == []
    with app.app_context():
        assert len(cookie._serializers(ring)) == 1


def test_a_bent_token_is_none(app, known):
    token = token_of(app, known)["Authorization"]
    middle = len(token) // 2
    bent = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for bad in (bent, "Bearer " + secrets.token_urlsafe(60), "Bearer x.y", "Basic eDp5", ""):
        answer = app.test_client().get("/api/v1/events", headers={"Authorization": bad})
        assert answer.status_code == 401
        assert answer.mimetype == "application/problem+json"


def test_a_scope_taken_from_the_client_is_taken_from_its_tokens(app, known):
    from portal.finance.models import Client

    token = token_of(app, known)
    with app.app_context(), transaction() as session:
        session.get_one(Client, known[0]).scopes = ["requests:read"]
    assert app.test_client().get("/api/v1/events", headers=token).status_code == 403


def test_credentials_do_not_show_the_secret():
    assert "hidden" not in repr(oauth.Credentials("c_1", "hidden"))


def test_a_lacking_scope_is_forbidden(app):
    token = bearer(app, "musterhausen", "requests:read")
    answer = app.test_client().get("/api/v1/events", headers=token)
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_garbage_for_credentials_is_a_refusal_and_no_fault(app):
    for bad in (b"\xff\xfe:\xff", b"nocolon", b"\0:\0", b""):
        header = {"Authorization": "Basic " + base64.b64encode(bad).decode()}
        answer = app.test_client().post(TOKEN, data=GRANT, headers=header)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
