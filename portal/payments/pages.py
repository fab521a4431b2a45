"""The pages behind the TAN: one function a page, and the table that says which stands when."""

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import db
from portal.money import Money
from portal.payments import confirmations, showing, standing, sweep
from portal.payments.models import Payment
from portal.payments.showing import Page
from portal.payments.standing import Standing
from portal.payments.start import offers_for
from portal.payments.states import State as PaymentState
from portal.requests.models import PaymentRequest
from portal.requests.states import PAYABLE
from portal.web import visits

REFRESH_SECONDS = (3, 3, 3, 5, 5, 10, 10, 20)
LONG_AFTER = 6  # refreshes, about half a minute
CHANNEL = "web"


def again() -> int:
    text = request.args.get("again", "0")
    return min(int(text), 99) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def refresh() -> int:
    return REFRESH_SECONDS[min(again(), len(REFRESH_SECONDS) - 1)]


def after_tan(handle: str) -> dict[str, Any]:
    """What every page behind the TAN offers: to end, and to go on before the time is over."""
    return {
        "end_action": url_for("visits.end"),
        "renew_action": url_for("payments.renew", handle=handle),
        "session_seconds": visits.IDLE_SECONDS,
    }


def choice_page(
    handle: str, letter: PaymentRequest, errors: dict[str, str], chosen: int | None = None
) -> str:
    session = db.session()
    session.refresh(letter)
    offered, refused, only = showing.offers(session, offers_for(session, letter, CHANNEL))
    return render_template(
        "citizen/choice.html",
        action=url_for("payments.pay", handle=handle),
        request=showing.request(letter),
        offers=offered,
        refused=refused,
        chosen=only if chosen is None else chosen,
        version=letter.version,
        errors=errors,
        back=url_for("payments.status", handle=handle),
        **after_tan(handle),
    )


def changed_page(handle: str, letter: PaymentRequest, old_cents: int) -> ResponseReturnValue:
    db.session().refresh(letter)
    page = render_template(
        "citizen/changed.html",
        old_amount=Money(max(old_cents, 0), letter.currency),
        new_amount=letter.open,
        review_url=url_for("payments.status", handle=handle),
        **after_tan(handle),
    )
    return page, 409


def _review(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    return render_template(
        "citizen/review.html",
        request=showing.request(letter),
        next_url=url_for("payments.choice", handle=handle),
        **after_tan(handle),
    )


def _elsewhere(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    names: dict[str, Any] = {"handle": handle, "payment_id": payment.id}
    waits = sweep.waits_for_a_person(db.session(), payment)
    can_go_on = payment.state == PaymentState.STARTED and payment.redirect_url
    return render_template(
        "citizen/elsewhere.html",
        minutes=int((clock.now() - payment.started_at).total_seconds()) // 60,
        payment=showing.payment(payment),
        continue_action=url_for("payments.go_on", **names) if can_go_on else None,
        restart_action=None if waits else url_for("payments.restart", **names),
        **after_tan(handle),
    )


def _processing(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    here = url_for("payments.outcome", handle=handle, payment_id=payment.id, again=again() + 1)
    return render_template(
        "citizen/processing.html",
        payment=showing.payment(payment),
        here=here,
        refresh_seconds=refresh(),
        long=again() >= LONG_AFTER,
        **after_tan(handle),
    )


def _confirmed(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    names: dict[str, Any] = {"handle": handle, "payment_id": payment.id}
    rest = letter.open if letter.state in PAYABLE else None
    return render_template(
        "citizen/confirmed.html",
        payment=showing.payment(payment),
        request=showing.paid_request(db.session(), payment),
        open_amount=rest or None,
        pdf_url=url_for("payments.confirmation", **names),
        **after_tan(handle),
    )


def _not_paid(template: str) -> Page:
    def page(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
        assert payment is not None  # noqa: S101 -- the table leads here from a payment only
        return render_template(
            template,
            payment=showing.payment(payment),
            money_taken=standing.MONEY_TAKEN[PaymentState(payment.state)],
            retry_url=url_for("payments.choice", handle=handle),
            **after_tan(handle),
        )

    return page


def _already_paid(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    paid = confirmations.latest(db.session(), letter.tenant_id, letter.id)
    url = paid and url_for("payments.outcome", handle=handle, payment_id=paid.id)
    return render_template(
        "citizen/already_paid.html",
        how="online" if paid else "elsewhere",
        paid_on=showing.local_day(paid.confirmed_at) if paid and paid.confirmed_at else None,
        confirmation_url=url,
        **after_tan(handle),
    )


def _withdrawn(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    reason = letter.withdrawn_reason or "other"
    return render_template("citizen/withdrawn.html", reason=reason, **after_tan(handle))


def _expired(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    until = letter.payable_until
    return render_template("citizen/expired.html", payable_until=until, **after_tan(handle))


def _replaced(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    newer = letter.replaced_by and db.session().get(
        PaymentRequest, (letter.tenant_id, letter.replaced_by)
    )
    issued = newer.content.get("issued_on") if newer else None
    return render_template(
        "citizen/replaced.html",
        newer_from=showing.iso_day(issued),
        newer_url=None,
        **after_tan(handle),
    )


PAGES: dict[Standing, Page] = {
    Standing.REVIEW: _review,
    Standing.ELSEWHERE: _elsewhere,
    Standing.PROCESSING: _processing,
    Standing.CONFIRMED: _confirmed,
    Standing.FAILED: _not_paid("citizen/failed.html"),
    Standing.CANCELLED: _not_paid("citizen/cancelled.html"),
    Standing.ALREADY_PAID: _already_paid,
    Standing.WITHDRAWN: _withdrawn,
    Standing.EXPIRED: _expired,
    Standing.REPLACED: _replaced,
}
