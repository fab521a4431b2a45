"""For people who run an exercise, and for tests. From this machine only; no key is asked.

``GET /`` lists everything with buttons. ``GET /books`` tells the books as JSON.
``PUT /merchants/<merchant>`` {name, secret, webhook_secret, webhook_url, live?, currency?}.
``POST /test/settings`` {delay_ms?, down?: true | false | "after", webhooks?: way,
refunds?: "sent" | "under_way"}.
``POST /test/payments/<id>/pay|pend|decline|cancel|expire|leave`` {webhook?: way, and for
money that comes: amount_cents?, currency?, merchant?}: as the payer would, also after the end.
``POST /test/payments/<id>/notify`` {webhook?: way, earlier?: true (the event before the last),
age_seconds? (signed so long ago; below zero: in the future), and lies: status?, amount_cents?,
currency?, merchant?, payment?, live?}: tells the present state again.
``POST /test/payments/<id>/reverse`` {amount_cents? (all that is left), fee_cents?, reason?:
chargeback | returned_debit | other, webhook?: way}: the payer's bank takes money back.
``POST /test/reversals/<id>/win`` {webhook?}: the dispute about it is won.
``POST /test/refunds/<id>/send|bounce`` {webhook?}: also bounces after it was sent.
``POST /test/refunds/<id>/notify``, ``/test/reversals/<id>/notify``: as of payments; more lies:
refund?, reason?, fee_cents?, payment_id?.
``POST /test/merchants/<merchant>/settle`` {fee_bp?, fee_cents?, webhook?: way}.
``<id>`` is this provider's, or of payments and refunds the merchant's. A way is one of
``notifications.WAYS``. Answers tell the deliveries, after each was tried once (waiting at most two
seconds). A form instead of JSON is answered by 303 to ``/``.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox import fields, merchants, notifications, payments, settings, settlements, totals
from sandbox.api import books, courier, page_url
from sandbox.errors import Refused
from sandbox.here import from_here_only
from sandbox.page import WAIT_SECONDS
from sandbox.states import EDGES, REFUND_EDGES, REVERSAL_EDGES, STATUSES, VERBS, verbs_from
from sandbox.words import LANGUAGES, texts

trainer = Blueprint("trainer", __name__)

SHOWN = 50


def way(value: Any) -> str:
    """One of ``notifications.WAYS``."""
    if not isinstance(value, str) or not notifications.is_way(value):
        raise ValueError(f"must be one of {', '.join(notifications.WAYS)}")
    return value


FLAG = fields.one_of(True, False)
_MERCHANT: dict[str, fields.Reader] = {
    "name": fields.text(100),
    "secret": fields.text(200),
    "webhook_secret": fields.webhook_secret,
    "webhook_url": fields.address,
    "live": FLAG,
    "currency": fields.currency,
}
_SETTINGS: dict[str, fields.Reader] = {
    "delay_ms": fields.whole(0, 60_000),
    "down": fields.one_of(True, False, "after"),
    "webhooks": way,
    "refunds": fields.one_of("sent", "under_way"),
}
COLLECTED: dict[str, fields.Reader] = {
    "amount_cents": fields.whole(0),
    "currency": fields.currency,
    "merchant": fields.text(64),
}
_LIES = COLLECTED | {
    "status": fields.one_of(*STATUSES, "on_the_moon"),
    "payment": fields.text(64),
    "live": FLAG,
}
TELLING: dict[str, fields.Reader] = {
    "webhook": way,
    "earlier": FLAG,
    "age_seconds": fields.whole(-(10**8), 10**8),
}
_FEES: dict[str, fields.Reader] = {
    "webhook": way,
    "fee_bp": fields.whole(0, 10_000),
    "fee_cents": fields.whole(0),
}


trainer.before_request(from_here_only)


@trainer.get("/")
def start_page() -> ResponseReturnValue:
    """What there is, with buttons to let things happen."""
    language = request.accept_languages.best_match(LANGUAGES, "de")
    with books().reading() as db:
        told = totals.books(db)
    return render_template(
        "trainer.html",
        t=texts(language),
        language=language,
        merchants=busy_first(told["merchants"]),
        here="",
        verbs_from=verbs_from,
        edges=EDGES,
        refund_edges=REFUND_EDGES,
        reversal_edges=REVERSAL_EDGES,
        page_url=page_url,
        shown=SHOWN,
    )


@trainer.get("/books")
def show_books() -> ResponseReturnValue:
    """The books of all merchants."""
    with books().reading() as db:
        return jsonify(totals.books(db))


@trainer.put("/merchants/<string(maxlength=64):merchant>")
def save_merchant(merchant: str) -> ResponseReturnValue:
    """Open or change a merchant's account."""
    told = fields.read_fields(request.get_data(), _MERCHANT, {"live", "currency"})
    with books().transaction() as db:
        merchants.save(db, merchant, told)
    return jsonify({"merchant": merchant})


