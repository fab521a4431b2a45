"""Signing in through the town's directory, at a real OpenID provider."""

import re
import time as clocks
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from oidc_provider_mock import User
from sqlalchemy import select

from portal import clock
from portal.admin.people import openid
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.staff import directory, members
from portal.staff.models import Directory, Sitting
from portal.staff.roles import Role
from portal.staff.sittings import PROOF_COUNTS
from tests import builders
from tests.admin.directories import at_the_directory, come, person, provider, use
from tests.builders import OTHER_TOWN, TOWN, token
from tests.staff.people import colleague, sign_in

# The provider in its thread speaks old words of Authlib, which warns of them.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CLERKS = "quitt-clerks"


@pytest.fixture(autouse=True)
def practice(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider on this machine speaks plain http, which only practice mode allows."""
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], demo=True))
    monkeypatch.setitem(app.extensions, "directories", {})


@contextmanager
def town_with(*people: User) -> Iterator[str]:
    with provider(*people) as issuer:
        use(issuer)
        yield issuer


def notes(act: str) -> list[dict[str, Any]]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow.detail).where(AuditRow.act == act)))


def member(login: str) -> tuple[str | None, str]:
    with transaction() as session:
        found = members.by_login(session, TOWN, login)
        return found.subject, found.display


def test_who_comes_first_gets_an_account_and_the_roles_of_the_groups(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS, "choir")) as issuer:
        answer = come(client, "jansen", "/admin/directory/sign-in?back=/admin/account?part=2")
        assert answer.location == "/admin/account?part=2"
        page = client.get("/admin/account").text
        assert "Sachbearbeitung" in page
        assert 'name="old"' not in page, "a password of the directory is not ours to change"
        assert member("jansen") == (f"{issuer} jansen", "Jansen")
        come(client, "jansen")
    with transaction() as session:
        assert len(members.all_of(session, TOWN)) == 1


def test_the_way_there_carries_pkce_state_and_nonce(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)):
        page = client.get("/admin/sign-in?back=/admin/account")
        way = re.search(r'href="(/admin/directory/sign-in[^"]*)"', page.text)
        assert way is not None
        told = parse_qs(urlsplit(str(client.get(way[1]).location)).query)
    assert told["response_type"] == ["code"]
    assert told["code_challenge_method"] == ["S256"]
    assert len(told["code_challenge"][0]) == 43
    assert told["redirect_uri"] == ["https://localhost/admin/directory/back"]
    assert told["state"][0]
    assert told["nonce"][0]


def test_who_has_no_role_here_is_told_what_to_do_and_gets_no_account(client: FlaskClient) -> None:
    with town_with(person("jansen", "choir")):
        answer = come(client, "jansen")
    assert answer.status_code == 403
    assert "keine Ihrer Gruppen" in answer.text
    assert notes("staff.sign_in_refused") == [{"why": "no_role"}]
    with transaction() as session:
        assert members.all_of(session, TOWN) == []


def test_groups_that_give_incompatible_roles_let_nobody_in(client: FlaskClient) -> None:
    with town_with(person("jansen", "quitt-cash", "quitt-approvers")):
        answer = come(client, "jansen")
    assert (answer.status_code, "niemand gleichzeitig" in answer.text) == (403, True)
    assert client.get("/admin/account").status_code == 303


def test_nobody_gets_a_local_account_by_its_name(client: FlaskClient) -> None:
    colleague("jansen", Role.APPROVER)
    with town_with(person("jansen", CLERKS)):
        assert come(client, "jansen").status_code == 409
    assert member("jansen")[0] is None


def test_of_an_address_as_login_only_its_name_is_kept(client: FlaskClient) -> None:
    address = "jansen@musterhausen.example"
    with town_with(person("7", CLERKS, preferred_username=address, name=address)) as issuer:
        assert come(client, "7").status_code == 303
        assert member("jansen") == (f"{issuer} 7", "jansen")


def test_an_account_that_ended_stays_ended(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)):
        come(client, "jansen")
        with transaction() as session:
            members.end(session, members.locked(session, TOWN, "jansen"), "operator")
        assert client.get("/admin/account").status_code == 303
        assert come(client, "jansen").status_code == 403


def test_whoever_breaks_it_off_there_gets_a_page_and_may_try_again(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)):
        answer = come(client, None)
        assert (answer.status_code, "/admin/sign-in" in answer.text) == (503, True)
        assert come(client, "jansen").status_code == 303


def test_an_answer_of_the_directory_counts_once_and_in_its_own_browser(
    app: Flask, client: FlaskClient
) -> None:
    with town_with(person("jansen", CLERKS)):
        back = at_the_directory(str(client.get("/admin/directory/sign-in").location), "jansen")
        stranger = builders.browser(app)
        assert stranger.get(back).location.startswith("/admin/sign-in")
        assert client.get(back).status_code == 303
        assert client.get(back).location.startswith("/admin/sign-in")
        assert stranger.get("/admin/account").status_code == 303


@pytest.mark.parametrize("changed", ["state=x", "code=x"])
def test_a_changed_answer_lets_nobody_in(client: FlaskClient, changed: str) -> None:
    name = changed.partition("=")[0]
    with town_with(person("jansen", CLERKS)):
        back = at_the_directory(str(client.get("/admin/directory/sign-in").location), "jansen")
        answer = client.get(re.sub(rf"\b{name}=[^&]*", changed, back))
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    assert len(notes("staff.directory_failed")) == 1


@pytest.mark.parametrize(
    ("claim", "value"),
    [("iss", "https://elsewhere.example"), ("aud", "another"), ("nonce", "n"), ("exp", 1)],
)
def test_an_id_token_that_was_made_for_something_else_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, claim: str, value: object
) -> None:
    from authlib.integrations.base_client import sync_openid
    from joserfc import jwt

    real = jwt.decode

    class Changed:
        """The library's own reading of the token, with one claim changed before it is checked."""

        @staticmethod
        def decode(*args: Any, **kwargs: Any) -> Any:
            token = real(*args, **kwargs)
            token.claims[claim] = value
            return token

    with town_with(person("jansen", CLERKS)):
        monkeypatch.setattr(sync_openid, "jwt", Changed)
        assert come(client, "jansen").status_code == 503
        assert client.get("/admin/account").status_code == 303


def test_a_directory_that_does_not_answer_is_a_page(client: FlaskClient) -> None:
    with provider() as issuer:
        use(issuer)
    answer = client.get("/admin/directory/sign-in")
    assert answer.status_code == 503
    assert "IT" in answer.text
    assert notes("staff.directory_failed") == [{"why": "ConnectionError"}]


def test_a_directory_that_calls_itself_otherwise_is_not_believed(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)) as issuer:
        with transaction() as session:
            row = session.get_one(Directory, TOWN)
            row.issuer = f"{issuer}/"
        assert client.get("/admin/directory/sign-in").status_code == 503
    assert notes("staff.directory_failed") == [{"why": "another_issuer"}]


