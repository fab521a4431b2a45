"""Opening a letter: the typed path, what a link gives away, wrong entries."""

from typing import Any

import pytest

from portal import references
from tests.browser.conftest import Citizen
from tests.stages import Demo

pytestmark = pytest.mark.browser

REVIEW = "Please check what is to be paid"
NOT_FOUND = "We do not know this link"


def types(citizen: Citizen, code: str, second: str) -> None:
    citizen.page.goto(f"{citizen.demo.facts['portal']}/")
    citizen.page.fill("input[name=code]", code)
    citizen.page.fill("input[name=secret]", second)
    citizen.submits()


def test_code_and_tan_open_a_letter(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(amount_cents=4_321)
    types(citizen, asked["link"]["short_code"].lower(), f"{asked['tan'][:4]} {asked['tan'][4:]}")
    assert citizen.title == REVIEW
    assert "€43.21" in citizen.text


@pytest.mark.parametrize("amount", ["1.234,50 €", "1234,50", "1234.50"])
def test_code_and_amount_open_a_letter_without_tan(
    citizen: Citizen, demo: Demo, amount: str
) -> None:
    asked = demo.push(amount_cents=123_450, tan=False)
    types(citizen, asked["link"]["short_code"], amount)
    assert citizen.title == REVIEW


def test_the_answer_never_says_which_of_the_two_was_wrong(citizen: Citizen, demo: Demo) -> None:
    first, second = demo.push(), demo.push()
    wrong = "00000000" if first["tan"] != "00000000" else "00000001"
    answers = []
    unknown = references.with_check("7" * 11)
    for code, tan in ((first["link"]["short_code"], wrong), (unknown, "48210733")):
        types(citizen, code, tan)
        answers.append(citizen.page.inner_text("#errors"))
    assert answers[0] == answers[1]
    types(citizen, second["link"]["short_code"], second["tan"])
    assert citizen.title == REVIEW


def test_the_first_page_of_a_letter_gives_nothing_away(demo: Demo) -> None:
    known = {
        reference: (purpose, sign)
        for reference, purpose, sign in demo.sql(
            "SELECT reference, purpose, payment_sign FROM payment_requests"
        )
    }
    stranger = demo.client()
    for letter in demo.requests:
        if not letter["tan"]:
            continue
        stranger.cookies.clear()
        answer = stranger.get(letter["url"], follow_redirects=True)
        assert answer.status_code == 200
        for secret in _of_the_claim(letter, *known[letter["reference"]]):
            assert secret not in answer.text, letter["reference"]
    stranger.close()


def test_an_unknown_link_looks_like_a_mistyped_one(citizen: Citizen, demo: Demo) -> None:
    url = demo.push()["link"]["url"]
    pages = []
    for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), f"{url[:-27]}{'7' * 27}"):
        citizen.page.goto(wrong)
        assert citizen.title == NOT_FOUND
        pages.append(citizen.text)
    assert pages[0] == pages[1]


def test_after_five_wrong_tans_the_page_says_until_when_and_how_else_to_pay(
    citizen: Citizen, demo: Demo
) -> None:
    asked = demo.push()
    citizen.opens(asked)
    for number in range(5):
        wrong = f"{number:08}"
        citizen.enters_tan(wrong if wrong != asked["tan"] else "00000009")
    assert citizen.title == "Online payment is locked for this letter"
    assert "You can try again from" in citizen.text
    assert "09999 100-240" in citizen.text
    assert "DE02 1203 0000 0000 2020 51" in citizen.text
    citizen.opens(asked)
    assert citizen.title == "Online payment is locked for this letter"
    with demo.later("+61m"):
        citizen.opens(asked)
        citizen.enters_tan(asked["tan"])
        assert citizen.title == REVIEW


def switch(citizen: Citizen, name: str) -> None:
    """Choose a language from the menu, as it calls itself."""
    citizen.page.click("nav.languages summary")
    citizen.page.locator("nav.languages li :is(a, button)", has_text=name).click()


def test_another_language_keeps_the_step(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(language="de")
    citizen.opens(asked)
    citizen.enters_tan(asked["tan"])
    switch(citizen, "English")
    assert citizen.title == REVIEW
    citizen.goes_on()
    assert citizen.title == "How do you want to pay?"
    switch(citizen, "Deutsch")
    assert citizen.title == "Wie möchten Sie bezahlen?"


def test_another_language_keeps_what_was_typed(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(language="en")
    citizen.opens(asked)
    citizen.page.fill("#tan", "1234")
    switch(citizen, "Deutsch")
    assert citizen.title == "Bitte geben Sie die TAN ein"
    assert citizen.page.input_value("#tan") == "1234"
    citizen.enters_tan(asked["tan"])
    switch(citizen, "English")
    assert citizen.title == REVIEW


def _of_the_claim(letter: dict[str, Any], purpose: str, sign: str) -> list[str]:
    euros, cents = divmod(letter["amount_cents"], 100)
    amounts = [f"{euros:,}.{cents:02}", f"{euros:,},{cents:02}".replace(",", ".", 1)]
    return [purpose, sign, letter["reference"], f"{euros},{cents:02}", *amounts]
