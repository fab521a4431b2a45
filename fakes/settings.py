"""How a fake behaves just now: set by ``POST /<provider>/test/settings``, kept in the books."""

import json
import sqlite3
from typing import Any

from sandbox import fields, notifications

DEFAULTS: dict[str, Any] = {
    "delay_ms": 0,  # before each answer of its API
    "down": False,  # True: its API answers 503 and does nothing; "after": does it, then answers 503
    "refunds": "sent",  # what a refund is when it was ordered: sent or under_way
    "webhooks": "send",  # how events are told when nothing else is said
    "fee_bp": 120,  # of each sale, in hundredths of a per cent, half a cent up ...
    "fee_cents": 25,  # ... and this
}


def way(value: Any) -> str:
    """One of ``sandbox.notifications.WAYS``."""
    if not isinstance(value, str) or not notifications.is_way(value):
        raise ValueError(f"must be one of {', '.join(notifications.WAYS)}")
    return value


READERS: dict[str, fields.Reader] = {
    "delay_ms": fields.whole(0, 60_000),
    "down": fields.one_of(True, False, "after"),
    "refunds": fields.one_of("sent", "under_way"),
    "webhooks": way,
    "fee_bp": fields.whole(0, 10_000),
    "fee_cents": fields.whole(0),
}


def read(db: sqlite3.Connection, provider: str) -> dict[str, Any]:
    """All settings of a fake."""
    rows = db.execute("SELECT name, value FROM settings WHERE provider = ?", (provider,))
    return DEFAULTS | {row["name"]: json.loads(row["value"]) for row in rows}


def change(db: sqlite3.Connection, provider: str, told: dict[str, Any]) -> None:
    """Set those that are told; the others stay."""
    for name, value in told.items():
        db.execute(
            "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (provider, name, json.dumps(value))
        )


def sale_fee(db: sqlite3.Connection, provider: str, gross_cents: int) -> int:
    """What the provider keeps of a sale, in cents."""
    now = read(db, provider)
    return int((gross_cents * now["fee_bp"] + 5000) // 10_000 + now["fee_cents"])
