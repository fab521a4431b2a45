"""Each adapter in a real browser: the demo with the fakes, a letter through every way to pay."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from tests import stages
from tests.browser.citizen import PHONE, Citizen
from tests.stages import Demo, until

pytestmark = pytest.mark.browser

# label, the fake, the account
WAYS = (
    ("PayPal", "paypal"),
    ("Kredit- oder Debitkarte", "stripe"),
    ("Wero", "girocheckout"),
    ("Direktüberweisung", "girocheckout"),
    ("Karte über GiroCheckout", "girocheckout"),
    ("PayPal über GiroCheckout", "girocheckout"),
)
MERCHANTS = {"paypal": "MUSTERHAUSEN2", "stripe": "acct_musterhausen", "girocheckout": "1000001"}


@pytest.fixture(scope="module")
def at_fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo with the fakes."""
    folder = tmp_path_factory.mktemp("fakes")
    found = stages.start(folder / "data", port=stages.free_ports(4), providers="fakes")
    yield found
    found.end()


@pytest.fixture
def citizen(chromium: Browser, at_fakes: Demo) -> Iterator[Citizen]:
    context = chromium.new_context(viewport=PHONE, locale="de-DE")
    context.set_default_timeout(20_000)
    yield Citizen(context.new_page(), at_fakes)
    context.close()


@pytest.mark.parametrize(("label", "fake"), WAYS, ids=[label for label, _ in WAYS])
def test_a_letter_is_paid_by_each_way(citizen: Citizen, label: str, fake: str) -> None:
    demo = citizen.demo
    letter = demo.push(amount_cents=9_999, language="de")
    citizen.checks(letter)
    citizen.page.get_by_role("radio", name=label, exact=True).check()
    citizen.submits()
    citizen.page.wait_for_url(f"{demo.facts['fakes'][fake]['pages']}**")
    assert "hier fließt kein Geld" in citizen.page.inner_text("header")
    assert citizen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    citizen.decides("pay")
    assert citizen.title == "Ihre Zahlung ist bestätigt"
    assert "99,99 €" in citizen.text
    until(lambda: 9_999 in paid(demo, fake), 5)
    assert not citizen.complaints, citizen.complaints


def test_paypal_is_offered_up_to_the_towns_limit(citizen: Citizen) -> None:
    limits = (("", 80_000, "800,00 €"), ("other", 10_000, "100,00 €"))
    for town, cents, told in limits:
        citizen.checks(citizen.demo.push(town=town, amount_cents=cents, language="de"))
        assert labels(citizen)[0] == "PayPal"
        citizen.checks(citizen.demo.push(town=town, amount_cents=cents + 1, language="de"))
        assert not [label for label in labels(citizen) if "PayPal" in label]
        assert f"Nur bis {told}" in citizen.text


def test_started_without_fakes_the_practice_provider_is_offered_again(citizen: Citizen) -> None:
    demo = citizen.demo
    citizen.checks(demo.push(amount_cents=1_000, language="de"))
    assert labels(citizen) == [label for label, _ in WAYS]
    assert "Wero / Online-Überweisung" not in citizen.text
    demo.end()
    again = stages.start(demo.data, port=demo.port)
    demo.process, demo.facts, demo.http = again.process, again.facts, again.http
    assert set(again.facts["fakes"]) == set(MERCHANTS)  # their money is still there
    citizen.checks(demo.push(amount_cents=1_000, language="de"))
    assert labels(citizen) == ["PayPal", "Kredit- oder Debitkarte", "Wero / Online-Überweisung"]


def labels(citizen: Citizen) -> list[str]:
    """What may be chosen."""
    return [text.strip() for text in citizen.page.locator(".offer label").all_inner_texts()]


def paid(demo: Demo, fake: str) -> list[Any]:
    """What a fake's own books say of the town's payments."""
    told = httpx2.get(demo.facts["fakes"][fake]["books"], trust_env=False).json()
    rows = told["merchants"][MERCHANTS[fake]]["payments"]
    return [row["amount_cents"] for row in rows if row["status"] == "paid"]
