"""What the books say, for people and for reconciliation."""

import sqlite3
from typing import Any

from sandbox import merchants

_TOTALS = """
SELECT merchant, currency,
  sum(CASE kind WHEN 'sale' THEN amount_cents ELSE 0 END) AS succeeded_cents,
  -sum(CASE kind WHEN 'return' THEN amount_cents ELSE 0 END) AS refunded_cents,
  -sum(CASE kind WHEN 'fee' THEN amount_cents ELSE 0 END) AS fees_cents,
  -sum(CASE kind WHEN 'payout' THEN amount_cents ELSE 0 END) AS settled_cents,
  sum(amount_cents) AS unsettled_cents
FROM movements GROUP BY merchant, currency
"""
_PAYMENTS = """
SELECT id, payment, status, amount_cents, currency, ordered_cents, ordered_currency,
  collected_for, started_at, changed_at FROM payments WHERE merchant = ? ORDER BY rowid
"""
_REFUNDS = """
SELECT r.id, r.refund, r.payment_id, p.payment, r.status, r.amount_cents, r.currency, r.made_at
FROM refunds AS r JOIN payments AS p ON p.id = r.payment_id WHERE r.merchant = ? ORDER BY r.rowid
"""
_SETTLEMENTS = """
SELECT id, gross_cents, fee_cents, net_cents, currency, made_at
FROM settlements WHERE merchant = ? ORDER BY rowid
"""
NOTHING = dict.fromkeys(
    ("succeeded_cents", "refunded_cents", "fees_cents", "settled_cents", "unsettled_cents"), 0
)


def books(db: sqlite3.Connection) -> dict[str, Any]:
    """All merchants' books. Of each: succeeded - refunded - fees = settled + unsettled (cents).

    ``totals`` is in the merchant's own currency, ``foreign`` by each other currency;
    ``strangers`` are those for whom money came under a name that is no merchant's.
    """
    sums = _sums(db)
    known = {row["merchant"]: row for row in merchants.everyone(db)}
    return {
        "merchants": {name: _of(db, row, sums.get(name, {})) for name, row in known.items()},
        "strangers": {name: by for name, by in sums.items() if name not in known},
    }


def _of(
    db: sqlite3.Connection, merchant: sqlite3.Row, sums: dict[str, dict[str, int]]
) -> dict[str, Any]:
    rows = {"payments": _PAYMENTS, "refunds": _REFUNDS, "settlements": _SETTLEMENTS}
    return {
        "name": merchant["name"],
        "live": bool(merchant["live"]),
        "currency": merchant["currency"],
        "totals": sums.get(merchant["currency"], NOTHING),
        "foreign": {code: sum_ for code, sum_ in sums.items() if code != merchant["currency"]},
        **{
            name: [dict(row) for row in db.execute(query, (merchant["merchant"],))]
            for name, query in rows.items()
        },
    }


def _sums(db: sqlite3.Connection) -> dict[str, dict[str, dict[str, int]]]:
    sums: dict[str, dict[str, dict[str, int]]] = {}
    for row in db.execute(_TOTALS):
        sums.setdefault(row["merchant"], {})[row["currency"]] = {
            name: row[name] for name in NOTHING
        }
    return sums
