"""Opening a letter: the typed path, what a link gives away, wrong entries."""

from typing import Any

import pytest

from portal import references
from tests.browser.conftest import Citizen, Comes
from tests.stages import Demo

pytestmark = pytest.mark.browser

REVIEW = "Please check what is to be paid"
NOT_FOUND = "We do not know this link"


def types(citizen: Citizen, code: str, second: str) -> None:
    citizen.page.goto(f"{citizen.demo.facts['portal']}/")
    for number, block in enumerate(code.split("-"), 1):
        citizen.page.fill(f"#code{number}", block)
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
    for letter in demo.requests[::5]:
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


@pytest.mark.parametrize("javascript", [True, False])
def test_enter_sends_what_was_typed(comes: Comes, demo: Demo, javascript: bool) -> None:
    citizen, asked = comes(javascript=javascript), demo.push()
    citizen.page.goto(f"{demo.facts['portal']}/")
    for number, block in enumerate(asked["link"]["short_code"].split("-"), 1):
        citizen.page.fill(f"#code{number}", block)
    citizen.page.fill("#secret", "wrong")
    citizen.page.press("#secret", "Enter")
    assert citizen.page.inner_text("#errors")
    citizen.opens(asked)
    citizen.page.fill("#tan", asked["tan"])
    citizen.page.press("#tan", "Enter")
    citizen.page.wait_for_load_state()
    assert citizen.title == REVIEW


def blocks(citizen: Citizen) -> list[str]:
    return [citizen.page.input_value(f"#code{number}") for number in (1, 2, 3)]


def focus(citizen: Citizen) -> str:
    return str(citizen.page.evaluate("document.activeElement.id"))


def test_a_code_typed_without_looking_fills_its_three_blocks(citizen: Citizen, demo: Demo) -> None:
    code = demo.push()["link"]["short_code"]
    citizen.page.goto(f"{demo.facts['portal']}/")
    citizen.page.focus("#code1")
    citizen.page.keyboard.type(code.replace("-", ""))
    assert blocks(citizen) == code.split("-")
    assert focus(citizen) == "code3"
    for _ in range(5):
        citizen.page.keyboard.press("Backspace")
    assert blocks(citizen) == [code[:4], code[5:8], ""], "deleting runs on, too"
    assert focus(citizen) == "code2"


@pytest.mark.parametrize("javascript", [True, False])
def test_the_whole_code_may_be_pasted_into_the_first_block(
    comes: Comes, demo: Demo, javascript: bool
) -> None:
    citizen, asked = comes(javascript=javascript), demo.push()
    code = asked["link"]["short_code"]
    citizen.page.goto(f"{demo.facts['portal']}/")
    citizen.page.focus("#code1")
    citizen.page.keyboard.insert_text(code)
    assert blocks(citizen) == (code.split("-") if javascript else [code, "", ""])
    citizen.page.fill("#secret", asked["tan"])
    citizen.submits()
    assert citizen.title == REVIEW


def test_a_slip_leads_to_its_block(citizen: Citizen, demo: Demo) -> None:
    types(citizen, "7F3K-9QX-2B44", "148,50")
    assert "One character is missing in block 2." in citizen.page.inner_text("#errors")
    assert blocks(citizen) == ["7F3K", "9QX", "2B44"]
    citizen.page.click("#errors a")
    assert focus(citizen) == "code2"


@pytest.mark.parametrize("javascript", [True, False])
def test_is_my_letter_real_says_what_to_compare_and_never_yes(
    comes: Comes, demo: Demo, javascript: bool
) -> None:
    citizen, asked = comes(javascript=javascript), demo.push()
    said = {
        asked["link"]["short_code"]: "There is a letter from us with this number",
        references.with_check("7" * 11): "We do not know this number",
    }
    for code, title in said.items():
        citizen.page.goto(f"{demo.facts['portal']}/is-my-letter-real")
        citizen.page.fill("#code1", code)
        citizen.submits()
        assert citizen.title == title
        assert demo.facts["portal"] in citizen.text


@pytest.mark.parametrize("javascript", [True, False])
def test_after_the_time_is_over_step_and_choice_are_kept(
    comes: Comes, demo: Demo, javascript: bool
) -> None:
    citizen, asked = comes(javascript=javascript), demo.push()
    citizen.checks(asked)
    citizen.page.check("label:has-text('PayPal')")
    with demo.later("+1h"):
        citizen.submits()
        assert citizen.title == "Please enter the TAN"
        citizen.enters_tan(asked["tan"])
        assert citizen.title == "How do you want to pay?"
        assert citizen.page.is_checked("label:has-text('PayPal')")


def test_two_minutes_before_the_end_the_keyboard_gets_more_time(
    citizen: Citizen, demo: Demo
) -> None:
    asked = demo.push()
    citizen.page.clock.install()
    citizen.checks(asked)
    citizen.page.check("label:has-text('PayPal')")
    more = citizen.page.get_by_role("alert").filter(has_text="Your session ends in two minutes")
    citizen.page.clock.run_for(12 * 60_000)
    assert more.count() == 0
    citizen.page.clock.run_for(61_000)
    assert more.is_visible()
    button = more.get_by_role("button", name="Give me more time")
    for _ in range(30):
        if button.evaluate("each => each === document.activeElement"):
            break
        citizen.page.keyboard.press("Tab")
    with citizen.page.expect_navigation():
        citizen.page.keyboard.press("Enter")
    assert more.count() == 0
    assert citizen.title == "How do you want to pay?"
    assert citizen.page.is_checked("label:has-text('PayPal')")


def test_after_the_end_going_back_shows_nothing(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push()
    citizen.checks(asked)
    citizen.page.click("text=End session")
    assert citizen.title == "You have ended the session"
    for _ in range(3):
        citizen.page.go_back()
        assert "148.50" not in citizen.text
        assert citizen.title in {"Your session has ended", "Please enter the TAN"}


def _of_the_claim(letter: dict[str, Any], purpose: str, sign: str) -> list[str]:
    euros, cents = divmod(letter["amount_cents"], 100)
    amounts = [f"{euros:,}.{cents:02}", f"{euros:,},{cents:02}".replace(",", ".", 1)]
    return [purpose, sign, letter["reference"], f"{euros},{cents:02}", *amounts]
