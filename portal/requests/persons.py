"""No person gets into the portal by a purpose: what a text surely holds, and what it looks like.

Surely held, and refused: a valid IBAN (ISO 13616), an e-mail address, a card number (ISO/IEC 7812)
and a telephone number that says it is one. What only looks like it is taken and told as a doubt,
because file numbers look like everything: one number in ten passes Luhn's check.

>>> held("Erstattung auf DE02 1203 0000 0000 2020 51")
'an IBAN'
>>> held("Bescheid Az. 32.1-4711/2026"), doubts("Bescheid an Frau Muster")
(None, ('names_a_person',))
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from schwifty.registry import get_iban_spec

from portal.requests.folding import folded

# --- IBAN ---------------------------------------------------------------------------------------

_GAP = r"[ ./_-]{0,3}"
# Only the first letter is taken, so that the next IBAN may begin inside of what was none.
_IBAN = re.compile(rf"[A-Z](?=([A-Z](?:{_GAP}[0-9]){{2}}(?:{_GAP}[0-9A-Z]){{11,30}}))")
_GAPS = re.compile(r"[ ./_-]+")
_LETTER_BEFORE = re.compile(r"[^\W\d_]")


@lru_cache(maxsize=1)  # what is held and what is doubted is asked one after the other
def _ibans(text: str) -> list[tuple[IBAN, bool]]:
    """What has an IBAN's form in its country, and whether it begins a word."""
    upper, seen = text.upper(), []
    for found in _IBAN.finditer(upper):
        written = _GAPS.sub("", found[0] + found[1])
        try:
            spec = get_iban_spec(written[:2])
        except SchwiftyException:
            continue
        iban = IBAN(written[: spec.iban_length], allow_invalid=True)
        if len(iban) == spec.iban_length and spec.regex.match(iban.bban):
            before = upper[max(found.start() - 1, 0) : found.start()]
            seen.append((iban, not _LETTER_BEFORE.match(before)))
    return seen


def _has_iban(text: str, _sign: str) -> bool:
    return any(iban.is_valid for iban, _ in _ibans(text))


def _like_iban(text: str, _sign: str) -> bool:
    return any(begins for _, begins in _ibans(text))


# --- E-mail -------------------------------------------------------------------------------------

_EMAIL = re.compile(r"\S ?@ ?(?:(?:[\w-]{1,63}\.)+[^\W\d_][\w-]+|\[[0-9a-fA-F:.IPv]+\])")
_AT = re.compile(r"[@%]")  # %40 is one
_LIKE_EMAIL = re.compile(r"\S@[^\W\d_]{2}")


def _has_email(text: str, _sign: str) -> bool:
    return _EMAIL.search(text) is not None


def _like_email(text: str, _sign: str) -> bool:
    return _LIKE_EMAIL.search(text) is not None


# --- Card numbers -------------------------------------------------------------------------------

