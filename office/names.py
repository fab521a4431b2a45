"""Texts without the debtor's name: what the portal is told of a purpose.

Names are compared however they are written: composed or decomposed, with ä or ae, ß or ss, with
or without marks and apostrophes, each part of a double name by itself, also in the genitive. Only
whole words fall: the filter must leave ordinary words alone.
"""

import re
import unicodedata
from collections.abc import Iterator

GONE = "…"
_APOSTROPHES = "'’‘ʼ`´ʿʾ"
_WORD = re.compile(rf"[^\W\d_]+(?:[{_APOSTROPHES}][^\W\d_]+)*[’']?")
_WITH_S = 4  # letters a name must have before -s makes its genitive
_WITH_ANY_CASE = 3  # letters; a shorter name is one only with a capital: Li, not "li"
_SPELT_OUT = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe",
    "ł": "l", "đ": "d", "ı": "i",
})  # fmt: skip
# Words that name nobody, spelt out: titles and particles; forms of companies; the trades of
# companies (Herr Handel keeps his name); what a second line of an address says of a place.
# fmt: off
_PARTICLES = frozenset((
    "herr", "frau", "herrn", "familie", "eheleute", "erben", "dr", "prof", "dipl", "ing", "med",
    "und", "and", "et", "the", "der", "die", "das", "van", "von", "vom", "den", "dem", "des", "de",
    "da", "di", "do", "du", "la", "le", "el", "al", "an", "am", "ar", "as", "at", "az", "auf",
    "im", "in", "zu", "zum", "zur", "bei", "fuer", "mit", "bin", "ibn",
    "firma", "verein", "gemeinde", "stadt", "landkreis", "verwaltung",
))
_COMPANY = frozenset((
    "gmbh", "mbh", "ohg", "gbr", "kg", "kgaa", "ag", "eg", "ev", "ek", "ug", "se", "co", "sp", "oo",
    "ltd", "inc", "sarl", "bv", "haftungsbeschraenkt", "genossenschaft", "stiftung",
))
_TRADES = frozenset((
    "baeckerei", "gastronomie", "gebaeudereinigung", "obsthof", "wohnungsgenossenschaft", "cafe",
    "import", "export", "restaurant", "handel", "bau", "haus", "hausverwaltung", "immobilien",
    "gaststaette", "garage", "garten", "grundstueck", "betrieb", "service",
))
_PLACES = frozenset((
    "hd", "haenden", "abteilung", "buchhaltung", "betriebskosten", "hinterhaus", "vorderhaus",
    "haus", "gebaeude", "seitenfluegel", "stock", "etage", "wohnung", "zimmer", "postfach",
    "links", "rechts", "mitte",
))
# fmt: on


def without_names(text: str, name: str, addition: str = "") -> str:
    """``text`` with an ellipsis for every word that is a name in the debtor's two name lines."""
    named = _named(name) | (_named(addition) - _PLACES)
    composed = unicodedata.normalize("NFC", text)
    told = _WORD.sub(lambda found: GONE if _names(found[0], named) else found[0], composed)
    return re.sub(rf"{GONE}(?:-{GONE})+", GONE, told)


def _named(line: str) -> set[str]:
    parts = {part for word in _words(line) for part in _parts(word)}
    is_company = bool(parts & _COMPANY)
    return parts - _PARTICLES - _COMPANY - (_TRADES if is_company else set())


def _names(word: str, named: set[str]) -> bool:
    return any(_is_name(part, named, small=word.islower()) for part in _parts(word))


def _is_name(part: str, named: set[str], *, small: bool) -> bool:
    if part in named:
        return len(part) >= _WITH_ANY_CASE or not small
    stem = part.removesuffix("s")
    return stem != part and len(stem) >= _WITH_S and stem in named


def _words(line: str) -> Iterator[str]:
    return (found[0] for found in _WORD.finditer(unicodedata.normalize("NFC", line)))


def _parts(word: str) -> set[str]:
    """A word spelt out, as a whole and split at its apostrophes; single letters name nobody."""
    parts = [spelt_out(part) for part in re.split(f"[{_APOSTROPHES}]", word)]
    return {part for part in (*parts, "".join(parts)) if len(part) > 1}


def spelt_out(word: str) -> str:
    """In small letters, ä as ae, ß as ss, and without other marks."""
    small = unicodedata.normalize("NFC", word).lower().translate(_SPELT_OUT)
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", small) if not unicodedata.combining(sign)
    )
