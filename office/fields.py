"""Reading one field of an invoice: as Germans write amounts and dates, and nothing else."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NoReturn

MOST_DIGITS = 9  # before the comma


class Unreadable(Exception):
    """One field that cannot be taken; ``reason`` is a key of ``words.REASONS``."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


def cents(text: str) -> int:
    """A German amount in cents: ``4,50``, ``1.234,56``, ``12480`` and ``1.000 €``."""
    amount = re.sub(r"\s*(€|EUR)$", "", text)
    if re.fullmatch(r"-\s*[\d.,]+", amount):
        raise Unreadable("amount_positive", text)
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d{1,2}))?", amount, re.ASCII)
    if not found:
        raise Unreadable("amount", text)
    whole, part = found[1].replace(".", ""), (found[2] or "").ljust(2, "0")
    if len(whole) > MOST_DIGITS:
        raise Unreadable("amount", text)
    if not int(whole + part):
        raise Unreadable("amount_positive", text)
    return int(whole + part)


def day(text: str) -> date:
    """A date as ``31.12.2026``."""
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text, re.ASCII)
    try:
        return date(*map(int, reversed(found.groups()))) if found else _not_a_date(text)
    except ValueError:
        return _not_a_date(text)


def instalments(text: str) -> tuple[tuple[date, int], ...]:
    """``15.02.2027 75,00 / 15.05.2027 75,00``: days with amounts, in the order of the days."""
    found = tuple(sorted(_instalment(part.strip()) for part in text.split("/")))
    if len({on for on, _ in found}) < len(found):
        raise Unreadable("instalments", text)
    return found


def _instalment(text: str) -> tuple[date, int]:
    on, _, amount = text.partition(" ")
    if not amount:
        raise Unreadable("instalments", text)
    return day(on), cents(amount.strip())


def _not_a_date(text: str) -> NoReturn:
    raise Unreadable("date", text) from None


def _short(most: int) -> Callable[[str], str]:
    def read_text(text: str) -> str:
        if len(text) > most:
            raise Unreadable("too_long", f"{len(text)} / {most}")
        if not text.isprintable():
            raise Unreadable("characters")
        return text

    return read_text


def _reference(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise Unreadable("reference", text)
    return text


def _word(words: Mapping[str, Any]) -> Callable[[str], Any]:
    def read_word(text: str) -> Any:
        try:
            return words[text.casefold()]
        except KeyError:
            raise Unreadable("word", text) from None

    return read_word


_YES_NO = {"ja": True, "j": True, "1": True, "x": True, "nein": False, "n": False, "0": False}
# What the portal speaks (portal/requests/asked.py), by its codes and as the town says it.
_LANGUAGES = {
    "de": "de", "deutsch": "de",
    "en": "en", "englisch": "en",
    "uk": "uk", "ukrainisch": "uk",
    "pl": "pl", "polnisch": "pl",
    "tr": "tr", "türkisch": "tr", "tuerkisch": "tr",
    "nb": "nb", "norwegisch": "nb",
    "ar": "ar", "arabisch": "ar",
}  # fmt: skip

READERS: Mapping[str, Callable[[str], Any]] = {
    "reference": _reference,
    "payment_sign": _short(35),
    "kind": _short(40),
    "purpose": _short(140),
    "cents": cents,
    "name": _short(60),
    "addition": _short(60),
    "street": _short(60),
    "postcode": _short(12),
    "city": _short(45),
    "country": _short(40),
    "account": _short(40),
    "issued_on": day,
    "due_on": day,
    "payable_until": day,
    "instalments": instalments,
    "parts_from_cents": cents,
    "unit": _short(40),
    "wants_tan": _word(_YES_NO),
    "debit": _word(_YES_NO),
    "language": _word(_LANGUAGES),
    "replaces": lambda text: tuple(_reference(part) for part in text.replace(",", " ").split()),
}