def test_outside_practice_a_directory_is_spoken_with_over_https_only(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = replace(app.extensions["settings"], demo=False)
    with town_with(person("jansen", CLERKS)):
        monkeypatch.setitem(app.extensions, "settings", real)
        assert client.get("/admin/directory/sign-in").status_code == 503
    assert notes("staff.directory_failed") == [{"why": "not_https"}]


def test_who_signs_out_here_is_led_out_of_the_directory_too(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)) as issuer:
        come(client, "jansen")
        csrf = token(client.get("/admin/account"))
        answer = client.post("/admin/sign-out", data={"csrf_token": csrf})
        assert answer.location == "/admin/leaving/directory"
        page = client.get(answer.location).text
    assert f"{issuer}/oauth2/end_session?client_id=quitt&amp;post_logout_redirect_uri=" in page
    assert client.get("/admin/leaving/directory").location == "/admin/signed-out"
    assert client.get("/admin/account").status_code == 303


def proved_at() -> Any:
    db.session.rollback()
    return db.session.scalars(select(Sitting.proved_at).order_by(Sitting.began_at)).first()


def roles() -> list[str]:
    db.session.rollback()
    (told,) = db.session.scalars(select(Sitting.roles)).all()
    return sorted(role for role, _, _ in told["grants"])


def later(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=minutes))


