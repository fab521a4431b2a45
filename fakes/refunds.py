"""Refunds in the common books: on their way, sent, or bounced (even after they were sent)."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from fakes import payments, reversals, settings, telling
from fakes.books import written_json
from fakes.fake import Change, Fake
from sandbox.errors import Refused
from sandbox.file import add, this_moment

MOVEMENTS = {("under_way", "sent"): ("return", -1), ("sent", "bounced"): ("return_back", 1)}


def order(
    db: sqlite3.Connection,
    fake: Fake,
    payment: sqlite3.Row,
    *,
    refund: str,
    amount_cents: int,
    told: Mapping[str, Any] | None = None,
) -> tuple[sqlite3.Row, list[int]]:
    """Send money back, now or under way, as the settings say; the refund and its deliveries.

    Raises ``Refused`` (409, ``not_refundable``) when so much is not there to go back.
    """
    if payment["status"] != payments.PAID or amount_cents > left_cents(db, payment):
        raise Refused(409, "not_refundable", "So much is not there to go back.")
    name, now = fake.new_id("refund"), this_moment()
    add(
        db,
        "refunds",
        id=name,
        provider=fake.name,
        merchant=payment["merchant"],
        payment_id=payment["id"],
        refund=refund,
        status="under_way",
        amount_cents=amount_cents,
        currency=payment["currency"],
        told=written_json(told or {}),
        started_at=now,
        changed_at=now,
    )
    if settings.read(db, fake.name)["refunds"] == "sent":
        _step(db, fake, get(db, fake, name), "sent")
    made = get(db, fake, name)
    return made, telling.tell(db, fake, Change("refund", "order", made))


def get(db: sqlite3.Connection, fake: Fake, name: str, merchant: str | None = None) -> sqlite3.Row:
    """A refund by the provider's id or the merchant's; raises ``Refused`` (404)."""
    row = db.execute(
        "SELECT * FROM refunds WHERE provider = ? AND (id = ? OR refund = ?)"
        " ORDER BY rowid DESC LIMIT 1",
        (fake.name, name, name),
    ).fetchone()
    if row is None or merchant not in {None, row["merchant"]}:
        raise Refused(404, "unknown_refund", "No such refund.")
    return row  # type: ignore[no-any-return]


def of_payment(db: sqlite3.Connection, payment_id: str) -> list[sqlite3.Row]:
    """All refunds of a payment, the newest first."""
    return db.execute(
        "SELECT * FROM refunds WHERE payment_id = ? ORDER BY rowid DESC", (payment_id,)
    ).fetchall()


def decide(
    db: sqlite3.Connection, fake: Fake, name: str, verb: str, *, how: str | None = None
) -> list[int]:
    """Send a refund, or let it bounce; the deliveries. Raises ``Refused`` (409)."""
    refund = get(db, fake, name)
    status = fake.refund_edges.get((refund["status"], verb))
    if status is None:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {refund['status']}.")
    _step(db, fake, refund, status)
    return telling.tell(db, fake, Change("refund", verb, get(db, fake, refund["id"])), how)


def back_cents(db: sqlite3.Connection, payment_id: str) -> int:
    """What went back of a payment, or is on its way."""
    row = db.execute(
        "SELECT coalesce(sum(amount_cents), 0) FROM refunds"
        " WHERE payment_id = ? AND status IN ('sent', 'under_way')",
        (payment_id,),
    ).fetchone()
    return int(row[0])


def left_cents(db: sqlite3.Connection, payment: sqlite3.Row) -> int:
    """What of a payment could still go back."""
    gone = back_cents(db, payment["id"]) + reversals.taken_cents(db, payment["id"])
    return int(payment["amount_cents"]) - gone


def _step(db: sqlite3.Connection, fake: Fake, refund: sqlite3.Row, status: str) -> None:
    db.execute(
        "UPDATE refunds SET status = ?, changed_at = ? WHERE id = ?",
        (status, this_moment(), refund["id"]),
    )
    if moved := MOVEMENTS.get((refund["status"], status)):
        kind, sign = moved
        owner = payments.get(db, fake, refund["payment_id"])
        of = {"payment_id": owner["id"], "refund_id": refund["id"]}
        payments.book(db, fake, owner, kind, sign * refund["amount_cents"], **of)