_DIGITS = re.compile(r"\d+")
_RUN = re.compile(r"\d(?:[ ./-]{0,3}\d){12,}")
_LEAST, _MOST, _MOST_BLOCKS = 13, 19, 10
# How cards print their number; file numbers have other blocks.
_BLOCKS = {
    (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (4, 4, 4, 1), (4, 4, 4, 2), (4, 4, 4, 3),
    (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (6, 13), (8, 8),
}  # fmt: skip
# Who issues it, by prefix and length.
_ISSUED = re.compile(
    r"""4(?:\d{12}|\d{15}|\d{18})                                    # Visa
    |(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12} # Mastercard
    |3[47]\d{13}                                                     # American Express
    |3(?:0[0-5]\d|095|[689]\d\d)\d{10}(?:\d\d)?                       # Diners Club
    |(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d)\d{12,15}                # Discover, UnionPay
    |35(?:2[89]|[3-8]\d)\d{12,15}                                    # JCB
    |(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}              # Maestro
    |(?:220[0-4]|9792)\d{12}                                         # Mir, Troy
    """,
    re.VERBOSE,
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # the digit sum of twice a digit


def _numbers(text: str, sign: str) -> Iterator[tuple[str, bool]]:
    """Numbers of a card's length that pass Luhn, and whether they are written as cards are."""
    own = "".join(_DIGITS.findall(folded(sign)))
    for run in _RUN.finditer(text):
        for number, as_cards in _cut(run[0]):
            if _LEAST <= len(number) <= _MOST and number not in own and _passes_luhn(number):
                yield number, as_cards


def _cut(run: str) -> Iterator[tuple[str, bool]]:
    """A run of blocks as the numbers that it may be."""
    blocks = _DIGITS.findall(run)
    gaps = [gap.replace(" ", "") or gap[:1] for gap in re.split(r"\d+", run)[1:-1]]
    yield "".join(blocks), bool(gaps) and set(gaps) == {" "}
    yield from ((block, True) for block in blocks)
    for first in range(len(blocks)):
        for last in range(first + 2, min(first + _MOST_BLOCKS, len(blocks)) + 1):
            sizes = tuple(map(len, blocks[first:last]))
            if _are_cards(sizes, set(gaps[first : last - 1])):
                yield "".join(blocks[first:last]), True


def _are_cards(sizes: tuple[int, ...], gaps: set[str]) -> bool:
    """Whether people write a card so: as it is printed, or in even blocks with blanks."""
    if sizes in _BLOCKS:
        return gaps in ({" "}, {"-"})
    return gaps == {" "} and sizes[0] > 1 and len(set(sizes[:-1])) == 1


def _passes_luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0


def _has_card(text: str, sign: str) -> bool:
    numbers = _numbers(text, sign)
    return any(as_cards and _ISSUED.fullmatch(number) for number, as_cards in numbers)


def _like_card(text: str, sign: str) -> bool:
    return next(_numbers(text, sign), None) is not None


# --- Telephone numbers --------------------------------------------------------------------------

_DATE = re.compile(
    r"""(?<!\d)(?<!\d[ ./-])(?:
    [0-3]?\d\.[01]?\d\.(?:(?:19|20)?\d\d)?(?![.\d])
    |(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)
    |[01]?\d[/.](?:19|20)\d\d(?!\d)
    |(?:19|20)\d\d[ ]?[/-][ ]?(?:(?:19|20)\d\d|\d\d)(?![\d/-])
    |(?:19|20)\d\d(?![ ]?[\d/-])
    )""",
    re.VERBOSE,
)
_PAUSE = r"[ ()./-]{0,3}"
_MARK = r"""(?:tele(?:f|ph)on|telefoon|telefax|tel|tlf|mobil(?:telefon|funk)?|mobile|handy|fax|phone
    |cell|gsm|whatsapp|rufnummer|телефон|тел|هاتف)"""
_BETWEEN = rf"(?:nummer|number|nr|no|privat|priv|gesch|dienstlich|dienstl|unter|und|{_MARK})"
_PHONE_SIGNS = re.compile(rf"\+|00|{_MARK}", re.VERBOSE | re.IGNORECASE)
_PHONES = (
    re.compile(rf"(?<!\d)(?P<number>\+(?:\(?[1-9]|[ ]49)(?:{_PAUSE}\d){{6,}})"),
    re.compile(
        rf"(?<![\d./-])\(?(?P<number>00{_PAUSE}49(?:{_PAUSE}0)?{_PAUSE}[1-9]"
        rf"(?:{_PAUSE}\d){{6,12}})(?!\d)"
    ),
    re.compile(
        rf"""(?<![^\W\d_]){_MARK}(?:s?nummern?|nr|no)?
        (?:[ .:;/=\#(-]{{0,4}}{_BETWEEN}(?![^\W\d_])){{0,3}}
        [] .:;/=\#)-]{{0,4}}[+(]{{0,2}}(?P<number>(?:0|\d(?=\d))(?:{_PAUSE}\d){{3,}})""",
        re.VERBOSE | re.IGNORECASE,
    ),
)
_AMOUNT = re.compile(r"\+?\d{1,3}(?:\.\d{3})+")
_AMOUNT_AFTER = re.compile(r",\d\d(?!\d)| ?(?:EUR|€|%)")
_ZERO_OR_PLUS = re.compile(r"\+|(?<!\d)0\d")
_LIKE_PHONE = re.compile(
    r"""(?<![\w.,/+-])(?:
    \(?0[1-9]\d{1,4}\)?(?:[ ]?[/-][ ]?|[ ])\d(?:[ /-]?\d){3,9}(?!\d)
    |01[567]\d{8,9}(?!\d)
    |00[1-9]\d{0,2}[ /-]\d(?:[ /-]?\d){4,11}(?!\d)
    )|\+[ ]?[1-9](?:[ ()./-]{0,3}\d){6,}""",
    re.VERBOSE,
)


def _has_phone(text: str, _sign: str) -> bool:
    undated = _DATE.sub("x", text)
    return any(not _is_amount(found) for pattern in _PHONES for found in pattern.finditer(undated))


def _is_amount(found: re.Match[str]) -> bool:
    after = _AMOUNT_AFTER.match(found.string, found.end())
    return after is not None or _AMOUNT.fullmatch(found["number"]) is not None


def _like_phone(text: str, _sign: str) -> bool:
    return _LIKE_PHONE.search(_DATE.sub("x", text)) is not None


# --- People -------------------------------------------------------------------------------------

_NAMED = re.compile(
    r"\b(?:[Hh]errn?|[Ff]rau|[Ff]amilie|Fam\.|[Ee]heleuten?)\s+(?:(?:Dr|Prof)\.\s*)*[^\W\d_a-zß-ÿ]"
    r"|\bz\. ?Hd\.|\bc/o\b"
)
_BORN = re.compile(r"\b(?:geb\.|geboren|Geburtsdatum)[ :]*(?:am )?(?:\d{1,2}\.|[^\W\d_a-zß-ÿ])")


def _surely(_text: str, _sign: str) -> bool:
    return True


# --- What is looked for -------------------------------------------------------------------------

Look = Callable[[str, str], bool]
Looks = tuple[tuple[str, int, Callable[[str], object], Look], ...]
Seen = tuple[tuple[str, ...], tuple[str, ...]]  # what is held, and what is only looked like

# What is told, the fewest digits in which it can be, where it may be (whatever the digits from 1 to
# 9 are), and how it is seen there.
HELD: Looks = (
    ("an IBAN", 5, _ibans, _has_iban),
    ("an e-mail address", 0, _AT.search, _has_email),
    ("a card number", 13, _DIGITS.search, _has_card),
    ("a telephone number", 4, _PHONE_SIGNS.search, _has_phone),
)
DOUBTS: Looks = (
    ("looks_like_iban", 5, _ibans, _like_iban),
    ("looks_like_email", 0, _AT.search, _like_email),
    ("looks_like_card", 13, _DIGITS.search, _like_card),
    ("looks_like_phone", 7, _ZERO_OR_PLUS.search, _like_phone),
    ("names_a_person", 0, _NAMED.search, _surely),
    ("looks_like_birth_date", 0, _BORN.search, _surely),
)
_SHAPE = bytes.maketrans(b"23456789", b"11111111")
NOTHING: Seen = ((), ())


def held(text: str, payment_sign: str | None = None) -> str | None:
    """What of a person the text surely holds, or ``None``; never the request's own sign."""
    return next(iter(seen(text, payment_sign)[0]), None)


def ibans(text: str) -> list[str]:
    """The valid IBANs that the text holds, each written in one."""
    return [iban.compact for iban, _ in _ibans(folded(text)) if iban.is_valid]


def doubts(text: str, payment_sign: str | None = None) -> tuple[str, ...]:
    """The stable codes of what the text only looks like."""
    return seen(text, payment_sign)[1]


def seen(text: str, payment_sign: str | None = None) -> Seen:
    """What ``held`` and ``doubts`` tell, at once; ``NOTHING`` of most texts."""
    found = _looked(text)
    if found == NOTHING:
        return NOTHING
    # What holds a person, or seems to, is not kept in memory. Of what is found the request's own
    # sign may speak only against a card's number.
    _looked.cache_clear()
    _is_harmless.cache_clear()
    return _look(text, payment_sign) if payment_sign else found


# The letters of one run say much the same, and each text is asked first what it holds, then for
# doubts. Nothing is kept longer than the texts of a few thousand letters need.
@lru_cache(maxsize=4096)
def _looked(text: str) -> Seen:
    shape = text.encode(errors="surrogatepass").translate(_SHAPE)
    return NOTHING if _is_harmless(shape) else _look(text, "")


# Most texts of a run differ in their numbers alone: "Objekt 4711/2", "Objekt 815/3".
@lru_cache(maxsize=4096)
def _is_harmless(shape: bytes) -> bool:
    """Whether nothing can be seen in a text, however its digits from 1 to 9 are changed."""
    plain = folded(shape.decode(errors="surrogatepass"))
    return not _possible((*HELD, *DOUBTS), plain)


def _look(text: str, sign: str) -> Seen:
    """What the text holds, and what it looks like."""
    plain = folded(text)
    return (
        tuple(told for told, look in _possible(HELD, plain) if look(plain, sign)),
        tuple(told for told, look in _possible(DOUBTS, plain) if look(plain, sign)),
    )


def _possible(looks: Looks, plain: str) -> list[tuple[str, Look]]:
    digits = sum(map(plain.count, "0123456789"))
    return [(told, look) for told, fewest, may, look in looks if digits >= fewest and may(plain)]
