"""The gate: each route names who may call it. What is missing here is not there.

``ANYONE``, and of citizens: who opened a letter (``HOLDER``: its whole link, or its code with a
second thing), and who also gave the TAN, where the letter has one (``KNOWER``). Machines prove
themselves in their own edge: ``CLIENT`` by a token, ``PROVIDER`` by a signature.
"""

from collections.abc import Mapping
from enum import StrEnum

from flask import Flask, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.db import db
from portal.payments.under_way import undecided
from portal.requests import grants
from portal.requests.models import PaymentRequest
from portal.web import language, steps, visits
from portal.web.current import found_tenant, public_url, tenant_id
from portal.web.visits import Visit


class Who(StrEnum):
    """Who may call a route."""

    ANYONE = "anyone"
    HOLDER = "holder"
    KNOWER = "knower"
    CLIENT = "client"
    PROVIDER = "provider"


# fmt: off
WHO: Mapping[str, Who] = {
    "pages.imprint":            Who.ANYONE,
    "pages.privacy":            Who.ANYONE,
    "pages.accessibility":      Who.ANYONE,
    "pages.easy":               Who.ANYONE,
    "pages.robots":             Who.ANYONE,
    "faces.style":              Who.ANYONE,
    "faces.crest":              Who.ANYONE,
    "health.healthz":           Who.ANYONE,
    "health.readyz":            Who.ANYONE,
    "health.metrics":           Who.ANYONE,
    "visits.code":              Who.ANYONE,
    "visits.check_code":        Who.ANYONE,
    "visits.open_link":         Who.ANYONE,
    "visits.letter":            Who.ANYONE,
    "visits.check_letter":      Who.ANYONE,
    "visits.overview":          Who.HOLDER,
    "visits.check_tan":         Who.HOLDER,
    "visits.end":               Who.ANYONE,
    "payments.amount":          Who.KNOWER,
    "payments.choose_amount":   Who.KNOWER,
    "payments.choice":          Who.KNOWER,
    "payments.pay":             Who.KNOWER,
    "payments.leaving":         Who.KNOWER,
    "payments.status":          Who.KNOWER,
    "payments.outcome":         Who.KNOWER,
    "payments.go_on":           Who.KNOWER,
    "payments.restart":         Who.KNOWER,
    "payments.renew":           Who.KNOWER,
    "confirming.paper":         Who.KNOWER,
    "confirming.mail":          Who.KNOWER,
    "confirming.order_mail":    Who.KNOWER,
    "confirming.mail_ordered":  Who.KNOWER,
    "confirming.receipt":       Who.ANYONE,
    "confirming.check_receipt": Who.ANYONE,
    "notes.paid":               Who.KNOWER,
    "notes.say_paid":           Who.KNOWER,
    "notes.question":           Who.KNOWER,
    "notes.ask":                Who.KNOWER,
    "notes.noted":              Who.KNOWER,
    "notes.deferral":           Who.KNOWER,
    "payments.returned":        Who.ANYONE,
    "transfers.page":           Who.KNOWER,
    "transfers.svg":            Who.KNOWER,
    "transfers.png":            Who.KNOWER,
    "webhooks.notified":        Who.PROVIDER,
}
# fmt: on

# Each operation of the contract names its scopes, each page of the admin view its right.
DOORS_OF_THEIR_OWN = ("/api/", "/admin/")
# Machines ask by whatever name they have.
ANY_HOST = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


def init_app(app: Flask) -> None:
    """Ask at every route."""
    app.before_request(_lead_on)
    app.before_request(_ask)


def opened() -> PaymentRequest:
    """The request of the letter that this visitor has open."""
    found: PaymentRequest = g.opened
    return found


def visit() -> Visit:
    """The visit being answered."""
    found: Visit = g.visit
    return found


def knows(letter: PaymentRequest, of: Visit) -> bool:
    """Whether the visitor may see the claim now.

    A visit is held open while a payment of the request is undecided: a bank's page takes longer
    than a quarter of an hour at times.
    """
    session = db.session()
    if of.idle and not undecided(session, letter):
        return False
    return not letter.tan_required or grants.holds(session, letter, visits.visitor())


def _lead_on() -> ResponseReturnValue | None:
    """A town's former host still answers: it leads to the host of today."""
    if request.method not in {"GET", "HEAD"} or request.path.startswith(ANY_HOST):
        return None
    asked, today = request.host.partition(":")[0].lower(), found_tenant().current_host
    if asked == today:
        return None
    return redirect(public_url() + request.full_path.removesuffix("?"), 308)


def _ask() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None
    who = WHO.get(request.endpoint)
    if who is None and not request.path.startswith(DOORS_OF_THEIR_OWN):
        abort(404)
    if who not in {Who.HOLDER, Who.KNOWER}:
        return None
    handle = (request.view_args or {})["handle"]
    g.visit = visits.find(handle)
    letter = g.visit and db.session().get(PaymentRequest, (tenant_id(), g.visit.request_id))
    if letter is None or letter.link_version != g.visit.link_version:
        return redirect(url_for("visits.code", over=1), 303)
    g.opened = letter
    language.prefer(letter.language)
    return _ask_for_the_tan(handle) if who is Who.KNOWER else None


def _ask_for_the_tan(handle: str) -> ResponseReturnValue | None:
    """Lead to it who does not know it, or has been away; who was here before comes back here."""
    if knows(opened(), visit()):
        visits.renew(visit())
        return None
    if visit().begun:
        steps.keep(handle)
    return redirect(url_for("visits.overview", handle=handle), 303)
