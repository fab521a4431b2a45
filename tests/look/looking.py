"""One look at a page that stands in a browser: everything that is wrong with it, in words.

axe-core with the rules of WCAG 2.2, levels A and AA, and its best practices; then what axe cannot
see: sideways scrolling (1.4.10) also at 320 pixels, text of twice its size (1.4.4) and with wide
spacing (1.4.12), text that is cut off, the way of the keyboard (2.1.1, 2.1.2, 2.4.3, 2.4.7,
2.4.11), and that Enter sends what was typed.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NARROWEST = 320  # pixels
LONGEST_WALK = 400  # stops

OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}
# What may be wrong in one width alone, where the same is shown in the same colours.
WIDTH_ALONE = {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}
RUN = """([options, again]) => {
    const shown = [...document.querySelectorAll("*")].map(one => {
        const style = getComputedStyle(one), size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        return one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && [
            style.color, style.backgroundColor, style.backgroundImage, style.opacity,
            style.textShadow, large].join();
    }).join("\\n");
    const same = again && window.shownBefore === shown;
    window.shownBefore = shown;
    return axe.run(same ? {...options, runOnly: again} : options).then(
        found => found.violations.map(one =>
            one.id + ": " + one.nodes.map(node => node.target.join(" ")).join(", ")));
}"""

# What moves by itself would move while it is looked at: what is due later than this never comes.
STILL = """const soon = window.setTimeout;
window.setTimeout = (act, ms = 0, ...rest) => soon(act, ms > 1500 ? 2 ** 30 : ms, ...rest);"""

# By how many pixels the page is too wide, and what is cut off in it.
MISFITS = """() => [
    document.documentElement.scrollWidth - document.documentElement.clientWidth,
    [...document.querySelectorAll("body *")].filter(one => {
    const box = one.getBoundingClientRect();
    return getComputedStyle(one).overflowX !== "visible" && box.width > 2 && one.innerText
        && one.scrollWidth > one.clientWidth + 1 && one.checkVisibility();
}).map(one => `${one.tagName} ${one.className}`)]"""
SPACING = """on => document.querySelectorAll("body *").forEach(one => Object.entries({
    "line-height": "1.5", "letter-spacing": ".12em", "word-spacing": ".16em",
    ...(one.tagName === "P" ? {"margin-bottom": "2em"} : {}),
}).forEach(([name, size]) => on
    ? one.style.setProperty(name, size, "important") : one.style.removeProperty(name)))"""
TEXT_SIZE = "size => { document.documentElement.style.fontSize = size }"

# What Enter presses in forms with something typed, where that is another way than the form's.
ENTER = """() => [...document.forms].filter(form => [...form.elements].some(one =>
    one.type !== "hidden" && one.matches(
        "input:not([type=radio], [type=checkbox], [type=file], [type=submit])"))
).flatMap(form => {
    const first = [...document.querySelectorAll("button, input")].find(
        one => one.form === form && one.type === "submit");
    const sends = first && !first.disabled && first.checkVisibility()
        && !first.hasAttribute("formaction");
    const name = first?.textContent.trim() || "nothing";
    return sends ? [] : [`Enter presses ${name} in ${form.action}`];
})"""

# Before a walk by Tab: everything unfolded but the menu of languages, the focus on the page itself.
BEGIN = """() => {
    window.folded = [...document.querySelectorAll("main details:not([open])")];
    window.folded.forEach(one => one.open = true);
    const stops = [...document.querySelectorAll(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
        .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility());
    const groups = Map.groupBy(stops.filter(one => one.type === "radio"), one => one.name);
    window.stops = stops.filter(one => one.type !== "radio" ||
        one === (groups.get(one.name).find(each => each.checked) ?? groups.get(one.name)[0]));
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    return window.stops.length;
}"""
END = "() => window.folded.forEach(one => one.open = false)"
STOP = """() => {
    const one = document.activeElement, number = window.stops.indexOf(one);
    if (!one || one === document.body || one === document.documentElement) return null;
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const name = one.tagName + " " + (one.id || one.textContent.trim().slice(0, 30));
    const wrong = [];
    const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
    const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
    if (!box.width || !box.height || box.right <= 0 || box.left >= innerWidth
        || box.bottom <= 0 || box.top >= innerHeight) wrong.push("is not in sight");
    else {
        const above = document.elementFromPoint(x, y);
        if (!above || !(one.contains(above) || above.contains(one)
            || above.closest("label")?.control === one)) wrong.push("is covered");
    }
    const ring = style.outlineStyle === "auto" || (style.outlineStyle !== "none"
        && parseFloat(style.outlineWidth) >= 2
        && (matchMedia("(forced-colors: active)").matches || !/, 0\\)$/.test(style.outlineColor)));
    if (!ring && style.boxShadow === "none") wrong.push("shows no focus");
    return {number, name, wrong};
}"""


@cache
def axe() -> str:
    """The script that ``barriers`` needs in a page."""
    return Axe().axe_script


def prepare(page: Page) -> None:
    """Put axe into the page that stands there."""
    page.evaluate(axe())


def barriers(page: Page, *, once: bool = False) -> Iterator[str]:
    """What axe finds in the page as it stands, and sideways scrolling.

    ``once``: what axe was asked before of this page is not asked again while the same elements are
    shown in the same colours, but for what the width alone can spoil.
    """
    yield from page.evaluate(RUN, [OPTIONS, WIDTH_ALONE if once else None])
    yield from _too_wide(page, "")


def narrow(page: Page) -> Iterator[str]:
    """What does not fit 320 pixels, or the present width with text of twice its size."""
    yield from _narrowest(page)
    yield from large(page)


def _narrowest(page: Page) -> Iterator[str]:
    size: Any = page.viewport_size
    page.set_viewport_size({"width": NARROWEST, "height": size["height"]})
    yield from _too_wide(page, f" at {NARROWEST} pixels")
    page.set_viewport_size(size)


def large(page: Page) -> Iterator[str]:
    """What does not fit the present width with text of twice its size, or spaced widely."""
    page.evaluate(TEXT_SIZE, "200%")
    yield from _too_wide(page, " with text of twice its size")
    page.evaluate(TEXT_SIZE, "")
    page.evaluate(SPACING, True)
    yield from _too_wide(page, " with widely spaced text")
    page.evaluate(SPACING, False)


def walk(page: Page) -> Iterator[str]:
    """What is wrong on the keyboard's way through the page, from Tab to Tab, and with Enter."""
    yield from page.evaluate(ENTER)
    expected = page.evaluate(BEGIN)
    reached = []
    for _ in range(LONGEST_WALK):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or stop["number"] in reached[:-1]:
            break
        if stop["number"] in reached:  # a day has three places
            continue
        reached.append(stop["number"])
        yield from (f"by keyboard, {stop['name']} {wrong}" for wrong in stop["wrong"])
    page.evaluate(END)
    if reached != list(range(expected)):
        yield f"by keyboard, {len(reached)} of {expected} reached, in the order {reached}"


def _too_wide(page: Page, when: str) -> Iterator[str]:
    over, cut = page.evaluate(MISFITS)
    if over > 0:
        yield f"{over} pixels too wide{when}"
    yield from (f"{one} is cut off{when}" for one in cut)
