"""What every page must be, looked at after every answer that a test gets.

``checked`` raises with all that is wrong with an answer; ``builders.Browser`` calls it for each.
The rules are HTML's (html.spec.whatwg.org, section 13.2: no parse error), WCAG 2.2's (1.1.1, 1.3.1,
2.4.2, 2.4.6, 3.1.1, 3.3.2, 4.1.2) and our own: nothing inline, no other host, no secret in a title.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from babel.messages.pofile import read_po
from tinyhtml5 import inputstream
from tinyhtml5.parser import HTMLParser
from werkzeug.test import TestResponse

TRANSLATIONS = Path(__file__).parents[1] / "translations"
DRESS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FIELDS = {"input", "select", "textarea"}
NEEDS_NO_LABEL = {"hidden", "submit", "button", "reset"}
LOADS = {("link", "href"), ("script", "src"), ("img", "src"), ("form", "action")}
REFERS = ("for", "aria-describedby", "aria-labelledby", "aria-controls")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# What stands on a letter: a whole link's code, the short code, the TAN.
SECRET = re.compile(r"\b([0-9A-HJKMNP-TV-Z]{4}[ -]?){3,}\b|\b\d{4} ?\d{4}\b")
COMPLETE = {"de": "en", "en": "de"}  # languages that lack nothing, each with what it is not
FIELDS_OF_PAY = {"version", "amount_cents", "csrf_token"}

Wrong = Iterator[str]


def checked(answer: TestResponse, host: str) -> TestResponse:
    """The answer, when nothing is wrong with it; pages are those of the portal at ``host``."""
    is_page = answer.mimetype == "text/html" and not answer.location
    if is_page and answer.text:
        path = answer.request.path
        wrong = [*undressed(answer), *looked_at(answer.text, path, host)]
        assert not wrong, f"{path}: {'; '.join(wrong)}"
    return answer


class Patterns(dict[tuple[Iterable[str], bool], re.Pattern[str]]):
    """Patterns of "anything until one of these signs".

    tinyhtml5 2.1 writes each into its store under the wrong name and so makes it anew for each
    word of a page, which took half of the time of parsing.
    """

    def __missing__(self, asked: tuple[Iterable[str], bool]) -> re.Pattern[str]:
        signs, opposite = asked
        listed = "".join(re.escape(sign) for sign in signs)
        self[asked] = re.compile(f"[{'' if opposite else '^'}{listed}]+")
        return self[asked]


inputstream.characters_until_regex = Patterns()

# Looking takes longer than most answers. Pages that differ in nothing but their form's token and
# the figures of their texts are as sound as the first of them.
SOUND: set[tuple[str, str, str]] = set()
TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+')
FIGURES = re.compile(r"[0-9]+(?=[^<>]*<)")


def looked_at(html: str, path: str, host: str) -> list[str]:
    """All that is wrong with a page, if no page of its shape has been looked at."""
    place = re.sub(r"[^/]*[0-9][^/]*", "0", path)
    shape = (FIGURES.sub("0", TOKEN.sub("", html)), place, host)
    if shape in SOUND:
        return []
    wrong = list(Look(html, path, host).wrong())
    if not wrong:
        SOUND.add(shape)
    return wrong


def undressed(answer: TestResponse) -> Wrong:
    """Headers that are not what every answer must have."""
    for name, value in DRESS.items():
        if answer.headers.get(name) != value:
            yield f"{name} is {answer.headers.get(name)}"
    policy = answer.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy:
        yield f"the policy is {policy!r}"
    if "unsafe" in policy:
        yield "the policy allows what is unsafe"
    if "max-age=63072000" not in answer.headers.get("Strict-Transport-Security", ""):
        yield "no Strict-Transport-Security"


class Look:
    """One look at a page of a path."""

    def __init__(self, html: str, path: str, host: str) -> None:
        parser = HTMLParser(namespace_html_elements=False)
        self.root: Element = parser.parse(html)
        self.errors = parser.errors
        self.path, self.host = path, host
        self.handle = path.split("/")[2] if path.startswith("/r/") else ""
        self.all = [each for each in self.root.iter() if isinstance(each.tag, str)]
        self.ids = [each.attrib["id"] for each in self.all if "id" in each.attrib]

    def wrong(self) -> Wrong:
        """Everything that is wrong, in words."""
        yield from (f"parse error {code} at {place}" for place, code, _ in self.errors)
        yield from self._frame()
        yield from self._references()
        yield from self._names()
        yield from self._headings()
        yield from self._inline()
        yield from self._hosts()
        yield from self._forms()
        yield from self._title()
        yield from self._foreign_words()

    def of(self, *tags: str) -> list[Element]:
        """The elements of these names, in order."""
        return [each for each in self.all if each.tag in tags]

    def _frame(self) -> Wrong:
        if self.language not in catalogues():
            yield f"the language is {self.language!r}"
        for tag in ("h1", "main", "title"):
            if len(self.of(tag)) != 1:
                yield f"{len(self.of(tag))} {tag}"
        if not self.path.startswith("/api/") and not (self.of("header") and self.of("footer")):
            yield "header or footer is missing"
        if any(not each.attrib.get("aria-label") for each in self.of("nav")):
            yield "a nav without a name"

    def _references(self) -> Wrong:
        yield from (f"id {one} twice" for one in {o for o in self.ids if self.ids.count(o) > 1})
        for each in self.all:
            wanted = [id_ for name in REFERS for id_ in each.attrib.get(name, "").split()]
            if each.attrib.get("href", "").startswith("#"):
                wanted.append(each.attrib["href"][1:])
            yield from (f"{each.tag} refers to {one}" for one in wanted if one not in self.ids)

    def _names(self) -> Wrong:
        """Fields have labels, pictures an alternative, buttons and links words."""
        labelled = {each.attrib.get("for") for each in self.of("label")}
        labelled |= {one.attrib.get("id") for each in self.of("label") for one in each.iter()}
        for field in self.of(*FIELDS):
            own = {"aria-label", "aria-labelledby"} & field.attrib.keys()
            needs_none = field.attrib.get("type") in NEEDS_NO_LABEL
            if not needs_none and not own and field.attrib.get("id", "") not in labelled:
                yield f"no label for {field.attrib.get('name')}"
        yield from ("img without alt" for one in self.of("img") if "alt" not in one.attrib)
        for each in self.of("a", "button", "label", "legend", "summary", *HEADINGS, "th"):
            if not words(each) and "aria-label" not in each.attrib:
                yield f"{each.tag} without words"

    def _headings(self) -> Wrong:
        level = 0
        for heading in self.of(*HEADINGS):
            # A summary of errors stands before the page's heading.
            if int(heading.tag[1]) > max(level, 1) + 1:
                yield f"{heading.tag} after h{level}"
            level = int(heading.tag[1])

    def _inline(self) -> Wrong:
        for each in self.all:
            named = [name for name in each.attrib if name == "style" or name.startswith("on")]
            yield from (f"{each.tag} has {name}" for name in named)
            if any(value.strip().startswith("javascript:") for value in each.attrib.values()):
                yield f"{each.tag} has a script as address"
        if self.of("style") or any(not each.attrib.get("src") for each in self.of("script")):
            yield "style or script stands inside"

    def _hosts(self) -> Wrong:
        """Nothing is loaded from elsewhere; only the way to the provider leads away."""
        for tag, name in LOADS:
            for address in [each.attrib.get(name, "") for each in self.of(tag)]:
                if self._is_foreign(address):
                    yield f"{tag} leads to {address}"
        leads = [each.attrib.get("href", "") for each in self.of("a")]
        leads += [
            each.attrib.get("content", "").partition("url=")[2]
            for each in self.of("meta")
            if each.attrib.get("http-equiv") == "refresh"
        ]
        for address in filter(self._is_foreign, leads):
            if "/leaving/" not in self.path:
                yield f"a link leads to {address}"
            if self.handle and self.handle in address:
                yield "the handle is told to another host"

    def _is_foreign(self, address: str) -> bool:
        parts = urlsplit(address)
        if parts.scheme in {"mailto", "tel"}:
            return False
        return bool(parts.scheme and parts.scheme != "https") or parts.hostname not in {
            None,
            self.host,
        }

    def _forms(self) -> Wrong:
        for form in self.of("form"):
            if form.attrib.get("method", "get").lower() != "post":
                continue
            action = form.attrib.get("action", "")
            fields = {
                one.attrib["name"]
                for one in form.iter("input")
                if "name" in one.attrib and (one.attrib["name"] != "csrf_token" or _told(one))
            }
            needed = FIELDS_OF_PAY if urlsplit(action).path.endswith("/pay") else {"csrf_token"}
            if needed - fields:
                yield f"the form to {action} lacks {', '.join(sorted(needed - fields))}"
            is_own = action.startswith(f"/r/{self.handle}/") or action == "/end"
            if self.handle and not is_own:
                yield f"the form to {action} does not carry the handle"

    def _title(self) -> Wrong:
        title = words(self.of("title")[0]) if self.of("title") else ""
        if not title:
            yield "the title is empty"
        if (self.handle and self.handle in title) or SECRET.search(title):
            yield "a secret stands in the title"

    def _foreign_words(self) -> Wrong:
        """Sentences of the catalogue in another language than the page's, or its own part's."""
        for sentence, language in spoken(self.root, self.language):
            other = COMPLETE.get(language)
            if other is None or catalogues()[language].knows(sentence):
                continue
            if catalogues()[other].knows(sentence):
                yield f"{sentence!r} is {other} on a {language} page"

    @property
    def language(self) -> str:
        return str(self.root.attrib.get("lang", ""))


def words(element: Element) -> str:
    """What is read out of an element."""
    return " ".join("".join(element.itertext()).split())


def spoken(element: Element, language: str) -> Iterator[tuple[str, str]]:
    """The texts of an element, each with its language."""
    language = element.attrib.get("lang", language)
    if element.tag in {"script", "style"}:
        return
    texts = [element.text, *(element.attrib.get(name) for name in ("aria-label", "data-copied"))]
    yield from ((" ".join(text.split()), language) for text in texts if text and text.strip())
    for child in element:
        if isinstance(child.tag, str):
            yield from spoken(child, language)
        if child.tail and child.tail.strip():
            yield " ".join(child.tail.split()), language


class Sentences:
    """The sentences of one language, with anything in the places of their values."""

    def __init__(self, sentences: set[str]) -> None:
        self.plain = {one for one in sentences if "%(" not in one}
        filled = [_pattern(one) for one in sentences if "%(" in one]
        self.filled = re.compile("|".join(filled) or r"(?!)", re.DOTALL)

    def knows(self, text: str) -> bool:
        """Whether a text is one of them."""
        return text in self.plain or self.filled.fullmatch(text) is not None


@cache
def catalogues() -> dict[str, Sentences]:
    """What the pages say, by the tag of their language; a catalogue of easy words is the same."""
    said: dict[str, set[str]] = {}
    for file in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"):
        tag = file.parts[-3].partition("_")[0]
        said.setdefault(tag, set()).update(_said(file))
    return {tag: Sentences(sentences) for tag, sentences in said.items()}


def _said(file: Path) -> Iterator[str]:
    with file.open("rb") as po:
        catalogue = read_po(po)
    for message in catalogue:
        forms = [message.string] if isinstance(message.string, str) else list(message.string)
        if "en" in file.parts and not any(forms):  # messages are written in English
            forms = [message.id] if isinstance(message.id, str) else list(message.id)
        yield from (" ".join(one.split()) for one in forms if message.id and one)


def _pattern(sentence: str) -> str:
    parts = re.split(r"%\(\w+\)[sd]", sentence)
    return "(?:" + ".+?".join(re.escape(part) for part in parts) + ")"


def _told(field: Element) -> bool:
    return bool(field.attrib.get("value"))
