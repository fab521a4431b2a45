"""Reading one row of a file of settlement reports by its mapping. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.money import Money
from portal.providers.protocol import SettlementLine
from portal.settlements.cells import BadCell, amount, reference
from portal.settlements.file_mapping import MEANS, ONLY_ABOVE_ZERO, Mapping, Word, moment

LONGEST_FIELD = 2000
SETTLEMENT = re.compile(r"[!-.0-~]{1,64}")  # as an address of the API may name it
CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a settlement report, and where it stands; ``word`` may be the pay-out itself."""

    number: int
    settlement: str
    word: Word
    line: SettlementLine
    payment_reference: str
    merchant: str
    made: datetime | None


@dataclass(frozen=True, slots=True)
class Cells:
    """A line of the file, with its number."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the control rows say of the whole file."""

    settlement: str = ""
    merchant: str = ""
    made: datetime | None = None


def made(told: str, mapping: Mapping) -> datetime | None:
    """When the report was made, if that is told; raises ``BadCell``."""
    if not told:
        return None
    try:
        return moment(told, mapping.form.date)
    except ValueError:
        raise BadCell(f"made: “{told[:40]}” is not written as {mapping.form.date}") from None


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads one row after the other."""

    mapping: Mapping
    columns: dict[str, int]
    facts: Facts
    settlement: str
    wide: int

    def row(self, row: Cells) -> Row:
        """What a row says; raises ``BadCell``."""
        # More fields than columns come from a delimiter inside of an unquoted amount.
        if len(row.cells) < self.wide or any(row.cells[self.wide :]):
            raise BadCell(f"has {len(row.cells)} fields, not {self.wide}")
        word = self._word(row)
        kind, _ = MEANS[word]
        gross, fee = self._amounts(row, word)
        line = SettlementLine(
            kind=kind,
            payment=reference("payment", self._cell(row, "payment"), 64),
            provider_reference=reference(
                "provider_reference", self._cell(row, "provider_reference"), 128
            ),
            gross=gross,
            fee=fee,
            refund=reference("refund", self._cell(row, "refund"), 64),
        )
        paid_by = reference("payment_reference", self._cell(row, "payment_reference"), 128)
        return Row(
            number=row.number,
            settlement=self._settlement(row),
            word=word,
            line=_complete(line, paid_by),
            payment_reference=paid_by,
            merchant=self._told(row, "merchant"),
            made=made(self._cell(row, "made"), self.mapping) or self.facts.made,
        )

    def _cell(self, row: Cells, what: str) -> str:
        at = self.columns.get(what)
        cell = row.cells[at] if at is not None else ""
        if len(cell) > LONGEST_FIELD:
            raise BadCell(f"{what}: is too long")
        return cell

    def _told(self, row: Cells, what: str) -> str:
        """What a column says, or a control row, or the mapping."""
        fixed = getattr(self.mapping.fixed, what) or ""
        return self._cell(row, what) or getattr(self.facts, what, "") or fixed

    def _settlement(self, row: Cells) -> str:
        told = self._told(row, "settlement") or self.settlement
        if not SETTLEMENT.fullmatch(told):
            raise BadCell("settlement: is missing, or not 1 to 64 visible signs without a slash")
        return reference("settlement", told, 64)

    def _word(self, row: Cells) -> Word:
        told, fixed = self._cell(row, "kind"), self.mapping.fixed.kind
        if self.mapping.columns.kind is None and fixed is not None:
            return fixed
        if told not in self.mapping.kinds:
            raise BadCell(f"kind: “{told[:40]}” is no word of the mapping")
        return self.mapping.kinds[told]

    def _amounts(self, row: Cells, word: Word) -> tuple[Money, Money]:
        """Gross and fee, in our signs."""
        currency = self._told(row, "currency")
        if not CURRENCY.fullmatch(currency):
            raise BadCell("currency: is no code of three letters")
        gross, fee = _two_of_three(
            self._signed(row, "gross", word), self._fee(row), self._signed(row, "net", word)
        )
        gross, fee = _fee_alone(gross, fee) if MEANS[word][0] == "fee" else (gross, fee)
        _check(word, gross, fee)
        return Money(gross, currency), Money(fee, currency)

    def _amount(self, row: Cells, what: str) -> int | None:
        told = self._cell(row, what)
        return amount(what, told, self.mapping.form) if told else None

    def _fee(self, row: Cells) -> int | None:
        told = self._amount(row, "fee")
        return -told if told is not None and self.mapping.signs.fee == "negative" else told

    def _signed(self, row: Cells, what: str, word: Word) -> int | None:
        told = self._amount(row, what)
        if told is None or self.mapping.signs.gross == "signed":
            return told
        if told < 0:
            raise BadCell(f"{what}: is below zero, but amounts bear no sign")
        return told if MEANS[word][1] else -told


def _two_of_three(gross: int | None, fee: int | None, net: int | None) -> tuple[int, int]:
    """Gross and fee, where two of the three are told, or one alone; all three must agree."""
    if gross is None and net is not None:
        gross = net + (fee or 0)
    if gross is None and fee is None:
        raise BadCell("gross: is missing")
    gross = gross or 0
    if fee is None:
        return gross, gross - net if net is not None else 0
    if net is not None and gross - fee != net:
        raise BadCell("net: is not gross less fee")
    return gross, fee


def _fee_alone(gross: int, fee: int) -> tuple[int, int]:
    """A fee of no one payment may stand in either column; it has no gross of its own."""
    if gross and fee and gross != -fee:
        raise BadCell("fee: stands there twice, with two amounts")
    return 0, fee or -gross


def _check(word: Word, gross: int, fee: int) -> None:
    if word is Word.PAYOUT and fee:
        raise BadCell("fee: a pay-out has none; it is a row of its own")
    if not gross and word not in {Word.FEE, Word.FEE_BACK, Word.PAYOUT, Word.OTHER}:
        raise BadCell("gross: is nothing")
    if gross < 0 and word in ONLY_ABOVE_ZERO:
        raise BadCell(f"gross: a {word} is above zero")


def _complete(line: SettlementLine, payment_reference: str) -> SettlementLine:
    """A payment is named by the provider's name of it, whichever column holds it."""
    if line.kind == "payment" and not line.provider_reference:
        return SettlementLine(
            line.kind, line.payment, payment_reference, line.gross, line.fee, line.refund
        )
    return line
