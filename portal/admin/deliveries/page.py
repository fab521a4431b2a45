"""Deliveries: what the finance system took, booked and refused; sending again; its test."""

from collections.abc import Mapping

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, links, refusals, words
from portal.admin.deliveries import listing
from portal.admin.deliveries.listing import ALL, FILTERS, TROUBLE, Shown
from portal.admin.frame import page
from portal.db import db, transaction
from portal.errors import PortalError
from portal.finance import mending, trying
from portal.finance.models import Delivery, Endpoint, EventRow
from portal.finance.push import Outcome
from portal.finance.reach import Reach
from portal.finance.trying import Found, Tried, meaning
from portal.staff.roles import Right
from portal.web.current import keyring, settings
from portal.web.language import gettext, ngettext
from portal.words import N_

ANSWERS: Mapping[Found, str] = {
    Found.GOOD: N_("It answered as it should (%(code)s)."),
    Found.SIGNATURE: N_(
        "It answered, but does not take our signature, or asks for a login (%(code)s). Please"
        " compare the secret on both sides."
    ),
    Found.NO_SUCH_PAGE: N_(
        "A server answered, but nobody takes events at this address (%(code)s). Please compare the"
        " address."
    ),
    Found.MOVED: N_(
        "It sends us on to another address (%(code)s), which we do not follow. Please set that"
        " address itself."
    ),
    Found.BUSY: N_("It answered that it is too busy (%(code)s). We try again by ourselves."),
    Found.REFUSED: N_("It answered, and did not take the event (%(code)s)."),
    Found.BROKEN: N_(
        "It answered that something is broken there (%(code)s). Please tell who looks after it."
    ),
    Found.SLOW: N_("Nothing came back in time. It is there, but too slow, or it hangs."),
    Found.NOT_ALLOWED: N_(
        "Events may not be sent to this address (%(code)s). Who runs the portal must allow the"
        " network."
    ),
    Found.DEAD: N_(
        "Nobody answers at this address (%(code)s): it is switched off, a firewall is between, or"
        " its certificate is not known."
    ),
}
SHOWN: Mapping[str, str] = {
    TROUBLE: N_("What waits, is stuck or was refused"),
    "waiting": N_("What waits"),
    "parked": N_("What is stuck"),
    "refused": N_("What could not be booked"),
    "booked": N_("What is booked"),
    "skipped": N_("What was skipped by order"),
    ALL: N_("All"),
}


@doors.get("/deliveries", Right.SEE)
def deliveries() -> ResponseReturnValue:
    """What is not in order, the one that waits longest first."""
    session = db.session()
    show = request.args.get("show", "")
    show = show if show in FILTERS or show == ALL else TROUBLE
    found, more = listing.page(session, show, _behind())
    whole = gate.person().reach(Right.SEE).whole
    last = found[-1][0].position if found else 0
    return page(
        "admin/deliveries.html",
        rows=[_row(each) for each in found],
        standing=listing.standing(session) if whole else None,
        show=show,
        choices=[(name, gettext(text)) for name, text in SHOWN.items()],
        may_send=gate.person().may(Right.SEND_AGAIN),
        request_page=links.request_page,
        next_url=url_for("admin.deliveries", show=show, behind=last) if more else None,
    )


@doors.get("/deliveries/endpoint", Right.SEND_AGAIN)
def endpoint() -> ResponseReturnValue:
    """Where the events go, whether it answers, and its test."""
    return _endpoint_page(None)


@doors.post("/deliveries/endpoint/try", Right.SEND_AGAIN)
def try_endpoint() -> ResponseReturnValue:
    """Send a signed event that tells nothing, and say in words what came back."""
    who, config = gate.person(), settings()
    reach = Reach(config.finance_networks, anywhere=config.demo)
    try:
        return _endpoint_page(trying.endpoint(keyring(), who.tenant_id, reach, who.actor))
    except mending.NoEndpoint as error:
        return _said(error, "admin.endpoint")


@doors.post("/deliveries/<int:position>/resend", Right.SEND_AGAIN)
def resend(position: int) -> ResponseReturnValue:
    """Hand over one event again; its receiver knows it by its id."""
    who, session = gate.person(), db.session()
    at = (EventRow.tenant_id == who.tenant_id) & (EventRow.position == position)
    if session.scalar(select(EventRow.position).where(at)) is None:
        gate.refuse(f"resend {position}")
    session.rollback()
    try:
        with transaction() as act:
            mending.resend(act, who.tenant_id, position, who.actor)
    except PortalError as error:
        return _said(error, "admin.deliveries")
    flash(gettext("Event %(position)s is sent again.", position=position))
    return redirect(url_for("admin.deliveries"), 303)


@doors.post("/deliveries/resend-refused", Right.SEND_AGAIN)
def resend_refused() -> ResponseReturnValue:
    """Hand over all again that could not be booked."""
    who = gate.person()
    try:
        with transaction() as session:
            many = mending.resend_refused(session, who.tenant_id, who.actor)
    except PortalError as error:
        return _said(error, "admin.endpoint")
    flash(ngettext("%(num)s event is sent again.", "%(num)s events are sent again.", many))
    return redirect(url_for("admin.endpoint"), 303)


def answer(status: int | None, error: str | None) -> str:
    """What an endpoint answered, in a sentence."""
    return _sentence(meaning(Outcome(status, error)))


def _sentence(tried: Tried) -> str:
    return gettext(ANSWERS[tried.found], code=tried.status or tried.error or "")


def _endpoint_page(tried: Tried | None) -> ResponseReturnValue:
    session = db.session()
    row = session.get(Endpoint, gate.person().tenant_id, populate_existing=True)
    return page(
        "admin/endpoint.html",
        endpoint=row,
        standing=listing.standing(session),
        tried=_sentence(tried) if tried else None,
        good=tried is not None and tried.found is Found.GOOD,
    )


def _said(error: PortalError, goes_to: str) -> ResponseReturnValue:
    """What was refused is told on the page that it was asked on."""
    flash(refusals.said(error))
    return redirect(url_for(goes_to), 303)


def _row(shown: Shown) -> dict[str, object]:
    event, delivery, word = shown
    return {
        "event": event,
        "words": words.said(words.EVENT, event.type),
        "delivery": delivery,
        "state": _state(delivery),
        "answer": _trouble(delivery),
        "word": word,
    }


def _state(delivery: Delivery | None) -> tuple[str, str]:
    state = delivery.state if delivery else "in_feed"
    return words.said(words.DELIVERY, state), words.tone(words.DELIVERY, state)


def _trouble(delivery: Delivery | None) -> str:
    """How the last try ended, where it did not end well."""
    if delivery is None or delivery.state == "taken":
        return ""
    if delivery.last_status is None and delivery.last_error is None:
        return ""
    return answer(delivery.last_status, delivery.last_error)


def _behind() -> int | None:
    told = request.args.get("behind", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None
