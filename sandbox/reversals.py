"""Reversals: the payer's bank takes money back (a card's chargeback, a debit's return), for a fee.

Each step is told to the merchant (``reversal.updated``). What is won comes back with its fee.
"""

import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox import merchants, notifications, payments
from sandbox.errors import Refused
from sandbox.file import add, this_moment
from sandbox.states import REVERSAL_EDGES

FEE_CENTS = 1_500


def take(
    db: sqlite3.Connection, payment_id: str, told: Mapping[str, Any], *, how: str = "send"
) -> tuple[str, list[int]]:
    """The bank takes ``amount_cents`` (all that is left) of a payment: reversal, deliveries.

    What was refunded is no matter to a bank. Raises ``Refused`` (409) when so much never came.
    """
    payment = payments.get(db, payment_id)
    left = payment["amount_cents"] - taken_cents(db, payment_id)
    cents = told.get("amount_cents", left)
    if payment["status"] != "paid" or not 0 < cents <= left:
        raise Refused(409, "does_not_fit", "So much was not collected.")
    reversal_id = f"sv_{secrets.token_hex(16)}"
    add(
        db,
        "reversals",
        id=reversal_id,
        payment_id=payment_id,
        merchant=payment["merchant"],
        reason=told.get("reason", "chargeback"),
        status="taken",
        amount_cents=cents,
        fee_cents=told.get("fee_cents", FEE_CENTS),
        currency=payment["currency"],
        made_at=this_moment(),
    )
    payments.book(db, payment, "reversal", -cents, reversal_id=reversal_id)
    return reversal_id, tell(db, get(db, reversal_id), how)


def get(db: sqlite3.Connection, reversal_id: str) -> sqlite3.Row:
    """A reversal; raises ``Refused`` (404)."""
    row = db.execute("SELECT * FROM reversals WHERE id = ?", (reversal_id,)).fetchone()
    if row is None:
        raise Refused(404, "unknown_reversal", "No such reversal.")
    return row  # type: ignore[no-any-return]


def decide(db: sqlite3.Connection, reversal_id: str, verb: str, *, how: str = "send") -> list[int]:
    """Let a dispute be won; the deliveries. Raises ``Refused`` (409)."""
    reversal = get(db, reversal_id)
    status = REVERSAL_EDGES.get((reversal["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {reversal['status']}.")
    db.execute("UPDATE reversals SET status = ? WHERE id = ?", (status, reversal_id))
    payment = payments.get(db, reversal["payment_id"])
    cents = reversal["amount_cents"]
    payments.book(db, payment, "reversal_won", cents, reversal_id=reversal_id)
    return tell(db, get(db, reversal_id), how)


def facts(db: sqlite3.Connection, reversal: sqlite3.Row) -> dict[str, Any]:
    """What this provider says of a reversal to its merchant."""
    payment = payments.get(db, reversal["payment_id"])
    return {
        "id": reversal["id"],
        "payment": payment["payment"],
        "payment_id": payment["id"],
        "merchant": payment["collected_for"],
        "live": merchants.is_live(db, reversal["merchant"]),
        "status": reversal["status"],
        "reason": reversal["reason"],
        "amount_cents": reversal["amount_cents"],
        "fee_cents": reversal["fee_cents"],
        "currency": reversal["currency"],
        "made_at": reversal["made_at"],
        "payer": payments.PAYER,
    }


def tell(
    db: sqlite3.Connection,
    reversal: sqlite3.Row,
    how: str,
    lies: Mapping[str, Any] | None = None,
    age_seconds: int = 0,
) -> list[int]:
    """Tell how a reversal stands, or with ``lies`` something else; the deliveries."""
    said = facts(db, reversal) | dict(lies or {})
    event = notifications.note(
        db, reversal["merchant"], reversal["id"], "reversal.updated", said, genuine=not lies
    )
    return notifications.send(db, event, how, age_seconds=age_seconds)


def taken_cents(db: sqlite3.Connection, payment_id: str) -> int:
    """What banks took of a payment and keep."""
    row = db.execute(
        "SELECT coalesce(sum(amount_cents), 0) FROM reversals"
        " WHERE payment_id = ? AND status = 'taken'",
        (payment_id,),
    ).fetchone()
    return int(row[0])
