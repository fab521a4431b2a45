"""Merchants: who collects money here, with which credentials, and where they want to hear of it."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox.errors import Refused
from sandbox.file import add


def save(db: sqlite3.Connection, provider: str, merchant: str, told: Mapping[str, Any]) -> None:
    """Open or change a merchant's account; ``told`` has name, webhook_url, credentials, and live
    (false) and currency (EUR) if they differ.
    """
    db.execute("DELETE FROM merchants WHERE provider = ? AND merchant = ?", (provider, merchant))
    add(
        db,
        "merchants",
        provider=provider,
        merchant=merchant,
        name=told["name"],
        webhook_url=told["webhook_url"],
        live=int(told.get("live", False)),
        currency=told.get("currency", "EUR"),
        credentials=json.dumps(told["credentials"]),
    )


def get(db: sqlite3.Connection, provider: str, merchant: str) -> sqlite3.Row:
    """The account of a merchant; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM merchants WHERE provider = ? AND merchant = ?", (provider, merchant)
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_merchant", "No such merchant.")
    return row  # type: ignore[no-any-return]


def by_credential(
    db: sqlite3.Connection, provider: str, name: str, value: str
) -> sqlite3.Row | None:
    """Whose credential it is, if it is anyone's."""
    return db.execute(  # type: ignore[no-any-return]
        "SELECT * FROM merchants WHERE provider = ? AND credentials ->> ? = ?",
        (provider, name, value),
    ).fetchone()


def credentials(merchant: sqlite3.Row) -> dict[str, str]:
    """A merchant's credentials, in clear: no money flows here."""
    found: dict[str, str] = json.loads(merchant["credentials"])
    return found


def everyone(db: sqlite3.Connection, provider: str) -> list[sqlite3.Row]:
    """All merchants of a provider, by id."""
    return db.execute(
        "SELECT * FROM merchants WHERE provider = ? ORDER BY merchant", (provider,)
    ).fetchall()
