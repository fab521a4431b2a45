"""The rows of a file as settlement reports: one for each name that a row gives. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.money import Money
from portal.providers.protocol import Settlement
from portal.settlements.file_mapping import Word
from portal.settlements.reader import Row
from portal.settlements.rows import Reading

SEVERAL = "several merchants"


@dataclass(frozen=True, slots=True)
class Told:
    """A report as the file has it; of each line its number, and by which payment it came.

    Without a word of it in the file the merchant is empty.
    """

    report: Settlement
    numbers: tuple[int, ...]
    paid_by: tuple[str, ...]


def of(reading: Reading, now: datetime) -> list[Told]:
    """The reports of a file without faults, in the order of the file."""
    by_report: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        by_report[row.settlement].append(row)
    merchants = {row.merchant for row in reading.rows if row.merchant}
    merchant = SEVERAL if len(merchants) > 1 else next(iter(merchants), "")
    return [_report(name, rows, merchant, now) for name, rows in by_report.items()]


def _report(name: str, rows: Sequence[Row], merchant: str, now: datetime) -> Told:
    lines = [row for row in rows if row.word is not Word.PAYOUT]
    payouts = [row.line.gross for row in rows if row.word is Word.PAYOUT]
    currency = rows[0].line.gross.currency
    net = sum(row.line.gross.cents - row.line.fee.cents for row in lines)
    report = Settlement(
        settlement=name,
        merchant=merchant,
        made_at=next((row.made for row in rows if row.made), now),
        net=-payouts[0] if payouts else Money(net, currency),
        lines=tuple(row.line for row in lines),
    )
    numbers = tuple(row.number for row in lines)
    return Told(report, numbers, tuple(row.payment_reference for row in lines))
