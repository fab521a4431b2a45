"""Every page: what it offers or refuses, and nothing that bars a person (axe) at two widths."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESK, PHONE, Citizen, Comes
from tests.stages import Demo

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("withdrawn", "This letter can no longer be paid online"),
        ("expired", "The time for online payment is over"),
        ("replaced", "There is a newer letter"),
    ],
)
def test_a_letter_out_of_force_says_so_after_its_tan(
    citizen: Citizen, demo: Demo, state: str, title: str
) -> None:
    asked = _out_of_force(demo, state)
    citizen.opens(asked)
    assert citizen.title == "Please enter the TAN"
    citizen.enters_tan(asked["tan"])
    assert citizen.title == title


def test_a_changed_amount_is_shown_before_anything_is_paid(citizen: Citizen, demo: Demo) -> None:
    asked = demo.push(amount_cents=1_000)
    citizen.checks(asked)
    demo.push(reference=asked["reference"], amount_cents=2_000)
    citizen.page.check("label:has-text('PayPal')")
    citizen.submits()
    assert "€20.00" in citizen.text
    assert "/r/" in citizen.page.url


def test_who_is_done_leaves_nothing_behind(citizen: Citizen, demo: Demo) -> None:
    citizen.checks(demo.push())
    page = citizen.page.url
    citizen.page.click("text=End session")
    citizen.page.goto(page)
    assert citizen.title == "Your session has ended"


def _tan(citizen: Citizen) -> None:
    citizen.opens(citizen.demo.push())


def _wrong(citizen: Citizen) -> None:
    _tan(citizen)
    citizen.enters_tan("1")


def _review(citizen: Citizen) -> None:
    asked = citizen.demo.push()
    citizen.opens(asked)
    citizen.enters_tan(asked["tan"])


def _choice(citizen: Citizen) -> None:
    citizen.checks(citizen.demo.push(amount_cents=90_000))


def _missing(citizen: Citizen) -> None:
    _choice(citizen)
    citizen.submits()


def _provider(citizen: Citizen) -> None:
    citizen.starts(citizen.demo.push())


def _decided(what: str) -> Callable[[Citizen], None]:
    def lead(citizen: Citizen) -> None:
        _provider(citizen)
        citizen.decides(what)

    return lead


def _begun(citizen: Citizen) -> None:
    asked = citizen.demo.push()
    citizen.starts(asked)
    citizen.opens(asked)


def _already(citizen: Citizen) -> None:
    asked = citizen.demo.push()
    citizen.pays(asked)
    citizen.opens(asked)


def _locked(citizen: Citizen) -> None:
    asked = citizen.demo.push()
    citizen.demo.sql(
        "INSERT INTO tries (tenant_id, request_id, hour_began_at, in_hour, in_life)"
        " SELECT tenant_id, id, now(), 5, 5 FROM payment_requests WHERE reference = %s",
        asked["reference"],
    )
    citizen.opens(asked)


def _ended(citizen: Citizen) -> None:
    _review(citizen)
    citizen.page.click("text=End session")


def _returned_elsewhere(citizen: Citizen) -> None:
    payment = citizen.starts(citizen.demo.push())
    citizen.page.context.clear_cookies()
    citizen.page.goto(f"{citizen.demo.facts['portal']}/return/{payment}")


def _gone(state: str) -> Callable[[Citizen], None]:
    def lead(citizen: Citizen) -> None:
        asked = _out_of_force(citizen.demo, state)
        citizen.opens(asked)
        citizen.enters_tan(asked["tan"])

    return lead


def _at(path: str) -> Callable[[Citizen], None]:
    return lambda citizen: citizen.page.goto(f"{citizen.demo.facts['portal']}{path}") and None


def _office(path: str) -> Callable[[Citizen], None]:
    def lead(citizen: Citizen) -> None:
        demo = citizen.demo
        demo.office("/")
        for cookie in demo.http.cookies.jar:
            citizen.page.context.add_cookies(
                [{"name": cookie.name, "value": cookie.value or "", "url": demo.facts["office"]}]
            )
        citizen.page.goto(f"{demo.facts['office']}{path}")

    return lead


def _trainer(citizen: Citizen) -> None:
    citizen.page.goto(f"http://127.0.0.1:{citizen.demo.port + 1}/")


# fmt: off
PAGES: dict[str, Callable[[Citizen], None]] = {
    "code": _at("/"), "unknown": _at("/Z/777"), "session over": _at("/?over=1"),
    "imprint": _at("/impressum"), "privacy": _at("/datenschutz"),
    "accessibility": _at("/barrierefreiheit"), "letter": _at("/is-my-letter-real"),
    "error": _at("/nothing-here"),
    "tan": _tan, "wrong": _wrong, "locked": _locked, "review": _review, "choice": _choice,
    "missing": _missing, "begun": _begun, "already paid": _already, "ended": _ended,
    "confirmed": _decided("pay"), "processing": _decided("later"), "failed": _decided("decline"),
    "cancelled": _decided("cancel"), "returned elsewhere": _returned_elsewhere,
    "withdrawn": _gone("withdrawn"), "expired": _gone("expired"), "replaced": _gone("replaced"),
    "provider": _provider, "provider left": _decided("leave"), "trainer": _trainer,
    "office": _office("/"), "office books": _office("/books"), "office events": _office("/events"),
    "office claim": _office("/claims/K-2026-000001"),
}
# fmt: on


@pytest.mark.parametrize("lead", PAGES.values(), ids=PAGES)
def test_nothing_on_a_page_bars_a_person(comes: Comes, lead: Callable[[Citizen], None]) -> None:
    citizen = comes()
    lead(citizen)
    for viewport in (PHONE, DESK):
        citizen.page.set_viewport_size(viewport)  # type: ignore[arg-type]
        found = Axe().run(citizen.page)
        assert found.violations_count == 0, found.generate_report()
        assert citizen.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def _offered(citizen: Citizen) -> list[str]:
    return [label.strip() for label in citizen.page.locator(".offer label").all_inner_texts()]


def _out_of_force(demo: Demo, state: str) -> dict[str, Any]:
    asked = demo.push()
    demo.sql(
        "UPDATE payment_requests SET state = %s, withdrawn_reason = %s WHERE reference = %s",
        state,
        "deferred" if state == "withdrawn" else None,
        asked["reference"],
    )
    return asked
