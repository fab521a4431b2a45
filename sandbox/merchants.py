"""Merchants: who collects money here, and where they want to hear of it."""

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox.errors import Refused

_SAVE = """
INSERT INTO merchants (merchant, name, secret_sha256, webhook_secret, webhook_url, live, currency)
VALUES (:merchant, :name, :secret_sha256, :webhook_secret, :webhook_url, :live, :currency)
ON CONFLICT (merchant) DO UPDATE SET name = :name, secret_sha256 = :secret_sha256,
  webhook_secret = :webhook_secret, webhook_url = :webhook_url, live = :live, currency = :currency
"""


def save(db: sqlite3.Connection, merchant: str, told: Mapping[str, Any]) -> None:
    """Open or change a merchant's account. The key stands in the books as its SHA-256 only."""
    row = {
        "merchant": merchant,
        "name": told["name"],
        "secret_sha256": _digest(told["secret"]),
        "webhook_secret": told["webhook_secret"],
        "webhook_url": told["webhook_url"],
        "live": int(told.get("live", False)),
        "currency": told.get("currency", "EUR"),
    }
    try:
        db.execute(_SAVE, row)
    except sqlite3.IntegrityError:
        raise Refused(409, "key_in_use", "Another merchant has this key.") from None


def by_key(db: sqlite3.Connection, key: str) -> sqlite3.Row:
    """Whose API key it is; raises ``Refused`` (401)."""
    found = db.execute("SELECT * FROM merchants WHERE secret_sha256 = ?", (_digest(key),))
    if row := found.fetchone():
        return row  # type: ignore[no-any-return]
    raise Refused(401, "unknown_key", "No merchant has this key.")


def get(db: sqlite3.Connection, merchant: str) -> sqlite3.Row:
    """The account of a merchant; raises ``Refused`` (404)."""
    row = db.execute("SELECT * FROM merchants WHERE merchant = ?", (merchant,)).fetchone()
    if row is None:
        raise Refused(404, "unknown_merchant", "No such merchant.")
    return row  # type: ignore[no-any-return]


def is_live(db: sqlite3.Connection, merchant: str) -> bool:
    """Whether an account is for real money (here: only says that it is)."""
    return bool(get(db, merchant)["live"])


def everyone(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """All merchants, by id."""
    return db.execute("SELECT * FROM merchants ORDER BY merchant").fetchall()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
