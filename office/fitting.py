"""How much room a text takes on paper, and in which size it fits its place.

Measured with the advance widths of the font that letters are set in. Lines are broken at blanks,
and inside a word that is longer than the line; the typesetter also breaks at hyphens, which never
takes more lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FONTS = Path(__file__).resolve().parent.parent / "static" / "fonts"
MM = 72 / 25.4  # points a millimetre
UNKNOWN = 1.0  # em: a sign that another font must draw


@dataclass(frozen=True, slots=True)
class Size:
    """A size of type: its name in ``letter.css``, points, and how many lines have room."""

    name: str
    points: float
    lines: int


# Each place's room is given in letter.css; the sizes go down until the text fits.
# fmt: off
ADDRESS = (Size("large", 10.5, 6), Size("medium", 9, 7), Size("small", 8, 8))
ADDRESS_MM = 80
SENDER = (Size("large", 6.5, 1), Size("small", 5.5, 2))
SENDER_MM = 80
HEAD = (Size("large", 18, 1), Size("small", 13, 2))
HEAD_MM = 165
INFO = (Size("large", 9, 10), Size("medium", 8, 12), Size("small", 7, 14))
INFO_MM = 49
PURPOSE = (Size("large", 12, 2), Size("small", 10, 3))
PURPOSE_MM = 165
WAYS = (Size("large", 10, 4), Size("medium", 9, 5), Size("small", 7.5, 7), Size("tiny", 6.5, 8))
WAYS_MM = 81
HOST = (Size("large", 9, 1), Size("small", 7.5, 2))
HOST_MM = 50
FOOTER = (Size("large", 7.5, 2), Size("small", 6, 4))
FOOTER_MM = 165
# fmt: on


def fit(texts: Iterable[str], sizes: Sequence[Size], room_mm: float, bold: bool) -> Size | None:
    """The largest size in which all texts, each from a new line, fit; ``None`` if in none."""
    given = [text for text in texts if text]
    for size in sizes:
        room = room_mm * MM / size.points
        if sum(lines(text, room, bold=bold) for text in given) <= size.lines:
            return size
    return None


def lines(text: str, room: float, *, bold: bool) -> int:
    """How many lines of ``room`` em a text takes."""
    count, at = 1, 0.0
    for word in text.split():
        width, blank = _width(word, bold), _width(" ", bold)
        if at and at + blank + width > room:
            count, at = count + 1, 0.0
        at += (blank if at else 0.0) + width
        if at > room:  # one long word: broken wherever it must be
            count, at = _broken(word, room, bold, count)
    return count


def _broken(word: str, room: float, bold: bool, count: int) -> tuple[int, float]:
    at = 0.0
    for sign in word:
        width = _width(sign, bold)
        if at + width > room:
            count, at = count + 1, 0.0
        at += width
    return count, at


def _width(text: str, bold: bool) -> float:
    font, signs = _font(bold)
    widths, unit = font["hmtx"], font["head"].unitsPerEm
    return sum(widths[signs[ord(s)]][0] / unit if ord(s) in signs else UNKNOWN for s in text)


@lru_cache(maxsize=2)
def _font(bold: bool) -> tuple[Any, dict[int, str]]:
    # Takes a moment, and only letters need it.
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    font = TTFont(FONTS / f"fira-sans-{600 if bold else 400}-print.woff2")
    return font, font.getBestCmap()
