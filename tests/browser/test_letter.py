"""From the paper to the confirmation: what is printed is all that a citizen needs."""

import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp

from tests.browser.conftest import Citizen, Comes
from tests.stages import Demo, until

pytestmark = pytest.mark.browser

MOST_TAPS = 6
DPI = 150
PRINTED_WITHIN = 180  # seconds, in the background of the demo


class Thumb:
    """Taps, and counts."""

    def __init__(self, citizen: Citizen) -> None:
        self.page, self.taps = citizen.page, 0

    def taps_on(self, selector: str) -> None:
        self.taps += 1
        self.page.tap(selector)


def read(file: Path) -> tuple[str, str]:
    """The link in the code's picture, and the words of a printed letter."""
    with pypdfium2.PdfDocument(file) as document:
        words = "\n".join(page.get_textpage().get_text_range() for page in document)
        pictures = [page.render(scale=DPI / 72).to_pil() for page in document]
    codes = [code.text for each in pictures for code in zxingcpp.read_barcodes(each)]
    (link,) = [code for code in codes if code.startswith("HTTP")]
    return link, words


def test_from_the_printed_letter_to_the_confirmation_in_six_taps(
    comes: Comes, demo: Demo, letter: dict[str, Any]
) -> None:
    file = demo.data / "letters" / f"{letter['reference']}.pdf"
    until(file.exists, PRINTED_WITHIN)
    link, words = read(file)
    tan = re.search(r"\b\d{4} \d{4}\b", words[words.index("TAN") :])
    assert tan
    citizen = comes(language="de-DE", has_touch=True)
    thumb = Thumb(citizen)
    citizen.page.goto(link)
    thumb.taps_on("input[name=tan]")
    citizen.page.keyboard.type(tan[0])
    thumb.taps_on("main form button[type=submit]")
    thumb.taps_on("main .buttons a.kern-btn--primary")
    thumb.taps_on("label:has-text('PayPal')")
    thumb.taps_on("main form#entry button[type=submit]")
    citizen.page.wait_for_url(f"{demo.facts['sandbox']}/pay/**")
    thumb.taps_on("#pay")
    citizen.page.wait_for_url(f"{demo.facts['portal']}/**")
    assert citizen.title == "Ihre Zahlung ist bestätigt"
    assert thumb.taps <= MOST_TAPS
