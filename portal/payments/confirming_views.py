"""Confirmations: the paper, by e-mail if wanted, and the check that is open to anyone."""

from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import mail as post
from portal import references
from portal.db import db
from portal.payments import confirming_pages, mails, pages, receipts
from portal.payments.mails import TooMany
from portal.payments.models import Payment
from portal.payments.states import State
from portal.web import gate, language, steps
from portal.web.current import keyring, settings, tenant_id

bp = Blueprint("confirming", __name__)

LONGEST_CODE = 64  # characters that are looked at


@bp.get("/r/<handle>/confirmation/<payment:payment_id>.pdf")
def paper(handle: str, payment_id: str) -> ResponseReturnValue:
    drawn = confirming_pages.paper(gate.opened(), _confirmed(payment_id))
    return Response(
        drawn.pdf,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{drawn.name}"'},
    )


@bp.get("/r/<handle>/confirmation/<payment:payment_id>/mail")
def mail(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _confirmed(payment_id)
    return _mail_page(handle, payment, steps.typed(handle).get("address", ""), {})


@bp.post("/r/<handle>/confirmation/<payment:payment_id>/mail")
def order_mail(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _confirmed(payment_id)
    typed = request.form.get("address", "")[: post.LONGEST_ADDRESS]
    if language.switched():
        return _mail_page(handle, payment, typed, {})
    if not typed.strip():
        return _mail_page(handle, payment, typed, {"address": "missing"}), 422
    try:
        to = post.address(typed)
    except post.NoAddress:
        return _mail_page(handle, payment, typed, {"address": "form"}), 422
    if not confirming_pages.can_mail(db.session(), payment):
        return _mail_page(handle, payment, typed, {}), 409
    of, letter = (payment.tenant_id, payment.id), gate.opened()
    drawn = confirming_pages.paper(letter, payment)
    raw = confirming_pages.message(letter, payment, to, drawn)
    db.session().rollback()
    try:
        mails.order(keyring(), of, raw)
    except TooMany:
        return _mail_page(handle, _confirmed(payment_id), typed, {}), 409
    sent = url_for("confirming.mail_ordered", handle=handle, payment_id=payment_id)
    return redirect(sent, 303)


@bp.get("/r/<handle>/confirmation/<payment:payment_id>/mail/ordered")
def mail_ordered(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _confirmed(payment_id)
    return render_template(
        "citizen/mail_sent.html",
        back=url_for("payments.outcome", handle=handle, payment_id=payment.id),
        **pages.after_tan(handle),
    )


@bp.get("/receipt")
def receipt() -> ResponseReturnValue:
    return _receipt_page("", {})


@bp.post("/receipt")
def check_receipt() -> ResponseReturnValue:
    typed = request.form.get("code", "")[:LONGEST_CODE]
    if language.switched() and not language.answered():
        return _receipt_page(typed, {})
    if error := _unreadable(references.fold(typed)):
        return _receipt_page(typed, {"code": error}), 422
    found = receipts.find(db.session(), keyring(), tenant_id(), typed)
    if found is None:
        return _receipt_page(typed, {"form": "unknown"}), 404
    return render_template(
        "citizen/receipt_found.html",
        action=url_for("confirming.check_receipt"),
        entered={"code": typed},
        receipt=found,
        amount=found.payment.amount,
        lines=confirming_pages.shown_kept(found.kept) if found.kept else [],
        again=url_for("confirming.receipt"),
    )


def _unreadable(code: str) -> str | None:
    """What is wrong with a code, as far as it can be said without looking anything up."""
    if not code:
        return "missing"
    if not references.is_written_right(code):
        return "sign"
    if len(code) != receipts.LENGTH:
        return "length"
    return None if references.is_valid(code) else "check"


def _receipt_page(typed: str, errors: dict[str, str]) -> str:
    return render_template(
        "citizen/receipt.html",
        action=url_for("confirming.check_receipt"),
        entered={"code": typed},
        errors=errors,
    )


def _mail_page(handle: str, payment: Payment, typed: str, errors: dict[str, str]) -> str:
    names: dict[str, Any] = {"handle": handle, "payment_id": payment.id}
    return render_template(
        "citizen/mail.html",
        action=url_for("confirming.order_mail", **names),
        possible=confirming_pages.can_mail(db.session(), payment),
        entered={"address": typed},
        errors=errors,
        practice=settings().demo,
        back=url_for("payments.outcome", **names),
        **pages.after_tan(handle),
    )


def _confirmed(payment_id: str) -> Payment:
    """A confirmed payment of the opened letter, whose details are not deleted; else 404."""
    payment = db.session().get(Payment, (tenant_id(), payment_id))
    letter = gate.opened()
    if payment is None or payment.request_id != letter.id or payment.state != State.SUCCEEDED:
        abort(404)
    return payment
