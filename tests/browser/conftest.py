"""One demo over https for the whole folder, and browsers that are citizens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import stages
from tests.browser.citizen import DESK, FLAGS, PHONE, Citizen, chromium_here
from tests.browser.colleague import Colleague
from tests.look.inside import application
from tests.look.town import Hall
from tests.stages import Demo

DRAWN_WITHIN = 60_000  # milliseconds: the first one starts the print process

__all__ = ["DESK", "PHONE", "Citizen", "Comes", "Hall", "Sits"]


@pytest.fixture(scope="package")  # Playwright keeps an event loop in this thread while it lives
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    path = chromium_here()
    if not path:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The whole house over https."""
    folder = tmp_path_factory.mktemp("demo")
    certificate = stages.make_certificate(folder)
    found = stages.start(folder / "data", certificate=certificate, prints=True)
    yield found
    assert found.end() < stages.LONGEST_END


@pytest.fixture(scope="package")
def _unused(demo: Demo) -> Iterator[dict[str, Any]]:
    rows = demo.sql("SELECT reference FROM payment_requests WHERE language = 'de'")
    german = {reference for (reference,) in rows}
    return (
        one
        for one in demo.requests
        if one["tan"] and one["amount_cents"] <= 10_000 and one["reference"] in german
    )


@pytest.fixture
def letter(_unused: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """A German letter of the sample that no other test uses; every provider takes its amount."""
    return next(_unused)


Comes = Callable[..., Citizen]


@pytest.fixture
def comes(chromium: Browser, demo: Demo) -> Iterator[Comes]:
    """A citizen comes with a browser of their own; by default an English phone."""
    contexts: list[BrowserContext] = []

    def come(*, javascript: bool = True, language: str = "en-GB", **options: Any) -> Citizen:
        context = chromium.new_context(
            viewport=options.pop("viewport", PHONE),
            java_script_enabled=javascript,
            locale=language,
            ignore_https_errors=True,
            **options,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        return Citizen(context.new_page(), demo)

    yield come
    for context in contexts:
        context.close()


Sits = Callable[..., Colleague]


@pytest.fixture
def sits(chromium: Browser, demo: Demo) -> Iterator[Sits]:
    """Somebody of the town hall sits before a browser of their own, signed in; it is English."""
    contexts: list[BrowserContext] = []

    def sit(login: str, *, proved: bool = True, **options: Any) -> Colleague:
        context = chromium.new_context(
            viewport=options.pop("viewport", DESK),
            locale="en-GB",
            ignore_https_errors=True,
            accept_downloads=True,
            **options,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.request.get(f"{demo.facts['portal']}/admin/sign-in?lang=en")
        return Colleague(context.new_page(), demo, login=login).sits_down(proved=proved)

    yield sit
    for context in contexts:
        context.close()


@pytest.fixture
def hall(demo: Demo) -> Iterator[Hall]:
    """What citizens, providers and the finance system do, without a browser."""
    with application(demo).app_context():
        yield Hall(demo)


@pytest.fixture
def citizen(comes: Comes) -> Citizen:
    """An English phone."""
    return comes()


def folder_of(page: Page, path: Path) -> Path:
    """Where a test keeps a file that a page gives."""
    with page.expect_download(timeout=DRAWN_WITHIN) as download:
        page.click("a[href$='.pdf']", timeout=DRAWN_WITHIN)
    download.value.save_as(path)
    return path
