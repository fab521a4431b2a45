"""Reading the town's invoices from the file its finance system exports. Pure: no database.

The file has one invoice a line, fields separated by semicolons, and the column names of
``COLUMNS`` in its first line, in any order and case; umlauts may be written out (Faellig,
Strasse). It is UTF-8, with or without BOM, or cp1252. Fields may be quoted and may then hold
semicolons, doubled quotes and line breaks. Amounts read ``1.234,56``, dates ``31.12.2026``.
A line that cannot be read is reported by its number and a reason; the others go on.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn

ADDRESS = ("name", "addition", "street", "postcode", "city", "country")
MOST_LINES_A_FIELD = 5  # an unclosed quote must not swallow the rest of the file

# column: (field, needed). What is not needed may be empty, or its column missing.
# fmt: off
COLUMNS: Mapping[str, tuple[str, bool]] = {
    "Belegnummer":   ("reference",     True),
    "Kassenzeichen": ("payment_sign",  True),
    "Art":           ("kind",          True),
    "Zweck":         ("purpose",       True),
    "Betrag":        ("cents",         True),
    "Name":          ("name",          True),
    "Strasse":       ("street",        True),
    "PLZ":           ("postcode",      True),
    "Ort":           ("city",          True),
    "Zusatz":        ("addition",      False),
    "Land":          ("country",       False),
    "Personenkonto": ("account",       False),
    "Datum":         ("issued_on",     False),
    "Faellig":       ("due_on",        False),
    "Zahlbar bis":   ("payable_until", False),
    "Amt":           ("unit",          False),
    "TAN":           ("wants_tan",     False),
    "Lastschrift":   ("debit",         False),
    "Sprache":       ("language",      False),
    "Ersetzt":       ("replaces",      False),
}
# fmt: on


class Unreadable(Exception):
    """One field that cannot be taken; ``reason`` is a key of ``words.REASONS``."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken: its number in the file, the column, the reason, the value."""

    line: int
    column: str
    reason: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """One line of the file."""

    line: int
    reference: str
    payment_sign: str
    kind: str
    purpose: str
    cents: int
    name: str
    street: str
    postcode: str
    city: str
    addition: str = ""
    country: str = ""
    account: str = ""
    issued_on: date | None = None
    due_on: date | None = None
    payable_until: date | None = None
    unit: str = ""
    wants_tan: bool = True
    debit: bool = False
    language: str = "de"
    replaces: tuple[str, ...] = ()

    @property
    def debtor_identity(self) -> str:
        """The number of the person's account if there is one, else name and address."""
        if self.account:
            return f"account:{self.account}"
        parts = address_of(self).values()
        return "address:" + "|".join(" ".join(part.casefold().split()) for part in parts)


def address_of(invoice: Invoice) -> dict[str, str]:
    """Where the debtor's letters go."""
    return {name: getattr(invoice, name) for name in ADDRESS}


@dataclass(slots=True)
class Reading:
    """What a file held."""

    invoices: list[Invoice] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def read(raw: bytes, kinds: Mapping[str, str]) -> Reading:
    """All invoices of a file, and what could not be read.

    ``kinds`` maps the words of the column Art to the portal's kinds; without any, the column
    holds the portal's own codes.
    """
    reading, lines = Reading(), _records(_text(raw))
    _, header, reason = next(lines, (1, [], "empty_file"))
    columns = _columns(header)
    if missing := [c for c, (name, needed) in COLUMNS.items() if needed and name not in columns]:
        reading.refused.append(Refusal(1, ", ".join(missing), reason or "column_missing"))
        return reading
    seen: set[str] = set()
    for number, cells, reason in lines:
        refusal = Refusal(number, "", reason) if reason else _amiss(number, cells, header)
        outcome = refusal or _invoice(number, dict(zip(columns, cells, strict=True)), kinds, seen)
        if isinstance(outcome, Refusal):
            reading.refused.append(outcome)
        else:
            reading.invoices.append(outcome)
    return reading


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _records(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Line number, cells and, where it cannot be split, the reason; empty lines are left out."""
    lines = re.split(r"\r\n|\n|\r", text)
    at = 0
    while at < len(lines):
        cells, taken, reason = _record(lines[at : at + MOST_LINES_A_FIELD])
        if reason or any(cell.strip() for cell in cells):
            yield at + 1, cells, reason
        at += taken


def _record(lines: list[str]) -> tuple[list[str], int, str]:
    """The cells of the first record in ``lines``, and how many lines it takes."""
    for taken in range(1, len(lines) + 1):
        try:
            reader = csv.reader(["\n".join(lines[:taken])], delimiter=";", strict=True)
            return next(reader, []), taken, ""
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                break
    return [], 1, "quotes"


def _columns(header: list[str]) -> list[str]:
    known = {_folded(column): name for column, (name, _) in COLUMNS.items()}
    return [known.get(_folded(cell), f"other {at}") for at, cell in enumerate(header)]


def _folded(column: str) -> str:
    text = column.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return re.sub(r"[\W_]", "", text)


def _amiss(number: int, cells: list[str], header: list[str]) -> Refusal | None:
    if len(cells) != len(header):
        return Refusal(number, "", "cells", f"{len(cells)} / {len(header)}")
    return None


def _invoice(
    number: int, cells: Mapping[str, str], kinds: Mapping[str, str], seen: set[str]
) -> Invoice | Refusal:
    values: dict[str, Any] = {"line": number}
    for column, (name, needed) in COLUMNS.items():
        cell = " ".join(cells.get(name, "").split())
        if needed and not cell:
            return Refusal(number, column, "missing")
        try:
            if cell:
                values[name] = _READERS[name](cell)
        except Unreadable as error:
            return Refusal(number, column, error.reason, error.value)
    if kinds and values["kind"] not in {*kinds, *kinds.values()}:
        return Refusal(number, "Art", "kind", values["kind"])
    values["kind"] = kinds.get(values["kind"], values["kind"])
    if values["reference"] in seen:
        return Refusal(number, "Belegnummer", "twice", values["reference"])
    seen.add(values["reference"])
    return Invoice(**values)


def cents(text: str) -> int:
    """A German amount in cents: ``4,50``, ``1.234,56``, ``12480`` and ``1.000 €``."""
    amount = re.sub(r"\s*(€|EUR)$", "", text)
    if re.fullmatch(r"-\s*[\d.,]+|0+(,0*)?", amount):
        raise Unreadable("amount_positive", text)
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d{1,2}))?", amount, re.ASCII)
    if not found:
        raise Unreadable("amount", text)
    whole, part = found[1].replace(".", ""), (found[2] or "").ljust(2, "0")
    if len(whole) > 9:
        raise Unreadable("amount", text)
    return int(whole + part)


def day(text: str) -> date:
    """A date as ``31.12.2026``."""
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text, re.ASCII)
    try:
        return date(*map(int, reversed(found.groups()))) if found else _not_a_date(text)
    except ValueError:
        return _not_a_date(text)


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
_LANGUAGES = {"de": "de", "deutsch": "de", "en": "en", "englisch": "en"}

_READERS: Mapping[str, Callable[[str], Any]] = {
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
    "unit": _short(40),
    "wants_tan": _word(_YES_NO),
    "debit": _word(_YES_NO),
    "language": _word(_LANGUAGES),
    "replaces": lambda text: tuple(_reference(part) for part in text.replace(",", " ").split()),
}
