"""A leaked key."""

import pytest
from flask import Flask
from sqlalchemy import update

from portal import clock, keys, rekeying
from portal.db import db, transaction
from portal.keys import Keyring
from portal.requests import links, opening, tan
from portal.requests.models import PaymentRequest
from portal.requests.purged import PurgedReference
from portal.staff import directory, members, new_keys
from portal.staff.models import Directory
from tests import builders
from tests.admin import directories
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.staff.people import colleague


def _newer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    old: Keyring = app.extensions["keyring"]
    ring = Keyring.parse(f"{keys.new_key('k2')}")
    both = Keyring((ring.current, *old.keys))
    monkeypatch.setitem(app.extensions, "keyring", both)
    return both


def test_a_revoked_key_opens_nothing_any_more(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    old = builders.letter()
    ring = _newer(app, monkeypatch)
    code = old.url.rsplit("/", 1)[1]
    assert links.find_by_link(db.session(), ring, TOWN, code) is not None
    db.session.rollback()

    assert rekeying.revoke(ring, "k1") == [(TOWN, "K-2026-1")]

    assert links.find_by_link(db.session(), ring, TOWN, code) is None
    db.session.rollback()
    new = builders.letter()
    assert new.url != old.url
    assert new.tan != old.tan
    assert set(rekeying.counts(db.session())) == {"k2"}


def test_what_was_sealed_with_a_revoked_key_opens_without_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch, provider: FakeProvider
) -> None:
    ring = _newer(app, monkeypatch)
    rekeying.revoke(ring, "k1")
    monkeypatch.setitem(app.extensions, "keyring", Keyring((ring.current,)))
    builders.begin(builders.letter())


def test_what_staff_sign_in_with_outlives_a_revoked_key(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = colleague("jansen")
    directories.use("https://login.example", secret="s3")
    new_keys.ask(TOWN, "jansen", "staff:admin")
    new_keys.approve(app.extensions["keyring"], TOWN, "jansen", "staff:petersen")
    ring = _newer(app, monkeypatch)
    rekeying.revoke(ring, "k1")
    only = Keyring((ring.current,))
    part, secret = new_keys.show(only, TOWN, "jansen", "staff:petersen") or ("", "")
    with transaction() as session:
        member = members.by_login(session, TOWN, "jansen")
        assert members.secret_of(only, member) == secret != who.secret
        assert directory.secret_of(only, session.get_one(Directory, TOWN)) == "s3"
    assert part == "app"


def test_a_new_letter_begins_with_all_its_tries(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = builders.letter()
    for _ in range(tan.TRIES_IN_HOUR):
        opening.by_tan(app.extensions["keyring"], TOWN, letter.request_id, "00000000", "v")
    ring = _newer(app, monkeypatch)
    rekeying.revoke(ring, "k1")
    new = builders.letter()
    checked = opening.by_tan(ring, TOWN, new.request_id, new.tan, "v")
    assert checked.verdict is tan.Verdict.RIGHT


def test_revoking_again_finds_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.letter()
    ring = _newer(app, monkeypatch)
    rekeying.revoke(ring, "k1")
    assert rekeying.revoke(ring, "k1") == []


def test_the_key_in_use_is_not_given_up(app: Flask) -> None:
    with pytest.raises(rekeying.KeyInUse, match="QUITT_KEYS"):
        rekeying.revoke(app.extensions["keyring"], "k1")


def test_a_key_on_which_a_purged_reference_hangs_is_not_done_with(app: Flask) -> None:
    with transaction() as session:
        session.add(
            PurgedReference(
                tenant_id=TOWN, key_id="k0", name=bytes(32), link_version=1, tan_version=1,
                purged_at=clock.now(),
            )
        )  # fmt: skip
    assert rekeying.counts(db.session())["k0"] == 1


def test_a_request_without_details_hangs_on_no_key(app: Flask) -> None:
    builders.letter()
    with transaction() as session:
        session.execute(update(PaymentRequest).values(
            details_purged_at=clock.now(), purpose="", payment_sign=None, content={}, key_id="",
        ))  # fmt: skip
    assert set(rekeying.counts(db.session())) == {"k1"}  # the accounts' credentials
