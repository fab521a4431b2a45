"""Every page looked at, as ``./quitt look`` does, and that the looking sees what is wrong."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from portal import clock, create_app
from portal.payments.standing import Standing
from portal.web.language import LANGUAGES
from tests.browser.conftest import DESK, PHONE, Comes
from tests.look import desks, looking, trees
from tests.look.__main__ import look_through, share_out
from tests.look.desks import DESKS
from tests.look.inside import settings_of
from tests.look.plan import Colours, Width, looks
from tests.look.ways import WAYS
from tests.stages import HOUSE, Demo

pytestmark = pytest.mark.browser


# Closed for works it would be for all: its page is put before one browser below.
SEEN_ELSEWHERE = {"without_town"}


def test_every_page_is_looked_at() -> None:
    templates = {file.stem for file in (HOUSE / "templates" / "citizen").glob("*.html")}
    assert {way.template for way in WAYS.values()} == templates - SEEN_ELSEWHERE
    assert set(Standing) <= WAYS.keys()


def test_every_page_of_the_admin_view_is_looked_at() -> None:
    templates = {file.stem for file in (HOUSE / "templates" / "admin").glob("*.html")}
    pages = templates - desks.NO_PAGES - desks.SEEN_ELSEWHERE
    assert {way.template for way in DESKS.values()} == pages


def test_each_two_of_language_width_and_colours_come_together() -> None:
    seen = [(number, look) for number in range(len(WAYS)) for look in looks(number, every=False)]
    for width in Width:
        german = {number for number, look in seen if (look.language, look.width) == ("de", width)}
        assert german == set(range(len(WAYS)))
    for other, all_ in (("width", Width), ("colours", Colours)):
        pairs = {(look.language, getattr(look, other)) for _, look in seen}
        assert pairs == {(language, each) for language in LANGUAGES for each in all_}
    assert len({(look.width, look.colours) for _, look in seen}) == len(Width) * len(Colours)


def test_nothing_is_wrong_with_any_page(demo: Demo) -> None:
    certificate = demo.data.parent / "certificate.pem"
    seen = share_out(demo.data, certificate, list(WAYS), every=False, pictures=None)
    assert not seen.faults, "\n".join(seen.faults)
    assert seen.taken > 2.5 * len(WAYS)


def test_nothing_is_wrong_with_any_page_of_the_admin_view(tmp_path: Path) -> None:
    """In a demo of its own: its town gets three days of work, and closes its days."""
    seen = look_through(tmp_path, list(DESKS), every=False)
    assert not seen.faults, "\n".join(seen.faults)
    assert seen.taken > 2 * len(DESKS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wrong_with_the_page_of_maintenance(
    comes: Comes, demo: Demo, tmp_path: Path, language: str
) -> None:
    closed = tmp_path / "closed"
    closed.write_text((clock.now() + timedelta(hours=3)).isoformat(), "utf-8")
    settings = replace(settings_of(demo), maintenance=closed)
    answer = create_app(settings).test_client().get(f"/?lang={language}")
    assert answer.status_code == 503
    page = comes().page
    page.route(f"{demo.facts['portal']}/", lambda route: route.fulfill(body=answer.text))
    page.goto(f"{demo.facts['portal']}/")
    looking.prepare(page)
    for width in (PHONE, DESK):
        page.set_viewport_size(width)
        assert [*looking.barriers(page), *looking.narrow(page), *looking.walk(page)] == []


HEAD = "<!doctype html><html lang=en><title>A</title><main><h1>A</h1>"


@pytest.fixture
def page(comes: Comes) -> Page:
    """A blank page for faults."""
    page = comes().page
    page.goto("about:blank")
    return page


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("<img src=x.png>", "image-alt"),
        ("<p style='color: #999'>Too pale</p>", "color-contrast"),
        ("<p style='width: 600px'>Too wide</p>", "pixels too wide"),
        ("<p style='width: 9em; overflow: hidden'>Fremdenverkehrsbeitrag</p>", "is cut off"),
    ],
)
def test_a_barrier_is_seen(page: Page, fault: str, words: str) -> None:
    page.set_content(f"{HEAD}{fault}</main>")
    looking.prepare(page)
    assert any(words in one for one in looking.barriers(page))


@pytest.mark.parametrize(
    ("phone", "wide", "words"),
    [
        ("p { color: #000 }", "p { color: #999 }", "color-contrast"),
        ("img { display: none }", "img { display: block }", "image-alt"),
        ("button { padding: 20px }", "button { all: unset; font-size: 9px }", "target-size"),
    ],
)
def test_what_only_a_wide_screen_shows_is_seen_after_the_phone(
    page: Page, phone: str, wide: str, words: str
) -> None:
    page.set_content(
        f"{HEAD}<style>{phone} @media (min-width: 1000px) {{ {wide} }}</style>"
        "<p>Words <img src=x.png></p><button>A</button><button>B</button><button>C</button></main>"
    )
    looking.prepare(page)
    assert not any(words in one for one in looking.barriers(page, once=True))
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    assert any(words in one for one in looking.barriers(page, once=True))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("<p style='width: 350px'>Wide</p>", "at 320 pixels"),
        ("<p style='width: 15em; font-size: 1rem'>Large</p>", "with text of twice its size"),
        (
            "<p style='width: 9em; overflow: hidden; white-space: nowrap'>As wide as this</p>",
            "with widely spaced text",
        ),
    ],
)
def test_what_does_not_fit_is_seen(page: Page, fault: str, words: str) -> None:
    page.set_content(f"{HEAD}{fault}</main>")
    assert any(words in one for one in looking.narrow(page))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("<button style='outline: none'>A</button>", "shows no focus"),
        ("<button style='position: fixed; left: -99px'>A</button>", "is not in sight"),
        ("<button>A</button><div style='position: fixed; inset: 0'></div>", "is covered"),
        ("<a href=#b tabindex=2>A</a><a href=#a tabindex=1>B</a>", "1 of 2 reached"),
        ("<input onkeydown='event.preventDefault()' aria-label=A><a href=#>B</a>", "1 of 2"),
    ],
)
def test_a_fault_on_the_keyboards_way_is_seen(page: Page, fault: str, words: str) -> None:
    page.set_content(f"{HEAD}{fault}</main>")
    found = list(looking.walk(page))
    assert any(words in one for one in found), found


def test_a_tree_is_what_is_read_out(page: Page) -> None:
    page.set_content(
        f"{HEAD}<form><label>Name<input required aria-describedby=h></label><p id=h>Any</p>"
        "<progress aria-hidden=true></progress></form></main>"
    )
    lines = [line.strip() for line in trees.read(page).splitlines()]
    assert "heading “A” [level 1]" in lines
    assert "textbox “Name” (Any) [required True]" in lines
    assert not any("progress" in line for line in lines)


def test_nothing_is_seen_where_nothing_is_wrong(page: Page) -> None:
    page.set_content(f"{HEAD}<p><a href=#>One</a></p><p>Two</p><button>Three</button></main>")
    looking.prepare(page)
    found = [*looking.barriers(page), *looking.narrow(page), *looking.walk(page)]
    assert found == []


def test_the_menu_of_languages_opens_by_keyboard_and_covers_nothing_that_has_the_focus(
    comes: Comes,
) -> None:
    citizen = comes(javascript=False)
    WAYS["tan"].lead(citizen)
    menu = citizen.page.locator("nav.languages ul")
    citizen.page.focus("nav.languages summary")
    citizen.page.keyboard.press("Enter")
    assert menu.is_visible()
    for _ in range(len(LANGUAGES) + 1):
        citizen.page.keyboard.press("Tab")
    assert not menu.is_visible()


SIGNS = """() => [
    ...[...document.querySelectorAll(".kern-icon")].map(one => getComputedStyle(one)),
    ...[...document.querySelectorAll(".kern-accordion > summary")].map(
        one => getComputedStyle(one, "::after")),
].map(style => style.backgroundColor)"""


def test_signs_stand_out_from_the_colours_that_the_reader_chose(comes: Comes) -> None:
    citizen = comes(forced_colors="active")
    WAYS["tan wrong"].lead(citizen)
    inks = citizen.page.evaluate(SIGNS)
    assert len(inks) > 3
    assert set(inks) == {"rgb(0, 0, 0)"}, "on white"


def test_a_confirmation_prints_on_one_sheet(comes: Comes, tmp_path: Path) -> None:
    from pypdfium2 import PdfDocument

    citizen = comes()
    WAYS["confirmed"].lead(citizen)
    with PdfDocument(citizen.page.pdf(format="A4", prefer_css_page_size=True)) as sheets:
        assert len(sheets) == 1
