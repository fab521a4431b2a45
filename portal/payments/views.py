"""The citizen's way behind the TAN: review, choice, provider, outcome.

GET changes nothing, with one exception that is no act of the citizen: the return from a provider
proves nothing, but is a reason to ask the provider, whose word is recorded as when a job asks.
"""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import db
from portal.payments import confirmations, pages, showing, standing, sweep
from portal.payments.models import Payment
from portal.payments.standing import Standing
from portal.payments.start import (
    ChangedSince,
    Choice,
    NotOffered,
    NotPayable,
    Undecided,
    start,
    undecided,
)
from portal.payments.states import UNDECIDED
from portal.payments.states import State as PaymentState
from portal.printing import draw
from portal.providers.wire import patience
from portal.requests.states import PAYABLE, State
from portal.web import gate, language, visits
from portal.web.current import keyring, public_url, settings, tenant, tenant_id

bp = Blueprint("payments", __name__)

FILE_NAMES = {"de": "Zahlungsbestaetigung"}  # ASCII: RFC 6266, section 4.3
PAGE_SECONDS = 3.0  # that a page waits for a provider's word


@bp.get("/r/<handle>/payment")
def status(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    current = undecided(db.session(), letter.tenant_id, letter.id)
    now = standing.standing(State(letter.state), PaymentState(current.state) if current else None)
    if now is Standing.PROCESSING and current:
        return redirect(url_for("payments.outcome", handle=handle, payment_id=current.id), 303)
    return pages.PAGES[now](handle, letter, current)


@bp.get("/r/<handle>/choice")
def choice(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    if letter.state not in PAYABLE or undecided(db.session(), letter.tenant_id, letter.id):
        return redirect(url_for("payments.status", handle=handle), 303)
    return pages.choice_page(handle, letter, {})


@bp.post("/r/<handle>/pay")
def pay(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    shown = _number("version"), _number("amount_cents")
    rule = _number("offer")
    if language.switched():
        return pages.choice_page(handle, letter, {}, chosen=rule)
    if rule < 0:
        return pages.choice_page(handle, letter, {"offer": "missing"}), 422
    chosen = Choice(tenant_id(), letter.id, rule, *shown, pages.CHANNEL, language.spoken().tag)
    try:
        payment_id = start(keyring(), chosen, public_url())
    except ChangedSince:
        return pages.changed_page(handle, letter, shown[1])
    except NotOffered:
        return pages.choice_page(handle, letter, {"offer": "refused"}), 409
    except (NotPayable, Undecided):
        return redirect(url_for("payments.status", handle=handle), 303)
    return redirect(url_for("payments.leaving", handle=handle, payment_id=payment_id), 303)


@bp.get("/r/<handle>/leaving/<payment:payment_id>")
def leaving(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _of_letter(payment_id)
    if (
        payment.state not in {PaymentState.STARTED, PaymentState.CREATED}
        or not payment.redirect_url
    ):
        return redirect(url_for("payments.outcome", handle=handle, payment_id=payment_id), 303)
    return render_template(
        "citizen/leaving.html",
        target=payment.redirect_url,
        provider_label=payment.label,
        amount=payment.amount,
    )


@bp.post("/r/<handle>/go-on/<payment:payment_id>")
def go_on(handle: str, payment_id: str) -> ResponseReturnValue:
    return redirect(url_for("payments.leaving", handle=handle, payment_id=payment_id), 303)


@bp.post("/r/<handle>/restart/<payment:payment_id>")
def restart(handle: str, payment_id: str) -> ResponseReturnValue:
    sweep.give_up(keyring(), tenant_id(), _of_letter(payment_id).id)
    return redirect(url_for("payments.status", handle=handle), 303)


@bp.post("/r/<handle>/renew")
def renew(handle: str) -> ResponseReturnValue:
    return redirect(url_for("payments.status", handle=handle), 303)


@bp.get("/r/<handle>/payment/<payment:payment_id>")
def outcome(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _asked(_of_letter(payment_id))
    now = standing.OF_PAYMENT[PaymentState(payment.state)]
    if now is Standing.RUN_OUT:
        return redirect(url_for("payments.status", handle=handle), 303)
    return pages.PAGES[now](handle, gate.opened(), payment)


@bp.get("/r/<handle>/confirmation/<payment:payment_id>.pdf")
def confirmation(handle: str, payment_id: str) -> ResponseReturnValue:
    payment = _of_letter(payment_id)
    if payment.state != PaymentState.SUCCEEDED:
        abort(404)
    html = render_template(
        "confirmation.html",
        payment=showing.payment(payment),
        request=showing.paid_request(db.session(), payment),
        tenant=tenant(),
        drawn_at=clock.now(),
    )
    pdf = draw(settings().print_socket, html)
    number = confirmations.number(payment.id)
    name = FILE_NAMES.get(language.spoken().tag, "confirmation")
    return Response(
        pdf,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}-{number}.pdf"'},
    )


@bp.get("/return/<payment:payment_id>")
def returned(payment_id: str) -> ResponseReturnValue:
    payment = db.session().get(Payment, (tenant_id(), payment_id))
    if payment is None:
        return render_template("citizen/unknown.html"), 404
    payment = _asked(payment)
    if handle := visits.handle_of(payment.request_id):
        return redirect(url_for("payments.outcome", handle=handle, payment_id=payment_id), 303)
    state = PaymentState(payment.state)
    return render_template(
        "citizen/outcome.html",
        state=standing.WORD_OF_PAYMENT[state],
        amount=payment.amount,
        money_taken=standing.MONEY_TAKEN[state],
        here=url_for("payments.returned", payment_id=payment_id, again=pages.again() + 1),
        refresh_seconds=pages.refresh(),
        tan_url=url_for("visits.code"),
    )


def _asked(payment: Payment) -> Payment:
    """The payment as the provider sees it now, unless it was decided or asked a moment ago."""
    only_looked_at = request.method == "HEAD"
    if payment.state in UNDECIDED and not only_looked_at and not sweep.asked_lately(payment):
        with patience(PAGE_SECONDS):
            sweep.ask(keyring(), payment.tenant_id, payment.id, "return")
        db.session().refresh(payment)
    return payment


def _of_letter(payment_id: str) -> Payment:
    payment = db.session().get(Payment, (tenant_id(), payment_id))
    if payment is None or payment.request_id != gate.opened().id:
        abort(404)
    return payment


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
