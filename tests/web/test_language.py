"""Languages: which one answers, how it writes, and what it says of itself."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from portal.money import Money
from portal.web import language

EVENING = datetime(2026, 11, 5, 19, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "answered"),
    [
        ("uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("no", "nb"),
        ("nn-NO,en;q=0.5", "nb"),
        ("fr,tr;q=0.4", "tr"),
        ("fr", "de"),
        ("", "de"),
    ],
)
def test_the_browser_is_heard_and_no_and_nn_are_bokmal(
    app: Flask, wanted: str, answered: str
) -> None:
    with app.test_request_context("/", headers={"Accept-Language": wanted}):
        assert language.current() == answered


def test_what_the_reader_chose_goes_before_the_letter_and_the_browser(app: Flask) -> None:
    with app.test_request_context("/?lang=pl", headers={"Accept-Language": "en"}):
        language.prefer("uk")
        assert language.current() == "pl"


def test_another_language_is_another_language_of_the_same_step(app: Flask) -> None:
    for asked, offered in (
        ("/?over=1&cents=5&nobody=asked", "/?over=1&lang=uk"),
        ("/?over=zebra", "/?lang=uk"),
        ("/r/h4/choice?part=due&cents=500", "/r/h4/choice?part=due&cents=500&lang=uk"),
        ("/r/h4/choice?part=zebra&cents=x", "/r/h4/choice?lang=uk"),
    ):
        with app.test_request_context(asked):
            addresses = {choice.code: url for choice, url in language.choices()}
        assert addresses["uk"] == offered


def test_the_letters_language_goes_before_the_browser(app: Flask) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        language.prefer("uk")
        assert language.current() == "uk"


def test_a_language_that_is_not_spoken_changes_nothing(app: Flask) -> None:
    with app.test_request_context("/?lang=xx", headers={"Accept-Language": "en"}):
        language.prefer("tlh")
        assert language.current() == "en"


@pytest.mark.parametrize(
    ("code", "money", "moment"),
    [
        ("de", "1.234,50 €", "5. November 2026, 20:14 Uhr"),
        ("de-simple", "1.234,50 €", "5. November 2026, 20:14 Uhr"),
        ("en", "€1,234.50", "5 November 2026, 20:14"),
        ("pl", "1 234,50 €", "5 listopada 2026, 20:14"),
        ("nb", "1 234,50 €", "5. november 2026, 20:14"),
        ("tr", "€1.234,50", "5 Kasım 2026, 20:14"),
        ("uk", "1 234,50 EUR", "5 листопада 2026 р., 20:14"),
    ],
)
def test_money_and_moments_are_written_as_the_language_does(
    app: Flask, code: str, money: str, moment: str
) -> None:
    with app.test_request_context("/"):
        g.language = code
        shown = language.money(Money(123_450)), language.moment(EVENING)
        plain = tuple(text.replace("\xa0", " ").replace("\u202f", " ") for text in shown)
        assert plain == (money, moment)


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("09999 100-240", "09999100240"),
        ("+49 (0) 9999 / 100.240", "+499999100240"),
        ("115", "115"),
        ("115 oder 09999 1", ""),
        ("", ""),
    ],
)
def test_a_number_is_dialled_as_it_is_written(number: str, dialled: str) -> None:
    assert language.dial(number) == dialled


def test_plain_german_falls_back_to_german(app: Flask) -> None:
    with app.test_request_context("/"):
        g.language = "de-simple"
        assert language.gettext("Recipient") == "Empfänger"


def test_arabic_runs_from_right_to_left(app: Flask) -> None:
    with app.test_request_context("/"):
        g.language = "ar"
        assert language.spoken().right_to_left
        assert language.day(date(2026, 11, 5)) == "5 نوفمبر 2026"


def test_a_catalogue_that_nobody_signed_says_so(app: Flask) -> None:
    with app.test_request_context("/"):
        g.language = "tr"
        assert not language.reviewed()


COUNTS, UNREAD = "Only the German text counts.", "No person has checked this translation yet."


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_every_other_language_says_on_each_page_that_the_german_text_counts(
    app: Flask, client: FlaskClient, code: str
) -> None:
    with app.test_request_context("/"):
        g.language = code
        said = [language.gettext(sentence) for sentence in (COUNTS, UNREAD)]
    for path in ("/", "/datenschutz", "/nothing-here"):
        page = client.get(f"{path}?lang={code}").text
        assert [sentence in page for sentence in said] == [code != "de"] * 2, path
