"""The pages behind the TAN: one function a page, and the table that says which stands when."""

from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import db
from portal.money import Money
from portal.payments import (
    confirming_pages,
    continuing,
    history,
    part_urls,
    parts,
    showing,
    standing,
    sweep,
    waiting_urls,
)
from portal.payments.models import Payment
from portal.payments.offers import Offers, Reason, Refusal
from portal.payments.parts import Part, Payable
from portal.payments.showing import Page
from portal.payments.standing import Standing
from portal.payments.start import offers_for, payable_now
from portal.payments.states import State as PaymentState
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.tenants import Kind
from portal.web import steps, visits

CHANNEL = "web"


def after_tan(handle: str) -> dict[str, Any]:
    """What every page behind the TAN offers: to go on before the time is over."""
    return {
        "renew_action": steps.renewal(handle),
        "session_seconds": visits.IDLE_SECONDS,
    }


def choice_page(
    handle: str,
    letter: PaymentRequest,
    part: Part,
    errors: dict[str, str],
    chosen: int | None = None,
    why_not: Refusal | None = None,
) -> str:
    session = db.session()
    found = offers_for(session, letter, CHANNEL, part.amount)
    offered, refused, only = showing.offers(session, found)
    now = payable_now(session, letter)
    return render_template(
        "citizen/choice.html",
        action=url_for("payments.pay", handle=handle),
        request=showing.request(letter),
        offers=offered,
        refused=refused,
        chosen=only if chosen is None else chosen,
        version=letter.version,
        part=part,
        kind_says=showing.sentence(session, letter),
        rest=letter.open - part.amount,
        parts_url=parts_url(handle, letter),
        parts_help=bool(_helped(found, now, part)),
        transfer_url=part_urls.of("transfers.page", handle, part),
        errors=errors,
        why_not=showing.why_not(why_not),
        back=url_for("payments.amount" if now.has_parts else "payments.status", handle=handle),
        **after_tan(handle),
    )


def parts_url(handle: str, letter: PaymentRequest) -> str | None:
    """Where another amount is chosen; ``None`` where there is nothing to choose."""
    has_parts = payable_now(db.session(), letter).has_parts
    return url_for("payments.amount", handle=handle) if has_parts else None


def _helped(found: Offers, now: Payable, part: Part) -> list[str]:
    """The providers that refuse this amount and would take a smaller part."""
    least = min([each for each in (now.least, now.due and now.due.amount) if each], default=None)
    return [
        refusal.label
        for refusal in found.refused
        if refusal.reason is Reason.ABOVE_MAXIMUM and refusal.limit and least
        and least <= refusal.limit < part.amount
    ]  # fmt: skip


def amount_page(
    handle: str, letter: PaymentRequest, errors: dict[str, str], entered: dict[str, str]
) -> str:
    session = db.session()
    now = payable_now(session, letter)
    return render_template(
        "citizen/amount.html",
        action=url_for("payments.choose_amount", handle=handle),
        request=showing.request(letter),
        parts=showing.parts(session, letter, now, CHANNEL),
        least=now.least,
        most=now.most,
        entered=entered,
        errors=errors,
        back=url_for("payments.status", handle=handle),
        **after_tan(handle),
    )


def changed_page(
    handle: str, letter: PaymentRequest, version: int, old_cents: int
) -> ResponseReturnValue:
    """The request is not any more what a form had shown: its version and open cents."""
    db.session().refresh(letter)
    page = render_template(
        "citizen/changed.html",
        action=url_for("payments.pay", handle=handle),
        version=version,
        old_amount=Money(max(old_cents, 0), letter.currency),
        new_amount=letter.open,
        review_url=url_for("payments.status", handle=handle),
        **after_tan(handle),
    )
    return page, 409


