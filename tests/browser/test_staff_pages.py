"""Pages that no citizen of a town sees: office and practice provider. Nothing bars a person."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import DESK, PHONE, Citizen
from tests.look import looking

pytestmark = pytest.mark.browser

SCROLLS = "table is cut off"  # wide tables of the practice provider scroll in themselves


def _provider(citizen: Citizen) -> None:
    citizen.starts(citizen.demo.push())


def _left(citizen: Citizen) -> None:
    _provider(citizen)
    citizen.decides("leave")


def _trainer(citizen: Citizen) -> None:
    citizen.page.goto(f"http://127.0.0.1:{citizen.demo.port + 1}/")


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


PAGES: dict[str, Callable[[Citizen], None]] = {
    "provider": _provider, "provider left": _left, "trainer": _trainer,
    "office": _office("/"), "office books": _office("/books"), "office events": _office("/events"),
    "office claim": _office("/claims/K-2026-000003"),
}  # fmt: skip


def test_nothing_on_a_page_bars_a_person(citizen: Citizen) -> None:
    faults = []
    for name, lead in PAGES.items():
        lead(citizen)
        looking.prepare(citizen.page)
        for viewport in (PHONE, DESK):
            citizen.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            found = looking.barriers(citizen.page)
            faults += [f"{name}: {one}" for one in found if SCROLLS not in one]
    assert not faults, "\n".join(faults)
