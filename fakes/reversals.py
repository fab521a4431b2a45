"""Reversals in the common books: a bank takes money back for a fee; won, both come back."""

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
    payment = payments.get(db, fake, payment_id)
    left = payment["amount_cents"] - taken_cents(db, payment_id)
    cents, fee = told.get("amount_cents", left), told.get("fee_cents", FEE_CENTS)
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
        status="taken",
        amount_cents=cents,
        fee_cents=fee,
        currency=payment["currency"],
        told=written_json({}),
        started_at=now,
        changed_at=now,
    )
    of = {"payment_id": payment_id, "reversal_id": name}
    payments.book(db, fake, payment, "reversal", -cents, fee, **of)
    made = get(db, fake, name)
    return made, telling.tell(db, fake, Change("reversal", "reverse", made), how)


def get(db: sqlite3.Connection, fake: Fake, name: str, merchant: str | None = None) -> sqlite3.Row:
    """A reversal; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM reversals WHERE provider = ? AND id = ?", (fake.name, name)
    ).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_reversal", "No such reversal.")
    return row  # type: ignore[no-any-return]


def decide(
    db: sqlite3.Connection, fake: Fake, name: str, verb: str, *, how: str | None = None
) -> list[int]:
    """Let a dispute go so; won, the money comes back with its fee. The deliveries."""
    reversal = get(db, fake, name)
    status = fake.reversal_edges.get((reversal["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {reversal['status']}.")
    db.execute(
        "UPDATE reversals SET status = ?, changed_at = ? WHERE id = ?",
        (status, this_moment(), name),
    )
    if status == "won":
        owner = payments.get(db, fake, reversal["payment_id"])
        of = {"payment_id": owner["id"], "reversal_id": name}
        cents, fee = reversal["amount_cents"], reversal["fee_cents"]
        payments.book(db, fake, owner, "reversal_won", cents, -fee, **of)
    return telling.tell(db, fake, Change("reversal", verb, get(db, fake, name)), how)


def taken_cents(db: sqlite3.Connection, payment_id: str) -> int:
    """What banks took of a payment and keep."""
    row = db.execute(
        "SELECT coalesce(sum(amount_cents), 0) FROM reversals"
        " WHERE payment_id = ? AND status <> 'won'",
        (payment_id,),
    ).fetchone()
    return int(row[0])
