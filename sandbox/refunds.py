"""Refunds, as this provider keeps them: on their way, sent, or bounced (even after they were sent).

Each step is told to the merchant (``refund.updated``).
"""

import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox import merchants, notifications, payments, reversals, settings
from sandbox.errors import Refused
from sandbox.file import add, this_moment
from sandbox.states import REFUND_EDGES

MOVEMENTS = {("under_way", "sent"): ("return", -1), ("sent", "bounced"): ("return_back", 1)}


def order(
    db: sqlite3.Connection, merchant: str, payment_id: str, order: Mapping[str, Any]
) -> sqlite3.Row:
    """Send money back once per order. What is more than is left bounces."""
    payment = payments.get(db, payment_id, merchant)
    known = db.execute(
        "SELECT * FROM refunds WHERE merchant = ? AND refund = ?", (merchant, order["refund"])
    ).fetchone()
    if known is None:
        return _take(db, payment, order)
    same = (known["payment_id"], known["amount_cents"], known["currency"])
    if same != (payment_id, order["amount_cents"], order["currency"]):
        raise Refused(409, "other_order", "This refund was ordered with other words.")
    return known  # type: ignore[no-any-return]


def get(db: sqlite3.Connection, refund_id: str, merchant: str | None = None) -> sqlite3.Row:
    """A refund by this provider's id or the merchant's, of ``merchant`` if one is named; raises
    ``Refused`` (404).
    """
    found = db.execute(
        "SELECT * FROM refunds WHERE id = ? OR refund = ? LIMIT 2", (refund_id, refund_id)
    ).fetchall()
    if len(found) != 1 or merchant not in {None, found[0]["merchant"]}:
        raise Refused(404, "unknown_refund", "No such refund, or more than one.")
    return found[0]  # type: ignore[no-any-return]


def decide(db: sqlite3.Connection, refund_id: str, verb: str, *, how: str = "send") -> list[int]:
    """Send a refund, or let it bounce; the deliveries. Raises ``Refused`` (409)."""
    refund = get(db, refund_id)
    status = REFUND_EDGES.get((refund["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {refund['status']}.")
    _step(db, refund, status)
    return tell(db, get(db, refund["id"]), how)


def facts(db: sqlite3.Connection, refund: sqlite3.Row) -> dict[str, Any]:
    """What this provider says of a refund to its merchant."""
    payment = payments.get(db, refund["payment_id"])
    return {
        "id": refund["id"],
        "refund": refund["refund"],
        "payment": payment["payment"],
        "merchant": payment["collected_for"],
        "live": merchants.is_live(db, refund["merchant"]),
        "status": refund["status"],
        "amount_cents": refund["amount_cents"],
        "currency": refund["currency"],
        "made_at": refund["made_at"],
        "payer": payments.PAYER,
    }


def tell(
    db: sqlite3.Connection,
    refund: sqlite3.Row,
    how: str,
    lies: Mapping[str, Any] | None = None,
    age_seconds: int = 0,
) -> list[int]:
    """Tell how a refund stands, or with ``lies`` something else; the deliveries."""
    said = facts(db, refund) | dict(lies or {})
    event = notifications.note(
        db, refund["merchant"], refund["id"], "refund.updated", said, genuine=not lies
    )
    return notifications.send(db, event, how, age_seconds=age_seconds)


def back_cents(db: sqlite3.Connection, payment_id: str) -> int:
    """What went back of a payment, or is on its way."""
    row = db.execute(
        "SELECT coalesce(sum(amount_cents), 0) FROM refunds"
        " WHERE payment_id = ? AND status IN ('sent', 'under_way')",
        (payment_id,),
    ).fetchone()
    return int(row[0])


def _take(db: sqlite3.Connection, payment: sqlite3.Row, order: Mapping[str, Any]) -> sqlite3.Row:
    gone = back_cents(db, payment["id"]) + reversals.taken_cents(db, payment["id"])
    fits = (
        payment["status"] == "paid"
        and order["currency"] == payment["currency"]
        and order["amount_cents"] <= payment["amount_cents"] - gone
    )
    now = settings.read(db)
    refund_id = f"sr_{secrets.token_hex(16)}"
    add(
        db,
        "refunds",
        id=refund_id,
        payment_id=payment["id"],
        merchant=payment["merchant"],
        refund=order["refund"],
        status="under_way",
        amount_cents=order["amount_cents"],
        currency=order["currency"],
        made_at=this_moment(),
    )
    refund = get(db, refund_id)
    status = now["refunds"] if fits else "bounced"
    if status != "under_way":
        _step(db, refund, status)
    tell(db, get(db, refund_id), now["webhooks"])
    return get(db, refund_id)


def _step(db: sqlite3.Connection, refund: sqlite3.Row, status: str) -> None:
    db.execute("UPDATE refunds SET status = ? WHERE id = ?", (status, refund["id"]))
    if moved := MOVEMENTS.get((refund["status"], status)):
        kind, sign = moved
        payment = payments.get(db, refund["payment_id"])
        payments.book(db, payment, kind, sign * refund["amount_cents"], refund_id=refund["id"])
