"""One demo over https for the whole folder, and browsers that are citizens."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Request as Sent

from tests import stages
from tests.stages import Demo

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
IN_PATH = re.compile(r"/(?:payment|leaving)/([^/?]+)")


@pytest.fixture(scope="package")  # Playwright keeps an event loop in this thread while it lives
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
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
    found = stages.start(folder / "data", certificate=stages.make_certificate(folder))
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


@dataclass
class Citizen:
    """A person before a browser; what the browser asked for and complained about."""

    page: Page
    demo: Demo
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._ask)

    def opens(self, letter: dict[str, Any]) -> None:
        """Scan the letter's code."""
        self.page.goto(letter.get("url") or letter["link"]["url"])

    def enters_tan(self, tan: str) -> None:
        self.page.fill("input[name=tan]", tan)
        self.submits()

    def submits(self) -> None:
        self.page.click("main form button[type=submit] >> nth=0")

    def checks(self, letter: dict[str, Any]) -> None:
        """Open, enter the TAN, look at what is asked, go on to the choice."""
        self.opens(letter)
        self.enters_tan(letter["tan"])
        self.goes_on()

    def goes_on(self) -> None:
        self.page.click("main p.buttons a.kern-btn--primary")

    def leaves_for(self, provider: str = "PayPal") -> str:
        """Choose a provider and arrive there; our id of the payment."""
        self.page.check(f"label:has-text('{provider}')")
        with self.page.expect_event("framenavigated", lambda f: "/leaving/" in f.url) as event:
            self.submits()
        found = IN_PATH.search(event.value.url)
        self.page.wait_for_url(f"{self.demo.facts['sandbox']}/pay/**")
        assert found
        return found[1]

    def starts(self, letter: dict[str, Any], provider: str = "PayPal") -> str:
        """All the way to the provider; our id of the payment."""
        self.checks(letter)
        return self.leaves_for(provider)

    def decides(self, what: str) -> None:
        """At the provider: pay, later, decline, cancel or leave."""
        self.page.click(f"#{what}")
        if what != "leave":
            self.page.wait_for_url(f"{self.demo.facts['portal']}/**")

    def pays(self, letter: dict[str, Any], provider: str = "PayPal") -> str:
        """The whole way; our id of the payment."""
        payment = self.starts(letter, provider)
        self.decides("pay")
        return payment

    @property
    def title(self) -> str:
        """What the page says first."""
        return self.page.inner_text("h1").strip()

    @property
    def text(self) -> str:
        """All that the page's main part says, each blank a plain one."""
        return " ".join(self.page.inner_text("main").split())

    def _complain(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)

    def _ask(self, sent: Sent) -> None:
        self.asked.append(sent.url)


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


@pytest.fixture
def citizen(comes: Comes) -> Citizen:
    """An English phone."""
    return comes()


def folder_of(page: Page, path: Path) -> Path:
    """Where a test keeps a file that a page gives."""
    with page.expect_download() as download:
        page.click("a[href$='.pdf']")
    download.value.save_as(path)
    return path