def test_a_person_of_the_directory_proves_it_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with town_with(person("jansen", CLERKS, auth_time=int(clocks.time()) + 600)):
        come(client, "jansen")
        later(monkeypatch, 6)
        way = client.get("/admin/directory/prove")
        told = parse_qs(urlsplit(str(way.location)).query)
        assert (told["prompt"], told["max_age"]) == (["login"], ["0"])
        before = proved_at()
        answer = client.get(at_the_directory(str(way.location), "jansen"))
        assert answer.location == "/admin/directory/proved"
        assert "fünf Minuten" in client.get(answer.location).text
        assert proved_at() - before >= timedelta(minutes=6)


def test_a_proof_from_before_it_was_asked_for_is_none(client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS, auth_time=int(clocks.time()) - 3600)):
        come(client, "jansen")
        before = proved_at()
        assert come(client, "jansen", "/admin/directory/prove").status_code == 403
        assert proved_at() == before
    assert notes("staff.proof_refused") == [{"why": "auth_time"}]


def test_somebody_elses_proof_is_none(client: FlaskClient) -> None:
    fresh = int(clocks.time()) + 600
    with town_with(
        person("jansen", CLERKS), person("petersen", CLERKS, auth_time=fresh)
    ):  # fmt: skip
        come(client, "jansen")
        before = proved_at()
        assert come(client, "petersen", "/admin/directory/prove").status_code == 403
        assert proved_at() == before


def test_a_local_account_has_nothing_to_prove_at_the_directory(client: FlaskClient) -> None:
    with town_with():
        sign_in(client, colleague("jansen", Role.CLERK))
        assert client.get("/admin/directory/prove").status_code == 404


def test_a_town_without_a_directory_shows_none(app: Flask, client: FlaskClient) -> None:
    with town_with(person("jansen", CLERKS)):
        other = builders.browser(app, "127.0.0.1")
        assert "/admin/directory" not in other.get("/admin/sign-in").text
        assert other.get("/admin/directory/sign-in").status_code == 404
        assert "/admin/directory" in client.get("/admin/sign-in").text
    with transaction() as session:
        assert session.get(Directory, OTHER_TOWN) is None


@pytest.mark.parametrize("told", [None, True, "1", {}])
def test_an_auth_time_that_is_no_time_proves_nothing(told: object) -> None:
    assert not openid.proved_since({"auth_time": told}, 0.0)


@pytest.mark.parametrize(("ago", "proved"), [(3_600, False), (10, True)])
def test_who_is_let_through_without_a_word_has_proved_nothing(
    client: FlaskClient, ago: int, proved: bool
) -> None:
    """The directory remembers its people: signing out and in again must not open the till."""
    with town_with(person("jansen", CLERKS, auth_time=int(clocks.time()) - ago)):
        assert come(client, "jansen").status_code == 303
    assert (clock.now() - proved_at() <= PROOF_COUNTS) is proved


def test_of_a_directory_that_does_not_say_when_nothing_is_proved(client: FlaskClient) -> None:
    use("https://login.example")
    who = directory.Arrival("https://login.example", "7", "jansen", "Jansen", (CLERKS,))
    directory.welcome(TOWN, who)
    assert clock.now() - proved_at() > PROOF_COUNTS


@pytest.mark.parametrize("told", [None, True, "1", float("nan"), 1e300, -1, 10**12])
def test_an_auth_time_that_cannot_be_is_no_proof(told: object) -> None:
    assert openid.proved_at({"auth_time": told}) is None


def test_roles_are_those_of_the_groups_at_the_last_proof(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, real = int(clocks.time()) + 600, directory.prove
    with town_with(person("jansen", CLERKS, "quitt-approvers", auth_time=fresh)):
        come(client, "jansen")
        assert roles() == ["approver", "clerk"]

        def prove(groups: tuple[str, ...]) -> None:
            monkeypatch.setattr(
                directory, "prove", lambda who, told: real(who, replace(told, groups=groups))
            )

        prove((CLERKS,))
        assert come(client, "jansen", "/admin/directory/prove").status_code == 303
        assert roles() == ["clerk"]
        clerk = ["clerk", None, None]
        assert notes("staff.signed_in") == [{"grants": [["approver", None, None], clerk]}]
        assert notes("staff.roles_changed") == [{"grants": [clerk]}]
        prove(("choir",))
        assert come(client, "jansen", "/admin/directory/prove").status_code == 403
        assert client.get("/admin/account").status_code == 303
    assert notes("staff.sign_in_refused") == [{"why": "no_role"}]
