"""Reading a file of settlement reports by its mapping. Pure.

All or nothing: one bad row, a missing closing row or a total that does not agree, and nothing of
the file can be booked. Each fault is told with its line and the reason.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from portal.settlements.cells import BadCell, amount, whole
from portal.settlements.file_mapping import Column, Control, Mapping, Word
from portal.settlements.reader import Cells, Facts, Row, RowReader, made

MOST_BYTES = 20 * 1024 * 1024
MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which line of the file; line 0 is the file as a whole."""

    line: int
    reason: str


@dataclass(slots=True)
class Reading:
    """What a file says. With faults nothing of it may be used."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, line: int, reason: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(line, reason))


def read(content: bytes, mapping: Mapping, settlement: str | None = None) -> Reading:
    """Read a file; ``settlement`` names the report where the file does not."""
    reading = Reading()
    lines = list(_lines(content, mapping, reading))
    if not lines and not reading.faults:
        reading.fault(0, "has no rows")
    if reading.faults:
        return reading
    columns, wide, rows, controls = _sorted(lines, mapping, reading)
    facts = _facts(controls, mapping, reading)
    reader = RowReader(mapping, columns, facts, settlement or "", wide)
    for row in rows if not reading.faults else ():
        try:
            reading.rows.append(reader.row(row))
        except BadCell as bad:
            reading.fault(row.number, str(bad))
    if not reading.faults:
        _check_whole(reading, mapping, controls)
    return reading


def _lines(content: bytes, mapping: Mapping, reading: Reading) -> Iterator[Cells]:
    """The lines of the file with their numbers, without empty ones."""
    form = mapping.form
    if len(content) > MOST_BYTES:
        return reading.fault(0, f"has more than {MOST_BYTES // 1024 // 1024} MiB")
    try:
        text = content.decode("utf-8-sig" if form.encoding == "utf-8" else form.encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return reading.fault(line, f"holds what is not {form.encoding}")
    if "\0" in text:
        return reading.fault(text[: text.index("\0")].count("\n") + 1, "holds a NUL")
    told = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=form.delimiter,
        quotechar=form.quote,
        strict=True,
    )
    try:
        for cells in told:
            if any(cell.strip() for cell in cells):
                yield Cells(told.line_num, [cell.strip() for cell in cells])
    except csv.Error as error:
        reading.fault(told.line_num, f"cannot be read: {error}")
    return None


def _sorted(
    lines: list[Cells], mapping: Mapping, reading: Reading
) -> tuple[dict[str, int], int, list[Cells], dict[Control, Cells]]:
    """Where each column stands (from 0), how many there are, the rows, and the control rows."""
    before = [line for line in lines if line.number <= mapping.form.lines_before]
    rest = lines[len(before) :]
    heads = rest[:1] if mapping.form.names else []
    columns = _columns(heads, mapping, reading)
    rows = rest[len(heads) :]
    controls: dict[Control, Cells] = {}
    for control in mapping.control:
        places = [*before, *heads, *rows[:1]] if control.place == "first" else rows[-1:]
        found = [line for line in places if _is(line, control)]
        if not found:
            what = "opening" if control.place == "first" else "closing"
            reading.fault(0, f"has no {what} row “{control.word}”: it is not whole")
            continue
        controls[control] = found[0]
        rows = [row for row in rows if row is not found[0]]
    if not rows and not reading.faults:
        reading.fault(0, "has no rows")
    wide = max([1 + max(columns.values(), default=0), *(len(e.cells) for e in (heads or rows)[:1])])
    return columns, wide, rows, controls


def _is(line: Cells, control: Control) -> bool:
    return len(line.cells) >= control.column and line.cells[control.column - 1] == control.word


def _columns(heads: list[Cells], mapping: Mapping, reading: Reading) -> dict[str, int]:
    told: dict[str, Column] = mapping.columns.model_dump(exclude_none=True)
    names = list(heads[0].cells) if heads else []
    found = {}
    for what, column in told.items():
        if isinstance(column, int):
            found[what] = column - 1
        elif names.count(column) == 1:
            found[what] = names.index(column)
        else:
            twice = "twice the" if column in names else "no"
            reading.fault(heads[0].number if heads else 0, f"has {twice} column “{column}”")
    return found


def _facts(controls: dict[Control, Cells], mapping: Mapping, reading: Reading) -> Facts:
    found: dict[str, str] = {}
    for control, row in controls.items():
        for what in ("settlement", "merchant", "made"):
            at = getattr(control, what)
            if at is None:
                continue
            told = row.cells[at - 1] if at <= len(row.cells) else ""
            if not told or found.setdefault(what, told) != told:
                reading.fault(row.number, f"{what}: is missing, or is told in two ways")
    try:
        moment = made(found.pop("made", ""), mapping)
    except BadCell as bad:
        reading.fault(0, str(bad))
        moment = None
    return Facts(made=moment, **found)


def _check_whole(reading: Reading, mapping: Mapping, controls: dict[Control, Cells]) -> None:
    """No line twice, one currency a report, one pay-out a report, and totals that agree."""
    seen: set[tuple[str, str, tuple[str, ...], str, bool]] = set()
    currencies: dict[str, str] = {}
    payouts: set[str] = set()
    for row in reading.rows:
        line = row.line
        names = (line.payment, line.refund)  # a payment may have several refunds
        name = (line.provider_reference,) if line.provider_reference else names
        key = (row.settlement, line.kind, name, row.payment_reference, line.gross.cents < 0)
        if any(name) and key in seen:
            reading.fault(row.number, "stands there twice")
        if row.word is Word.PAYOUT and row.settlement in payouts:
            reading.fault(row.number, "is a second pay-out of this report")
        if currencies.setdefault(row.settlement, line.gross.currency) != line.gross.currency:
            reading.fault(row.number, "is of another currency than its report")
        seen.add(key)
        payouts |= {row.settlement} if row.word is Word.PAYOUT else set()
    for control, cells in controls.items():
        _check_totals(reading, mapping, control, cells)


def _check_totals(reading: Reading, mapping: Mapping, control: Control, cells: Cells) -> None:
    lines = [row.line for row in reading.rows if row.word is not Word.PAYOUT]
    gross, fee = sum(line.gross.cents for line in lines), sum(line.fee.cents for line in lines)
    told_fee = -fee if mapping.signs.fee == "negative" else fee
    ours = {"count": len(reading.rows), "gross": gross, "fee": told_fee, "net": gross - fee}
    for what, mine in ours.items():
        at = getattr(control, what)
        if at is None:
            continue
        cell = cells.cells[at - 1] if at <= len(cells.cells) else ""
        try:
            told = whole(what, cell) if what == "count" else amount(what, cell, mapping.form)
        except BadCell as bad:
            reading.fault(cells.number, str(bad))
            continue
        if told != mine:
            reading.fault(cells.number, f"{what}: says {cell}, but the rows make another sum")
