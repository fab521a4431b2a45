"""An answer to a form stays what it is when it is read in another language."""

import re

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal import references
from portal.payments.record import record
from tests import builders
from tests.builders import Letter, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_pages_of_states import told
from tests.house.test_routes import dump, give_tan
from tests.requests.test_notes import send
from tests.returns.test_refunds import CARD


def switch(client: FlaskClient, page: TestResponse, language: str) -> TestResponse:
    """Choose a language from the menu of a page: its link, or its form with all that it holds."""
    link = re.search(rf'<a href="([^"]+lang={language})"', page.text)
    if link:
        return client.get(link[1].replace("&amp;", "&"))
    button = re.search(rf'form="entry" formaction="([^"]+lang={language})"', page.text)
    assert button
    form = page.text.split('id="entry"', 1)[1].split("</form>", 1)[0]
    fields = {
        name[1]: value[1]
        for field in re.findall(r"<input[^>]*>", form)
        if (name := re.search(r' name="([^"]+)"', field))
        and (value := re.search(r' value="([^"]*)"', field))
    }
    return client.post(button[1].replace("&amp;", "&"), data=fields)


def sent(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    page = client.get(path)
    return client.post(f"{path}?", data={"csrf_token": token(page), **fields})


def test_a_checked_confirmation_stays_in_sight(client: FlaskClient, provider: FakeProvider) -> None:
    letter = builders.letter(language="en")
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    handle = give_tan(client, letter)
    shown = told(client.get(f"/r/{handle}/payment/{payment}?lang=en"))
    code = re.search(r"Check code ([0-9A-Z -]{19})", shown)
    assert code
    found = sent(client, "/receipt", code=code[1])
    assert "This payment is confirmed" in told(found)
    before = dump()
    german = told(switch(client, found, "de"))
    assert "Diese Zahlung ist bestätigt" in german
    assert "148,50" in german
    assert dump() == before


def test_the_form_of_a_confirmation_is_not_sent_by_another_language(client: FlaskClient) -> None:
    page = client.get("/receipt?lang=en")
    assert "Bitte geben Sie den Prüfcode" not in switch(client, page, "de").text


def test_whether_there_is_such_a_letter_stays_in_sight(client: FlaskClient) -> None:
    letter, nobodys = builders.letter(language="en"), references.with_check("7" * 11)
    for code, english, german in (
        (letter.short_code, "There is a letter from us", "gibt es ein Schreiben von uns"),
        (nobodys, "We do not know this number", "Wir kennen diese Nummer nicht"),
    ):
        client.get("/is-my-letter-real?lang=en")
        answer = sent(client, "/is-my-letter-real", code1=code)
        before = dump()
        again = switch(client, answer, "de")
        assert english in told(answer)
        assert german in told(again)
        assert again.status_code == answer.status_code
        assert dump() == before


def test_what_has_changed_stays_in_sight(client: FlaskClient, provider: FakeProvider) -> None:
    letter = builders.letter(language="en", amount_cents=1_000)
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/choice")
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    offer = re.search(r'name="offer" value="(\d+)"', page.text)
    assert offer
    builders.letter(language="en", amount_cents=2_000)
    changed = client.post(f"/r/{handle}/pay", data={**fields, "offer": offer[1]})
    assert "€10.00" in told(changed)
    assert "€20.00" in told(changed)
    before = dump()
    german = switch(client, changed, "de")
    assert german.status_code == changed.status_code == 409
    assert "10,00" in told(german)
    assert "20,00" in told(german)
    assert dump() == before
    assert provider.books == {}


def lock(client: FlaskClient, letter: Letter) -> TestResponse:
    """Five wrong amounts by the typed path."""
    for _ in range(5):
        answer = sent(client, "/", code1=letter.short_code, secret="00000001")
    return answer


def test_a_lock_stays_in_sight_and_costs_no_try(client: FlaskClient, time: Time) -> None:
    letter = builders.letter(language="en")
    client.get("/?lang=en")
    locked = lock(client, letter)
    assert "Online payment is locked" in told(locked)
    before = dump()
    german = switch(client, locked, "de")
    assert "gesperrt" in told(german)
    assert german.status_code == 429
    assert dump() == before
    time.move("+61m")
    over = switch(client, german, "en")
    assert over.status_code == 422, "counted as a wrong entry"
    assert "You have a letter" in told(over) or "Do you have a letter" in told(over)


def test_an_unlocked_letter_is_not_told_from_one_that_is_not_there(client: FlaskClient) -> None:
    letter = builders.letter()
    answers = [
        client.post(
            "/?lang=en",
            data={"csrf_token": token(client.get("/")), "answered": "1", "code1": code},
        )
        for code in (letter.short_code, references.with_check("7" * 11), "")
    ]
    assert {answer.status_code for answer in answers} == {422}


def test_the_end_stays_the_end(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(language="en"))
    page = client.get(f"/r/{handle}/payment")
    ended = client.post("/end", data={"csrf_token": token(page)})
    assert "You have ended the session" in told(ended), "in the letter's language"
    german = switch(client, ended, "de")
    assert "Sie haben die Sitzung beendet" in told(german)


def test_the_same_note_of_several_stays_in_sight(client: FlaskClient) -> None:
    letter = builders.letter(language="en")
    handle = give_tan(client, letter)
    topics = ("purpose", "amount")
    notes = [send(client, f"/r/{handle}/question", topic=topic) for topic in topics]
    for note in notes:
        page = client.get(f"{note.location}&lang=en")
        assert page.status_code == 200, note.text
        number = re.search(r"Number (\d+)", told(page))
        assert number
        german = told(switch(client, page, "de"))
        assert f"Nummer {number[1]}" in german.partition("Was Sie außerdem")[0]


def test_who_comes_back_without_the_letter_reads_its_language(
    app: Flask, client: FlaskClient, provider: FakeProvider
) -> None:
    payment = builders.begin(builders.letter(language="tr"))
    assert '<html lang="tr"' in client.get(f"/return/{payment}").text
    assert '<html lang="pl"' in client.get(f"/return/{payment}?lang=pl").text
