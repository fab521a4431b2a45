"""A list as a file: CSV (RFC 4180, with semicolons and a byte order mark, as Excel reads it) and
XLSX. Both hold exactly what is filtered, row by row, never all of it in memory.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import xlsxwriter
from sqlalchemy import Row
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from portal.admin.lists.columns import Column, Listing, Shape
from portal.admin.lists.writing import Manner
from portal.web.language import gettext
from portal.words import N_

BOM = "\ufeff"
AT_ONCE = 500  # lines of a piece
MOST_IN_A_SHEET = 100_000  # rows: more would take longer than a browser waits
CURRENCY = N_("Currency")
FORMATS = {Shape.MONEY: "#,##0.00", Shape.DAY: "dd.mm.yyyy", Shape.MOMENT: "dd.mm.yyyy hh:mm"}
WIDTH = 18  # signs


def headings(listing: Listing) -> list[str]:
    """The first line of a file."""
    return [*(gettext(column.title) for column in listing.columns), gettext(CURRENCY)]


def as_csv(
    listing: Listing, heads: list[str], rows: Iterable[Row[Any]], how: Manner
) -> Iterator[str]:
    """The lines of a CSV file, some hundred at a time."""
    piece = io.StringIO()
    writer = csv.writer(piece, delimiter=";", lineterminator="\r\n")
    piece.write(BOM)
    writer.writerow(heads)
    for number, row in enumerate(rows, start=1):
        told = row._mapping
        values = [how.text(column, told[column.name]) for column in listing.columns]
        writer.writerow([*values, told["in_currency"]])
        if number % AT_ONCE == 0:
            yield piece.getvalue()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue()


def as_xlsx(listing: Listing, heads: list[str], rows: Iterable[Row[Any]], how: Manner) -> IO[bytes]:
    """A workbook in a file that is gone when it is closed, from its beginning."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- who sends it closes it
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet()
    sheet.set_column(0, len(heads) - 1, WIDTH)
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    forms = {shape: book.add_format({"num_format": form}) for shape, form in FORMATS.items()}
    for place, head in enumerate(heads):
        sheet.write_string(0, place, head, bold)
    for line, row in enumerate(rows, start=1):
        told = row._mapping
        for place, column in enumerate(listing.columns):
            value = how.typed(column, told[column.name])
            _write(sheet, (line, place), column, value, forms.get(column.shape))
        sheet.write_string(line, len(listing.columns), told["in_currency"])
    book.close()
    file.seek(0)
    return file


def _write(
    sheet: Worksheet, place: tuple[int, int], column: Column, value: Any, form: Format | None
) -> None:
    if value is None:
        return
    match column.shape:
        case Shape.MONEY | Shape.NUMBER:
            sheet.write_number(*place, value, form)
        case Shape.DAY | Shape.MOMENT:
            sheet.write_datetime(*place, value, form)
        case _:
            sheet.write_string(*place, value)
