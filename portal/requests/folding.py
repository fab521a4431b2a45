"""One way of writing: a text as people read it, whatever signs it is made of."""

import re
import unicodedata
from functools import lru_cache

_STRANGE = re.compile(r"[^\w\x20-\x7e]|[\u115f\u1160]|(?![0-9])\d")
_BY_CATEGORY = {
    "Cc": " ", "Cf": "", "Mn": "", "Pd": "-", "Zl": " ", "Zp": " ", "Zs": " ",
}  # fmt: skip
_BY_SIGN = {
    "\u115f": " ", "\u1160": " ", "\u2800": " ",  # letters and signs that draw nothing
    "\u2212": "-", "\u2044": "/", "\u2215": "/",
    "\u260e": " tel ", "\u260f": " tel ", "\u2706": " tel ", "\U0001f4de": " tel ",
    "\U0001f4f1": " tel ",
}  # fmt: skip
_LATIN = re.compile(r"[\x00-\x7fÀ-ÖØ-öø-ÿ]*")  # as most texts are: nothing strange in them
_MARKS = re.compile(r"[%(\[{<]")
_AT = re.compile(r" ?[\[({<] ?(?:at|ät) ?[\])}>] ?|%40", re.IGNORECASE)
_DOT = re.compile(r" ?[\[({<] ?(?:dot|punkt) ?[\])}>] ?", re.IGNORECASE)


def folded(text: str) -> str:
    """The text as it reads: blanks, dashes and digits as ASCII has them, nothing unseen."""
    if not _LATIN.fullmatch(text):
        text = _STRANGE.sub(_plain, unicodedata.normalize("NFKC", text))
    if _MARKS.search(text):
        text = _DOT.sub(".", _AT.sub("@", text))
    return text


def _plain(found: re.Match[str]) -> str:
    return _plain_sign(found[0])


@lru_cache(maxsize=1024)
def _plain_sign(sign: str) -> str:
    if sign in _BY_SIGN:
        return _BY_SIGN[sign]
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return _BY_CATEGORY.get(unicodedata.category(sign), sign)
