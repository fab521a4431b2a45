"""GiroCheckout's published calls. Each answer is JSON with HTTP 200 and its signature in a header;
who is not known, or does not sign, gets an answer that nobody signed.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from fakes import merchants, payments, refunds
from fakes.books import told as kept
from fakes.doors import books
from fakes.fake import Fake
from fakes.girocheckout import report, signing, tables
from fakes.page import page_url
from sandbox.errors import Refused
from sandbox.here import from_here_only

Answer = dict[str, Any]
NOTHING = dict.fromkeys(
    ("reference", "referenceParent", "merchantTxId", "backendTxId", "amount", "currency",
     "resultPayment")
)  # fmt: skip
STARTED_AGAIN_IS_REFUSED = True  # else it is a second payment under the merchant's one id
# What the refusal of a duplicate names: the first refund, the refused second try, or nothing.
REFUNDED_AGAIN_NAMES = "first"
_SECOND = "second-try-of-"


class Wrong(Exception):
    """A published code instead of what was asked for."""

    def __init__(self, code: int, **told: Any) -> None:
        super().__init__(code)
        self.code, self.told = code, told


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the merchant, and which of its projects."""

    merchant: str
    method: str
    project: str
    password: str


Call = Callable[[sqlite3.Connection, Fake, Caller, Mapping[str, str]], Answer]


def routes(mine: Fake) -> Blueprint:
    """Its calls, and its reports."""
    found = Blueprint(mine.name, __name__)

    @found.post("/<any(transaction, paypage):area>/<name>")
    def called(area: str, name: str) -> Response:
        if (area, name) not in CALLS:
            raise Refused(404, "unknown_call", "No such call.")
        return _answered(mine, name)

    @found.get("/reports/<settlement>.csv")
    def reported(settlement: str) -> Response:
        from_here_only()
        with books().reading() as db:
            return Response(report.written(db, mine, settlement), mimetype="text/csv")

    return found


def _answered(mine: Fake, name: str) -> Response:
    password = ""
    try:
        form = _form()
        with books().transaction() as db:
            caller = _caller(db, mine, form)
            password = caller.password
            _check(caller, name, form)
            told = CALLS_BY_NAME[name](db, mine, caller, form)
    except Wrong as wrong:
        told = {"rc": wrong.code, "msg": tables.MESSAGES[wrong.code], **wrong.told}
        password = "" if wrong.code == 5002 else password
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"hash": signing.sign_body(password, body)} if password else {}
    return Response(body, mimetype="application/json", headers=headers)


def _form() -> dict[str, str]:
    """The parameters, each once: urlencoded as documented, or in parts as the vendor's SDK does."""
    if any(len(values) > 1 for _, values in request.form.lists()) or request.args:
        raise Wrong(5004)
    return request.form.to_dict()


def _caller(db: sqlite3.Connection, mine: Fake, form: Mapping[str, str]) -> Caller:
    try:
        account = merchants.get(db, mine.name, form.get("merchantId", ""))
    except Refused:
        raise Wrong(5020) from None
    mine_of = merchants.credentials(account)
    for method in tables.METHODS:
        if mine_of[f"{method}_project"] == form.get("projectId"):
            number, password = mine_of[f"{method}_project"], mine_of[f"{method}_password"]
            return Caller(account["merchant"], method, number, password)
    raise Wrong(5021)


def _check(caller: Caller, name: str, form: Mapping[str, str]) -> None:
    fields = tables.PARAMETERS.get((name, caller.method))
    if fields is None:
        raise Wrong(5004)
    if not signing.is_signed(caller.password, fields, form):
        raise Wrong(5002)
    if set(form) - set(tables.names(fields)) - tables.UNSIGNED:
        raise Wrong(5004)
    if not all(form.get(one) for one in tables.required(fields)):
        raise Wrong(5003)
    for one, (pattern, code) in tables.FORMS.items():
        if one in form and not re.fullmatch(pattern, form[one]):
            raise Wrong(code)


