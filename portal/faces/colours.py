"""A town's one action colour, and whether people can read it. Pure.

Contrast is WCAG 2.2's (success criterion 1.4.3: 4.5 : 1 for text), with the relative luminance of
its glossary. Lightness is moved in OKLCH (Björn Ottosson, "A perceptual color space for image
processing", 2020; CSS Color 4), where hue and vividness stay what they were for the eye.
"""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from portal.errors import Invalid

ENOUGH = 4.5  # WCAG 2.2, 1.4.3, level AA
WHITE, BLACK = "#ffffff", "#000000"
# What the colour stands on or carries: pages and footer of KERN (neutral-025 and -950).
LIGHT, DARK = (WHITE, "#f3f4f7"), (BLACK, "#131525")
# KERN lightens its own blue so much for the dark (darkblue-700 to darkblue-300).
DARK_LIGHTNESS, DARK_VIVIDNESS = 0.754, 0.457
STEP = 0.002  # of lightness: smaller than an eye sees
HEX = re.compile(r"#[0-9a-f]{6}")

Triple = tuple[float, float, float]


class NotAColour(Invalid):
    """Not six hexadecimal digits."""

    code = "not_a_colour"


class TooFaint(Invalid):
    """Too many people could not read it."""

    code = "too_faint"


@dataclass(frozen=True, slots=True)
class Pair:
    """The colour by day and the one derived from it for a dark screen."""

    light: str
    dark: str

    @property
    def css(self) -> str:
        """The style sheet that dresses KERN in it."""
        return (
            f":root{{--kern-color-action-default:{self.light}}}\n"
            f"@media (prefers-color-scheme:dark)"
            f"{{:root{{--kern-color-action-default:{self.dark}}}}}\n"
            "@media screen{.site-header{border-top:4px solid"
            " var(--kern-color-action-default)}}\n"
        )

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with the style sheet."""
        return hashlib.sha256(self.css.encode()).hexdigest()[:12]


def pair(colour: str) -> Pair:
    """The colour and its dark tone; raises ``NotAColour``, or ``TooFaint`` with what would do."""
    light = colour.strip().lower()
    if not HEX.fullmatch(light):
        raise NotAColour("Write the colour as # and six hexadecimal digits: #2044aa.")
    reached = least(light, LIGHT)
    if reached < ENOUGH:
        raise TooFaint(
            f"White text on {light}, and {light} as text on the pages, reach {reached:.2f} : 1;"
            f" {ENOUGH} : 1 is needed (WCAG 2.2, 1.4.3, AA)."
            f" The nearest colour that passes: {nearest(light)}."
        )
    return Pair(light, for_the_dark(light))


def nearest(colour: str) -> str:
    """The lightest tone of the same hue that passes by day."""
    lightness, vividness, hue = _oklch(colour)
    return next(
        tone for tone in _tones(_down(lightness), vividness, hue) if least(tone, LIGHT) >= ENOUGH
    )


def for_the_dark(colour: str) -> str:
    """The tone of the same hue that passes on a dark screen and carries black text."""
    lightness, vividness, hue = _oklch(colour)
    begins = max(lightness, DARK_LIGHTNESS)
    paler = vividness * DARK_VIVIDNESS
    return next(tone for tone in _tones(_up(begins), paler, hue) if least(tone, DARK) >= ENOUGH)


def least(colour: str, grounds: tuple[str, ...]) -> float:
    """The lowest contrast of a colour with what it stands on."""
    return min(ratio(colour, ground) for ground in grounds)


def ratio(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> Triple:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _expanded(red), _expanded(green), _expanded(blue)


def _expanded(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _packed(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _down(lightness: float) -> Iterator[float]:
    while lightness > 0:
        yield lightness
        lightness -= STEP
    yield 0.0


def _up(lightness: float) -> Iterator[float]:
    while lightness < 1:
        yield lightness
        lightness += STEP
    yield 1.0


def _tones(lightnesses: Iterator[float], vividness: float, hue: float) -> Iterator[str]:
    """Colours of a hue, as vivid as a screen can show them, up to ``vividness``."""
    for lightness in lightnesses:
        paler = vividness
        while (shown := _hex(lightness, paler, hue)) is None:
            paler = max(0.0, paler - STEP)
        yield shown


def _oklch(colour: str) -> Triple:
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _hex(lightness: float, vividness: float, hue: float) -> str | None:
    """``None`` when no screen (sRGB) can show it."""
    a, b = vividness * math.cos(hue), vividness * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    parts = [round(_packed(max(0.0, value)) * 255) for value in linear]
    if vividness and not all(-0.0005 <= value <= 1.0005 for value in linear):
        return None
    return "#" + "".join(f"{min(255, part):02x}" for part in parts)
