"""Settlements: what was collected, less what went back and less fees, is paid out."""

import secrets
import sqlite3
from typing import Any

from sandbox import merchants, notifications
from sandbox.books import add, this_moment
from sandbox.errors import Refused

FEE_BP, FEE_CENTS = 120, 25

_UNSETTLED = """
SELECT m.* FROM movements AS m LEFT JOIN settlement_lines AS l ON l.movement = m.n
WHERE m.merchant = ? AND m.currency = ? AND m.kind IN ('sale', 'return') AND l.movement IS NULL
ORDER BY m.n
"""
_LINES = """
SELECT m.kind, p.payment, p.id, r.refund, r.id AS refund_id, m.amount_cents, l.fee_cents
FROM settlement_lines AS l JOIN movements AS m ON m.n = l.movement
JOIN payments AS p ON p.id = m.payment_id LEFT JOIN refunds AS r ON r.id = m.refund_id
WHERE l.settlement = ? ORDER BY m.n
"""


def fee(gross_cents: int, fee_bp: int, fee_cents: int) -> int:
    """Fee of one sale in cents: ``fee_bp`` hundredths of a per cent, half a cent up, and a fixed
    sum. What goes back costs nothing.
    """
    return (gross_cents * fee_bp + 5000) // 10_000 + fee_cents if gross_cents > 0 else 0


def settle(
    db: sqlite3.Connection,
    merchant: str,
    *,
    fee_bp: int = FEE_BP,
    fee_cents: int = FEE_CENTS,
    how: str = "send",
) -> tuple[str, list[int]]:
    """Pay out all that is unsettled (the net may be below zero): its id and deliveries.

    Raises ``Refused`` (409) when nothing is there to settle.
    """
    account = merchants.get(db, merchant)
    open_rows = db.execute(_UNSETTLED, (merchant, account["currency"])).fetchall()
    if not open_rows:
        raise Refused(409, "nothing_to_settle", "Nothing is there to settle.")
    fees = {row["n"]: fee(row["amount_cents"], fee_bp, fee_cents) for row in open_rows}
    gross, cost = sum(row["amount_cents"] for row in open_rows), sum(fees.values())
    settlement = f"ss_{secrets.token_hex(16)}"
    common = {"merchant": merchant, "currency": account["currency"], "made_at": this_moment()}
    add(
        db,
        "settlements",
        id=settlement,
        gross_cents=gross,
        fee_cents=cost,
        net_cents=gross - cost,
        **common,
    )
    for number, cents in fees.items():
        add(db, "settlement_lines", settlement=settlement, movement=number, fee_cents=cents)
    for kind, cents in (("fee", -cost), ("payout", cost - gross)):
        add(db, "movements", kind=kind, settlement=settlement, amount_cents=cents, **common)
    facts = {
        "settlement": settlement,
        "merchant": merchant,
        "live": bool(account["live"]),
        "net_cents": gross - cost,
        "currency": account["currency"],
    }
    event = notifications.note(db, merchant, settlement, "settlement.created", facts)
    return settlement, notifications.send(db, event, how)


def get(db: sqlite3.Connection, settlement: str, merchant: str) -> dict[str, Any]:
    """A settlement of ``merchant`` with its lines; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM settlements WHERE id = ? AND merchant = ?", (settlement, merchant)
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_settlement", "No such settlement.")
    return dict(row) | {"lines": [_line(line) for line in db.execute(_LINES, (settlement,))]}


def _line(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "payment": row["payment"],
        "id": row["refund_id"] or row["id"],
        "refund": row["refund"],
        "gross_cents": row["amount_cents"],
        "fee_cents": row["fee_cents"],
    }
