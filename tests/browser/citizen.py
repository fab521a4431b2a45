"""A person before a browser."""

import re
import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Frame, Page
from playwright.sync_api import Request as Sent

from tests.stages import Demo

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
# The first is Chromium's engine without the windows around it: a third of the work for each page.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser")
IN_PATH = re.compile(r"/(?:payment|leaving)/([^/?]+)")


def chromium_here() -> str | None:
    """The path of this machine's browser; none when there is none."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


@dataclass
class Citizen:
    """A person before a browser; what the browser asked for and complained about."""

    page: Page
    demo: Demo
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    last: Sent | None = None  # that asked the portal for a page
    language: str = "en"

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
        self.page.click("main .buttons a.kern-btn--primary >> nth=0")

    def leaves_for(self, provider: str = "PayPal") -> str:
        """Choose a provider and arrive there; our id of the payment."""
        self.page.check(f"label:has-text('{provider}')")
        found = []  # at once: the page leads on, and so does the frame's address

        def leads_on(frame: Frame) -> bool:
            found.extend(IN_PATH.findall(frame.url) if "/leaving/" in frame.url else [])
            return bool(found)

        with self.page.expect_event("framenavigated", leads_on):
            self.submits()
        self.page.wait_for_url(f"{self.demo.facts['sandbox']}/pay/**")
        return str(found[0])

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
        if sent.is_navigation_request() and sent.url.startswith(self.demo.facts["portal"]):
            self.last = sent
