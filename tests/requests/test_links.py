"""Personal links: derived, never stored."""

import pytest
from flask import Flask, current_app
from hypothesis import given
from hypothesis import strategies as st

from portal import keys, references
from portal.db import db, transaction
from portal.errors import Misconfigured
from portal.keys import Keyring, mac
from portal.references import ALPHABET
from portal.requests import intake, links
from portal.requests.asked import Asked
from portal.requests.links import Identity
from portal.requests.models import PaymentRequest
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter

KEYS = Keyring.parse(keys.new_key("k1"))
OF = Identity("musterhausen", "K-2026-1", 1)


def ring() -> Keyring:
    found: Keyring = current_app.extensions["keyring"]
    return found


def whole(letter: Letter) -> str:
    """The 27 characters of a letter's link."""
    return letter.url.rsplit("/", 1)[1]


def opened(code: str, tenant_id: str = TOWN, keyring: Keyring | None = None) -> int | None:
    db.session.rollback()
    found = links.find_by_link(db.session(), keyring or ring(), tenant_id, code)
    return found.id if found else None


def typed(code: str, tenant_id: str = TOWN) -> int | None:
    db.session.rollback()
    found = links.find_by_short_code(db.session(), ring(), tenant_id, code)
    return found.id if found else None


@given(st.text(max_size=10), st.text(max_size=64), st.integers(1, 9))
def test_a_link_is_27_characters_of_the_alphabet_and_the_same_each_time(
    tenant_id: str, reference: str, version: int
) -> None:
    of = Identity(tenant_id, reference, version)
    made = links.link(KEYS.current, of, "https://zahlen.example")
    code = made.url.removeprefix("https://zahlen.example/Z/")
    assert len(code) == 27
    assert set(code) <= set(ALPHABET)
    assert references.is_valid(code[:12])
    assert made.short_code == "-".join((code[:4], code[4:8], code[8:12]))
    assert links.link(KEYS.current, of, "https://zahlen.example") == made


def test_the_qr_code_holds_the_link_in_capitals_for_its_alphanumeric_mode() -> None:
    made = links.link(KEYS.current, OF, "https://zahlen.example")
    assert made.qr == made.url.upper()
    assert set(made.qr) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@pytest.mark.parametrize(
    "other",
    [
        Identity("beispielstadt", "K-2026-1", 1),
        Identity("musterhausen", "K-2026-2", 1),
        Identity("musterhausen", "K-2026-1", 2),
        Identity("musterhausenK", "-2026-1", 1),
        Identity("musterhausen", "K-2026-", 11),
    ],
)
def test_whatever_differs_gives_another_link(other: Identity) -> None:
    key = KEYS.current
    assert links.short_code(key, other) != links.short_code(key, OF)
    assert links.proof(key, other) != links.proof(key, OF)


def test_code_proof_and_lookup_have_keys_of_their_own() -> None:
    key = KEYS.current
    code, proof = links.short_code(key, OF), links.proof(key, OF)
    assert proof[:11] != code[:11]
    parts = (OF.tenant_id, OF.reference, OF.version)
    for purpose in ("proof", "lookup", "tan"):
        other = references.from_bytes(mac(key.child(purpose), *parts), 11)
        assert other != code[:11]


def test_the_host_is_no_part_of_the_code() -> None:
    one = links.link(KEYS.current, OF, "https://zahlen.example")
    other = links.link(KEYS.current, OF, "https://pay.example")
    assert one.url.rsplit("/", 1)[1] == other.url.rsplit("/", 1)[1]


def test_a_letter_opens_its_own_request(app: Flask) -> None:
    letters = [builders.letter(f"K-{number}") for number in range(20)]
    assert [opened(whole(letter)) for letter in letters] == [each.request_id for each in letters]
    assert [typed(each.short_code) for each in letters] == [each.request_id for each in letters]


def test_a_code_is_read_however_it_is_typed(app: Flask) -> None:
    letter = builders.letter()
    code = whole(letter)
    sloppy = code.lower().replace("1", "l").replace("0", "o")
    for written in (code.lower(), sloppy, "-".join(code), f" {code[:12]} \u2013 {code[12:]} "):
        assert opened(written) == letter.request_id
    for written in (letter.short_code.lower(), sloppy[:12], " ".join(code[:12])):
        assert typed(written) == letter.request_id


