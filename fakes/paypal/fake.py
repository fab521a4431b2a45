"""What is PayPal's own about it: its states, its notices, and how it signs them."""

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from secrets import choice, token_hex
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask.blueprints import BlueprintSetupState

from fakes import payments
from fakes.books import told as told_of
from fakes.fake import REVERSAL_EDGES, Change, Edges, Fake, Letter, Notice
from fakes.paypal import certificates, told
from fakes.paypal.api import build
from fakes.paypal.certificates import Certificates
from sandbox import fields
from sandbox.courier import Parcel
from sandbox.file import this_moment

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

# fmt: off
EDGES = {
    ("open",             "pay"):     "approved",
    ("open",             "pend"):    "approved_later",
    ("open",             "decline"): "approved_in_vain",   # the payer's means will be declined
    ("open",             "refuse"):  "approved_refused",
    ("open",             "cancel"):  "open",               # the payer is led back, no more
    ("open",             "expire"):  "timed_out",
    ("open",             "void"):    "voided",
    ("approved",         "expire"):  "timed_out",
    ("approved",         "capture"): "paid",
    ("approved_later",   "capture"): "authorising",
    ("approved_in_vain", "capture"): "open",
    ("approved_refused", "capture"): "approved_refused",
    ("authorising",      "pay"):     "paid",
    ("authorising",      "decline"): "refused",
}
DISPUTES = {
    **REVERSAL_EDGES,
    ("taken",   "lose"):     "lost",
    ("inquiry", "settle"):   "settled_by_refund",
    ("inquiry", "escalate"): "taken",
    ("inquiry", "close"):    "closed",
}
DISPUTED = {  # the rest of a dispute is that it is resolved
    "reverse":  "CREATED",
    "inquire":  "CREATED",
    "escalate": "UPDATED",
    "withdraw": "UPDATED",
}
TAKES = {"reverse", "escalate", "withdraw"}
CAPTURED = {
    "paid":        "PAYMENT.CAPTURE.COMPLETED",
    "authorising": "PAYMENT.CAPTURE.PENDING",
    "refused":     "PAYMENT.CAPTURE.DENIED",
}
REFUNDED = {
    "sent":    "PAYMENT.CAPTURE.REFUNDED",
    "bounced": "PAYMENT.REFUND.FAILED",
}
# fmt: on
_AGREED = {"approved", "approved_later", "approved_in_vain", "approved_refused"}

_Facts = tuple[str, str, str, dict[str, Any]]  # event, resource type and version, resource


