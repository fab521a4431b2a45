"""Reversals in the common books: a bank takes money back for a fee; won, both come back.

A part may be won alone, its fee with the last part, and what was won may be taken again. Before
there may be an inquiry, by which nothing moves.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from fakes import payments, telling
from fakes.books import written_json
from fakes.fake import Change, Fake
from sandbox.errors import Refused
from sandbox.file import add, this_moment

FEE_CENTS = 1_500


def take(
    db: sqlite3.Connection,
    fake: Fake,
    payment_id: str,
    told: Mapping[str, Any],
    *,
    how: str | None = None,
) -> tuple[sqlite3.Row, list[int]]:
    """The bank takes ``amount_cents`` (all that is left) of a payment: reversal, deliveries.

    ``told`` may have amount_cents, fee_cents and reason (``sandbox.states.REASONS``). What was
    refunded is no matter to a bank. Raises ``Refused`` (409) when so much never came.
    """
    payment, made = _written(db, fake, payment_id, told, "taken")
    _take(db, fake, payment, made, made["amount_cents"])
    return made, telling.tell(db, fake, Change("reversal", "reverse", made), how)


def inquire(
    db: sqlite3.Connection,
    fake: Fake,
    payment_id: str,
    told: Mapping[str, Any],
    *,
    how: str | None = None,
) -> tuple[sqlite3.Row, list[int]]:
    """The payer asks what a payment was for, and no money moves yet. As ``take``."""
    if not any(status == "inquiry" for status, _ in fake.reversal_edges):
        raise Refused(409, "does_not_fit", "It knows no inquiries.")
    _, made = _written(db, fake, payment_id, told, "inquiry")
    return made, telling.tell(db, fake, Change("reversal", "inquire", made), how)


def _written(
    db: sqlite3.Connection, fake: Fake, payment_id: str, told: Mapping[str, Any], status: str
) -> tuple[sqlite3.Row, sqlite3.Row]:
    """Payment and reversal."""
    payment = payments.get(db, fake, payment_id)
    left = payment["amount_cents"] - taken_cents(db, payment_id)
    cents = told.get("amount_cents", left)
    if payment["status"] != payments.PAID or not 0 < cents <= left:
        raise Refused(409, "does_not_fit", "So much was not collected.")
    name, now = fake.new_id("reversal"), this_moment()
    add(
        db,
        "reversals",
        id=name,
        provider=fake.name,
        merchant=payment["merchant"],
        payment_id=payment_id,
        reason=told.get("reason", "chargeback"),
        status=status,
        amount_cents=cents,
        fee_cents=told.get("fee_cents", FEE_CENTS),
        currency=payment["currency"],
        told=written_json({}),
        started_at=now,
        changed_at=now,
    )
    return payment, get(db, fake, name)


def get(db: sqlite3.Connection, fake: Fake, name: str, merchant: str | None = None) -> sqlite3.Row:
    """A reversal; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM reversals WHERE provider = ? AND id = ?", (fake.name, name)
    ).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_reversal", "No such reversal.")
    return row  # type: ignore[no-any-return]


def decide(
    db: sqlite3.Connection,
    fake: Fake,
    name: str,
    verb: str,
    *,
    how: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> list[int]:
    """Let a dispute go so; the deliveries. ``told`` may have amount_cents, where only so much is
    won. Raises ``Refused`` (409).
    """
    reversal, told = get(db, fake, name), told or {}
    status = fake.reversal_edges.get((reversal["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {reversal['status']}.")
    owner = payments.get(db, fake, reversal["payment_id"])
    away = away_cents(db, name)
    if status == "won":
        cents = told.get("amount_cents", away)
        status = "won" if cents == away else "partly_won"
        _give(db, fake, owner, reversal, cents)
    elif status == "taken":
        _take(db, fake, owner, reversal, reversal["amount_cents"] - away)
    change(db, name, status)
    return telling.tell(db, fake, Change("reversal", verb, get(db, fake, name)), how)


def change(db: sqlite3.Connection, name: str, status: str) -> None:
    """From now on a reversal stands so."""
    db.execute(
        "UPDATE reversals SET status = ?, changed_at = ? WHERE id = ?",
        (status, this_moment(), name),
    )


def moved(db: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    """What went and came by a reversal, in order."""
    query = "SELECT * FROM movements WHERE reversal_id = ? ORDER BY n"
    return db.execute(query, (name,)).fetchall()


def away_cents(db: sqlite3.Connection, name: str) -> int:
    """What went by a reversal and did not come back."""
    return -sum(int(row["amount_cents"]) for row in moved(db, name))


def taken_cents(db: sqlite3.Connection, payment_id: str) -> int:
    """What banks took of a payment and keep."""
    row = db.execute(
        "SELECT coalesce(-sum(amount_cents), 0) FROM movements"
        " WHERE payment_id = ? AND kind IN ('reversal', 'reversal_won')",
        (payment_id,),
    ).fetchone()
    return int(row[0])


def _take(
    db: sqlite3.Connection, fake: Fake, owner: sqlite3.Row, reversal: sqlite3.Row, cents: int
) -> None:
    """So much goes, and what of the fee is not charged yet."""
    fee = reversal["fee_cents"] - _charged(db, reversal["id"])
    of = {"payment_id": owner["id"], "reversal_id": reversal["id"]}
    payments.book(db, fake, owner, "reversal", -cents, fee, **of)


def _give(
    db: sqlite3.Connection, fake: Fake, owner: sqlite3.Row, reversal: sqlite3.Row, cents: int
) -> None:
    """So much comes back, and with the last of it the fee."""
    away = away_cents(db, reversal["id"])
    if not 0 < cents <= away:
        raise Refused(409, "does_not_fit", "So much is not away.")
    fee = _charged(db, reversal["id"]) if cents == away else 0
    of = {"payment_id": owner["id"], "reversal_id": reversal["id"]}
    payments.book(db, fake, owner, "reversal_won", cents, -fee, **of)


def _charged(db: sqlite3.Connection, name: str) -> int:
    return sum(int(row["fee_cents"]) for row in moved(db, name))