def _review(now: Standing) -> Page:
    def page(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
        session = db.session()
        has_parts = payable_now(session, letter).has_parts
        return render_template(
            "citizen/review.html",
            standing=now.value,
            request=showing.request(letter),
            kind_says=showing.sentence(session, letter),
            moves=showing.moves(history.of(session, letter)),
            next_url=url_for("payments.amount" if has_parts else "payments.choice", handle=handle),
            has_parts=has_parts,
            transfer_url=url_for("transfers.page", handle=handle),
            **_confirmed_at(handle),
            **after_tan(handle),
        )

    return page


def _confirmed_at(handle: str) -> dict[str, Any]:
    """How a page names the confirmation of a payment in its list."""

    def confirmation_url(payment_id: str) -> str:
        return url_for("payments.outcome", handle=handle, payment_id=payment_id)

    return {"confirmation_url": confirmation_url}


def _elsewhere(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    names: dict[str, Any] = {"handle": handle, "payment_id": payment.id}
    session = db.session()
    goes_on = continuing.may_go_on(session, letter, payment)
    stays = sweep.must_stay(session, payment)
    return render_template(
        "citizen/elsewhere.html",
        asked=continuing.is_asked(session, letter),
        too_much=continuing.is_too_much(letter, payment),
        minutes=int((clock.now() - payment.started_at).total_seconds()) // 60,
        payment=showing.payment(payment),
        continue_action=url_for("payments.go_on", **names) if goes_on else None,
        restart_action=None if stays else url_for("payments.restart", **names),
        **after_tan(handle),
    )


def _processing(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    looked = waiting_urls.again()
    return render_template(
        "citizen/processing.html",
        payment=showing.payment(payment),
        here=waiting_urls.here(handle, letter, payment, again=looked + 1),
        refresh_seconds=waiting_urls.refresh(),
        long=looked >= waiting_urls.LONG_AFTER,
        **after_tan(handle),
    )


def _waiting(template: str) -> Page:
    def page(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
        assert payment is not None  # noqa: S101 -- the table leads here from a payment only
        return render_template(
            template,
            payment=showing.payment(payment),
            days=standing.LONGEST_PENDING_DAYS,
            here=waiting_urls.here(handle, letter, payment),
            **after_tan(handle),
        )

    return page


def _confirmed(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    told = confirming_pages.told(letter, payment, handle)
    return render_template("citizen/confirmed.html", **told, **after_tan(handle))


def _not_paid(template: str) -> Page:
    def page(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
        assert payment is not None  # noqa: S101 -- the table leads here from a payment only
        part = parts.like(payable_now(db.session(), letter), payment.amount_cents)
        return render_template(
            template,
            payment=showing.payment(payment),
            money_taken=standing.MONEY_TAKEN[PaymentState(payment.state)],
            retry_url=part_urls.of("payments.choice", handle, part),
            **after_tan(handle),
        )

    return page


def _let_go(handle: str, letter: PaymentRequest, payment: Payment | None) -> str:
    assert payment is not None  # noqa: S101 -- the table leads here from a payment only
    return render_template(
        "citizen/let_go.html",
        payment=showing.payment(payment),
        letter_url=url_for("payments.status", handle=handle),
        **after_tan(handle),
    )


def _ended(template: str, now: Standing) -> Page:
    """A letter that cannot or need not be paid any more, with what became of its money."""

    def page(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
        session = db.session()
        kind = session.get_one(Kind, (letter.tenant_id, letter.kind))
        return render_template(
            template,
            standing=now.value,
            moves=showing.moves(history.of(session, letter)),
            paid=Money(letter.covered_cents, letter.currency),
            reason=letter.withdrawn_reason or "other",
            payable_until=letter.payable_until,
            closes=kind.closes_after_payable_until,
            **_confirmed_at(handle),
            **after_tan(handle),
        )

    return page


def _replaced(handle: str, letter: PaymentRequest, _: Payment | None) -> str:
    newer = register.line(db.session(), letter)[-1]
    opened = visits.handle_of(newer.id)
    return render_template(
        "citizen/replaced.html",
        newer_from=showing.iso_day(newer.content.get("issued_on")),
        newer_url=opened and url_for("visits.overview", handle=opened),
        **after_tan(handle),
    )


PAID, OVER, GONE = "citizen/already_paid.html", "citizen/expired.html", "citizen/withdrawn.html"
PAGES: dict[Standing, Page] = {
    **{each: _review(each) for each in (
        Standing.REVIEW, Standing.PARTLY_PAID, Standing.TAKEN_BACK, Standing.ASKED_AGAIN)},
    Standing.HELD: _waiting("citizen/held.html"),
    Standing.ELSEWHERE: _elsewhere,
    Standing.PROCESSING: _processing,
    Standing.PENDING: _waiting("citizen/pending.html"),
    Standing.CONFIRMED: _confirmed,
    Standing.FAILED: _not_paid("citizen/failed.html"),
    Standing.CANCELLED: _not_paid("citizen/cancelled.html"),
    Standing.RUN_OUT: _not_paid("citizen/run_out.html"),
    Standing.LET_GO: _let_go,
    **{each: _ended(PAID, each) for each in (
        Standing.ALREADY_PAID, Standing.PAID_ELSEWHERE, Standing.PAID_TWICE, Standing.RETURNING,
        Standing.REFUNDED)},
    Standing.WITHDRAWN: _ended(GONE, Standing.WITHDRAWN),
    Standing.EXPIRED: _ended(OVER, Standing.EXPIRED),
    Standing.REPLACED: _replaced,
}  # fmt: skip
