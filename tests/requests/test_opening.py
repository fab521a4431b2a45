"""The first steps as a browser sees them: typed code, link, TAN, is my letter real?"""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import references
from portal.db import db
from portal.requests.models import Tries
from tests import builders
from tests.builders import Letter, token
from tests.conftest import Time

UNKNOWN = references.in_blocks(references.with_check("7" * 11))
BLOCKS = ("code1", "code2", "code3")
REAL = "/is-my-letter-real"


def types(client: FlaskClient, code: str, second: str, path: str = "/") -> TestResponse:
    """Type a code, each block into its own field."""
    blocks = [*code.split("-"), "", ""][:3]
    fields = dict(zip(BLOCKS, blocks, strict=True)) | {"secret": second}
    csrf = token(client.get(f"{path}?lang=en"))
    return client.post(path, data={**fields, "csrf_token": csrf})


def asks(client: FlaskClient, code: str) -> TestResponse:
    return types(client, code, "", REAL)


def opened(client: FlaskClient, letter: Letter) -> str:
    """Follow the link; the address of the letter's page."""
    return str(client.get("/Z/" + letter.url.rsplit("/", 1)[1]).location)


def tries() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(Tries.in_life)))


@pytest.mark.parametrize("change", [str, str.lower, lambda code: code.replace("-", "")])
def test_code_and_tan_open_the_letter(client: FlaskClient, change: object) -> None:
    letter = builders.letter()
    answer = types(client, change(letter.short_code), letter.tan)  # type: ignore[operator]
    assert answer.status_code == 303
    assert "148,50" in client.get(f"{answer.location}?lang=de", follow_redirects=True).text


@pytest.mark.parametrize("amount", ["1.234,50 €", "1'234.50", "1234,50", "1234.50"])
def test_code_and_amount_open_a_letter_without_tan(client: FlaskClient, amount: str) -> None:
    letter = builders.letter(amount_cents=123_450, tan=False)
    assert types(client, letter.short_code, amount).status_code == 303


def test_a_code_in_cyrillic_and_full_width_is_the_same_code(client: FlaskClient) -> None:
    letter = builders.letter()
    alike = str.maketrans("ABEKMHPCTYX0123456789", "АВЕКМНРСТУХО１２３４５６７８９")
    assert types(client, letter.short_code.translate(alike), letter.tan).status_code == 303


def test_a_block_that_lacks_a_sign_is_named_and_what_was_typed_is_kept(client: FlaskClient) -> None:
    answer = types(client, "7f3k-9qx-2b44", "148,50")
    assert answer.status_code == 422
    assert "One character is missing in block 2." in answer.text
    assert '<a class="kern-link kern-link--no-visited-state" href="#code2">' in answer.text
    for kept in ("7f3k", "9qx", "2b44", "148,50"):
        assert f'value="{kept}"' in answer.text


def test_an_impossible_sign_is_shown(client: FlaskClient) -> None:
    answer = types(client, "7F3K-9QXM-2<44", "148,50")
    assert "Block 3 contains “&lt;”" in answer.text


def test_what_is_neither_tan_nor_amount_costs_no_try(client: FlaskClient) -> None:
    letter = builders.letter()
    answer = types(client, letter.short_code, "4821 073x")
    assert (answer.status_code, tries()) == (422, [])
    assert "Please enter the TAN with its 8 digits" in answer.text


def test_a_wrong_tan_and_an_unknown_code_get_the_same_answer(client: FlaskClient) -> None:
    letter = builders.letter()
    wrong = f"{(int(letter.tan) + 1) % 10**8:08}"
    known, unknown = types(client, letter.short_code, wrong), types(client, UNKNOWN, wrong)
    assert known.status_code == unknown.status_code == 422
    blank = str.maketrans(letter.short_code + UNKNOWN, "-" * len(letter.short_code + UNKNOWN))
    assert without_token(known).translate(blank) == without_token(unknown).translate(blank)
    assert tries() == [1]


def without_token(answer: TestResponse) -> str:
    return answer.text.replace(token(answer), "")


def test_another_language_keeps_the_blocks_and_does_nothing(client: FlaskClient) -> None:
    letter = builders.letter()
    csrf = token(client.get("/?lang=en"))
    fields = {"code1": "7F3K", "code2": "9", "secret": letter.tan, "csrf_token": csrf}
    answer = client.post("/?lang=de", data=fields)
    assert answer.status_code == 200
    assert 'value="7F3K"' in answer.text
    assert 'value="9"' in answer.text
    assert "Fehler" not in answer.text


