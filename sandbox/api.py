"""The merchants' API, ``/v1``. The key is the bearer token; amounts are integer cents.

``POST /v1/payments`` (header Idempotency-Key = ``payment``) · ``GET /v1/payments/<id>`` ·
``GET /v1/payments?payment=<merchant's id>`` · ``POST /v1/payments/<id>/cancel`` · ``…/complete``
(money that was under way has come) · ``…/refunds`` (Idempotency-Key = ``refund``) ·
``GET /v1/refunds/<id>`` ·
``GET /v1/settlements/<id>`` · ``GET /v1/settlements?since=<moment>`` (which there are) ·
``GET /v1/taken?until=<moment>`` (all that was collected before it).
Errors: ``{"error": {"code", "message"}}``.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from sandbox import fields, merchants, payments, refunds, reversals, settings, settlements, totals
from sandbox.books import Books
from sandbox.courier import Courier
from sandbox.errors import Refused

api = Blueprint("api", __name__, url_prefix="/v1")

_ORDER: dict[str, fields.Reader] = {
    "payment": fields.text(64),
    "amount_cents": fields.whole(1),
    "currency": fields.currency,
    "text": fields.text(140),
    "method": fields.text(40, 0),
    "language": fields.text(10),
    "return_url": fields.address,
}
_REFUND: dict[str, fields.Reader] = {
    "refund": fields.text(64),
    "amount_cents": fields.whole(1),
    "currency": fields.currency,
}


@api.before_request
def _behave() -> ResponseReturnValue | None:
    with books().reading() as db:
        now = settings.read(db)
    time.sleep(now["delay_ms"] / 1000)
    return _down() if now["down"] is True else None


@api.after_request
def _fall_silent(answer: Response) -> Response:
    with books().reading() as db:
        down_after = settings.read(db)["down"] == "after"
    return _down() if down_after else answer


@api.post("/payments")
def start() -> ResponseReturnValue:
    """Take an order: 201 with where the payer goes."""
    order = fields.read_fields(request.get_data(), _ORDER)
    _same_key(order["payment"])
    with _merchant() as (db, merchant):
        payment = payments.start(db, merchant, order)
        return jsonify(_told(db, payment)), 201


@api.get("/payments")
def find() -> ResponseReturnValue:
    """A payment by the merchant's own id."""
    with _merchant() as (db, merchant):
        payment = payments.by_order(db, merchant, request.args.get("payment", ""))
        return jsonify(_told(db, payment))


@api.get("/payments/<payment_id>")
def show(payment_id: str) -> ResponseReturnValue:
    """What became of a payment."""
    with _merchant() as (db, merchant):
        return jsonify(_told(db, payments.get(db, payment_id, merchant)))


@api.post("/payments/<payment_id>/cancel")
def cancel(payment_id: str) -> ResponseReturnValue:
    """Give a payment up if nothing is decided yet; what it is afterwards."""
    return _try(payment_id, "open", "cancel")


@api.post("/payments/<payment_id>/complete")
def complete(payment_id: str) -> ResponseReturnValue:
    """Money that was under way has come; what the payment is afterwards."""
    return _try(payment_id, "authorising", "pay")


@api.post("/payments/<payment_id>/refunds")
def refund(payment_id: str) -> ResponseReturnValue:
    """Send money back: 201, with status under_way, sent or bounced."""
    order = fields.read_fields(request.get_data(), _REFUND)
    _same_key(order["refund"])
    with _merchant() as (db, merchant):
        answer = jsonify(refunds.facts(db, refunds.order(db, merchant, payment_id, order)))
    courier().ring()
    return answer, 201


@api.get("/refunds/<refund_id>")
def show_refund(refund_id: str) -> ResponseReturnValue:
    """What became of a refund."""
    with _merchant() as (db, merchant):
        return jsonify(refunds.facts(db, refunds.get(db, refund_id, merchant)))


@api.get("/settlements/<settlement>")
def settlement(settlement: str) -> ResponseReturnValue:
    """A settlement report."""
    with _merchant() as (db, merchant):
        return jsonify(settlements.get(db, settlement, merchant))


@api.get("/settlements")
def list_settlements() -> ResponseReturnValue:
    """Which settlement reports were made since a moment, in order."""
    since = fields.read("since", fields.moment, request.args.get("since"))
    with _merchant() as (db, merchant):
        return jsonify({"settlements": settlements.since(db, merchant, since)})


@api.get("/taken")
def taken() -> ResponseReturnValue:
    """What was collected for the merchant before a moment, nothing that went back subtracted."""
    until = fields.read("until", fields.moment, request.args.get("until"))
    with _merchant() as (db, merchant):
        return jsonify(totals.taken(db, merchant, until))


def books() -> Books:
    """The books of the running app."""
    found: Books = current_app.extensions["books"]
    return found


def courier() -> Courier:
    """The courier of the running app."""
    found: Courier = current_app.extensions["courier"]
    return found


def page_url(payment_id: str) -> str:
    """The payer's page, at the public address."""
    base: str = current_app.config["BASE_URL"]
    return base + url_for("page.show", payment_id=payment_id)


def _try(payment_id: str, status: str, verb: str) -> ResponseReturnValue:
    with _merchant() as (db, merchant):
        payment = payments.get(db, payment_id, merchant)
        if payment["status"] == status:
            how = settings.read(db)["webhooks"]
            payments.decide(db, payment_id, verb, how=how)
        answer = jsonify(_told(db, payments.get(db, payment_id)))
    courier().ring()
    return answer


def _told(db: sqlite3.Connection, payment: sqlite3.Row) -> dict[str, Any]:
    more = {
        "url": page_url(payment["id"]),
        "refunded_cents": refunds.back_cents(db, payment["id"]),
        "reversed_cents": reversals.taken_cents(db, payment["id"]),
        "started_at": payment["started_at"],
    }
    return payments.facts(db, payment) | more


@contextmanager
def _merchant() -> Iterator[tuple[sqlite3.Connection, str]]:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Refused(401, "unknown_key", "The key is missing.")
    with books().transaction() as db:
        yield db, merchants.by_key(db, key)["merchant"]


def _same_key(name: str) -> None:
    if request.headers.get("Idempotency-Key") != name:
        raise Refused(422, "idempotency_key", "Idempotency-Key must be the merchant's id.")


def _down() -> Response:
    answer = jsonify({"error": {"code": "down", "message": "The provider is down."}})
    answer.status_code = 503
    return answer
