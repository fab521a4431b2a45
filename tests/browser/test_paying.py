"""The whole way in a real browser: link, TAN, choice, provider, confirmation, office, pay-out."""

import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pypdfium2 import raw

from tests.browser.conftest import Citizen, Comes, folder_of
from tests.stages import Demo, until

pytestmark = pytest.mark.browser

WRONG_TAN = "status of 422"  # Chromium's words for the answer to a wrong TAN


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_citizen_pays_on_a_phone(
    comes: Comes, demo: Demo, letter: dict[str, Any], javascript: bool, tmp_path: Path
) -> None:
    citizen = comes(javascript=javascript, language="de-DE")
    citizen.opens(letter)
    citizen.enters_tan("00000000" if letter["tan"] != "00000000" else "00000001")
    assert "TAN stimmt nicht" in citizen.text
    citizen.enters_tan(letter["tan"])
    assert citizen.title == "Bitte prüfen Sie die Forderung"
    assert _euros(letter) in citizen.text
    citizen.goes_on()
    citizen.leaves_for("PayPal")
    ours = [url for url in citizen.asked if not url.startswith(demo.facts["sandbox"])]
    assert all(url.startswith(f"{demo.facts['portal']}/") for url in ours)
    citizen.decides("pay")
    assert citizen.title == "Ihre Zahlung ist bestätigt"
    assert all(WRONG_TAN in words for words in citizen.complaints), citizen.complaints
    _is_a_sound_confirmation(folder_of(citizen.page, tmp_path / "c.pdf"), _euros(letter))


def test_the_office_clears_the_claim_and_the_pay_out_settles_the_suspense_item(
    citizen: Citizen, demo: Demo, letter: dict[str, Any]
) -> None:
    payment = citizen.pays(letter, "Wero")
    claim = f"/claims/{letter['reference']}"
    until(lambda: "badge-cleared" in demo.office(claim), 15)
    assert "Suspense account" in demo.office(claim)
    assert _suspense_of(demo, letter) == "open"
    demo.provider("merchants/musterhausen-wero/settle", fee_bp=100)
    until(lambda: _suspense_of(demo, letter) == "settled", 15)
    assert payment in {one["payment"] for one in demo.books()["musterhausen-wero"]["payments"]}


def test_two_letters_in_two_tabs_each_pay_their_own(comes: Comes, demo: Demo) -> None:
    first = comes()
    second = Citizen(first.page.context.new_page(), demo)
    for early, late in ((first, second), (second, first)):
        small, large = demo.push(amount_cents=1_111), demo.push(amount_cents=2_222)
        first.checks(small)
        second.checks(large)
        paid = {id(tab): tab.leaves_for() for tab in (late, early)}
        for tab in (early, late):
            tab.decides("pay")
            assert tab.title == "Your payment is confirmed"
        assert "€11.11" in first.text
        assert "€22.22" in second.text
        amounts = {
            one["payment"]: one["amount_cents"]
            for one in demo.books()["musterhausen-paypal"]["payments"]
        }
        assert (amounts[paid[id(first)]], amounts[paid[id(second)]]) == (1_111, 2_222)


def test_over_the_limit_a_provider_is_not_offered_and_the_page_says_why(
    citizen: Citizen, demo: Demo
) -> None:
    citizen.checks(demo.push(amount_cents=80_000))
    assert _offered(citizen) == ["PayPal", "Kredit- oder Debitkarte", "Wero / Online-Überweisung"]
    citizen.checks(demo.push(amount_cents=80_001))
    assert _offered(citizen) == ["Kredit- oder Debitkarte", "Wero / Online-Überweisung"]
    assert "PayPal" in citizen.page.inner_text("ul.refused")
    assert "€800.00" in citizen.page.inner_text("ul.refused")


def test_the_other_town_has_its_own_limit(citizen: Citizen, demo: Demo) -> None:
    citizen.checks(demo.push(amount_cents=10_000, town="other"))
    assert "PayPal" in _offered(citizen)
    citizen.checks(demo.push(amount_cents=10_001, town="other"))
    assert "PayPal" not in _offered(citizen)
    assert "Gemeinde Beispielstadt" in citizen.page.inner_text("header")
    assert "€100.00" in citizen.page.inner_text("ul.refused")


def _offered(citizen: Citizen) -> list[str]:
    return [label.strip() for label in citizen.page.locator(".offer label").all_inner_texts()]


def _euros(letter: dict[str, Any]) -> str:
    euros, cents = divmod(letter["amount_cents"], 100)
    return f"{euros},{cents:02} €"


def _suspense_of(demo: Demo, letter: dict[str, Any]) -> str:
    """The state that the office's page shows for the letter's suspense item."""
    items = demo.office("/books").split("<tr>")
    row = next(one for one in items if f"/claims/{letter['reference']}" in one)
    found = re.search(r"badge-(\w+)", row)
    assert found
    return found[1]


def _is_a_sound_confirmation(path: Path, amount: str) -> None:
    with pypdfium2.PdfDocument(path) as document:
        assert len(document) == 1
        assert raw.FPDFCatalog_IsTagged(document)
        page = document[0]
        words = page.get_textpage().get_text_bounded().replace("\N{NO-BREAK SPACE}", " ")
        assert amount in words
        assert len(page.render(scale=1).to_pil().convert("L").getcolors()) > 10
