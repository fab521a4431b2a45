"""A settlement report as a file. No public page tells the columns of GiroCheckout's own; these are
those of the mapping that is shipped with the portal, in the words of its merchants' pages.
"""

import csv
import io
import sqlite3

from fakes import payments, settlements
from fakes.books import told as kept
from fakes.fake import Fake
from sandbox.file import moment

COLUMNS = (
    "Auszahlung", "Auszahlungsdatum", "Verkäufer-ID", "Projekt-ID", "Vorgang",
    "Händler-Transaktions-ID", "Erstattungs-ID", "Referenz", "Betrag", "Entgelt",
    "Auszahlungsbetrag", "Währung",
)  # fmt: skip
KIND = {
    "sale": "Zahlung",
    "return": "Erstattung",
    "return_back": "Erstattung zurück",
    "reversal": "Rückbelastung",
    "reversal_won": "Rückbelastung gewonnen",
    "fee": "Entgelt",
    "reserve": "Einbehalt",
    "other": "Sonstiges",
    "payout_back": "Sonstiges",
}
CLOSING = "Summe"


def written(db: sqlite3.Connection, mine: Fake, name: str) -> bytes:
    """The file of a settlement, in UTF-8; raises ``Refused`` (404)."""
    settlement = settlements.get(db, mine, name)
    day = moment(settlement["started_at"]).strftime("%d.%m.%Y")
    lines = settlements.lines(db, name)
    file = io.StringIO()
    table = csv.writer(file, delimiter=";", lineterminator="\r\n")
    table.writerow(COLUMNS)
    for line in lines:
        table.writerow([name, day, settlement["merchant"], *_line(db, mine, line)])
    gross, fee = (sum(column) for column in zip(*map(_amounts, lines), strict=True))
    sums = (gross, fee, settlement["net_cents"])
    table.writerow([CLOSING, "", "", "", len(lines), "", "", "", *map(_euros, sums), ""])
    return file.getvalue().encode()


def _line(db: sqlite3.Connection, mine: Fake, line: sqlite3.Row) -> list[str]:
    paid = payments.get(db, mine, line["payment_id"]) if line["payment_id"] else None
    refund = _refund(db, line["refund_id"]) if line["refund_id"] else None
    gross, fee = _amounts(line)
    return [
        kept(paid)["project"] if paid else "",
        KIND[line["kind"]],
        paid["payment"] if paid else "",
        refund["refund"] if refund else "",
        line["refund_id"] or line["reversal_id"] or line["payment_id"] or line["id"],
        _euros(gross),
        _euros(fee),
        _euros(gross - fee),
        line["currency"],
    ]


def _amounts(line: sqlite3.Row) -> tuple[int, int]:
    """Gross and fee; what is charged for no one payment is a fee alone."""
    gross, fee = line["amount_cents"], line["fee_cents"]
    return (0, fee - gross) if line["kind"] == "fee" else (gross, fee)


def _refund(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    query = "SELECT * FROM refunds WHERE id = ?"
    return db.execute(query, (name,)).fetchone()  # type: ignore[no-any-return]


def _euros(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d}"
