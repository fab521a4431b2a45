"""Acts on a payment and on an event: refund, ask the provider, correct, send again."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal import audit
from portal.admin import doors, gate, proof, refusals, scope, words
from portal.admin.frame import page
from portal.admin.requests import timeline
from portal.db import Json, db, transaction
from portal.errors import NotFound, PortalError
from portal.finance import mending
from portal.finance.models import EventRow
from portal.money import Money
from portal.payments import correcting, sweep
from portal.payments.models import Payment
from portal.payments.record import Verdict, again
from portal.payments.refund_states import State as RefundState
from portal.payments.returned import Reason
from portal.payments.states import State
from portal.requests import typed
from portal.requests.asked import MOST_CENTS
from portal.requests.models import PaymentRequest
from portal.returns import left, refunds
from portal.staff.roles import Right
from portal.web.current import keyring
from portal.web.language import digits, gettext, money
from portal.words import N_

VERDICTS = {
    Verdict.MOVED: N_("The provider has answered: it stands in the time line below."),
    Verdict.REPEATED: N_("The provider has answered; nothing has changed."),
    Verdict.MISFIT: N_("What the provider says does not fit: see the tasks."),
}
OF_ORDER = {"order_missing", "order_used", "approval_waits"}


@doors.get("/requests/<reference>/payments/<payment_id>/refund", Right.MOVE_MONEY)
def refund_page(reference: str, payment_id: str) -> ResponseReturnValue:
    """What was paid too much is proposed: that is mostly what goes back."""
    found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
    surplus = left.free(db.session(), payment, Reason.SURPLUS)
    told = {"amount": "", "reason": "", "order": ""}
    if surplus.cents:
        told |= {"amount": digits(surplus), "reason": Reason.SURPLUS.value}
    return _refund(found, payment, told, {})


@doors.post("/requests/<reference>/payments/<payment_id>/refund", Right.MOVE_MONEY)
def refund(reference: str, payment_id: str) -> ResponseReturnValue:
    """Ask for it; another person approves, unless the town's rule says that one is enough."""
    found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
    told = {name: request.form.get(name, "").strip() for name in ("amount", "reason", "order")}
    cents = typed.cents(told["amount"]) or 0
    errors = {}
    if not 0 < cents <= MOST_CENTS:
        errors["amount"] = gettext("Please enter an amount such as 50.00.")
    if told["reason"] not in set(Reason):
        errors["reason"] = gettext("Please choose a reason.")
    if errors := errors or proof.faults():
        return _refund(found, payment, told, errors)
    who, amount = gate.person(), Money(cents, payment.currency)
    order = (Reason(told["reason"]), told["order"], who.actor)
    asked = refunds.Asked(who.tenant_id, payment_id, amount, *order)
    try:
        state, is_new = again(lambda session: _entered(session, asked))
    except PortalError as error:
        field = "order" if error.code in OF_ORDER else "amount"
        found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
        return _refund(found, payment, told, {field: refusals.said(error)}, error.status)
    if is_new:
        flash(_asked_for(alone=state != RefundState.REQUESTED))
    else:
        flash(gettext("This order stands for a refund already; nothing was asked for anew."))
    return redirect(url_for("admin.request_page", reference=reference), 303)


@doors.get("/requests/<reference>/payments/<payment_id>/correct", Right.MOVE_MONEY)
def correct_page(reference: str, payment_id: str) -> ResponseReturnValue:
    found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
    return _correct(found, payment, "", {})


@doors.post("/requests/<reference>/payments/<payment_id>/correct", Right.MOVE_MONEY)
def correct(reference: str, payment_id: str) -> ResponseReturnValue:
    """Ask for an unknown payment to be called failed."""
    found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
    order = request.form.get("order", "").strip()
    if errors := proof.faults():
        return _correct(found, payment, order, errors)
    who = gate.person()
    try:
        correcting.ask(who.tenant_id, payment_id, order, who.actor)
    except PortalError as error:
        found, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
        return _correct(found, payment, order, {"order": refusals.said(error)}, error.status)
    _, payment = _payment(reference, payment_id, Right.MOVE_MONEY)
    flash(_asked_for(alone=payment.state != State.UNKNOWN))
    return redirect(url_for("admin.request_page", reference=reference), 303)


