"""The rows of a file of invoices: characters, records and cells, and where each stood.

Nothing is guessed and no row is lost. A quote that somebody forgot to close would swallow the rows
behind it; so a record over several lines must look like one, or each of its lines is read alone.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_LINES_A_RECORD = 5
BROKEN = "\ufffd"  # stands where bytes are no character
_IN_UTF_8 = re.compile(  # a character of more than one byte (RFC 3629)
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
# The same bytes in cp1252 are plain German: a letter that may end a word, and behind it a no-break
# space, a quotation mark, a dash or the like. In UTF-8 they are letters of N'Ko, Syriac, Hebrew or
# rare Han, which stand alone in no German town's file.
_MARK = rb"[\x80\x82\x84\x85\x8b\x91-\x97\x9b\xa0\xa7\xab\xb0\xb7\xbb]"
_IN_CP1252 = re.compile(rb"[\xd6\xdc\xdf]%b|[\xe0\xe4\xe8-\xea]%b{2}" % (_MARK, _MARK))


@dataclass(frozen=True, slots=True)
class Row:
    """A record: its first line in the file, its cells and, where it cannot be taken, why not."""

    line: int
    cells: list[str]
    reason: str = ""


def text_of(raw: bytes) -> str:
    """The file's text. One bad byte does not turn a file in UTF-8 into one in cp1252, nor one pair
    that happens to be a character of UTF-8 the other way about.
    """
    is_utf_8 = raw.startswith(codecs.BOM_UTF8) or _looks_like_utf_8(raw)
    return raw.decode("utf-8-sig" if is_utf_8 else "cp1252", "replace")


def _looks_like_utf_8(raw: bytes) -> bool:
    """Whether more speaks for UTF-8 than against it."""
    characters = _IN_UTF_8.findall(raw)
    by_accident = sum(_IN_CP1252.fullmatch(each) is not None for each in characters)
    strays = sum(byte > 0x7F for byte in _IN_UTF_8.sub(b"", raw))
    against = by_accident + strays
    return against == 0 or len(characters) - by_accident > against


def rows(text: str) -> Iterator[Row]:
    """All records, the header first; empty lines are left out."""
    lines = re.split(r"\r\n|\n|\r", text)
    at, columns = 0, 0
    while at < len(lines):
        cells, taken, reason = _record(lines[at : at + MOST_LINES_A_RECORD], columns)
        if reason or any(cell.strip() for cell in cells):
            columns = columns or len(cells)
            yield Row(at + 1, cells, reason or _amiss(cells, columns))
        at += taken


def _record(lines: list[str], columns: int) -> tuple[list[str], int, str]:
    """The cells of the first record in ``lines``, and how many lines it takes."""
    for taken in range(1, len(lines) + 1):
        try:
            reader = csv.reader(["\n".join(lines[:taken])], delimiter=";", strict=True)
            cells = next(reader, [])
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                break
            continue
        if taken == 1 or _is_one(cells, columns):
            return cells, taken, ""
        break
    return [], 1, "quotes"


def _is_one(cells: list[str], columns: int) -> bool:
    """Whether a record over several lines is one, and no quote has swallowed the rows behind it."""
    swallowed = (
        cell.count("\n") > 1 or ("\n" in cell and cell.count(";") >= columns - 1) for cell in cells
    )
    return len(cells) == columns and not any(swallowed)


def _amiss(cells: list[str], columns: int) -> str:
    if len(cells) != columns:
        return "cells"
    return "characters" if any(BROKEN in cell for cell in cells) else ""
