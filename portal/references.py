"""Codes that people type: Crockford's base 32, with a check character over GF(32).

The alphabet leaves out I, L, O and U; who types I or L meant 1, who types O meant 0
(Douglas Crockford, "Base 32", crockford.com/base32.html). His own check symbols lie outside the
alphabet and outside a QR code's alphanumeric mode, so ours is an element of the same field:
the code c0 c1 ... cn is right when the sum of a^i * ci over GF(32) is zero, ``a`` a root of
x^5 + x^2 + 1. With at most 31 characters this finds every single wrong character and every swap
of two characters, neighbours or not.

>>> with_check("7F3K9QXM2B4")
'7F3K9QXM2B44'
>>> fold("7f3k-9qxm-2b44")
'7F3K9QXM2B44'
>>> is_valid("7F3K9QXM2B44"), is_valid("7F3K9QMX2B44")
(True, False)
>>> in_blocks("7F3K9QXM2B44")
'7F3K-9QXM-2B44'
>>> fold("７Ｆ３К—9QXM 2В44")  # full width, and Cyrillic letters that look like ours
'7F3K9QXM2B44'
>>> digits("4821 0733"), digits("٤٨٢١-٠٧٣٣")
('48210733', '48210733')
"""

import unicodedata
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LONGEST = 31  # a has order 31: further positions would repeat a weight

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_VALUE = {sign: value for value, sign in enumerate(ALPHABET)}
# Capitals that look like a sign of the alphabet: Latin, dotted Turkish I, Cyrillic, Greek.
_LOOK_ALIKES = str.maketrans(
    "ILO\u0130АВЕЗЅІЈКМНОРСТУХԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "1101ABE3S1JKMH0PCTYXQWABEZH1KMN0PTYX",
)
_DASHES_AND_DOTS = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212._/\u00b7\u2022")
_INVISIBLE = {"Zs", "Zl", "Zp", "Cf"}  # Unicode's categories of blanks and of marks of direction
_BLANKS = frozenset(" \t\r\n")


def _powers() -> tuple[int, ...]:
    """The 31 powers of a, the last one followed by the first again."""
    power, powers = 1, []
    for _ in range(LONGEST):
        powers.append(power)
        power <<= 1
        if power & 0b100000:
            power ^= 0b100101  # x^5 = x^2 + 1
    return tuple(powers)


_POWER = _powers()
_LOG = {power: exponent for exponent, power in enumerate(_POWER)}


def _times_power(value: int, exponent: int) -> int:
    return _POWER[(_LOG[value] + exponent) % LONGEST] if value else 0


# What each sign adds at each position.
_ADDS = [
    {sign: _times_power(value, position) for sign, value in _VALUE.items()}
    for position in range(LONGEST)
]


def _sum(code: str) -> int:
    total = 0
    for adds, sign in zip(_ADDS, code, strict=False):  # no code is longer than LONGEST
        total ^= adds[sign]
    return total


def fold(typed: str) -> str:
    """What was typed, as we write it: upper case, look-alikes put right, separators gone.

    Letters of another alphabet that look like ours are read as ours, and digits in whatever
    script: a keyboard that stands on another language is no mistake. What stays is not ours.
    """
    return "".join(_plain(typed)).translate(_LOOK_ALIKES)


def digits(typed: str) -> str:
    """The digits of what was typed, in whatever script, without separators; the rest stays."""
    return "".join(_plain(typed))


def _plain(typed: str) -> Iterator[str]:
    """One sign after the other: of full width as of half, digits as ours, in upper case."""
    for sign in unicodedata.normalize("NFKC", typed):
        if sign in _DASHES_AND_DOTS or sign in _BLANKS or unicodedata.category(sign) in _INVISIBLE:
            continue
        value = unicodedata.decimal(sign, None)
        upper = sign.upper()
        yield upper if value is None and len(upper) == 1 else sign if value is None else str(value)


def is_written_right(code: str) -> bool:
    """Whether every character is one of the alphabet."""
    return all(sign in _VALUE for sign in code)


def with_check(code: str) -> str:
    """``code`` followed by its check character."""
    if len(code) >= LONGEST:
        raise ValueError(f"a checked code has at most {LONGEST} characters")
    total = _sum(code)
    return code + (ALPHABET[_times_power(total, -len(code))] if total else ALPHABET[0])


def is_valid(code: str) -> bool:
    """Whether a folded code consists of the alphabet and its check character fits."""
    return bool(code) and is_written_right(code) and len(code) <= LONGEST and _sum(code) == 0


def from_bytes(raw: bytes, length: int) -> str:
    """The first ``length`` characters (5 bits each) of ``raw``."""
    if len(raw) * 8 < length * 5:
        raise ValueError("too few bytes for so many characters")
    used = (length * 5 + 7) // 8
    number = int.from_bytes(raw[:used], "big") << 9  # so that the last pair is never short of bits
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(used * 8 - 1, 0, -10)]
    return "".join(pairs)[:length]


def in_blocks(code: str, size: int = 4, separator: str = "-") -> str:
    """``code`` in blocks, as it is printed."""
    return separator.join([code[i : i + size] for i in range(0, len(code), size)])