@doors.post("/requests/<reference>/payments/<payment_id>/ask", Right.CHANGE_REQUEST)
def ask_provider(reference: str, payment_id: str) -> ResponseReturnValue:
    """Ask now; only the provider's own word is recorded."""
    _, payment = _payment(reference, payment_id, Right.CHANGE_REQUEST)
    if sweep.asked_lately(payment):
        flash(gettext("The provider was asked a moment ago. Please wait ten seconds."))
    else:
        flash(_ask(gate.person().tenant_id, payment_id))
    return redirect(url_for("admin.request_page", reference=reference), 303)


@doors.post("/requests/<reference>/events/<int:position>/resend", Right.SEND_AGAIN)
def resend_event(reference: str, position: int) -> ResponseReturnValue:
    """Send one event of this request again; the finance system knows it by its id."""
    found, who = scope.request_of(reference, Right.SEND_AGAIN), gate.person()
    event = db.session.get(EventRow, (who.tenant_id, position))
    if event is None or event.reference != found.reference:
        raise NotFound
    db.session.rollback()
    try:
        with transaction() as session:
            mending.resend(session, who.tenant_id, position, who.actor)
        flash(gettext("The event is sent again."))
    except PortalError as error:
        flash(refusals.said(error))
    return redirect(url_for("admin.request_page", reference=reference), 303)


def _payment(reference: str, payment_id: str, right: Right) -> tuple[PaymentRequest, Payment]:
    """A payment of a request in reach; anything else is not there."""
    found = scope.request_of(reference, right)
    payment = db.session.get(Payment, (found.tenant_id, payment_id), populate_existing=True)
    if payment is None or payment.request_id != found.id:
        raise NotFound
    return found, payment


def _ask(tenant_id: str, payment_id: str) -> str:
    with transaction() as session:
        audit.note(session, tenant_id, gate.person().actor, "payment.asked", payment_id)
    try:
        verdict = sweep.ask(keyring(), tenant_id, payment_id, "staff")
    except PortalError:
        verdict = None
    if verdict is None:
        return gettext("The provider does not answer just now. The portal goes on asking.")
    return gettext(VERDICTS[verdict])


def _entered(session: Session, asked: refunds.Asked) -> tuple[str, bool]:
    """How the refund stands, and whether it is new."""
    found, is_new = refunds.enter(session, asked)
    return found.state, is_new


def _asked_for(*, alone: bool) -> str:
    """What became of what was asked: with one person enough it is done already."""
    if alone:
        return gettext("Done: by your town's rule one person is enough for this amount.")
    return gettext("Asked for. Another person must approve it within seven days.")


def _refund(
    found: PaymentRequest, payment: Payment, told: Json, errors: dict[str, str], status: int = 422
) -> ResponseReturnValue:
    """The form, with what may go back now; ``status`` is that of its errors."""
    session = db.session()
    most = [
        (words.said(words.REASON, code), money(left.free(session, payment, code)))
        for code in words.REASON
    ]
    return page(
        "admin/refund.html",
        status if errors else 200,
        reference=found.reference,
        payment=payment,
        number=timeline.payment_name(payment.id),
        most=most if payment.state == "succeeded" else [],
        reasons=words.choices(words.REASON),
        typed=told,
        errors=errors,
    )


def _correct(
    found: PaymentRequest, payment: Payment, order: str, errors: dict[str, str], status: int = 422
) -> ResponseReturnValue:
    return page(
        "admin/correct.html",
        status if errors else 200,
        reference=found.reference,
        payment=payment,
        number=timeline.payment_name(payment.id),
        state=words.said(words.PAYMENT, payment.state),
        order=order,
        errors=errors,
    )
