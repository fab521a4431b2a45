"""What waits for a second person: reading it, approving it, refusing it, taking it back."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, proof, refusals, saying, words
from portal.admin.approvals import reach, waiting
from portal.admin.approvals.waiting import Asked
from portal.admin.doors import Open
from portal.admin.frame import page
from portal.approvals.states import State
from portal.db import Json, db
from portal.errors import PortalError
from portal.requests import reasons
from portal.staff.roles import Right
from portal.web.language import gettext


@doors.get("/approvals", Open.SIGNED_IN)
def approvals() -> ResponseReturnValue:
    session = db.session()
    return page(
        "admin/approvals.html",
        waiting=[_shown(each) for each in waiting.waiting(session)],
        decided=[_shown(each) for each in waiting.decided(session)],
        may_see_rules=gate.person().may(Right.SEE_SETTINGS),
    )


@doors.get("/approvals/<int:number>", Open.SIGNED_IN)
def approval(number: int) -> ResponseReturnValue:
    return _page(waiting.get(db.session(), number), {})


@doors.post("/approvals/<int:number>/approve", Right.APPROVE)
def approve(number: int) -> ResponseReturnValue:
    """The second person: never who asked, and only with a fresh proof."""
    asked = waiting.get(db.session(), number)
    if asked.act is None or not (asked.may_decide or asked.mine or not asked.waits):
        gate.refuse(f"approve {number}")
    if errors := proof.faults():
        return _page(waiting.get(db.session(), number), errors)
    told = _told(asked)
    try:
        asked.act.approve(*told, number)
    except PortalError as error:
        db.session.rollback()
        told_back = {"decide": refusals.said(error)}
        return _page(waiting.get(db.session(), number), told_back, status=error.status)
    flash(gettext("Approved. %(effect)s", effect=gettext(asked.act.effect)))
    return redirect(url_for("admin.approvals"), 303)


@doors.post("/approvals/<int:number>/refuse", Open.SIGNED_IN)
def refuse(number: int) -> ResponseReturnValue:
    """Whoever may approve refuses, with a reason; who asked may take it back."""
    asked = waiting.get(db.session(), number)
    if asked.act is None or not (asked.may_decide or asked.mine):
        gate.refuse(f"refuse {number}")
    why = request.form.get("why", "")
    try:
        told, said = _told(asked), "" if asked.mine else reasons.checked(why)
        asked.act.refuse(*told, said, number)
    except PortalError as error:
        db.session.rollback()
        field = "why" if isinstance(error, reasons.WRONG) else "decide"
        fresh = waiting.get(db.session(), number)
        return _page(fresh, {field: refusals.said(error)}, why, error.status)
    done = gettext("You have taken it back.") if asked.mine else gettext("Refused.")
    flash(done)
    return redirect(url_for("admin.approvals"), 303)


def _told(asked: Asked) -> tuple[str, str, str]:
    who = gate.person()
    return who.tenant_id, asked.approval.subject, who.actor


def _page(
    asked: Asked, errors: dict[str, str], why: str = "", status: int = 422
) -> ResponseReturnValue:
    return page(
        "admin/approval.html",
        status if errors else 200,
        one=_shown(asked),
        references=reach.references(db.session(), asked.approval),
        reachable=gate.person().may(Right.SEE),
        errors=errors,
        why=why,
    )


def _shown(asked: Asked) -> Json:
    row, session = asked.approval, db.session()
    return {
        "number": row.id,
        "title": gettext(asked.act.title) if asked.act else row.act,
        "effect": gettext(asked.act.effect) if asked.act else "",
        "facts": saying.facts(row.facts),
        "order": row.order_number,
        "day": row.facts.get("day"),
        "first": saying.who(session, row.first),
        "second": saying.who(session, row.second) if row.second else "",
        "alone": row.alone,
        "asked_at": row.asked_at,
        "expires_at": row.expires_at,
        "decided_at": row.decided_at,
        "state": row.state,
        "state_said": words.said(words.APPROVAL, row.state),
        "tone": words.tone(words.APPROVAL, row.state),
        "mine": asked.mine,
        "may_decide": asked.may_decide,
        "waits": asked.waits,
        "why": waiting.why_refused(session, row) if row.state == State.REFUSED else "",
    }