def test_a_letter_that_exists_is_never_called_genuine(client: FlaskClient) -> None:
    letter = builders.letter(purpose="Grundsteuer B", payment_sign="5.0101")
    answer = asks(client, letter.short_code)
    assert answer.status_code == 200
    assert "There is a letter from us with this number" in answer.text
    assert "That does not prove that the letter in your hand is genuine" in answer.text
    assert "https://localhost/" in answer.text
    assert "DE02 1203 0000 0000 2020 51" in answer.text
    for private in ("148", "Grundsteuer", "5.0101", letter.tan, "K-2026"):
        assert private not in answer.text


def test_a_number_that_is_not_known_says_do_not_pay(client: FlaskClient) -> None:
    answer = asks(client, UNKNOWN)
    assert answer.status_code == 404
    assert "Please do not pay before you have called us." in answer.text
    assert "0123 45678" in answer.text


def test_another_towns_letter_is_not_known(client: FlaskClient) -> None:
    letter = builders.letter(tenant_id=builders.OTHER_TOWN)
    assert asks(client, letter.short_code).status_code == 404


def test_asking_for_a_number_opens_nothing_and_counts_nothing(client: FlaskClient) -> None:
    letter = builders.letter()
    for _ in range(12):
        assert asks(client, letter.short_code).status_code == 200
    assert tries() == []
    with client.session_transaction(base_url="https://localhost") as kept:
        assert "letters" not in kept


def test_a_number_that_cannot_be_one_is_said_so(client: FlaskClient) -> None:
    answer = asks(client, "7F3K-9QX-2B44")
    assert answer.status_code == 422
    assert "One character is missing in block 2." in answer.text


@pytest.mark.parametrize(
    "form", ["/Z/{}", "/z/{}", "/Z/{}/", "/Z/{}.", "/Z/{0[0]}{0[1]}-{0[2]}{rest}"]
)
def test_a_link_is_read_in_any_case_with_dashes_and_stops(client: FlaskClient, form: str) -> None:
    code = builders.letter().url.rsplit("/", 1)[1]
    for written in (code, code.lower(), references.in_blocks(code)):
        path = form.format(written, rest=written[3:])
        assert client.get(path).location.startswith("/r/"), path


@pytest.mark.parametrize("path", ["/Z/", "/z/", "/Z/7", "/Z/{}0", "/Z/x/y/z"])
def test_a_link_with_a_slip_gets_the_quiet_page_and_a_way_to_type(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path.format(builders.letter().url.rsplit("/", 1)[1]))
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("written", ["{0}{1} {2}{3}", "{0}{1}-{2}{3}", "{0} {1} {2} {3}"])
def test_a_tan_may_be_written_with_blanks_and_dashes(client: FlaskClient, written: str) -> None:
    letter = builders.letter()
    page = opened(client, letter)
    pairs = [letter.tan[at : at + 2] for at in range(0, 8, 2)]
    csrf = token(client.get(page))
    answer = client.post(page + "tan", data={"tan": written.format(*pairs), "csrf_token": csrf})
    assert answer.location == page + "payment"


@pytest.mark.parametrize(
    ("tan", "said"),
    [
        ("", "Please enter the TAN from your letter."),
        ("1234 567", "The TAN has 8 digits."),
        ("1234 567x", "The TAN consists of digits only."),
    ],
)
def test_what_is_no_tan_is_said_kept_and_costs_no_try(
    client: FlaskClient, tan: str, said: str
) -> None:
    page = opened(client, builders.letter())
    csrf = token(client.get(f"{page}?lang=en"))
    answer = client.post(page + "tan", data={"tan": tan, "csrf_token": csrf})
    assert (answer.status_code, tries()) == (422, [])
    assert said in answer.text
    assert f'value="{tan}"' in answer.text


def test_a_locked_letter_says_until_when_by_what_phone_and_how_else(
    app: Flask, client: FlaskClient, time: Time
) -> None:
    letter = builders.letter()
    page = opened(client, letter)
    csrf = token(client.get(f"{page}?lang=en"))
    wrong = f"{(int(letter.tan) + 1) % 10**8:08}"
    answers = [client.post(page + "tan", data={"tan": wrong, "csrf_token": csrf}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [429]
    assert "You have 1 try left." in answers[3].text
    assert 3_590 <= int(answers[4].headers["Retry-After"]) <= 3_600
    for said in ("You can try again from", "0123 45678", "DE02 1203 0000 0000 2020 51"):
        assert said in answers[4].text
    time.move("+61m")
    assert client.get(page).status_code == 200
