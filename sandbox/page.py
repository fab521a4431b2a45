"""The payer's page. It works without JavaScript; opening it changes nothing.

``GET /pay/<id>`` shows the payment; ``POST /pay/<id>`` with the field ``choice`` (pay, later,
decline, cancel, leave) decides it and answers 303 to the merchant's ``return_url``; ``leave``
shows a page and decides nothing.
"""

import sqlite3
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox import merchants, payments, settings
from sandbox.api import books, courier
from sandbox.errors import Refused
from sandbox.words import texts

page = Blueprint("page", __name__, url_prefix="/pay")

CHOICES = {"pay": "pay", "later": "pend", "decline": "decline", "cancel": "cancel", "leave": ""}
# The merchant should hear of it before the payer is back, but the payer does not wait for ever.
WAIT_SECONDS = 2.0


@page.get("/<payment_id>")
def show(payment_id: str) -> ResponseReturnValue:
    """The payment with its buttons, or that it is decided."""
    payment, merchant = _read(payment_id)
    return _page("pay.html" if payment["status"] == "open" else "decided.html", payment, merchant)


@page.post("/<payment_id>")
def choose(payment_id: str) -> ResponseReturnValue:
    """Let happen what the payer chose."""
    payment, merchant = _read(payment_id)
    verb = CHOICES.get(request.form.get("choice", ""))
    if payment["status"] != "open":
        return _page("decided.html", payment, merchant), 409
    if verb is None:
        raise Refused(400, "unknown_choice", "There is no such choice.")
    if not verb:
        return _page("left.html", payment, merchant)
    return _decided(payment, merchant, verb)


def _decided(payment: sqlite3.Row, merchant: sqlite3.Row, verb: str) -> ResponseReturnValue:
    try:
        with books().transaction() as db:
            how = settings.read(db)["webhooks"]
            deliveries = payments.decide(db, payment["id"], verb, how=how)
    except Refused:  # someone was faster, in another window
        return _page("decided.html", _read(payment["id"])[0], merchant), 409
    courier().wait(deliveries, WAIT_SECONDS)
    return redirect(payment["return_url"], 303)


def _read(payment_id: str) -> tuple[sqlite3.Row, sqlite3.Row]:
    with books().reading() as db:
        payment = payments.get(db, payment_id)
        return payment, merchants.get(db, payment["merchant"])


def _page(template: str, payment: sqlite3.Row, merchant: sqlite3.Row) -> str:
    parts = urlsplit(payment["return_url"])
    # The answer to the form leads there, and browsers count that as a target of the form.
    g.form_action = f"'self' {parts.scheme}://{parts.netloc}"
    shown: dict[str, Any] = {"payment": payment, "merchant": merchant}
    return render_template(
        template, t=texts(payment["language"]), language=_language(payment["language"]), **shown
    )


def _language(asked: str) -> str:
    return "de" if asked[:2].lower() == "de" else "en"
