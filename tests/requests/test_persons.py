"""No person gets into the portal by a purpose, and hardly a file number is refused for it."""

import json
import re

import pytest
from flask import current_app
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from demo import sample
from portal.db import db, transaction
from portal.requests import intake, persons
from portal.requests.asked import Asked
from portal.requests.models import PaymentRequest
from tests.contract import asked, bearer
from tests.requests import persons_samples
from tests.requests.persons_samples import Sample

REQUESTS = "/api/v1/payment-requests"
IBAN = "DE02 1203 0000 0000 2020 51"
CARD = "4111 1111 1111 1111"
LEAST_CAUGHT, MOST_FALSE = 0.99, 0.02

AN_IBAN, AN_EMAIL, A_CARD, A_PHONE = (what for what, *_ in persons.HELD)


@pytest.fixture
def token(app):
    return bearer(app, "musterhausen", "requests:write")


@pytest.fixture
def put(app, token):
    def put(reference="K-1", **changed):
        return app.test_client().put(
            f"{REQUESTS}/{reference}", json=asked(**changed), headers=token
        )

    return put


@pytest.fixture
def push(app, token):
    """Send a batch; its answer lines."""

    def push(*bodies):
        raw = "".join(json.dumps(body) + "\n" for body in bodies)
        headers = {**token, "Content-Type": "application/x-ndjson"}
        answer = app.test_client().post(REQUESTS, data=raw, headers=headers)
        return [json.loads(line) for line in answer.data.splitlines()]

    return push


def items(*texts):
    return [{"text": text, "amount_cents": 14_850 // len(texts)} for text in texts]


def is_right(one: Sample) -> bool:
    return (persons.held(one.text) is not None) == one.personal


def share(right: list[bool]) -> float:
    return sum(right) / len(right)


# --- The measure ---


def test_of_a_thousand_labelled_texts_99_in_100_are_caught() -> None:
    caught = [is_right(one) for one in persons_samples.samples() if one.personal]
    assert len(caught) >= 1_000
    assert share(caught) >= LEAST_CAUGHT


def test_of_a_thousand_harmless_texts_2_in_100_are_refused_at_most() -> None:
    right = [is_right(one) for one in persons_samples.samples() if not one.personal]
    assert len(right) >= 1_000
    assert 1 - share(right) <= MOST_FALSE


def test_each_kind_keeps_the_measure() -> None:
    right: dict[tuple[str, bool], list[bool]] = {}
    for one in persons_samples.samples():
        right.setdefault((one.kind, one.personal), []).append(is_right(one))
    worst = {True: LEAST_CAUGHT, False: 1 - MOST_FALSE}
    assert not {key: share(all_) for key, all_ in right.items() if share(all_) < worst[key[1]]}


@pytest.mark.parametrize("seed", [sample.SEED, 1, 2])
def test_no_invoice_of_the_sample_is_refused(seed: int) -> None:
    rows = sample.rows(1_000, seed)
    assert {persons.held(row["Zweck"], row["Kassenzeichen"]) for row in rows} == {None}
    assert {persons.doubts(row["Zweck"], row["Kassenzeichen"]) for row in rows} == {()}


# --- What is held, and what is not ---


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (AN_IBAN, f"Erstattung auf {IBAN}"),
        (AN_IBAN, "de02120300000000202051"),
        (AN_IBAN, "IBANDE02120300000000202051"),
        (AN_IBAN, "GB82 WEST 1234 5698 7654 32, J. Bloggs"),
        (AN_IBAN, "DE02\u00a01203\u20090000\u200b0000\u30002020\u00ad51"),
        (AN_IBAN, "ＤＥ０２１２０３００００００００２０２０５１"),
        (AN_EMAIL, "an erika.muster+stadt@post.example.org"),
        (AN_EMAIL, '"erika muster"@example.org'),
        (AN_EMAIL, "erika(at)example.org"),
        (AN_EMAIL, "erika@[192.0.2.1]"),
        (AN_EMAIL, "erika＠müller-beispiel.de"),
        (A_CARD, f"Karte {CARD} 12/28"),
        (A_CARD, "4111-1111-1111-1111"),
        (A_CARD, "Gebühr 2026 378282246310005"),
        (A_CARD, "3782 822463 10005"),
        (A_CARD, "4111–1111–1111–1111"),
        (A_CARD, "٤١١١ ١١١١ ١١١١ ١١١١"),
        (A_PHONE, "+49 30 1234567"),
        (A_PHONE, "(+49) 30/12 34 56 7"),
        (A_PHONE, "0049 (0)30 1234567"),
        (A_PHONE, "+380 44 123 45 67"),
        (A_PHONE, "Tel. 0123 4567"),
        (A_PHONE, "Tel.-Nr. 0123/4567"),
        (A_PHONE, "Telefon (privat): 0123 4567"),
        (A_PHONE, "Tel./Fax: 0123-4567"),
        (A_PHONE, "Mobil 0171 1234567"),
        (A_PHONE, "Handynummer: 01711234567"),
        (A_PHONE, "☎ 0123 4567"),
    ],
)
def test_what_surely_tells_of_a_person_is_held(what: str, text: str) -> None:
    assert persons.held(text) == what


