"""Settlements: what was collected, less what went back and less fees, is paid out.

What went back may be more than what was collected: then the net is below zero.
"""

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox import merchants, notifications
from sandbox.errors import Refused
from sandbox.file import add, this_moment, written
from sandbox.payments import PAYER

FEE_BP, FEE_CENTS = 120, 25
REVERSAL_FEES = {"reversal": 1, "reversal_won": -1}  # the bank's fee, and its return

_UNSETTLED = """
SELECT m.n, m.kind, m.amount_cents, v.fee_cents FROM movements AS m
LEFT JOIN settlement_lines AS l ON l.movement = m.n
LEFT JOIN reversals AS v ON v.id = m.reversal_id
WHERE m.merchant = ? AND m.currency = ? AND m.kind NOT IN ('fee', 'payout')
AND l.movement IS NULL ORDER BY m.n
"""
_LINES = """
SELECT m.kind, p.payment, p.id, r.refund, m.refund_id, m.reversal_id, m.amount_cents, l.fee_cents
FROM settlement_lines AS l JOIN movements AS m ON m.n = l.movement
JOIN payments AS p ON p.id = m.payment_id LEFT JOIN refunds AS r ON r.id = m.refund_id
WHERE l.settlement = ? ORDER BY m.n
"""


def fee(gross_cents: int, fee_bp: int, fee_cents: int) -> int:
    """Fee of one sale in cents: ``fee_bp`` hundredths of a per cent, half a cent up, and a fixed
    sum. What goes back costs nothing.
    """
    return (gross_cents * fee_bp + 5000) // 10_000 + fee_cents if gross_cents > 0 else 0


def _fee(row: sqlite3.Row, fee_bp: int, fee_cents: int) -> int:
    if row["kind"] in REVERSAL_FEES:
        return REVERSAL_FEES[row["kind"]] * int(row["fee_cents"])
    return fee(row["amount_cents"], fee_bp, fee_cents) if row["kind"] == "sale" else 0


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
    rows = db.execute(_UNSETTLED, (merchant, account["currency"])).fetchall()
    if not rows:
        raise Refused(409, "nothing_to_settle", "Nothing is there to settle.")
    fees = {row["n"]: _fee(row, fee_bp, fee_cents) for row in rows}
    gross = sum(row["amount_cents"] for row in rows)
    settlement, net = _write(db, account, gross, fees)
    facts = {
        "settlement": settlement,
        "merchant": merchant,
        "live": bool(account["live"]),
        "net_cents": net,
        "currency": account["currency"],
        "payers": [PAYER],
    }
    event = notifications.note(db, merchant, settlement, "settlement.created", facts)
    return settlement, notifications.send(db, event, how)


def _write(
    db: sqlite3.Connection, account: sqlite3.Row, gross: int, fees: Mapping[int, int]
) -> tuple[str, int]:
    """Write a settlement of the movements that ``fees`` names: its id and net."""
    settlement, cost = f"ss_{secrets.token_hex(16)}", sum(fees.values())
    owner = {"merchant": account["merchant"], "currency": account["currency"]}
    common = owner | {"made_at": this_moment()}
    sums = {"gross_cents": gross, "fee_cents": cost, "net_cents": gross - cost}
    add(db, "settlements", id=settlement, **sums, **common)
    for number, cents in fees.items():
        add(db, "settlement_lines", settlement=settlement, movement=number, fee_cents=cents)
    for kind, cents in (("fee", -cost), ("payout", cost - gross)):
        add(db, "movements", kind=kind, settlement=settlement, amount_cents=cents, **common)
    return settlement, gross - cost


def get(db: sqlite3.Connection, settlement: str, merchant: str) -> dict[str, Any]:
    """A settlement of ``merchant`` with its lines; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM settlements WHERE id = ? AND merchant = ?", (settlement, merchant)
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_settlement", "No such settlement.")
    return dict(row) | {"lines": [_line(line) for line in db.execute(_LINES, (settlement,))]}


def since(db: sqlite3.Connection, merchant: str, at: datetime) -> list[dict[str, Any]]:
    """The settlements of ``merchant`` made at or after a moment, in order."""
    found = db.execute(
        "SELECT id, made_at FROM settlements WHERE merchant = ? AND made_at >= ? ORDER BY rowid",
        (merchant, written(at)),
    )
    return [dict(row) for row in found]


def _line(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "payment": row["payment"],
        "id": row["refund_id"] or row["reversal_id"] or row["id"],
        "refund": row["refund"],
        "gross_cents": row["amount_cents"],
        "fee_cents": row["fee_cents"],
        "payer": PAYER,
    }
