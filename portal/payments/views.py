"""The citizen's way behind the TAN: review, choice, provider, outcome.

GET changes nothing, with one exception that is no act of the citizen: the return from a provider
proves nothing, but is a reason to ask the provider, whose word is recorded as when a job asks.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db import db
from portal.errors import Conflict
from portal.money import Money
from portal.payments import (
    collecting,
    confirmations,
    continuing,
    history,
    pages,
    part_urls,
    parts,
    standing,
    sweep,
    waiting_urls,
)
from portal.payments.confirmations import Kept
from portal.payments.models import Payment
from portal.payments.parts import LONGEST_TYPED, NotAPart, Part, Payable, Which
from portal.payments.standing import Standing
from portal.payments.start import (
    ChangedSince,
    Choice,
    NotOffered,
    NotPayable,
    Undecided,
    payable_now,
    start,
)
from portal.payments.states import UNDECIDED
from portal.payments.states import State as PaymentState
from portal.payments.under_way import undecided
from portal.providers.wire import patience
from portal.requests.models import PaymentRequest
from portal.web import gate, language, steps, visits
from portal.web.current import keyring, public_url, tenant_id

bp = Blueprint("payments", __name__)

LONGEST_KEPT = LONGEST_TYPED + 1  # what was too long must not become readable by being cut
NOTHING_ENTERED = {"which": "", "amount": ""}
PAGE_SECONDS = 3.0  # that a page waits for a provider's word


@bp.get("/r/<handle>/payment")
def status(handle: str) -> ResponseReturnValue:
    session, letter = db.session(), gate.opened()
    current = undecided(session, letter)
    facts = history.situation(session, letter, current, history.of(session, letter))
    now = standing.of_request(facts)
    if now is Standing.PROCESSING and current and current.request_id == letter.id:
        return redirect(url_for("payments.outcome", handle=handle, payment_id=current.id), 303)
    return pages.PAGES[now](handle, letter, current)


@bp.get("/r/<handle>/amount")
def amount(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    if not _may_choose(letter) or not payable_now(db.session(), letter).has_parts:
        return redirect(url_for("payments.status", handle=handle), 303)
    before = steps.typed(handle)
    entered = {name: before.get(name, "") for name in NOTHING_ENTERED}
    return pages.amount_page(handle, letter, {}, entered)


@bp.post("/r/<handle>/amount")
def choose_amount(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    entered = {name: request.form.get(name, "")[:LONGEST_KEPT] for name in ("which", "amount")}
    if language.switched():
        return pages.amount_page(handle, letter, {}, entered)
    if not _may_choose(letter):
        return redirect(url_for("payments.status", handle=handle), 303)
    if entered["amount"].strip() and not entered["which"]:
        entered["which"] = Which.AMOUNT  # who types an amount means it
    part, errors = _typed(payable_now(db.session(), letter), **entered)
    if part is None:
        return pages.amount_page(handle, letter, errors, entered), 422
    return redirect(part_urls.of("payments.choice", handle, part), 303)


@bp.get("/r/<handle>/choice")
def choice(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    if not _may_choose(letter):
        return redirect(url_for("payments.status", handle=handle), 303)
    try:
        part = part_urls.asked(letter)
    except NotAPart:
        return redirect(url_for("payments.amount", handle=handle), 303)
    before = steps.typed(handle).get("offer", "")
    return pages.choice_page(
        handle, letter, part, {}, chosen=part_urls.cents(before) if before else None
    )


@bp.post("/r/<handle>/pay")
def pay(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    shown = _number("version"), _number("amount_cents")
    which = part_urls.which(request.form.get("part"))
    rule, cents = _number("offer"), _number("part_cents")
    paid_now = letter.open if which is Which.WHOLE else Money(max(cents, 0), letter.currency)
    shown_part = Part(which, paid_now)
    if language.answered():
        return pages.changed_page(handle, letter, *shown)
    if language.switched():
        return pages.choice_page(handle, letter, shown_part, {}, chosen=rule)
    if rule < 0:
        return pages.choice_page(handle, letter, shown_part, {"offer": "missing"}), 422
    tongue = language.spoken().tag
    chosen = Choice(tenant_id(), letter.id, rule, *shown, pages.CHANNEL, tongue, which, cents)
    try:
        payment_id = start(keyring(), chosen, public_url())
    except (ChangedSince, NotAPart, NotOffered, NotPayable, Undecided) as error:
        return _not_started(handle, letter, error, shown_part, shown)
    return redirect(url_for("payments.leaving", handle=handle, payment_id=payment_id), 303)


@bp.get("/r/<handle>/leaving/<payment:payment_id>")
def leaving(handle: str, payment_id: str) -> ResponseReturnValue:
    payment, letter = _of_letter(payment_id), gate.opened()
    if not continuing.is_begun(payment):
        return redirect(url_for("payments.outcome", handle=handle, payment_id=payment_id), 303)
    if not continuing.may_go_on(db.session(), letter, payment):
        return redirect(url_for("payments.status", handle=handle), 303)
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
    steps.keep(handle)
    return redirect(steps.onward(handle), 303)


@bp.get("/r/<handle>/payment/<payment:payment_id>")
def outcome(handle: str, payment_id: str) -> ResponseReturnValue:
    payment, letter, session = _asked(_of_letter(payment_id)), gate.opened(), db.session()
    now = standing.of_payment(history.situation(session, letter, payment, history.NOTHING))
    session.refresh(letter)
    return pages.PAGES[now](handle, letter, payment)


@bp.get("/return/<payment:payment_id>")
def returned(payment_id: str) -> ResponseReturnValue:
    payment = db.session().get(Payment, (tenant_id(), payment_id))
    if payment is None:
        return render_template("citizen/unknown.html"), 404
    letter = db.session().get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    language.prefer(letter.language)
    payment = _asked(payment)
    if handle := visits.handle_of(payment.request_id):
        return redirect(url_for("payments.outcome", handle=handle, payment_id=payment_id), 303)
    state = PaymentState(payment.state)
    let_go = collecting.is_let_go(db.session(), payment)
    is_paid = state is PaymentState.SUCCEEDED
    kept = confirmations.kept(db.session(), payment) if is_paid else None
    return render_template(
        "citizen/outcome.html",
        state=_word(state, kept, let_go=let_go),
        kept=kept,
        amount=payment.amount,
        money_taken=False if let_go else standing.MONEY_TAKEN[state],
        here=url_for("payments.returned", payment_id=payment_id, again=waiting_urls.again() + 1),
        refresh_seconds=waiting_urls.refresh(),
        tan_url=url_for("visits.code"),
    )


def _word(state: PaymentState, kept: Kept | None, *, let_go: bool) -> str:
    if kept is not None and kept.word in confirmations.BEYOND:
        return kept.word
    return "let_go" if let_go else standing.WORD_OF_PAYMENT[state]


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


def _not_started(
    handle: str, letter: PaymentRequest, error: Conflict, part: Part, shown: tuple[int, int]
) -> ResponseReturnValue:
    db.session().refresh(letter)
    if isinstance(error, ChangedSince):
        return pages.changed_page(handle, letter, *shown)
    if isinstance(error, NotAPart):
        return pages.amount_page(handle, letter, {"which": "changed"}, NOTHING_ENTERED), 409
    if isinstance(error, NotOffered):
        errors, why_not = {"offer": "refused"}, error.refusal
        return pages.choice_page(handle, letter, part, errors, why_not=why_not), 409
    return redirect(url_for("payments.status", handle=handle), 303)


def _may_choose(letter: PaymentRequest) -> bool:
    """Whether a payment may be begun now, as far as a page can know."""
    session = db.session()
    if not continuing.is_asked(session, letter):
        return False
    return undecided(session, letter) is None


def _typed(now: Payable, which: str, amount: str) -> tuple[Part | None, dict[str, str]]:
    """The part that was chosen on its page, or what is wrong with what was typed, in words."""
    if which == Which.DUE and now.due:
        return Part(Which.DUE, now.due.amount), {}
    if which != Which.AMOUNT:
        whole = Part(Which.WHOLE, now.whole) if which == Which.WHOLE else None
        return whole, {} if whole else {"which": "missing"}
    cents = parts.read(amount)
    if cents is None:
        return None, {"amount": "unreadable" if amount.strip() else "missing"}
    if found := parts.wrong(now, cents):
        return None, {"amount": found.value}
    return parts.like(now, cents), {}


def _number(name: str) -> int:
    return part_urls.cents(request.form.get(name, ""))