@pytest.mark.parametrize(
    "text",
    [
        "Az. 32.1-4711/2026",
        "5.0101.000123.4",
        "DE03 1203 0000 0000 2020 51",  # its check digits do not fit
        "Gläubiger-ID DE98ZZZ09999999999",
        "USt-IdNr. DE123456789",
        "RF18 5390 0754 7034",
        "4111 1111 1111 1112",  # does not pass Luhn
        "4111/1111/1111/1111",
        "Rechnung 79927398713",
        "0000 0000 0000 0000",
        "000049123456",
        "0049/2026",
        "Jahre 2025 + 2026/2027",
        "+1.234.567,00 EUR",
        "Mehrbetrag +1234567,89",
        "Handy am Steuer, 21.11.2026 14:05",
        "Bußgeld, Handy, 21.11.2026 14:05 Uhr, 5.0101.000123.4",
        "Telefon 2026",
        "Telefon 11/2026",
        "Telefonkosten 01.01.2026-31.12.2026",
        "Tel-Aviv-Straße 12345",
        "Yoga @ home, 3 Karten @ 4.50",
        "Hotel 12345",
    ],
)
def test_what_a_town_writes_is_not_held(text: str) -> None:
    assert persons.held(text) is None


@pytest.mark.parametrize("sign", [CARD, "4111111111111111", "4111-1111-1111-1111", f"KZ {CARD}/1"])
def test_the_requests_own_sign_is_no_card(sign: str) -> None:
    assert persons.held(f"Grundsteuer, {CARD}", sign) is None
    assert persons.doubts(f"Grundsteuer, {CARD}", sign) == ()


@pytest.mark.parametrize("sign", ["4", "1111", "5500 0000 0000 0004"])
def test_another_sign_excuses_no_card(sign: str) -> None:
    assert persons.held(f"Grundsteuer, {CARD}", sign) == A_CARD


def test_the_own_sign_excuses_no_iban() -> None:
    assert persons.held(f"Erstattung {IBAN}", IBAN) == AN_IBAN


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("looks_like_iban", "DE03 1203 0000 0000 2020 52"),
        ("looks_like_email", "erika@rathaus"),
        ("looks_like_card", "Bescheid 4111/1111/1111/1111"),
        ("looks_like_phone", "Rückruf 0171 1234567"),
        ("looks_like_phone", "01711234567"),
        ("looks_like_phone", "0043 1 58858"),
        ("names_a_person", "z. Hd. Buchhaltung"),
        ("names_a_person", "Bescheid an Frau Muster"),
        ("names_a_person", "Unterbringung Herrn Dr. Muster"),
        ("looks_like_birth_date", "Bestattung, geb. 12.03.1931"),
    ],
)
def test_what_only_looks_like_it_is_doubted_and_not_held(code: str, text: str) -> None:
    assert persons.held(text) is None
    assert persons.doubts(text) == (code,)


@pytest.mark.parametrize(
    "text", ["Grundsteuer B, 4. Quartal 2026", "Geb. 12, Frauenbad, Herrenhaus"]
)
def test_ordinary_words_are_not_doubted(text: str) -> None:
    assert persons.doubts(text) == ()


def test_the_empty_text_and_the_longest_are_looked_at() -> None:
    for text in ("", "1" * 140, "12 " * 46, "DE11" * 35, "tel " * 35, "a@" * 70, "\u200b" * 140):
        assert persons.held(text) is None


