"""Payments, as this provider keeps them."""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox import merchants, notifications
from sandbox.errors import Refused
from sandbox.file import add, this_moment
from sandbox.states import EDGES

# Real providers send such things along; whoever hears of a payment here must throw them away.
PAYER = {
    "name": "Paula Probezahlerin",
    "email": "paula.probezahlerin@example.org",
    "iban": "DE89370400440532013000",
}


def start(db: sqlite3.Connection, merchant: str, order: Mapping[str, Any]) -> sqlite3.Row:
    """Take an order once: the same one again is the same payment, another under its id is 409."""
    known = db.execute(
        "SELECT * FROM payments WHERE merchant = ? AND payment = ?", (merchant, order["payment"])
    ).fetchone()
    fingerprint = _fingerprint(order)
    if known is None:
        return _open(db, merchant, order, fingerprint)
    if known["fingerprint"] != fingerprint:
        raise Refused(409, "other_order", "This payment was ordered with other words.")
    return known  # type: ignore[no-any-return]


def _open(
    db: sqlite3.Connection, merchant: str, order: Mapping[str, Any], fingerprint: str
) -> sqlite3.Row:
    payment_id, now = f"sp_{secrets.token_hex(16)}", this_moment()
    add(
        db,
        "payments",
        id=payment_id,
        merchant=merchant,
        payment=order["payment"],
        fingerprint=fingerprint,
        status="open",
        ordered_cents=order["amount_cents"],
        ordered_currency=order["currency"],
        amount_cents=order["amount_cents"],
        currency=order["currency"],
        collected_for=merchant,
        text=order["text"],
        method=order["method"],
        language=order["language"],
        return_url=order["return_url"],
        started_at=now,
        changed_at=now,
    )
    payment = get(db, payment_id)
    notifications.note(db, merchant, payment_id, "payment.updated", facts(db, payment))
    return payment


def get(db: sqlite3.Connection, payment_id: str, merchant: str | None = None) -> sqlite3.Row:
    """A payment, of ``merchant`` if one is named; raises ``Refused`` (404)."""
    row = db.execute("SELECT * FROM payments WHERE id = ?", (payment_id,)).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_payment", "No such payment.")
    return row  # type: ignore[no-any-return]


def by_order(db: sqlite3.Connection, merchant: str, payment: str) -> sqlite3.Row:
    """A payment by the merchant's own id; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM payments WHERE merchant = ? AND payment = ?", (merchant, payment)
    ).fetchone()
    if row is None:
        raise Refused(404, "unknown_payment", "No such payment.")
    return row  # type: ignore[no-any-return]


def decide(
    db: sqlite3.Connection,
    payment_id: str,
    verb: str,
    *,
    how: str = "send",
    collected: Mapping[str, Any] | None = None,
) -> list[int]:
    """Do ``verb``; money that comes is booked. Returns the deliveries (``notifications.send``).

    ``collected`` (amount_cents, currency, merchant) is what really came, if it is not what was
    ordered. Raises ``Refused`` (409) when the verb does not fit the status.
    """
    payment = get(db, payment_id)
    status = EDGES.get((payment["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {payment['status']}.")
    came = dict(collected or {})
    if came and status != "paid":
        raise Refused(422, "invalid_field", f"Nothing is collected by {verb}.")
    db.execute(
        "UPDATE payments SET status = ?, changed_at = ?, amount_cents = ?, currency = ?,"
        " collected_for = ? WHERE id = ?",
        (
            status,
            this_moment(),
            came.get("amount_cents", payment["amount_cents"]),
            came.get("currency", payment["currency"]),
            came.get("merchant", payment["merchant"]),
            payment_id,
        ),
    )
    payment = get(db, payment_id)
    if status == "paid":
        book(db, payment, "sale", payment["amount_cents"])
    event = notifications.note(
        db, payment["merchant"], payment_id, "payment.updated", facts(db, payment)
    )
    return notifications.send(db, event, how)


def facts(db: sqlite3.Connection, payment: sqlite3.Row) -> dict[str, Any]:
    """What this provider says of a payment to its merchant."""
    said = {
        "id": payment["id"],
        "payment": payment["payment"],
        "merchant": payment["collected_for"],
        "live": merchants.is_live(db, payment["merchant"]),
        "status": payment["status"],
        "amount_cents": payment["amount_cents"],
        "currency": payment["currency"],
        "changed_at": payment["changed_at"],
    }
    return said if payment["status"] == "open" else said | {"payer": PAYER}


def book(db: sqlite3.Connection, payment: sqlite3.Row, kind: str, cents: int, **of: str) -> None:
    """Write a movement of a payment; ``of`` names its refund or reversal."""
    add(
        db,
        "movements",
        made_at=this_moment(),
        merchant=payment["collected_for"],
        kind=kind,
        payment_id=payment["id"],
        amount_cents=cents,
        currency=payment["currency"],
        **of,
    )


def _fingerprint(order: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()
