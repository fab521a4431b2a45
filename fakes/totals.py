"""What the books of a fake say, for people and for reconciliation."""

import sqlite3
from typing import Any

from fakes import merchants
from fakes.fake import Fake

_TOTALS = """
SELECT merchant, currency,
  sum(CASE kind WHEN 'sale' THEN amount_cents ELSE 0 END) AS succeeded_cents,
  -sum(CASE WHEN kind IN ('return', 'return_back') THEN amount_cents ELSE 0 END)
    AS refunded_cents,
  -sum(CASE WHEN kind IN ('reversal', 'reversal_won') THEN amount_cents ELSE 0 END)
    AS reversed_cents,
  sum(fee_cents) - sum(CASE kind WHEN 'fee' THEN amount_cents ELSE 0 END) AS fees_cents,
  -sum(CASE WHEN kind IN ('reserve', 'other') THEN amount_cents ELSE 0 END) AS kept_cents,
  -sum(CASE WHEN kind IN ('payout', 'payout_back') THEN amount_cents ELSE 0 END)
    AS settled_cents,
  sum(amount_cents - fee_cents) AS unsettled_cents
FROM movements WHERE provider = ? GROUP BY merchant, currency
"""
_ROWS = {
    "payments": "SELECT id, payment, status, amount_cents, currency, ordered_cents,"
    " ordered_currency, started_at, changed_at FROM payments",
    "refunds": "SELECT id, refund, payment_id, status, amount_cents, currency, started_at"
    " FROM refunds",
    "reversals": "SELECT id, payment_id, reason, status, amount_cents, fee_cents, currency,"
    " started_at FROM reversals",
    "settlements": "SELECT id, status, gross_cents, fee_cents, net_cents, currency, started_at"
    " FROM settlements",
}
NAMES = ("succeeded", "refunded", "reversed", "fees", "kept", "settled", "unsettled")
NOTHING = dict.fromkeys((f"{name}_cents" for name in NAMES), 0)


def books(db: sqlite3.Connection, fake: Fake) -> dict[str, Any]:
    """Each merchant's books: succeeded - refunded - reversed - fees - kept =
    settled + unsettled (cents), in the merchant's own currency and ``foreign`` ones.
    """
    sums: dict[str, dict[str, dict[str, int]]] = {}
    for row in db.execute(_TOTALS, (fake.name,)):
        of = sums.setdefault(row["merchant"], {})
        of[row["currency"]] = {name: row[name] for name in NOTHING}
    return {
        "merchants": {
            row["merchant"]: _of(db, fake, row, sums.get(row["merchant"], {}))
            for row in merchants.everyone(db, fake.name)
        }
    }


def _of(
    db: sqlite3.Connection, fake: Fake, merchant: sqlite3.Row, sums: dict[str, dict[str, int]]
) -> dict[str, Any]:
    own, of = merchant["currency"], (fake.name, merchant["merchant"])
    rows = {
        name: [
            dict(row)
            for row in db.execute(f"{query} WHERE provider = ? AND merchant = ? ORDER BY rowid", of)
        ]
        for name, query in _ROWS.items()
    }
    return {
        "name": merchant["name"],
        "live": bool(merchant["live"]),
        "currency": own,
        "totals": sums.get(own, NOTHING),
        "foreign": {code: found for code, found in sums.items() if code != own},
        **rows,
    }