def test_what_is_known_of_a_text_hides_nothing_in_one_with_other_digits() -> None:
    for one in persons_samples.samples():
        persons.held(re.sub("[1-9]", "1", one.text))
        seen = persons.held(one.text), persons.doubts(one.text)
        held, doubts = persons._look(one.text, "")
        assert seen == (held[0] if held else None, doubts), one.text


@given(st.text(alphabet="0123456789 +@%./-DEaeßTtlFfrué٤４", max_size=60))
def test_a_harmless_shape_is_harmless_with_whatever_digits(text: str) -> None:
    shape = re.sub("[1-9]", "1", text)
    assert not persons._is_harmless(shape.encode()) or persons._look(text, "") == ((), ())


# --- In the contract ---


@pytest.mark.parametrize(
    ("changed", "pointers"),
    [
        ({"purpose": f"Erstattung {IBAN}"}, ["/purpose"]),
        ({"items": items(f"Rest {CARD}")}, ["/items/0/text"]),
        (
            {"purpose": "Tel. 0123 4567", "items": items("Hund", "an e@example.org")},
            ["/purpose", "/items/1/text"],
        ),
    ],
)
def test_a_text_that_tells_of_a_person_is_refused_by_its_place(put, app, changed, pointers) -> None:
    answer = put(**changed)
    assert answer.status_code == 422
    told = [(each["pointer"], each["code"]) for each in answer.json["errors"]]
    assert told == [(pointer, "personal_data") for pointer in pointers]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PaymentRequest)) == 0


def test_the_refusal_says_what_it_is_and_does_not_repeat_it(put, caplog) -> None:
    answer = put(purpose=f"Erstattung {IBAN}")
    assert "holds an IBAN" in answer.json["errors"][0]["message"]
    for written in (IBAN, "2020"):
        assert written not in answer.text + caplog.text


def test_a_line_of_a_batch_is_refused_and_the_others_are_taken(push) -> None:
    good, bad = asked(reference="K-1"), asked(reference="K-2", purpose="+49 30 1234567")
    first, second = push(good, bad)
    assert (first["status"], second["status"]) == (201, 422)
    assert [(e["pointer"], e["code"]) for e in second["errors"]] == [("/purpose", "personal_data")]


def test_a_doubt_is_taken_and_told_each_time(put, push) -> None:
    doubtful = {
        "purpose": "Rückruf 0171 1234567, Frau Muster",
        "items": items("Hund", "geb. 12.03.1931"),
    }
    told = [
        "purpose:looks_like_phone", "purpose:names_a_person",
        "items/1/text:looks_like_birth_date",
    ]  # fmt: skip
    answers = [put(**doubtful), put(**doubtful)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert [answer.json["warnings"] for answer in answers] == [told, told]
    (line,) = push(asked(reference="K-1", **doubtful))
    assert (line["status"], line["warnings"]) == (200, told)


def test_what_is_plain_has_no_warning(put) -> None:
    assert put().json["warnings"] == []


def test_the_payment_sign_may_stand_in_the_purpose(put) -> None:
    assert put(purpose=f"Kassenzeichen {CARD}", payment_sign=CARD).status_code == 201


@pytest.mark.parametrize("debtor", ["p_7Qm2-x~Y.z", "1", "x" * 64])
def test_a_pseudonym_is_taken(put, debtor) -> None:
    assert put(debtor=debtor).status_code == 201


@pytest.mark.parametrize(
    "debtor", ["Erika Muster", "Müller", "erika@example.org", "", "x" * 65, "p_1\n", IBAN]
)
def test_a_debtor_that_is_no_pseudonym_is_refused(put, debtor) -> None:
    answer = put(debtor=debtor)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == ["/debtor"]


def test_every_way_of_storing_hands_on_the_warnings(app) -> None:
    body = Asked.model_validate(asked(purpose="z. Hd. Buchhaltung"))
    changed = body.model_copy(update={"amount_cents": 9_900})
    with transaction() as session:
        keyring = current_app.extensions["keyring"]
        taken = [
            intake.put(session, keyring, "musterhausen", "K-1", b) for b in (body, body, changed)
        ]
    assert [each.stored for each in taken] == ["created", "same", "changed"]
    assert {each.warnings for each in taken} == {("purpose:names_a_person",)}
