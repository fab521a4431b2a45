"""Grants: who gave the TAN may see the request, for a while."""

import hashlib

from flask import Flask
from sqlalchemy import select

from portal.db import db, transaction
from portal.requests import grants, register
from portal.requests.models import Grant
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter
from tests.conftest import Time


def give(letter: Letter, visitor: str = "v1") -> None:
    with transaction() as session:
        grants.give(session, register.get(session, TOWN, letter.request_id), visitor)


def holds(letter: Letter, visitor: str = "v1", tenant_id: str = TOWN) -> bool:
    db.session.rollback()
    request = builders.request_of(letter, tenant_id)
    return grants.holds(db.session(), request, visitor)


def test_a_grant_is_for_one_visitor_and_one_letter(app: Flask) -> None:
    one, other = builders.letter("K-1"), builders.letter("K-2")
    give(one)
    assert holds(one)
    assert not holds(one, "v2")
    assert not holds(other)


def test_a_grant_is_for_one_town(app: Flask) -> None:
    ours, theirs = builders.letter(), builders.letter(tenant_id=OTHER_TOWN)
    give(ours)
    assert not holds(theirs, tenant_id=OTHER_TOWN)


def test_a_grant_ends_after_half_a_day_and_is_given_anew(app: Flask, time: Time) -> None:
    letter = builders.letter()
    give(letter)
    time.move("+719m")
    assert holds(letter)
    time.move("+720m")
    assert not holds(letter)
    give(letter)
    assert holds(letter)


def test_a_new_tan_or_link_ends_a_grant(app: Flask) -> None:
    for column in ("tan_version", "link_version"):
        letter = builders.letter(column)
        give(letter)
        with transaction() as session:
            setattr(register.get(session, TOWN, letter.request_id), column, 2)
        assert not holds(letter)


def test_who_is_done_ends_all_his_grants_and_nobody_elses(app: Flask) -> None:
    one, other = builders.letter("K-1"), builders.letter("K-2")
    give(one)
    give(other)
    give(one, "v2")
    with transaction() as session:
        grants.end(session, TOWN, "v1")
    assert (holds(one), holds(other), holds(one, "v2")) == (False, False, True)


def test_the_visitors_name_is_kept_as_a_hash(app: Flask) -> None:
    give(builders.letter(), "a-visitor")
    assert db.session.scalars(select(Grant.visitor)).all() == [
        hashlib.sha256(b"a-visitor").digest()
    ]
