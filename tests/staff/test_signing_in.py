"""Signing in with password and one-time code."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.keys import Keyring
from portal.staff import members, passwords, signing_in, sittings
from portal.staff.models import Sitting, StaffMember
from portal.staff.roles import Grant, Right, Role
from portal.staff.signing_in import MOST_WRONG, NotSignedIn, Told
from tests.builders import OTHER_TOWN, TOWN
from tests.staff.people import Colleague, colleague

pytestmark = pytest.mark.usefixtures("client")


def attempt(app: Flask, who: Colleague, tenant_id: str = TOWN, **other: str) -> str:
    told = {"login": who.login, "password": who.password, "code": "", **other}
    told["code"] = told["code"] or who.code()
    return signing_in.sign_in(app.extensions["keyring"], tenant_id, Told(**told))


def person(name: str) -> sittings.Person | None:
    db.session.rollback()
    return sittings.find(db.session(), TOWN, name)


def later(monkeypatch: pytest.MonkeyPatch, **by: int) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(**by))


def test_password_and_code_begin_a_sitting_with_the_persons_roles(app: Flask) -> None:
    found = person(attempt(app, colleague("jansen", Role.CLERK, Grant(Role.AUDITOR, unit="20"))))
    assert found is not None
    assert (found.login, found.actor, found.local) == ("jansen", "staff:jansen", True)
    assert found.may(Right.MOVE_MONEY)
    assert found.reach(Right.EXPORT).whole


@pytest.mark.parametrize(
    "wrong",
    [{"password": "not it at all"}, {"code": "000000"}, {"login": "nobody"}, {"code": "12345"},
     {"login": "jan\0sen"}, {"code": "٠٠٠٠٠٠"}],
    ids=repr,
)  # fmt: skip
def test_nothing_wrong_signs_in(app: Flask, wrong: dict[str, str]) -> None:
    who = colleague("jansen", Role.CLERK)
    with pytest.raises(NotSignedIn):
        attempt(app, who, **wrong)
    assert db.session.scalars(select(Sitting)).all() == []


def test_another_towns_person_signs_in_nowhere_else(app: Flask) -> None:
    with pytest.raises(NotSignedIn):
        attempt(app, colleague("jansen", Role.CLERK), OTHER_TOWN)


def test_a_code_counts_once(app: Flask) -> None:
    who = colleague("jansen", Role.CLERK)
    code = who.code()
    attempt(app, who, code=code)
    with pytest.raises(NotSignedIn):
        attempt(app, who, code=code)


def test_after_ten_wrong_tries_the_right_one_must_wait(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = colleague("jansen", Role.CLERK)
    for _ in range(MOST_WRONG):
        with pytest.raises(NotSignedIn):
            attempt(app, who, password="wrong and wrong")
    with pytest.raises(NotSignedIn):
        attempt(app, who)
    later(monkeypatch, minutes=16)
    assert attempt(app, who)


def test_of_many_guesses_at_once_no_more_are_looked_at_than_are_left(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, looked = colleague("jansen", Role.CLERK), []

    def look(kept: str | None, told: str) -> bool:
        looked.append(kept)
        return False

    monkeypatch.setattr(passwords, "is_right", look)

    def guess(number: int) -> None:
        with app.app_context(), pytest.raises(NotSignedIn):
            attempt(app, who, password=f"guess {number}", code="123456")

    with ThreadPoolExecutor(8) as many:
        list(many.map(guess, range(40)))
    assert len([kept for kept in looked if kept is not None]) == MOST_WRONG


def test_a_sitting_ends_after_eight_hours(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    name = attempt(app, colleague("jansen", Role.CLERK))
    later(monkeypatch, hours=7, minutes=59)
    assert person(name)
    later(monkeypatch, minutes=2)
    assert person(name) is None


def test_a_new_password_and_an_end_end_all_sittings(app: Flask) -> None:
    who = colleague("jansen", Role.CLERK)
    first = attempt(app, who)
    with transaction() as session:
        members.set_password(session, members.locked(session, TOWN, "jansen"), "correct horse 9!")
    assert person(first) is None
    second = attempt(app, who, password="correct horse 9!")
    with transaction() as session:
        members.end(session, members.locked(session, TOWN, "jansen"), "operator")
    assert person(second) is None
    with pytest.raises(NotSignedIn):
        attempt(app, who, password="correct horse 9!")


def test_a_proof_counts_for_five_minutes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    who = colleague("jansen", Role.CLERK)
    name = attempt(app, who)
    found = person(name)
    assert found is not None
    sittings.check_proof(found)
    later(monkeypatch, minutes=6)
    with pytest.raises(sittings.ProofNeeded):
        sittings.check_proof(found)
    keyring: Keyring = app.extensions["keyring"]
    assert not signing_in.prove(keyring, found, "000000")
    assert signing_in.prove(keyring, found, who.code())
    fresh = person(name)
    assert fresh is not None
    sittings.check_proof(fresh)


def test_what_is_kept_shows_neither_password_nor_secret_nor_the_sittings_name(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", passwords.OWASP)
    who = colleague("jansen", Role.CLERK)
    name = attempt(app, who)
    member = db.session.scalars(select(StaffMember)).one()
    sitting = db.session.scalars(select(Sitting)).one()
    kept = repr([member.password, member.totp_sealed, sitting.token_sha256])
    assert not any(secret in kept for secret in (who.password, who.secret, name))
    assert str(member.password).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_who_tried_is_written_down_but_never_a_login_that_nobody_has(app: Flask) -> None:
    who = colleague("jansen", Role.CLERK)
    for login in ("jansen", "my-password-in-the-wrong-field"):
        with pytest.raises(NotSignedIn):
            attempt(app, who, login=login, code="000000")
    attempt(app, who)
    acts = [(row.act, row.subject) for row in db.session.scalars(select(AuditRow))]
    assert ("staff.sign_in_refused", "jansen") in acts
    assert ("staff.signed_in", "jansen") in acts
    assert not any("wrong-field" in subject for _, subject in acts)


@pytest.mark.parametrize("weak", ["short", "jansen-jansen-1", "aaaaaaaaaaaaaa", "x" * 201])
def test_a_weak_password_is_refused(weak: str) -> None:
    with pytest.raises(passwords.WeakPassword):
        passwords.hashed(weak, "jansen")


def test_wrong_codes_end_the_sitting_in_which_they_are_given(app: Flask) -> None:
    who, keyring = colleague("jansen", Role.CLERK), app.extensions["keyring"]
    name = attempt(app, who)
    found = person(name)
    assert found is not None
    for _ in range(sittings.MOST_WRONG - 1):
        assert not signing_in.prove(keyring, found, "000000")
    assert not signing_in.prove(keyring, found, "")  # nothing was tried
    assert signing_in.prove(keyring, found, who.code())  # and all is forgiven
    for _ in range(sittings.MOST_WRONG):
        assert not signing_in.prove(keyring, found, "000000")
    assert not signing_in.prove(keyring, found, who.code())
    assert person(name) is None
    assert attempt(app, who), "who guesses in a sitting does not lock the account"


def test_guessing_at_the_door_keeps_nobody_who_is_signed_in_from_a_proof(app: Flask) -> None:
    who, keyring = colleague("jansen", Role.CLERK), app.extensions["keyring"]
    found = person(attempt(app, who))
    assert found is not None
    for _ in range(MOST_WRONG):
        with pytest.raises(NotSignedIn):
            attempt(app, who, password="wrong and wrong")
    assert signing_in.prove(keyring, found, who.code())
    with pytest.raises(NotSignedIn):  # a proof opens the door to nobody
        attempt(app, who)


def test_a_right_password_makes_no_room_for_guessing_codes(app: Flask) -> None:
    who, keyring = colleague("jansen", Role.CLERK), app.extensions["keyring"]
    found = person(attempt(app, who))
    assert found is not None
    for _ in range(sittings.MOST_WRONG - 1):
        assert not signing_in.prove(keyring, found, "000000")
    assert signing_in.knows_password(found, who.password)
    assert not signing_in.prove(keyring, found, "000000")
    assert not signing_in.prove(keyring, found, who.code())


def test_a_try_with_nobodys_login_is_noted_without_what_was_typed(app: Flask) -> None:
    who = colleague("jansen", Role.CLERK)
    with pytest.raises(NotSignedIn):
        attempt(app, who, login="geheim!Passwort7")
    db.session.rollback()
    query = select(AuditRow.actor, AuditRow.subject, AuditRow.detail)
    row = db.session.execute(query.where(AuditRow.act == signing_in.REFUSED)).one()
    assert tuple(row) == ("stranger", "", {})


@pytest.mark.parametrize("login", ["jansen@musterhausen.de", "Jansen", "a", "-a", "a b"])
def test_a_login_is_no_address(app: Flask, login: str) -> None:
    with transaction() as session, pytest.raises(members.BadLogin):
        members.add(session, TOWN, login, "", "operator")
