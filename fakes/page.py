"""The payer's page of each fake. It works without JavaScript; opening it changes nothing.

``GET /<provider>/pay/<id>`` shows the payment; ``POST`` with the field ``choice`` (pay, later,
decline, cancel, leave) decides it and answers 303 to where the provider sends payers back.
"""

import sqlite3
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fakes import merchants, payments
from fakes.doors import books, courier, fake
from fakes.fake import Fake
from sandbox.errors import Refused
from sandbox.page import CHOICES, WAIT_SECONDS
from sandbox.words import texts

page = Blueprint("page", __name__, url_prefix="/<provider>/pay")


def page_url(mine: Fake, payment_id: str) -> str:
    """The payer's page, at the public address."""
    base: str = current_app.config["BASE_URL"]
    return base + url_for("page.show", provider=mine.name, payment_id=payment_id)


@page.get("/<payment_id>")
def show(provider: str, payment_id: str) -> ResponseReturnValue:
    """The payment with its buttons, or that it is decided."""
    mine = fake(provider)
    payment = _read(mine, payment_id)
    return _page(mine, "pay.html" if payment["status"] == "open" else "decided.html", payment)


@page.post("/<payment_id>")
def choose(provider: str, payment_id: str) -> ResponseReturnValue:
    """Let happen what the payer chose."""
    mine = fake(provider)
    payment = _read(mine, payment_id)
    verb = CHOICES.get(request.form.get("choice", ""))
    if verb is None:
        raise Refused(400, "unknown_choice", "There is no such choice.")
    if not verb:
        return _page(mine, "left.html", payment)
    if payment["status"] != "open":
        return _page(mine, "decided.html", payment), 409
    return _decided(mine, payment, verb)


def _decided(mine: Fake, payment: sqlite3.Row, verb: str) -> ResponseReturnValue:
    try:
        with books().transaction() as db:
            deliveries = payments.decide(db, mine, payment["id"], verb)
    except Refused:  # someone was faster, in another window
        return _page(mine, "decided.html", _read(mine, payment["id"])), 409
    courier().wait(deliveries, WAIT_SECONDS)
    after = _read(mine, payment["id"])
    if after["status"] == "open" and verb == "decline":  # another try is allowed there
        return _page(mine, "pay.html", after)
    return redirect(mine.back_url(after), 303)


def _read(mine: Fake, payment_id: str) -> sqlite3.Row:
    with books().reading() as db:
        return payments.get(db, mine, payment_id)


def _page(mine: Fake, template: str, payment: sqlite3.Row) -> str:
    with books().reading() as db:
        merchant = merchants.get(db, mine.name, payment["merchant"])
    back = mine.back_url(payment)
    parts = urlsplit(back)
    # The answer to the form leads there, and browsers count that as a target of the form.
    g.form_action = f"'self' {parts.scheme}://{parts.netloc}"
    language = "de" if payment["language"][:2].lower() == "de" else "en"
    words = texts(language)
    words["title"] = f"{words['title']} ({mine.title})"
    shown = dict(payment) | {"return_url": back}
    return render_template(template, t=words, language=language, payment=shown, merchant=merchant)
