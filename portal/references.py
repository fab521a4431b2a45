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
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LONGEST = 31  # a has order 31: further positions would repeat a weight

_VALUE = {sign: value for value, sign in enumerate(ALPHABET)}
_LOOK_ALIKES = str.maketrans("ILO", "110")
_SEPARATORS = str.maketrans("", "", " \t\r\n\u00a0\u202f-\u2010\u2011\u2012\u2013\u2014\u2212._")


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
    """What was typed, as we write it: upper case, look-alikes put right, separators gone."""
    return typed.translate(_SEPARATORS).upper().translate(_LOOK_ALIKES)


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
    number = int.from_bytes(raw, "big")
    bits = len(raw) * 8
    return "".join([ALPHABET[number >> bits - 5 * i & 31] for i in range(1, length + 1)])


def in_blocks(code: str, size: int = 4, separator: str = "-") -> str:
    """``code`` in blocks, as it is printed."""
    return separator.join(code[i : i + size] for i in range(0, len(code), size))
