"""Who looks: a browser each, at one page after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Error, sync_playwright

from tests import stages
from tests.browser.citizen import DESK, FLAGS, PHONE, Citizen, chromium_here
from tests.look import looking, trees
from tests.look.desks import DESKS
from tests.look.plan import Colours, Look, Width, desk_looks, looks
from tests.look.ways import WAYS, Way
from tests.pages import COMPLETE, TRANSLATIONS

PAGES = {**WAYS, **DESKS}
SIZES = {Width.PHONE: PHONE, Width.DESK: DESK}
MEDIA = {
    Colours.LIGHT: {"color_scheme": "light", "forced_colors": "none"},
    Colours.DARK: {"color_scheme": "dark", "forced_colors": "none"},
    Colours.FORCED: {"color_scheme": "light", "forced_colors": "active"},
}
PATIENCE = 30_000  # milliseconds
HEAVIEST = 14 * 1024  # bytes over the wire: what a connection carries at once (RFC 6928)
# How the sheets of the citizens' pages and of the admin view begin, and what a page may weigh.
WINGS = (("", HEAVIEST), ("desk-", 3 * HEAVIEST))
# Chromium's words for an answer that refuses what was typed, and for a session that is ended.
EXPECTED = (
    *(f"status of {status}" for status in (403, 404, 409, 422, 429)),
    "Cleared data types",
    "Password forms should have",
)


@dataclass
class Seen:
    """What was seen: how many looks were taken, and each fault with where it is."""

    taken: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Seen") -> None:
        """Put together what two have seen."""
        self.taken += other.taken
        self.faults += other.faults


@dataclass(frozen=True)
class Order:
    """What to look at: the demo of a folder, this page, and where pictures go, if any."""

    data: Path
    certificate: Path
    name: str
    every: bool = False
    pictures: Path | None = None


def go(order: Order) -> Seen:
    """Look at a page, with this process's own eye."""
    seen, eye = Seen(), _eye(order.data, order.certificate)
    eye.turn_to(order)
    for _, of_language in groupby(_looks(order), lambda look: look.language):
        seen.add(eye.looks(list(of_language)))
    return seen


def _looks(order: Order) -> Iterator[Look]:
    if order.name in DESKS:
        return desk_looks(list(DESKS).index(order.name), every=order.every)
    return looks(list(WAYS).index(order.name), every=order.every)


@cache
def _eye(data: Path, certificate: Path) -> "Eye":
    """Its browser lives as long as this process, and ends with it."""
    browser = (
        sync_playwright().start().chromium.launch(executable_path=chromium_here(), args=list(FLAGS))
    )
    return Eye(browser, stages.join(data, certificate))


class Eye:
    """Looks at one page after the other, which it reaches anew in each language."""

    def __init__(self, browser: Browser, demo: stages.Demo) -> None:
        self.context = browser.new_context(
            viewport=PHONE, reduced_motion="reduce", ignore_https_errors=True
        )  # type: ignore[arg-type]
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(looking.STILL)
        # In each page from its beginning: put into a page that stands, it costs as much as a run.
        self.context.add_init_script(looking.axe())
        self.citizen = Citizen(self.context.new_page(), demo)

    def turn_to(self, order: Order) -> None:
        """To the page of this order, as someone who was never here."""
        self.name, self.way = order.name, PAGES[order.name]
        self.every, self.pictures = order.every, order.pictures
        self.wing, self.heaviest = WINGS[order.name in DESKS]
        self.there, self.citizen.last = False, None
        self.context.unroute_all()
        self.context.clear_cookies()

    def looks(self, of_language: Sequence[Look]) -> Seen:
        """Reach the page in one language and take these looks."""
        seen = Seen()
        self.citizen.complaints.clear()
        self.citizen.asked.clear()
        try:
            self._reach(of_language[0].language)
            for look in of_language:
                seen.faults += [f"{self.name}, {look}: {one}" for one in self._look(look)]
                seen.taken += 1
        except (Error, AssertionError) as error:
            self.there = False
            words_ = (str(error).splitlines() or [repr(error)])[0]
            seen.faults.append(f"{self.name}, {of_language[0]}: {words_}")
        seen.faults += [f"{self.name}, {of_language[0]}: {one}" for one in self._behaviour()]
        return seen

    def _reach(self, language: str) -> None:
        """A page that answers GET is only asked for in the next language."""
        page, portal = self.citizen.page, self.citizen.demo.facts["portal"]
        self.citizen.language = language
        if self.there and self.citizen.last and self.citizen.last.method == "GET":
            bare = urlsplit(page.url)
            page.goto(bare._replace(query=_with(bare.query, language), fragment="").geturl())
            return
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        self.context.request.get(f"{portal}/impressum?lang={language}")  # the cookie keeps it
        self.way.lead(self.citizen)
        self.there = True

    def _look(self, look: Look) -> Iterator[str]:
        page = self.citizen.page
        page.set_viewport_size(SIZES[look.width])  # type: ignore[arg-type]
        page.emulate_media(**MEDIA[look.colours])  # type: ignore[arg-type]
        title = self.citizen.title
        if look.language in COMPLETE and not _is_heading(title, self.way, look.language):
            yield f"this is another page: {title}"
        yield from looking.barriers(page, once=not self.every)
        if self.pictures:
            file = self.pictures / f"{self.wing}{look}" / f"{self.name}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=file, full_page=True, type="jpeg", quality=70)
            if look.closely and look.width is Width.PHONE:
                (file.parent / f"{self.name}.txt").write_text(trees.read(page), encoding="utf-8")
        if look.width is Width.PHONE and (look.closely or self.wing):
            yield from looking.narrow(page)
        elif look.closely:  # 320 pixels are no other page than from the phone
            yield from looking.large(page)
        if look.closely:
            yield from looking.walk(page)

    def _behaviour(self) -> Iterator[str]:
        """What the browser complained about, and what was asked of others than the portal."""
        facts, last = self.citizen.demo.facts, self.citizen.last
        weight = last.sizes()["responseBodySize"] if last and last.response() else 0
        if not 0 < weight <= self.heaviest:
            yield f"{weight} bytes over the wire"
        for words_ in self.citizen.complaints:
            if not any(one in words_ for one in EXPECTED):
                yield f"the browser says: {words_}"
        ours = (f"{facts['portal']}/", f"{facts['sandbox']}/", "data:")
        yield from (f"asks {url}" for url in self.citizen.asked if not url.startswith(ours))


def _is_heading(title: str, way: Way, language: str) -> bool:
    """Whether a heading begins as the way says; it names a sentence of the catalogue."""
    said = [
        str(one.string or one.id).partition("%(")[0]
        for one in _catalogue(language)
        if isinstance(one.id, str) and one.id and one.id.startswith(way.heading)
    ]
    return any(title.startswith(begin) for begin in said)


@cache
def _catalogue(language: str) -> Catalog:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file)


def _with(query: str, language: str) -> str:
    kept = [part for part in query.split("&") if part and not part.startswith("lang=")]
    return "&".join([*kept, urlencode({"lang": language})])
