"""A leaked key."""

import pytest
from flask import Flask

from portal import keys
from portal.db import db
from portal.keys import Keyring
from portal.requests import links, rekeying
from tests import builders
from tests.builders import TOWN


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
    assert rekeying.counts(db.session()) == {"k2": 1}


def test_revoking_again_finds_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.letter()
    ring = _newer(app, monkeypatch)
    rekeying.revoke(ring, "k1")
    assert rekeying.revoke(ring, "k1") == []


def test_the_key_in_use_is_not_given_up(app: Flask) -> None:
    with pytest.raises(rekeying.KeyInUse, match="QUITT_KEYS"):
        rekeying.revoke(app.extensions["keyring"], "k1")
