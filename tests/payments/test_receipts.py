"""The check code on a confirmation: what it shows, and that it cannot be made up."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal import keys, references
from portal.db import db
from portal.keys import Keyring
from portal.payments import confirmations, receipts
from portal.payments.confirmations import Word
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, token
from tests.fakes import FakeProvider
from tests.returns.test_refunds import paid, sent
from tests.returns.test_reversals import heard

KNOWN = "Diese Zahlung ist bestätigt"
UNKNOWN = "Zu diesem Prüfcode kennen wir keine Zahlung."


def keyring() -> Keyring:
    found: Keyring = current_app.extensions["keyring"]
    return found


def code_of(payment: str, tenant_id: str = TOWN) -> str:
    return receipts.code(keyring().current, tenant_id, payment)


def check(client: FlaskClient, code: str) -> TestResponse:
    csrf = token(client.get("/receipt"))
    return client.post("/receipt", data={"code": code, "csrf_token": csrf})


def found(typed: str, ring: Keyring | None = None, tenant_id: str = TOWN) -> str | None:
    db.session.rollback()
    receipt = receipts.find(db.session(), ring or keyring(), tenant_id, typed)
    return receipt.payment.id if receipt else None


# fmt: off
@pytest.mark.parametrize(
    ("amount", "refunded", "taken_back", "word"),
    [
        (100,   0,   0, Word.CONFIRMED),
        (100,   1,   0, Word.PARTLY_BACK),
        (100,   0,   1, Word.PARTLY_BACK),
        (100,  49,  50, Word.PARTLY_BACK),
        (100, 100,   0, Word.REFUNDED),
        (100,   0, 100, Word.TAKEN_BACK),
        (100,  50,  50, Word.TAKEN_BACK),
    ],
)
def test_there_is_a_word_for_what_became_of_the_money(
    amount: int, refunded: int, taken_back: int, word: Word
) -> None:
    assert confirmations.word(amount, refunded, taken_back) is word
# fmt: on


def test_a_code_has_four_blocks_and_a_check_character(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    code = code_of(payment)
    assert len(code) == receipts.LENGTH == 16
    assert references.is_valid(code)
    assert code == code_of(payment), "drawn twice, it is the same"


def test_a_code_finds_its_payment_however_it_is_typed(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    code = code_of(payment)
    for typed in (code, references.in_blocks(code), references.in_blocks(code.lower(), 4, " ")):
        assert found(typed) == payment


def test_no_code_can_be_made_from_what_a_paper_or_a_provider_shows(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    right = code_of(payment)
    number = confirmations.number(payment).replace("-", "")
    assert found(number) is None
    for wrong in ("0" * 8, right[8:15] + right[7], number[7:11] + "0000"):
        if wrong != right[7:15]:
            assert found(references.with_check(right[:7] + wrong)) is None
    assert found(right) == payment


def test_a_code_is_bound_to_town_key_and_purpose(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    code, key = code_of(payment), keyring().current
    assert found(code, tenant_id=OTHER_TOWN) is None
    assert code_of(payment, OTHER_TOWN) != code
    assert found(code, Keyring.parse(keys.new_key("k9"))) is None
    assert replace(key, id="k2").child("receipt") not in {
        key.child(other) for other in ("proof", "tan", "short-code", "lookup", "seal")
    }


def test_a_code_made_with_an_older_key_is_still_known(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    newer = Keyring((*Keyring.parse(keys.new_key("k9")).keys, *keyring().keys))
    assert found(code_of(payment), newer) == payment


def test_a_payment_that_was_not_confirmed_has_no_receipt(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    assert found(code_of(payment)) is None


def test_payments_whose_ids_begin_alike_are_told_apart(
    app: Flask, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{7:09x}{end}{'0' * 22}" for end in ("a", "b")]
    names = iter(ids)
    chance = SimpleNamespace(token_hex=lambda _: next(names))
    monkeypatch.setattr("portal.payments.start.secrets", chance)
    made = [paid(provider, name=name)[1] for name in ("K-1", "K-2")]
    assert made == ids
    assert code_of(ids[0])[:7] == code_of(ids[1])[:7]
    assert [found(code_of(each)) for each in ids] == ids


# --- The page -------------------------------------------------------------------------------------


def test_anyone_may_check_and_sees_amount_day_and_the_end_of_the_reference(
    client: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid(provider, 14_850, "AB-2026-7788")
    page = check(client, references.in_blocks(code_of(payment)))
    assert page.status_code == 200
    for shown in (KNOWN, "148,50\xa0€", "7788", "Stadt Musterhausen"):
        assert shown in page.text
    for private in ("Grundsteuer", "5.0101", "2026-77", "Card", payment):
        assert private not in page.text


def test_what_went_back_is_no_longer_confirmed(client: FlaskClient, provider: FakeProvider) -> None:
    def taken_back(payment: str) -> None:
        heard(provider.reverse(payment, 10_000))

    said = {
        "Diese Zahlung wurde erstattet": lambda payment: sent(payment, 10_000),
        "Ein Teil dieser Zahlung wurde zurückgezahlt oder zurückgeholt": lambda payment: sent(
            payment, 4_000
        ),
        "Die Bank hat diese Zahlung zurückgeholt": lambda payment: heard(
            provider.reverse(payment, 10_000)
        ),
    }
    for name, (sentence, goes_back) in enumerate(said.items()):
        _, payment = paid(provider, name=f"K-{name}")
        assert KNOWN in check(client, code_of(payment)).text
        goes_back(payment)
        page = check(client, code_of(payment))
        assert sentence in page.text
        assert KNOWN not in page.text
        assert ("Davon zählt noch" in page.text) is ("Teil" in sentence)


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_code_gets_a_quiet_answer(
    client: FlaskClient, provider: FakeProvider, known: bool
) -> None:
    _, payment = paid(provider)
    code = references.with_check((code_of(payment)[:7] if known else "7777777") + "QXM2B4QX")
    page = check(client, code)
    assert page.status_code == 404
    assert UNKNOWN in page.text
    assert f'value="{code}"' in page.text


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "Bitte geben Sie den Prüfcode"),
        ("U" * 16, "ein Zeichen, das in Codes nicht vorkommt"),
        ("7F3K-9QXM", "hat 16 Zeichen"),
        ("7F3K-9QXM-2B44-7777", "Ein Zeichen des Prüfcodes stimmt nicht"),
    ],
)
def test_what_cannot_be_a_code_is_named_and_kept(client: FlaskClient, code: str, says: str) -> None:
    page = check(client, code)
    assert page.status_code == 422
    assert says in page.text
    assert f'value="{code}"' in page.text


def test_the_language_may_be_switched_without_losing_the_code(
    client: FlaskClient, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    csrf = token(client.get("/receipt"))
    data = {"code": code_of(payment), "csrf_token": csrf}
    page = client.post("/receipt?lang=en", data=data)
    assert "Check a confirmation of payment" in page.text
    assert f'value="{code_of(payment)}"' in page.text


def test_another_towns_code_is_unknown_here(app: Flask, provider: FakeProvider) -> None:
    _, payment = paid(provider)
    other = builders.browser(app, builders.HOSTS[OTHER_TOWN])
    assert check(other, code_of(payment)).status_code == 404