@trainer.post("/test/settings")
def change_settings() -> ResponseReturnValue:
    """Change how the provider behaves."""
    told = fields.read_fields(request.get_data(), _SETTINGS, _SETTINGS)
    with books().transaction() as db:
        settings.change(db, told)
        return jsonify(settings.read(db))


@trainer.post(f"/test/payments/<payment_id>/<any({','.join(VERBS)}):verb>")
def let_happen(payment_id: str, verb: str) -> ResponseReturnValue:
    """Do what the payer, the bank or time would do."""
    told = options({"webhook": way} | COLLECTED)
    collected = {name: told[name] for name in COLLECTED if name in told}
    with books().transaction() as db:
        found = find(db, payment_id)
        how = told.get("webhook", settings.read(db)["webhooks"])
        deliveries = payments.decide(db, found["id"], verb, how=how, collected=collected)
    return answer(deliveries, payment=found["id"])


@trainer.post("/test/payments/<payment_id>/leave")
def leave(payment_id: str) -> ResponseReturnValue:
    """The payer closes the window: nothing happens."""
    options({})
    with books().reading() as db:
        found = find(db, payment_id)
    return answer((), payment=found["id"])


@trainer.post("/test/payments/<payment_id>/notify")
def notify(payment_id: str) -> ResponseReturnValue:
    """Tell the present state again, or something else. The books stay as they are."""
    told = options(TELLING | _LIES)
    lies = {name: told[name] for name in _LIES if name in told}
    with books().transaction() as db:
        found = find(db, payment_id)
        event = (
            notifications.earlier(db, found["id"])
            if told.get("earlier")
            else _told_again(db, found, lies)
        )
        how = told.get("webhook", settings.read(db)["webhooks"])
        deliveries = notifications.send(db, event, how, age_seconds=told.get("age_seconds", 0))
    return answer(deliveries, payment=found["id"])


@trainer.post("/test/merchants/<merchant>/settle")
def settle(merchant: str) -> ResponseReturnValue:
    """Pay out what is unsettled."""
    told = options(_FEES)
    fees = {name: told[name] for name in ("fee_bp", "fee_cents") if name in told}
    with books().transaction() as db:
        how = told.get("webhook", settings.read(db)["webhooks"])
        settlement, deliveries = settlements.settle(db, merchant, how=how, **fees)
        found = settlements.get(db, settlement, merchant)
    return answer(deliveries, settlement=found)


def busy_first(merchants: dict[str, Any]) -> dict[str, Any]:
    """Those that have payments before the others."""
    return dict(sorted(merchants.items(), key=lambda one: not one[1]["payments"]))


def options(readers: dict[str, fields.Reader]) -> dict[str, Any]:
    """What was asked for; a form's buttons ask for nothing special."""
    return {} if request.form else fields.read_fields(request.get_data(), readers, readers)


def find(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    """A payment by this provider's id or the merchant's; raises ``Refused`` (404)."""
    found = db.execute(
        "SELECT id FROM payments WHERE id = ? OR payment = ? LIMIT 2", (name, name)
    ).fetchall()
    if len(found) != 1:
        raise Refused(404, "unknown_payment", "No such payment, or more than one.")
    return payments.get(db, found[0]["id"])


def _told_again(db: sqlite3.Connection, payment: sqlite3.Row, lies: dict[str, Any]) -> str:
    facts = payments.facts(db, payment) | lies
    return notifications.note(
        db, payment["merchant"], payment["id"], "payment.updated", facts, genuine=not lies
    )


def answer(deliveries: Sequence[int], **told: Any) -> ResponseReturnValue:
    """What was done, with its deliveries after each was tried once; a form is led to the page."""
    courier().wait(deliveries, WAIT_SECONDS)
    if request.form:
        return redirect("/", 303)
    with books().reading() as db:
        if "payment" in told:
            told["payment"] = payments.facts(db, payments.get(db, told["payment"]))
        tellings = [notifications.told(db, number) for number in deliveries]
    return jsonify(told | {"deliveries": tellings})
