"""Settlements in the common books: all that is unsettled is paid out, less its fees.

What went back may be more than what was collected: then the net is below zero.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from fakes import merchants, payments, telling
from fakes.books import written_json
from fakes.fake import Change, Fake
from sandbox.errors import Refused
from sandbox.file import add, this_moment

_UNSETTLED = """
SELECT m.n, m.amount_cents, m.fee_cents FROM movements AS m
LEFT JOIN settlement_lines AS l ON l.movement = m.n
WHERE m.provider = ? AND m.merchant = ? AND m.currency = ? AND m.kind <> 'payout'
AND l.movement IS NULL ORDER BY m.n
"""
_LINES = """
SELECT m.* FROM settlement_lines AS l JOIN movements AS m ON m.n = l.movement
WHERE l.settlement = ? ORDER BY m.n
"""


def settle(
    db: sqlite3.Connection,
    fake: Fake,
    merchant: str,
    *,
    how: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> tuple[sqlite3.Row, list[int]]:
    """Pay out all that is unsettled: the settlement and its deliveries.

    Raises ``Refused`` (409) when nothing is there to settle.
    """
    account = merchants.get(db, fake.name, merchant)
    rows = db.execute(_UNSETTLED, (fake.name, merchant, account["currency"])).fetchall()
    if not rows:
        raise Refused(409, "nothing_to_settle", "Nothing is there to settle.")
    gross = sum(row["amount_cents"] for row in rows)
    fee = sum(row["fee_cents"] for row in rows)
    name, now = fake.new_id("settlement"), this_moment()
    add(
        db,
        "settlements",
        id=name,
        provider=fake.name,
        merchant=merchant,
        status="paid",
        gross_cents=gross,
        fee_cents=fee,
        net_cents=gross - fee,
        currency=account["currency"],
        told=written_json(told or {}),
        started_at=now,
        changed_at=now,
    )
    for row in rows:
        add(db, "settlement_lines", settlement=name, movement=row["n"])
    payments.book(db, fake, account, "payout", fee - gross, settlement=name)
    made = get(db, fake, name)
    return made, telling.tell(db, fake, Change("settlement", "settle", made), how)


def fail(
    db: sqlite3.Connection, fake: Fake, name: str, *, how: str | None = None
) -> tuple[sqlite3.Row, list[int]]:
    """A pay-out comes back from the merchant's bank: its money is unsettled again, as one sum."""
    settlement = get(db, fake, name)
    if settlement["status"] != "paid":
        raise Refused(409, "does_not_fit", f"It is {settlement['status']}.")
    db.execute(
        "UPDATE settlements SET status = 'failed', changed_at = ? WHERE id = ?",
        (this_moment(), name),
    )
    payments.book(db, fake, settlement, "payout_back", settlement["net_cents"], settlement=name)
    after = get(db, fake, name)
    return after, telling.tell(db, fake, Change("settlement", "fail", after), how)


def adjust(
    db: sqlite3.Connection, fake: Fake, merchant: str, kind: str, cents: int, words: str
) -> None:
    """Book what is of no one payment: a fee (below zero), a reserve, something other."""
    account = merchants.get(db, fake.name, merchant)
    payments.book(db, fake, account, kind, cents, words=words)


def get(db: sqlite3.Connection, fake: Fake, name: str, merchant: str | None = None) -> sqlite3.Row:
    """A settlement, of ``merchant`` if one is named; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM settlements WHERE provider = ? AND id = ?", (fake.name, name)
    ).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_settlement", "No such settlement.")
    return row  # type: ignore[no-any-return]


def lines(db: sqlite3.Connection, settlement: str) -> list[sqlite3.Row]:
    """The movements that a settlement settles, in order."""
    return db.execute(_LINES, (settlement,)).fetchall()


def of_merchant(db: sqlite3.Connection, fake: Fake, merchant: str) -> list[sqlite3.Row]:
    """All settlements of a merchant, in order."""
    return db.execute(
        "SELECT * FROM settlements WHERE provider = ? AND merchant = ? ORDER BY rowid",
        (fake.name, merchant),
    ).fetchall()
