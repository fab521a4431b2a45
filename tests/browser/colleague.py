"""A person of the town hall before a browser."""

from dataclasses import dataclass, field

import pyotp

from portal import clock
from tests.browser.citizen import Citizen
from tests.look.inside import seat


@dataclass
class Colleague(Citizen):
    """A person of the town hall before a browser of their own."""

    login: str = field(kw_only=True)

    def sits_down(self, *, proved: bool = True) -> "Colleague":
        """As if signed in a moment ago; without ``proved`` an hour ago."""
        cookie = seat(self.demo, self.login, proved=proved)
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return self

    def goes(self, path: str = "") -> "Colleague":
        self.page.goto(f"{self.demo.facts['portal']}/admin/{path}")
        return self

    def follows(self, words: str) -> None:
        """A link of the page's main part."""
        self.page.locator("main").get_by_role("link", name=words, exact=True).first.click()

    def presses(self, words: str) -> None:
        self.page.get_by_role("button", name=words, exact=True).first.click()

    def fills(self, **fields: str) -> None:
        for name, text in fields.items():
            self.page.fill(f"main [name={name}]", text)

    def chooses(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.select_option(f"main select[name={name}]", value)

    def rows(self) -> list[str]:
        """Each row of the page's tables, in one line."""
        return [" ".join(each.split()) for each in self.page.locator("main tr").all_inner_texts()]

    @property
    def told(self) -> str:
        """What the page says of what was just done."""
        return self.page.inner_text(".done")

    @property
    def code(self) -> str:
        """What the authenticator app shows, as if its last code were half a minute old."""
        self.demo.sql("UPDATE staff_members SET totp_step = 0 WHERE login = %s", self.login)
        return pyotp.TOTP(self._kept["totp_secret"]).at(clock.now())

    @property
    def password(self) -> str:
        return self._kept["password"]

    @property
    def _kept(self) -> dict[str, str]:
        return next(one for one in self.demo.facts["staff"] if one["user"] == self.login)
