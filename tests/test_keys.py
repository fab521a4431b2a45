"""The configured keys, and what is derived from them."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import keys
from portal.errors import Misconfigured
from portal.keys import CannotUnseal, Keyring


def ring(*ids: str) -> Keyring:
    return Keyring.parse(",".join(keys.new_key(key_id) for key_id in ids))


def test_the_first_key_is_in_use_and_the_others_are_known() -> None:
    made = ring("k2", "k1")
    assert made.current.id == "k2"
    assert made.get("k1") is made.keys[1]


def test_a_revoked_key_opens_what_hangs_on_it_and_lets_nobody_in() -> None:
    old = keys.new_key("k1")
    box = Keyring.parse(old).seal(b"secret", "place")
    made = Keyring.parse(f"{keys.new_key('k2')},{old}:revoked")
    assert made.unseal(box, "place") == b"secret"
    assert [key.id for key in made.trusted] == ["k2"]
    with pytest.raises(Misconfigured, match="first key"):
        Keyring.parse(f"{old}:revoked,{keys.new_key('k2')}")
    with pytest.raises(Misconfigured, match="nothing else"):
        Keyring.parse(f"{old}:gone")


def test_a_key_that_is_gone_is_named() -> None:
    with pytest.raises(Misconfigured, match="'k9'"):
        ring("k1").get("k9")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "k1",
        "k-1:" + base64.b64encode(bytes(range(32))).decode(),
        "k1:not base64!",
        "k1:" + base64.b64encode(bytes(range(31))).decode(),
        "k1:" + base64.b64encode(bytes(32)).decode(),
        "k1:" + base64.b64encode(b"secret" * 6).decode(),
    ],
)
def test_a_bad_key_is_refused_at_start(text: str) -> None:
    with pytest.raises(Misconfigured):
        Keyring.parse(text)


def test_the_same_id_twice_is_refused() -> None:
    with pytest.raises(Misconfigured, match="twice"):
        ring("k1", "k1")


def test_a_refusal_does_not_tell_the_key() -> None:
    secret = base64.b64encode(bytes(range(31))).decode()
    with pytest.raises(Misconfigured) as refused:
        Keyring.parse(f"k1:{secret}")
    assert secret not in str(refused.value)
    assert secret not in repr(ring("k1"))
    made = ring("k1")
    assert repr(made.current.secret) not in repr(made)


def test_every_purpose_has_its_own_child() -> None:
    key = ring("k1").current
    assert len({key.child(purpose) for purpose in ("tan", "proof", "lookup", "seal")}) == 4
    assert key.child("tan") == key.child("tan")
    assert key.child("tan") != ring("k1").current.child("tan")


@given(st.binary(max_size=200), st.lists(st.text(max_size=80), max_size=4))
def test_a_mac_is_hmac_sha_256_as_the_library_makes_it(key: bytes, parts: list[str]) -> None:
    assert keys.mac(key, *parts) == hmac.digest(key, keys.prefixed(*parts), "sha256")


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_no_two_lists_of_parts_give_the_same_bytes(one: list[str], other: list[str]) -> None:
    assert (keys.prefixed(*one) == keys.prefixed(*other)) == (one == other)


def test_what_was_sealed_opens_in_the_same_place_only() -> None:
    made = ring("k1")
    sealed = made.seal(b"secret", "account", "town", "card")
    assert b"secret" not in sealed
    assert made.unseal(sealed, "account", "town", "card") == b"secret"
    with pytest.raises(CannotUnseal):
        made.unseal(sealed, "account", "other", "card")


def test_what_was_changed_does_not_open() -> None:
    made = ring("k1")
    sealed = made.seal(b"secret")
    for at in range(len(b"k1:"), len(sealed)):
        with pytest.raises(CannotUnseal):
            made.unseal(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])


def test_a_former_key_still_opens_and_a_new_one_seals() -> None:
    old = ring("k1")
    both = Keyring((ring("k2").current, old.current))
    assert both.unseal(old.seal(b"secret")) == b"secret"
    assert both.seal(b"secret").startswith(b"k2:")


def test_the_same_is_never_sealed_alike_twice() -> None:
    made = ring("k1")
    assert made.seal(b"secret") != made.seal(b"secret")