class PayPal(Fake):
    """PayPal, played."""

    name = "paypal"
    title = "PayPal"
    credentials: Mapping[str, fields.Reader] = {
        "client_id": fields.text(200),
        "secret": fields.text(200),
        "webhook_id": fields.text(64),
        "api_url": fields.address,
    }
    edges: Edges = EDGES
    reversal_edges: Edges = DISPUTES

    def __init__(self) -> None:
        self.routes = build(self, lambda: self.certificates)
        self.routes.record(self._open)
        self.certificates: Certificates

    def tell(self, db: sqlite3.Connection, change: Change) -> Sequence[Notice]:
        """Agreed, captured, refunded, disputed; of transfers nothing is told."""
        facts = {
            "payment": self._of_payment,
            "refund": self._of_refund,
            "reversal": self._of_reversal,
        }
        found = facts[change.what](db, change) if change.what in facts else []
        return [_notice(*one) for one in found]

    def parcel(self, letter: Letter) -> Parcel:
        """Signed as PayPal signs (developer.paypal.com/api/rest/webhooks/rest)."""
        signer = self.certificates
        if letter.forged:
            another = certificates.made()
            key: Any = load_pem_private_key(another["key"].encode(), None)
            signer = Certificates(signer.id, signer.ca, signer.chain, key)
        at = letter.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = signed(signer, letter.credentials, str(uuid4()), at, letter.body.encode())
        return Parcel(letter.merchant["webhook_url"], headers, letter.body.encode())

    def back_url(self, payment: sqlite3.Row) -> str:
        """With the order's token; who gave up comes to the cancel address."""
        agreed = payment["status"] in _AGREED
        url = payment["return_url"] if agreed else payment["cancel_url"]
        query = {"token": payment["id"]} | ({"PayerID": "ERWEAMUSTERNN"} if agreed else {})
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    def new_id(self, what: str) -> str:
        """17 characters; a dispute has another shape."""
        if what == "reversal":
            letters = "".join(choice(_ALPHABET[8:]) for _ in range(3))
            return f"PP-R-{letters}-{int(token_hex(5), 16) % 10**9:09}"
        return "".join(choice(_ALPHABET) for _ in range(17))

    def _open(self, state: BlueprintSetupState) -> None:
        with state.app.extensions["books"].transaction() as db:
            self.certificates = certificates.opened(db, self.name)

    def _of_payment(self, db: sqlite3.Connection, change: Change) -> list[_Facts]:
        row = change.row
        if row["status"] in _AGREED and change.verb != "capture":
            resource = told.order(db, self, row, "https://www.sandbox.paypal.com/checkoutnow")
            return [("CHECKOUT.ORDER.APPROVED", "checkout-order", "2.0", resource)]
        if row["status"] in CAPTURED:
            row = self._with_capture(db, row)
            resource = told.whole_capture(db, row)
            return [(CAPTURED[row["status"]], "capture", "2.0", resource)]
        return []

    def _with_capture(self, db: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row:
        kept = told_of(row)
        if "capture_id" not in kept:
            made = {"capture_id": self.new_id("capture"), "captured_at": this_moment()}
            payments.keep(db, row["id"], kept | made)
        return payments.get(db, self, row["id"])

    def _of_refund(self, db: sqlite3.Connection, change: Change) -> list[_Facts]:
        if change.row["status"] not in REFUNDED:
            return []
        resource = told.refund(db, self, change.row)
        return [(REFUNDED[change.row["status"]], "refund", "2.0", resource)]

    def _of_reversal(self, db: sqlite3.Connection, change: Change) -> list[_Facts]:
        kind = DISPUTED.get(change.verb, "RESOLVED")
        dispute = told.dispute(db, self, change.row)
        facts: list[_Facts] = [(f"CUSTOMER.DISPUTE.{kind}", "dispute", "", dispute)]
        if change.verb in TAKES:
            reversed_ = told.reversed_capture(db, self, change.row)
            facts.append(("PAYMENT.CAPTURE.REVERSED", "refund", "2.0", reversed_))
        return facts


def signed(
    signer: Certificates, credentials: Mapping[str, str], name: str, at: str, body: bytes
) -> dict[str, str]:
    """The headers of a notification."""
    message = f"{name}|{at}|{credentials['webhook_id']}|{zlib.crc32(body)}"
    return {
        "content-type": "application/json",
        "paypal-transmission-id": name,
        "paypal-transmission-time": at,
        "paypal-transmission-sig": signer.sign(message.encode()),
        "paypal-cert-url": f"{credentials['api_url']}/v1/notifications/certs/{signer.id}",
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-auth-version": "v2",
    }


def _notice(event: str, kind: str, version: str, resource: dict[str, Any]) -> Notice:
    name = f"WH-{token_hex(8).upper()}-{token_hex(8).upper()}"
    body = {
        "id": name,
        "event_version": "1.0",
        "create_time": told.moment(this_moment()),
        "resource_type": kind,
        **({"resource_version": version} if version else {}),
        "event_type": event,
        "summary": event.replace(".", " ").capitalize(),
        "resource": resource,
        "links": [
            {
                "href": "https://api.sandbox.paypal.com/v1/notifications/webhooks-events/" + name,
                "rel": "self",
                "method": "GET",
            }
        ],
    }
    return Notice(name, json.dumps(body, ensure_ascii=False, separators=(",", ":")))
