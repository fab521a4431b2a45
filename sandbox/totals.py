"""What the books say, for people and for reconciliation."""

import sqlite3
from datetime import datetime
from typing import Any

from sandbox import merchants
from sandbox.file import written

_TOTALS = """
SELECT merchant, currency,
  sum(CASE kind WHEN 'sale' THEN amount_cents ELSE 0 END) AS succeeded_cents,
  -sum(CASE WHEN kind IN ('return', 'return_back') THEN amount_cents ELSE 0 END)
    AS refunded_cents,
  -sum(CASE WHEN kind IN ('reversal', 'reversal_won') THEN amount_cents ELSE 0 END)
    AS reversed_cents,
  -sum(CASE kind WHEN 'fee' THEN amount_cents ELSE 0 END) AS fees_cents,
  -sum(CASE kind WHEN 'payout' THEN amount_cents ELSE 0 END) AS settled_cents,
  sum(amount_cents) AS unsettled_cents
FROM movements GROUP BY merchant, currency
"""
_TAKEN = """
SELECT currency, sum(amount_cents) AS cents FROM movements
WHERE merchant = ? AND kind = 'sale' AND made_at < ? GROUP BY currency
"""
_PAYMENTS = """
SELECT id, payment, status, amount_cents, currency, ordered_cents, ordered_currency,
  collected_for, started_at, changed_at FROM payments WHERE merchant = ? ORDER BY rowid
"""
_REFUNDS = """
SELECT r.id, r.refund, r.payment_id, p.payment, r.status, r.amount_cents, r.currency, r.made_at
FROM refunds AS r JOIN payments AS p ON p.id = r.payment_id WHERE r.merchant = ? ORDER BY r.rowid
"""
_REVERSALS = """
SELECT v.id, v.payment_id, p.payment, v.reason, v.status, v.amount_cents, v.fee_cents, v.currency,
  v.made_at
FROM reversals AS v JOIN payments AS p ON p.id = v.payment_id WHERE v.merchant = ? ORDER BY v.rowid
"""
_SETTLEMENTS = """
SELECT id, gross_cents, fee_cents, net_cents, currency, made_at
FROM settlements WHERE merchant = ? ORDER BY rowid
"""
NAMES = ("succeeded", "refunded", "reversed", "fees", "settled", "unsettled")
NOTHING = dict.fromkeys((f"{name}_cents" for name in NAMES), 0)


def books(db: sqlite3.Connection) -> dict[str, Any]:
    """All merchants' books. Of each: succeeded - refunded - reversed - fees =
    settled + unsettled (cents).

    ``totals`` is in the merchant's own currency, ``foreign`` by each other currency;
    ``strangers`` are those for whom money came under a name that is no merchant's.
    """
    sums = _sums(db)
    known = {row["merchant"]: row for row in merchants.everyone(db)}
    return {
        "merchants": {name: _of(db, row, sums.get(name, {})) for name, row in known.items()},
        "strangers": {name: by for name, by in sums.items() if name not in known},
    }


def taken(db: sqlite3.Connection, merchant: str, until: datetime) -> dict[str, Any]:
    """All that was ever collected for a merchant before ``until`` (UTC), by currency.

    Nothing that went back is subtracted. In the merchant's own currency there is always a sum.
    """
    own = merchants.get(db, merchant)["currency"]
    rows = db.execute(_TAKEN, (merchant, written(until))).fetchall()
    sums = {own: 0} | {row["currency"]: row["cents"] for row in rows}
    return {
        "merchant": merchant,
        "until": until.isoformat(),
        "taken": [
            {"currency": currency, "amount_cents": cents}
            for currency, cents in sorted(sums.items())
        ],
    }


def _of(
    db: sqlite3.Connection, merchant: sqlite3.Row, sums: dict[str, dict[str, int]]
) -> dict[str, Any]:
    rows = {
        "payments": _PAYMENTS,
        "refunds": _REFUNDS,
        "reversals": _REVERSALS,
        "settlements": _SETTLEMENTS,
    }
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
