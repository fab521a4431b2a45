"""Reading the cells of a file of settlement reports, strictly: nothing is guessed. Pure.

>>> from portal.settlements.file_mapping import Form
>>> amount("gross", "1.234,56-", Form(thousands="."))
-123456
"""

import re
from functools import lru_cache

from portal.payments import names
from portal.requests import persons
from portal.settlements.file_mapping import Form

NO_NAMES = {"an IBAN", "an e-mail address"}
LONGEST = 17  # signs of an amount
_REFERENCE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
# Only these can hold an address or an IBAN (two letters, two digits); looking closely is dear.
_SUSPECT = re.compile(r"@|[A-Za-z]{2}(?:[ ./_-]{0,3}[0-9]){2}")
_COUNT = re.compile(r"[0-9]{1,9}")


class BadCell(ValueError):
    """A cell that cannot be taken; the text is the column and the reason."""


def amount(column: str, told: str, form: Form) -> int:
    """Cents of an amount as the form writes it: two decimals, the minus before or behind it.

    Raises ``BadCell``: half an amount, or one of another form, would be another amount.
    """
    text = told.strip().replace("\u00a0", " ").replace("\u2212", "-").replace("\u2019", "'")
    found = _pattern(form.decimal, form.thousands).fullmatch(text) if len(text) <= LONGEST else None
    if found is None or (found[1] and found[3]):
        raise BadCell(f"{column}: “{told[:40]}” is no amount as the mapping writes them")
    cents = int(re.sub(r"[^0-9]", "", found[2]))
    return -cents if "-" in {found[1], found[3]} else cents


def reference(column: str, told: str, longest: int) -> str:
    """A name that a provider or we gave: visible ASCII, and never a person.

    A number that is like a card's is no person here: providers number their payments so.
    """
    if not told or names.ours(told):
        return told
    if len(told) > longest or not _REFERENCE.fullmatch(told):
        raise BadCell(f"{column}: is not 1 to {longest} visible signs")
    if _SUSPECT.search(told) and (held := persons.held(told)) in NO_NAMES:
        raise BadCell(f"{column}: holds {held}")
    return told


def whole(column: str, told: str) -> int:
    """A count; raises ``BadCell``."""
    if not _COUNT.fullmatch(told):
        raise BadCell(f"{column}: “{told[:40]}” is no number")
    return int(told)


@lru_cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    groups = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|" if thousands else ""
    cents = rf"{re.escape(decimal)}[0-9]{{2}}" if decimal else ""
    return re.compile(rf"([+-]?)((?:{groups}[0-9]+){cents})(-?)")