def _start(db: sqlite3.Connection, mine: Fake, caller: Caller, form: Mapping[str, str]) -> Answer:
    known = payments.by_order(db, mine, caller.merchant, form["merchantTxId"])
    if known and STARTED_AGAIN_IS_REFUSED:
        raise Wrong(4503)
    page = caller.method == "page"
    told = {
        "project": caller.project,
        "try": str(uuid4()) if page else "",
        "backend": uuid4().hex[:22],
        "notify": form["notifyUrl" if page else "urlNotify"],
    }
    back = form["successUrl" if page else "urlRedirect"]
    order = payments.Order(
        payment=form["merchantTxId"], amount_cents=int(form["amount"]), currency=form["currency"],
        return_url=back, cancel_url=form.get("backUrl", back), text=form["purpose"],
        method=caller.method, language=form.get("locale", "de"), told=told,
    )  # fmt: skip
    row = payments.start(db, mine, caller.merchant, order)
    address = {"url" if page else "redirect": page_url(mine, row["id"])}
    return {"rc": 0, "msg": "", "reference": row["id"], **address}


def _status(db: sqlite3.Connection, mine: Fake, caller: Caller, form: Mapping[str, str]) -> Answer:
    """Of a payment, by the reference of its page if it had one; or of a refund."""
    try:
        row = payments.get(db, mine, form["reference"], caller.merchant)
    except Refused:
        return _of_refund(db, mine, caller, form["reference"])
    told = kept(row)
    if row["method"] != caller.method or form.get("txreference", told["try"]) != told["try"]:
        raise Wrong(5034)
    return {
        "rc": 0,
        "msg": "",
        "reference": told["try"] or row["id"],
        "merchantTxId": row["payment"],
        "backendTxId": told["backend"],
        "amount": str(row["amount_cents"]),
        "currency": row["currency"],
        "resultPayment": told.get("result"),
    }


def _of_refund(db: sqlite3.Connection, mine: Fake, caller: Caller, reference: str) -> Answer:
    if reference.startswith(_SECOND):
        first = _of_refund(db, mine, caller, reference.removeprefix(_SECOND))
        return first | {"reference": reference, "resultPayment": "4503"}
    try:
        refund = refunds.get(db, mine, reference, caller.merchant)
    except Refused:
        raise Wrong(5034) from None
    if refund["id"] != reference or kept(refund)["method"] != caller.method:
        raise Wrong(5034)
    told = _refunded(refund)
    del told["referenceParent"]
    return told


def _refund(db: sqlite3.Connection, mine: Fake, caller: Caller, form: Mapping[str, str]) -> Answer:
    """Send money back, at once."""
    if first := _same_refund(db, mine, caller, form["merchantTxId"]):
        if REFUNDED_AGAIN_NAMES == "second":
            return _of_refund(db, mine, caller, f"{_SECOND}{first['id']}")
        named = {"reference": first["id"]} if REFUNDED_AGAIN_NAMES == "first" else {}
        raise Wrong(4503, **(NOTHING | named))
    try:
        payment = payments.get(db, mine, form["reference"], caller.merchant)
    except Refused:
        raise Wrong(5034, **NOTHING) from None
    if payment["method"] != caller.method:
        raise Wrong(5034, **NOTHING)
    try:
        refund, _ = refunds.order(
            db, mine, payment,
            refund=form["merchantTxId"], amount_cents=int(form["amount"]),
            told={"method": caller.method, "backend": uuid4().hex[:22]},
        )  # fmt: skip
    except Refused:
        raise Wrong(5200, **NOTHING) from None
    return _refunded(refund)


def _same_refund(
    db: sqlite3.Connection, mine: Fake, caller: Caller, name: str
) -> sqlite3.Row | None:
    try:
        found = refunds.get(db, mine, name, caller.merchant)
    except Refused:
        return None
    return found if found["refund"] == name else None


def _refunded(refund: sqlite3.Row) -> Answer:
    return {
        "rc": 0,
        "msg": "",
        "reference": refund["id"],
        "referenceParent": refund["payment_id"],
        "merchantTxId": refund["refund"],
        "backendTxId": kept(refund)["backend"],
        "amount": str(refund["amount_cents"]),
        "currency": refund["currency"],
        "resultPayment": tables.REFUND_RESULT[refund["status"]],
    }


CALLS: Mapping[tuple[str, str], Call] = {
    ("transaction", "start"): _start,
    ("paypage", "init"): _start,
    ("transaction", "status"): _status,
    ("transaction", "refund"): _refund,
}
CALLS_BY_NAME = {name: call for (_, name), call in CALLS.items()}
