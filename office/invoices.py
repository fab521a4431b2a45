"""Reading the town's invoices from the file its finance system exports. Pure: no database.

The file has one invoice a line, fields separated by semicolons, and the column names of
``COLUMNS`` in its first line, in any order and case; umlauts may be written out (Faellig,
Strasse). It is UTF-8, with or without BOM, or cp1252. Fields may be quoted and may then hold
semicolons, doubled quotes and a line break. Amounts read ``1.234,56``, dates ``31.12.2026``.
A line that cannot be read is reported by its number and a reason; the others go on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from office.fields import READERS, Unreadable
from office.rows import Row, rows, text_of

ADDRESS = ("name", "addition", "street", "postcode", "city", "country")

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
    "Raten":         ("instalments",   False),
    "Teilzahlung ab": ("parts_from_cents", False),
    "Amt":           ("unit",          False),
    "TAN":           ("wants_tan",     False),
    "Lastschrift":   ("debit",         False),
    "Sprache":       ("language",      False),
    "Ersetzt":       ("replaces",      False),
}
# fmt: on


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
    instalments: tuple[tuple[date, int], ...] = ()
    parts_from_cents: int | None = None
    unit: str = ""
    wants_tan: bool = True
    debit: bool = False
    language: str = ""  # of the debtor's page; empty: the browser is asked
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
    reading, found = Reading(), rows(text_of(raw))
    header = next(found, Row(1, [], "empty_file"))
    columns = _columns(header.cells)
    if refusal := _header_amiss(header, columns):
        reading.refused.append(refusal)
        return reading
    seen: set[str] = set()
    for row in found:
        outcome = _taken(row, columns, kinds, seen)
        if isinstance(outcome, Refusal):
            reading.refused.append(outcome)
        else:
            reading.invoices.append(outcome)
    return reading


def _header_amiss(header: Row, columns: list[str]) -> Refusal | None:
    missing = [c for c, (name, needed) in COLUMNS.items() if needed and name not in columns]
    if missing or header.reason:
        return Refusal(header.line, ", ".join(missing), header.reason or "column_missing")
    twice = [column for column, (name, _) in COLUMNS.items() if columns.count(name) > 1]
    return Refusal(header.line, ", ".join(twice), "column_twice") if twice else None


def _taken(
    row: Row, columns: list[str], kinds: Mapping[str, str], seen: set[str]
) -> Invoice | Refusal:
    if row.reason:
        counts = f"{len(row.cells)} / {len(columns)}" if row.reason == "cells" else ""
        return Refusal(row.line, "", row.reason, counts)
    return _invoice(row.line, dict(zip(columns, row.cells, strict=True)), kinds, seen)


def _columns(header: list[str]) -> list[str]:
    known = {_folded(column): name for column, (name, _) in COLUMNS.items()}
    return [known.get(_folded(cell), f"other {at}") for at, cell in enumerate(header)]


def _folded(column: str) -> str:
    text = column.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return re.sub(r"[\W_]", "", text)


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
                values[name] = READERS[name](cell)
        except Unreadable as error:
            return Refusal(number, column, error.reason, error.value)
    if refusal := _unfit(number, values, kinds, seen):
        return refusal
    values["kind"] = kinds.get(values["kind"], values["kind"])
    seen.add(values["reference"])
    return Invoice(**values)


def _unfit(
    number: int, values: Mapping[str, Any], kinds: Mapping[str, str], seen: set[str]
) -> Refusal | None:
    """What is amiss with fields that can each be read."""
    if kinds and values["kind"] not in {*kinds, *kinds.values()}:
        return Refusal(number, "Art", "kind", values["kind"])
    if values["reference"] in seen:
        return Refusal(number, "Belegnummer", "twice", values["reference"])
    plan = values.get("instalments", ())
    if plan and sum(cents for _, cents in plan) != values["cents"]:
        return Refusal(number, "Raten", "instalments_sum")
    return None