def test_one_wrong_character_anywhere_opens_nothing(app: Flask) -> None:
    code = whole(builders.letter())
    for at, right in enumerate(code):
        wrong = "0" if right != "0" else "1"
        assert opened(code[:at] + wrong + code[at + 1 :]) is None


def test_a_wrong_proof_opens_nothing_though_the_short_code_is_right(app: Flask) -> None:
    one, other = builders.letter("K-1"), builders.letter("K-2")
    assert opened(whole(one)[:12] + whole(other)[12:]) is None


@pytest.mark.parametrize(
    "junk", ["", "0", "\0", "Z" * 10_000, "%s", "' OR 1=1 --", "ä" * 27, "\U0001f600" * 27]
)
def test_junk_opens_nothing(app: Flask, junk: str) -> None:
    builders.letter()
    assert opened(junk) is None
    assert typed(junk) is None


def test_a_short_code_is_no_link_and_a_link_no_short_code(app: Flask) -> None:
    letter = builders.letter()
    assert opened(letter.short_code) is None
    assert typed(whole(letter)) is None


def test_another_towns_code_opens_nothing(app: Flask) -> None:
    letter = builders.letter(tenant_id=OTHER_TOWN)
    assert opened(whole(letter), OTHER_TOWN) == letter.request_id
    assert opened(whole(letter), TOWN) is None
    assert typed(letter.short_code, TOWN) is None


def test_the_same_reference_in_two_towns_has_two_links(app: Flask) -> None:
    assert whole(builders.letter("K-1")) != whole(builders.letter("K-1", OTHER_TOWN))


def rotated() -> Keyring:
    """A new key in use, the former one still there."""
    return Keyring((Keyring.parse(keys.new_key("k2")).current, *ring().keys))


def test_after_a_change_of_keys_old_letters_open_and_new_ones_use_the_new_key(app: Flask) -> None:
    old = builders.letter("old")
    app.extensions["keyring"], before = rotated(), ring()
    try:
        new, again = builders.letter("new"), builders.letter("old", amount_cents=99)
        assert builders.request_of(old).key_id == "k1"
        assert builders.request_of(new).key_id == "k2"
        assert again.url == old.url
        assert again.tan == old.tan
        assert opened(whole(old)) == old.request_id
        assert opened(whole(new)) == new.request_id
        assert opened(whole(new), keyring=before) is None
    finally:
        app.extensions["keyring"] = before


def test_without_the_former_key_its_letters_open_nothing(app: Flask) -> None:
    old = builders.letter()
    only_new = Keyring(rotated().keys[:1])
    assert opened(whole(old), keyring=only_new) is None
    with pytest.raises(Misconfigured):
        only_new.get(builders.request_of(old).key_id)


def test_on_a_collision_the_link_version_is_raised(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = builders.letter("K-1")
    real = links.short_code

    def colliding(key: keys.Key, of: Identity) -> str:
        return real(key, Identity(TOWN, "K-1", 1) if of.version < 3 else of)

    monkeypatch.setattr(links, "short_code", colliding)
    second = builders.letter("K-2")
    assert builders.request_of(second).link_version == 3
    assert second.short_code != first.short_code
    assert opened(whole(first)) == first.request_id
    assert opened(whole(second)) == second.request_id
    assert builders.letter("K-2").url == second.url


def test_a_raised_link_version_ends_the_old_link(app: Flask) -> None:
    letter = builders.letter()
    with transaction() as session:
        request = session.get_one(PaymentRequest, (TOWN, letter.request_id))
        request.link_version = 2
        code = links.short_code(ring().current, links.identity(request))
        request.lookup = links.lookup(ring().current, TOWN, code)
    assert opened(whole(letter)) is None
    body = Asked.model_validate(builders.request_of(letter).content)
    with transaction() as session:
        taken = intake.put(session, ring(), TOWN, letter.reference, body)
        code = links.link(ring().current, links.identity(taken.request), "").url.rsplit("/", 1)[1]
    assert opened(code) == letter.request_id
