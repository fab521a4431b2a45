"""How the provider behaves just now: set by ``POST /test/settings``, kept in the books."""

import json
import sqlite3
from typing import Any

DEFAULTS: dict[str, Any] = {
    "delay_ms": 0,  # before each answer of the merchants' API
    "down": False,  # True: the API answers 503 and does nothing; "after": does it, then answers 503
    "refunds": "sent",  # what a refund is when it was ordered: sent or under_way
    "webhooks": "send",  # how events are told when nothing else is said
}


def read(db: sqlite3.Connection) -> dict[str, Any]:
    """All settings."""
    changed = {
        row["name"]: json.loads(row["value"]) for row in db.execute("SELECT * FROM settings")
    }
    return DEFAULTS | changed


def change(db: sqlite3.Connection, told: dict[str, Any]) -> None:
    """Set those that are told; the others stay."""
    for name, value in told.items():
        db.execute(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )
