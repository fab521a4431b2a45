"""Which looks are taken of a page: in which language, width and colours."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from portal.web.language import LANGUAGES, STAFF

FIRST = "de"
EACH = 8  # of so many languages one is looked at on a page
EACH_DESK = 3  # of so many pages of the admin view one is looked at once more


class Width(StrEnum):
    """Of the screen: ``tests.browser.citizen`` has the sizes."""

    PHONE = "phone"
    DESK = "desktop"


class Colours(StrEnum):
    """What the reader's system asks for."""

    LIGHT = "light"
    DARK = "dark"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Look:
    """One look. ``closely``: also at 320 pixels, with large text, and along the keyboard's way."""

    language: str
    width: Width
    colours: Colours
    closely: bool = False

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.colours}"


def looks(number: int, *, every: bool) -> Iterator[Look]:
    """The looks at the page of this number, those of one language one after another.

    Without ``every``: German on phone and desktop, and once more in another language or in other
    colours, in turn; each language, width and colours meet each other on some page.
    """
    for place, language in enumerate(LANGUAGES):
        if every:
            for width, colours in product(Width, Colours):
                yield Look(language, width, colours, closely=_closely(language, width, colours))
        else:
            if language == FIRST:
                yield from (Look(FIRST, width, Colours.LIGHT, closely=True) for width in Width)
            if place % EACH != number % EACH:
                continue
            turn = number // EACH + place
            found = Look(language, tuple(Width)[turn % 2], tuple(Colours)[turn % 3])
            if (found.language, found.colours) != (FIRST, Colours.LIGHT):
                yield found


def desk_looks(number: int, *, every: bool) -> Iterator[Look]:
    """The looks at the page of this number of the admin view, which speaks two languages.

    Without ``every``: German on phone and desktop; each third page closely, and once more in
    English and other colours.
    """
    if every:
        for language in STAFF:
            for width, colours in product(Width, Colours):
                yield Look(language, width, colours, closely=_closely(language, width, colours))
        return
    closely = number % EACH_DESK == 0
    yield Look(FIRST, Width.PHONE, Colours.LIGHT, closely=closely)
    yield Look(FIRST, Width.DESK, Colours.LIGHT)
    if closely:
        turn = number // EACH_DESK
        yield Look(STAFF[1], tuple(Width)[turn % 2], tuple(Colours)[1:][turn // 2 % 2])


def _closely(language: str, width: Width, colours: Colours) -> bool:
    is_plain = width is Width.PHONE and colours is Colours.LIGHT
    return is_plain or (language == FIRST and colours is not Colours.DARK)
