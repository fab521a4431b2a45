"""GiroCheckout among the fakes: its merchants, what becomes of a payment, what it tells of it."""

import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from fakes import merchants, payments
from fakes.books import told as kept
from fakes.doors import books
from fakes.fake import Change, Edges, Fake, Letter, Notice
from fakes.girocheckout import api, signing, tables
from sandbox import fields, states
from sandbox.courier import Parcel
from sandbox.fields import Reader

# Who paid, as the pay page tells it. No portal wants to know.
PAYER = {
    "gcPkn": "",
    "gcCardnumber": "411111******1111",
    "gcCardExpDate": "12/2031",
    "gcAccountHolder": "Erika Mustermann",
    "gcIban": "DE89370400440532013000",
}


class Girocheckout(Fake):
    """One of the fakes."""

    name = "girocheckout"
    title = "GiroCheckout"
    credentials: Mapping[str, Reader] = {
        f"{method}_{what}": fields.text(100)
        for method in tables.METHODS
        for what in ("project", "password")
    }
    # Besides the common verbs each published result is one, from where it may be reached.
    edges: Edges = states.EDGES | {
        (old, code): new
        for code, new in tables.RESULTS.items()
        for old in states.STATUSES
        if old == "open" or (old, new) in {(o, n) for (o, _), n in states.EDGES.items()}
    }

    def __init__(self) -> None:
        self.routes = api.routes(self)

    def tell(self, db: sqlite3.Connection, change: Change) -> Sequence[Notice]:
        """A notification of each decision about a payment or a refund; no one tells of pay-outs."""
        if change.what == "refund" and change.row["status"] != "under_way":
            refund = change.row
            payment = payments.get(db, self, refund["payment_id"])
            return (_notice(payment, kept(payment), of_refund(refund)),)
        if change.what != "payment" or change.verb == "start":
            return ()
        row = change.row
        result = change.verb if change.verb in tables.RESULTS else tables.USUAL[row["status"]]
        payments.keep(db, row["id"], {**kept(row), "result": result})
        decided = payments.get(db, self, row["id"])
        told = kept(decided)
        return (_notice(decided, told, notified(decided, told)),)

    def parcel(self, letter: Letter) -> Parcel:
        """A GET, signed in its query."""
        address, _, method = letter.body.rpartition("#")
        url, _, query = address.partition("?")
        password = "nobody's" if letter.forged else letter.credentials[f"{method}_password"]
        signed = signing.signed_query(password, query)
        return Parcel(f"{url}?{signed}", {"Accept": "*/*"}, b"", "GET")

    def back_url(self, payment: sqlite3.Row) -> str:
        """Where the order says, with what a notification would say."""
        told = kept(payment)
        if "result" not in told:
            return str(payment["cancel_url"])
        with books().reading() as db:
            account = merchants.credentials(merchants.get(db, self.name, payment["merchant"]))
        password = account[f"{payment['method']}_password"]
        signed = signing.signed_query(password, urlencode(notified(payment, told)))
        return f"{payment['return_url']}?{signed}"

    def new_id(self, what: str) -> str:  # noqa: ARG002 -- all are named alike
        """A reference."""
        return str(uuid.uuid4())


def notified(payment: sqlite3.Row, told: Mapping[str, str]) -> dict[str, str]:
    """What a notification says of a payment, unsigned, in documented order."""
    method = payment["method"]
    said = {
        "gcPaymethod": "1",
        "gcType": "SALE",
        "gcProjectId": told["project"],
        "gcReference": told["try"] or payment["id"],
        "gcMerchantTxId": payment["payment"],
        "gcBackendTxId": told["backend"],
        "gcAmount": str(payment["amount_cents"]),
        "gcCurrency": payment["currency"],
        "gcResultPayment": told["result"],
        **PAYER,
    }
    return {name: said[name] for name in tables.names(tables.NOTIFICATION[method]) if name in said}


def of_refund(refund: sqlite3.Row) -> dict[str, str]:
    """What a notification says of a refund, unsigned, in documented order. One that was ordered
    without the merchant's program has a name of its own.
    """
    said = {
        "gcReference": refund["id"],
        "gcMerchantTxId": refund["refund"] or f"cockpit-{refund['id']}",
        "gcBackendTxId": kept(refund).get("backend", ""),
        "gcAmount": str(refund["amount_cents"]),
        "gcCurrency": refund["currency"],
        "gcResultPayment": tables.REFUND_RESULT[refund["status"]],
    }
    return {name: said[name] for name in tables.names(tables.REFUND_NOTIFICATION) if name in said}


def _notice(payment: sqlite3.Row, told: Mapping[str, str], said: Mapping[str, str]) -> Notice:
    """To where the order of a payment says."""
    # The method rides behind the address and is never sent: its project signs.
    body = f"{told['notify']}?{urlencode(said)}#{payment['method']}"
    return Notice(str(uuid.uuid4()), body)
