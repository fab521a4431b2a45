"""What the portal may learn of a person: nothing."""

import pytest

from office.pseudonyms import key, pseudonym
from portal.errors import Misconfigured
from tests.office.conftest import KEY


def test_a_debtor_is_always_the_same_pseudonym_and_each_another() -> None:
    secret = key(KEY)
    assert pseudonym(secret, "account:1") == pseudonym(secret, "account:1")
    assert pseudonym(secret, "account:1") != pseudonym(secret, "account:2")


def test_without_the_key_the_pseudonym_cannot_be_made() -> None:
    assert pseudonym(key(KEY), "account:1") != pseudonym(b"x" * 32, "account:1")


@pytest.mark.parametrize("text", ["", "no base64!", "c2hvcnQ="])
def test_a_weak_key_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Misconfigured, match="openssl"):
        key(text)
