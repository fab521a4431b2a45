"""PayPal's API: tokens, orders, captures, refunds, disputes, reports, and its certificates.

A ``PayPal-Request-Id`` is known for six hours: what was asked under it is answered as it stands
now; a capture that was refused stays refused under it. Answers are the representation.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import compare_digest, token_hex
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from fakes import merchants, payments, refunds, reversals
from fakes.books import told as kept
from fakes.doors import books, courier
from fakes.fake import Fake
from fakes.page import page_url
from fakes.paypal import asked, keys, report, told
from fakes.paypal.certificates import Certificates
from fakes.paypal.errors import No, answered
from sandbox.errors import Refused

TOKEN_SECONDS = 9 * 3600
IN_VAIN = {"approved_in_vain": "INSTRUMENT_DECLINED", "approved_refused": "TRANSACTION_REFUSED"}
GONE = {"timed_out"}
REFUSED = "refused:"  # begins what is kept under the key of a capture that was refused

Act = Callable[[sqlite3.Connection, sqlite3.Row], ResponseReturnValue]


def build(mine: Fake, signer: Callable[[], Certificates]) -> Blueprint:
    """The routes of one fake; ``signer`` has the certificates of its notifications by then."""
    routes = Blueprint("paypal", __name__)
    api = _Api(mine, signer)
    routes.register_error_handler(No, answered)
    for method, rule, view in (
        ("POST", "/v1/oauth2/token", api.token),
        ("POST", "/v2/checkout/orders", api.create),
        ("GET", "/v2/checkout/orders/<name>", api.order),
        ("POST", "/v2/checkout/orders/<name>/capture", api.capture),
        ("GET", "/v2/payments/captures/<name>", api.captured),
        ("POST", "/v2/payments/captures/<name>/refund", api.refund),
        ("GET", "/v2/payments/refunds/<name>", api.refunded),
        ("GET", "/v1/customer/disputes", api.disputes),
        ("GET", "/v1/customer/disputes/<name>", api.dispute),
        ("GET", "/v1/reporting/transactions", api.transactions),
        ("GET", "/v1/reporting/balances", api.balances),
        ("GET", "/v1/notifications/certs/<name>", api.certificate),
        ("GET", "/test/ca", api.ca),
    ):
        routes.add_url_rule(rule, view.__name__, view, methods=(method,))
    return routes


class _Api:
    def __init__(self, mine: Fake, signer: Callable[[], Certificates]) -> None:
        self._mine, self._signer = mine, signer
        self._tokens: dict[str, str] = {}  # a restart forgets them: merchants fetch new ones

    def token(self) -> ResponseReturnValue:
        """An access token for client id and secret."""
        given = request.authorization
        if given is None or given.type != "basic":
            return _no_client()
        with books().reading() as db:
            row = merchants.by_credential(db, "paypal", "client_id", given.username or "")
        secret = merchants.credentials(row)["secret"] if row else ""
        offered = (given.password or "").encode()
        if row is None or not compare_digest(secret.encode(), offered):
            return _no_client()
        if request.form.get("grant_type") != "client_credentials":
            return jsonify({"error": "unsupported_grant_type"}), 400
        made = f"A21AA{token_hex(24)}"
        self._tokens[made] = row["merchant"]
        answer = {"access_token": made, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return jsonify(answer)

    def create(self) -> ResponseReturnValue:
        """Take an order."""
        with self._merchant() as (db, merchant):
            if known := keys.known(db, merchant):
                row = payments.get(db, self._mine, known, merchant["merchant"])
                return jsonify(self._order(db, row)), 200
            order = asked.order(request.get_data())
            if _paid_already(db, merchant, order["invoice_id"]):
                raise No(422, "DUPLICATE_INVOICE_ID")
            of = ("custom_id", "invoice_id", "description")
            wanted = payments.Order(
                payment=order["custom_id"],
                amount_cents=order["cents"],
                currency=order["currency"],
                return_url=order["return_url"],
                cancel_url=order["cancel_url"],
                text=order["description"],
                language=order["locale"],
                told={name: order[name] for name in of if order[name]},
            )
            row = payments.start(db, self._mine, merchant["merchant"], wanted)
            keys.know(db, merchant, row["id"])
            return jsonify(self._order(db, row)), 201

    def order(self, name: str) -> ResponseReturnValue:
        """An order; one that has expired is not there."""
        with self._merchant() as (db, merchant):
            return jsonify(self._order(db, self._payment(db, name, merchant)))

    def capture(self, name: str) -> ResponseReturnValue:
        """Take the money of an order that the payer agreed to."""
        if request.get_json(silent=True) is None:
            raise No(400, "MALFORMED_REQUEST_JSON")
        with self._merchant() as (db, merchant):
            row = self._payment(db, name, merchant)
            if kept(row).get("capture_id"):
                if keys.known(db, merchant) == name:
                    return jsonify(self._order(db, row)), 200
                raise No(422, "ORDER_ALREADY_CAPTURED")
            if (row["status"], "capture") not in self._mine.edges:
                raise No(422, "ORDER_NOT_APPROVED")
            known = keys.known(db, merchant) or ""
            if known.startswith(REFUSED):
                raise No(422, known.removeprefix(REFUSED))
            issue = IN_VAIN.get(row["status"])
            keys.know(db, merchant, f"{REFUSED}{issue}" if issue else name)
            sent = payments.decide(db, self._mine, name, "capture")
            answer = jsonify(self._order(db, payments.get(db, self._mine, name)))
        if issue:
            raise No(422, issue)
        courier().wait(sent, 0)
        return answer, 201

    def captured(self, name: str) -> ResponseReturnValue:
        """A capture."""
        with self._merchant() as (db, merchant):
            return jsonify(told.whole_capture(db, self._by_capture(db, name, merchant)))

    def refund(self, name: str) -> ResponseReturnValue:
        """Send money of a capture back."""
        with self._merchant() as (db, merchant):
            if known := keys.known(db, merchant):
                made = refunds.get(db, self._mine, known, merchant["merchant"])
                return jsonify(told.refund(db, self._mine, made)), 201
            payment = self._by_capture(db, name, merchant)
            order = asked.refund(request.get_data())
            cents = order["cents"] or refunds.left_cents(db, payment)
            if issue := self._hindrance(db, payment, order, cents):
                raise No(422, issue)
            made, _ = refunds.order(
                db,
                self._mine,
                payment,
                refund=order["invoice_id"],
                amount_cents=cents,
                told={"custom_id": order["custom_id"]},
            )
            keys.know(db, merchant, made["id"])
            return jsonify(told.refund(db, self._mine, made)), 201

    def refunded(self, name: str) -> ResponseReturnValue:
        """A refund."""
        with self._merchant() as (db, merchant):
            row = _or_404(lambda: refunds.get(db, self._mine, name, merchant["merchant"]))
            return jsonify(told.refund(db, self._mine, row))

    def disputes(self) -> ResponseReturnValue:
        """The disputes about a capture."""
        with self._merchant() as (db, merchant):
            capture = request.args.get("disputed_transaction_id", "")
            return jsonify(told.disputes(db, self._mine, capture, merchant["merchant"]))

    def dispute(self, name: str) -> ResponseReturnValue:
        """A dispute."""
        with self._merchant() as (db, merchant):
            row = _or_404(lambda: reversals.get(db, self._mine, name, merchant["merchant"]))
            return jsonify(told.dispute(db, self._mine, row))

    def transactions(self) -> ResponseReturnValue:
        """What moved in the balance."""
        with self._merchant() as (db, merchant):
            return jsonify(report.search(db, self._mine, merchant["merchant"], request.args))

    def balances(self) -> ResponseReturnValue:
        """What was in the balance at a moment."""
        with self._merchant() as (db, merchant):
            return jsonify(report.balances(db, self._mine, merchant["merchant"], request.args))

    def certificate(self, name: str) -> ResponseReturnValue:
        """The certificate with which notifications are signed, and its issuer's."""
        if name != self._signer().id:
            raise No(404, "INVALID_RESOURCE_ID")
        return Response(self._signer().chain, mimetype="application/x-pem-file")

    def ca(self) -> ResponseReturnValue:
        """The CA that a merchant must trust."""
        return Response(self._signer().ca, mimetype="application/x-pem-file")

    @contextmanager
    def _merchant(self) -> Iterator[tuple[sqlite3.Connection, sqlite3.Row]]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        merchant = self._tokens.get(token) if scheme == "Bearer" else None
        if merchant is None:
            raise No(401, "INVALID_TOKEN")
        with books().transaction() as db:
            yield db, merchants.get(db, self._mine.name, merchant)

    def _payment(self, db: sqlite3.Connection, name: str, merchant: sqlite3.Row) -> sqlite3.Row:
        row = _or_404(lambda: payments.get(db, self._mine, name, merchant["merchant"]))
        if row["status"] in GONE:
            raise No(404, "INVALID_RESOURCE_ID")
        return row

    def _by_capture(self, db: sqlite3.Connection, name: str, merchant: sqlite3.Row) -> sqlite3.Row:
        row = db.execute(
            "SELECT id FROM payments WHERE provider = ? AND told ->> 'capture_id' = ?",
            (self._mine.name, name),
        ).fetchone()
        if row is None:
            raise No(404, "INVALID_RESOURCE_ID")
        return self._payment(db, row["id"], merchant)

    def _order(self, db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
        return told.order(db, self._mine, row, page_url(self._mine, row["id"]))

    def _hindrance(
        self, db: sqlite3.Connection, payment: sqlite3.Row, order: dict[str, Any], cents: int
    ) -> str:
        """Why so much cannot go back."""
        used = db.execute(
            "SELECT 1 FROM refunds WHERE provider = ? AND merchant = ? AND refund = ?",
            (self._mine.name, payment["merchant"], order["invoice_id"]),
        ).fetchone()
        left = refunds.left_cents(db, payment)
        hindrances = (
            ("PENDING_CAPTURE", payment["status"] == "authorising"),
            ("REFUND_NOT_ALLOWED", payment["status"] != payments.PAID),
            ("DUPLICATE_INVOICE_ID", bool(order["invoice_id"] and used)),
            ("CAPTURE_FULLY_REFUNDED", left <= 0),
            ("REFUND_AMOUNT_EXCEEDED", cents > left),
            ("CURRENCY_MISMATCH", order["currency"] not in {"", payment["currency"]}),
        )
        return next((issue for issue, holds in hindrances if holds), "")


def _or_404(read: Callable[[], sqlite3.Row]) -> sqlite3.Row:
    try:
        return read()
    except Refused:
        raise No(404, "INVALID_RESOURCE_ID") from None


def _no_client() -> ResponseReturnValue:
    words = {"error": "invalid_client", "error_description": "Client Authentication failed"}
    return jsonify(words), 401


def _paid_already(db: sqlite3.Connection, merchant: sqlite3.Row, invoice: str) -> bool:
    return bool(invoice) and bool(
        db.execute(
            "SELECT 1 FROM payments WHERE provider = 'paypal' AND merchant = ?"
            " AND told ->> 'invoice_id' = ? AND told ->> 'capture_id' IS NOT NULL",
            (merchant["merchant"], invoice),
        ).fetchone()
    )
