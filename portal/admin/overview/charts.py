"""Bars, as numbers for an inline SVG. Pure; the page says the same in a table beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP, FOOT = 720, 180, 2, 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, in units of the picture."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of bars."""

    width: int
    height: int
    bars: list[Bar]
    first: str
    last: str


def bars(values: Sequence[tuple[str, int]]) -> Chart:
    """A bar for each (title, value), the highest as high as the picture; none for nothing."""
    room = HEIGHT - FOOT
    most = max((value for _, value in values), default=0)
    step = WIDTH / max(1, len(values))
    found = []
    for place, (title, value) in enumerate(values):
        height = round(room * max(value, 0) / most, 1) if most > 0 else 0
        width = round(max(step - GAP, 1), 1)
        found.append(Bar(round(place * step, 1), round(room - height, 1), width, height, title))
    ends = (values[0][0], values[-1][0]) if values else ("", "")
    return Chart(WIDTH, HEIGHT, found, *ends)
