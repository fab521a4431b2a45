"""The way before the page that is looked at: asked for with the browser's cookies, never drawn.

What a browser makes of these pages is seen by ``tests.browser``, and here when it is their turn.
"""

from typing import Any
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

from playwright.sync_api import APIResponse
from tinyhtml5.parser import HTMLParser

from tests.browser.citizen import IN_PATH, Citizen


class Errand:
    """Goes ahead of a citizen, who can follow to where it stands."""

    def __init__(self, citizen: Citizen) -> None:
        self._asking = citizen.page.context.request
        self.url = ""

    def opens(self, letter: dict[str, Any]) -> None:
        """Open a letter, with its TAN where one is asked for."""
        self._asks(letter.get("url") or letter["link"]["url"])
        if self._root.find(".//input[@name='tan']") is not None:
            self._sends(self._form("entry"), tan=letter["tan"])

    def goes_on(self) -> None:
        """By the first button that is a link."""
        buttons = self._all("a", "class", "kern-btn--primary")
        self._asks(buttons[0].attrib["href"])

    def starts_again(self) -> None:
        """Leave a payment that was begun, and choose anew."""
        (form,) = self._all("form", "action", "/restart/")
        self._sends(form)

    def leaves_for(self, provider: str = "PayPal") -> str:
        """Choose a provider and arrive there; our id of the payment."""
        labels = [one for one in self._root.iter("label") if provider in "".join(one.itertext())]
        field = self._root.find(f".//input[@id='{labels[0].attrib['for']}']")
        assert field is not None
        self._sends(self._form("entry"), offer=field.attrib["value"])
        (payment,) = IN_PATH.findall(self.url)
        self.goes_on()
        return str(payment)

    def decides(self, what: str) -> None:
        """At the provider: pay, later, decline, cancel or leave."""
        self._sends(next(self._root.iter("form")), choice=what)

    def _form(self, identity: str) -> Element:
        found = self._root.find(f".//form[@id='{identity}']")
        assert found is not None, f"{self.url} has no form {identity}"
        return found

    def _all(self, tag: str, attribute: str, part: str) -> list[Element]:
        return [one for one in self._root.iter(tag) if part in one.get(attribute, "")]

    def _asks(self, url: str) -> None:
        self._stands(self._asking.get(urljoin(self.url, url)))

    def _sends(self, form: Element, **entries: str) -> None:
        hidden = {
            one.attrib["name"]: one.get("value", "")
            for one in form.iter("input")
            if one.get("type") == "hidden"
        }
        to = urljoin(self.url, form.get("action", ""))
        self._stands(self._asking.post(to, form=hidden | entries))

    def _stands(self, answer: APIResponse) -> None:
        assert answer.ok, f"{answer.url} answers {answer.status}"
        self.url = answer.url
        self._root = HTMLParser(namespace_html_elements=False).parse(answer.text())
