"""What Stripe tells of each change, how it signs, and where it sends payers back."""

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from fakes import fake, payments
from fakes.fake import Change, Fake, Letter, Notice
from fakes.stripe import money as _money  # noqa: F401 -- hangs its routes on the API
from fakes.stripe import moved, objects
from fakes.stripe import sessions as _sessions  # noqa: F401 -- likewise
from fakes.stripe.calling import routes
from sandbox import fields
from sandbox.courier import Parcel
from sandbox.file import this_moment

API_VERSION = "2026-10-28.endive"

# fmt: off
EDGES = {
    ("open",        "pay"):     "paid",
    ("open",        "pend"):    "authorising",
    ("open",        "decline"): "open",       # another card may be tried
    ("open",        "cancel"):  "open",       # the payer goes back; the session stays open
    ("open",        "expire"):  "timed_out",
    ("authorising", "pay"):     "paid",
    ("authorising", "decline"): "refused",
}
REVERSAL_EDGES = {
    **fake.REVERSAL_EDGES,
    ("taken", "lose"): "lost",
}
PREFIXES = {
    "payment": "cs_test_", "refund": "re_", "reversal": "dp_", "settlement": "po_",
    "movement": "txn_",
}
# Verb, and whether the session completes with it or its money came later -> events in order, and
# whether they are told or only kept.
PAYMENT_EVENTS = {
    ("pay",     "completed"): (("payment_intent.succeeded", False),
                               ("charge.succeeded", False),
                               ("checkout.session.completed", True)),
    ("pay",     "delayed"):   (("payment_intent.succeeded", False),
                               ("charge.succeeded", False),
                               ("checkout.session.async_payment_succeeded", True)),
    ("pend",    "completed"): (("payment_intent.processing", False),
                               ("checkout.session.completed", True)),
    ("decline", "completed"): (("payment_intent.payment_failed", False),),
    ("decline", "delayed"):   (("payment_intent.payment_failed", False),
                               ("checkout.session.async_payment_failed", True)),
    ("expire",  "completed"): (("checkout.session.expired", True),),
}
EVENTS = {
    ("refund",     "order"):   (("refund.created", True),),
    ("refund",     "send"):    (("refund.updated", True),),
    ("refund",     "bounce"):  (("refund.failed", True), ("refund.updated", False)),
    ("reversal",   "reverse"): (("charge.dispute.created", True),
                                ("charge.dispute.funds_withdrawn", True)),
    ("reversal",   "win"):     (("charge.dispute.closed", True),
                                ("charge.dispute.funds_reinstated", True)),
    ("reversal",   "withdraw"): (("charge.dispute.updated", True),
                                 ("charge.dispute.funds_withdrawn", True)),
    ("reversal",   "lose"):    (("charge.dispute.closed", True),),
    ("settlement", "settle"):  (("payout.created", False), ("payout.paid", True),
                                ("payout.reconciliation_completed", True)),
    ("settlement", "fail"):    (("payout.failed", True),),
}
# fmt: on


class Stripe(Fake):
    """Checkout, and the money behind it. Credentials: ``secret_key``, ``webhook_secret``."""

    name = "stripe"
    title = "Stripe"
    routes = routes
    credentials = {"secret_key": fields.text(200), "webhook_secret": fields.text(200)}  # noqa: RUF012
    edges = EDGES
    reversal_edges = REVERSAL_EDGES

    def new_id(self, what: str) -> str:
        """As Stripe's names begin."""
        return PREFIXES[what] + secrets.token_hex(12)

    def tell(self, db: sqlite3.Connection, change: Change) -> Sequence[Notice]:
        """An event for each, with the object as it is now."""
        live = payments.is_live(db, self, change.row)
        return tuple(
            _notice(kind, self._object(db, change, kind), live=live, told=told)
            for kind, told in _events(db, change)
        )

    def parcel(self, letter: Letter) -> Parcel:
        """Signed over moment and body (docs.stripe.com/webhooks/signature)."""
        key = letter.credentials["webhook_secret"] if not letter.forged else secrets.token_hex(16)
        at = int(letter.at.timestamp())
        signed = hmac.new(key.encode(), f"{at}.{letter.body}".encode(), hashlib.sha256)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": f"t={at},v1={signed.hexdigest()}",
        }
        return Parcel(letter.merchant["webhook_url"], headers, letter.body.encode())

    def back_url(self, payment: sqlite3.Row) -> str:
        """To the success address when the session is complete, else to the other one."""
        if payment["status"] in {"open", "timed_out"}:
            return str(payment["cancel_url"])
        filled = payment["return_url"].replace("{CHECKOUT_SESSION_ID}", payment["id"])
        return str(filled)

    def _object(self, db: sqlite3.Connection, change: Change, kind: str) -> dict[str, Any]:
        row = change.row
        if change.what == "refund":
            return moved.refund(db, self, row)
        if change.what == "reversal":
            return moved.dispute(db, self, row)
        if change.what == "settlement":
            return moved.payout(db, self, row)
        if kind.startswith("payment_intent."):
            return objects.intent(db, self, row, set())
        if kind.startswith("charge."):
            return objects.charge(db, self, row)
        return objects.session(db, self, row, set())


def _events(db: sqlite3.Connection, change: Change) -> Iterator[tuple[str, bool]]:
    if change.what != "payment":
        yield from EVENTS.get((change.what, change.verb), ())
        return
    processing = '%"type":"payment_intent.processing"%'
    was_delayed = db.execute(
        "SELECT 1 FROM events WHERE about = ? AND body LIKE ?", (change.row["id"], processing)
    ).fetchone()
    how = "delayed" if was_delayed and change.verb != "pend" else "completed"
    yield from PAYMENT_EVENTS.get((change.verb, how), ())


def _notice(kind: str, found: dict[str, Any], *, live: bool, told: bool) -> Notice:
    name = f"evt_{secrets.token_hex(12)}"
    body = {
        "id": name,
        "object": "event",
        "api_version": API_VERSION,
        "created": objects.seconds(this_moment()),
        "data": {"object": found},
        "livemode": live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return Notice(name, json.dumps(body, separators=(",", ":"), ensure_ascii=False), told=told)
