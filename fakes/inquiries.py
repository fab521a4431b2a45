"""Inquiries that end by a refund: what the payer gets is sent back, and no bank takes anything."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from fakes import payments, refunds, reversals, telling
from fakes.books import written_json
from fakes.fake import Change, Fake
from sandbox.errors import Refused


def settle(
    db: sqlite3.Connection,
    fake: Fake,
    name: str,
    verb: str,
    *,
    how: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> list[int]:
    """``told`` may have amount_cents: so much is sent back now, at the provider itself; else what
    the merchant has sent back before settles it. The deliveries. Raises ``Refused`` (409).
    """
    row, told = reversals.get(db, fake, name), told or {}
    if (row["status"], verb) not in fake.reversal_edges:
        raise Refused(409, "does_not_fit", f"{verb} does not fit {row['status']}.")
    payment = payments.get(db, fake, row["payment_id"])
    cents, sent = refunds.back_cents(db, payment["id"]), list[int]()
    if "amount_cents" in told:
        cents = told["amount_cents"]
        _, sent = refunds.order(db, fake, payment, refund="", amount_cents=cents)
    kept = written_json({"refunded_cents": cents})
    db.execute("UPDATE reversals SET told = ? WHERE id = ?", (kept, name))
    reversals.change(db, name, fake.reversal_edges[row["status"], verb])
    after = Change("reversal", verb, reversals.get(db, fake, name))
    return [*telling.tell(db, fake, after, how), *sent]
