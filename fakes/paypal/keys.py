"""``PayPal-Request-Id``: what was made under a merchant's key is known for six hours."""

import sqlite3
from datetime import timedelta

from flask import request

from portal import clock
from sandbox.file import add, moment, written

LIVE = timedelta(hours=6)


def known(db: sqlite3.Connection, merchant: sqlite3.Row) -> str | None:
    """What was made under the request's key in the last six hours."""
    key = request.headers.get("PayPal-Request-Id", "")
    row = db.execute(
        "SELECT body, made_at FROM answers WHERE provider = 'paypal' AND merchant = ? AND key = ?"
        " AND fingerprint = ?",
        (merchant["merchant"], key, request.path),
    ).fetchone()
    if row is None or moment(row["made_at"]) < clock.now() - LIVE:
        return None
    return str(row["body"])


def know(db: sqlite3.Connection, merchant: sqlite3.Row, name: str) -> None:
    """Keep what was made under the request's key."""
    if key := request.headers.get("PayPal-Request-Id", ""):
        db.execute("DELETE FROM answers WHERE provider = 'paypal' AND key = ?", (key,))
        add(
            db,
            "answers",
            provider="paypal",
            merchant=merchant["merchant"],
            key=key,
            fingerprint=request.path,
            status=201,
            body=name,
            made_at=written(clock.now()),
        )
