"""Closing a day: alone when all equations hold, by two people when one does not."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, proof, refusals
from portal.admin.daily.page import day_page, past
from portal.admin.daily.showing import whole_town
from portal.approvals import deciding
from portal.db import db
from portal.errors import NotFound, PortalError
from portal.proof import closing
from portal.staff.roles import Right
from portal.web.current import tenant_id
from portal.web.language import gettext

OF_REASON = {"day_differs", "reason_missing", "personal_data"}
MOST_DIGITS = 19
GONE = 409


@doors.post("/reconciliation/<day>/close", Right.CLOSE_DAY)
def close_day(day: str) -> ResponseReturnValue:
    of, by = past(day), gate.person().actor
    return _done(day, lambda: closing.close(tenant_id(), of, by), gettext("The day is closed."))


@doors.post("/reconciliation/<day>/ask", Right.CLOSE_DAY)
def ask_to_close(day: str) -> ResponseReturnValue:
    of, by, reason = past(day), gate.person().actor, request.form.get("reason", "")
    said = gettext("Now another person must agree, within seven days.")
    return _done(day, lambda: closing.ask(tenant_id(), of, reason, by), said)


@doors.post("/reconciliation/<day>/approve", Right.APPROVE)
def approve_closing(day: str) -> ResponseReturnValue:
    """The second person: only what the page showed, and with a fresh proof."""
    whole_town(Right.APPROVE)
    of, by, number = past(day), gate.person().actor, _number()
    asked = closing.waiting(db.session(), tenant_id(), of)
    decides = asked is not None and not deciding.same(asked.first, by)
    if decides and (errors := proof.faults()):
        return day_page(of, errors, 422)
    said = gettext("The day is closed with its difference. It stays listed until it is explained.")
    return _done(day, lambda: closing.approve(tenant_id(), of.isoformat(), by, number), said)


@doors.post("/reconciliation/<day>/refuse", Right.APPROVE)
def refuse_closing(day: str) -> ResponseReturnValue:
    whole_town(Right.APPROVE)
    return _refuse(day, gettext("The day stays open."))


@doors.post("/reconciliation/<day>/take-back", Right.CLOSE_DAY)
def take_back_closing(day: str) -> ResponseReturnValue:
    """Who asked takes it back; of others it is not there."""
    asked = closing.waiting(db.session(), tenant_id(), past(day))
    if asked is not None and not deciding.same(asked.first, gate.person().actor):
        gate.refuse(f"day.close {day}")
    return _refuse(day, gettext("Taken back. The day stays open."))


@doors.post("/reconciliation/<day>/explain", Right.CLOSE_DAY)
def explain_difference(day: str) -> ResponseReturnValue:
    of, by, told = past(day), gate.person().actor, request.form.get("reason", "")
    said = gettext("Written down. The difference is no longer listed as open.")
    return _done(day, lambda: closing.explain(tenant_id(), of, told, by), said)


def _refuse(day: str, said: str) -> ResponseReturnValue:
    of, by = past(day), gate.person().actor
    number = _number()
    return _done(day, lambda: closing.refuse(tenant_id(), of.isoformat(), by, "", number), said)


def _number() -> int:
    """That of the approval that the page showed: what was asked for anew since is another one."""
    told = request.form.get("number", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < MOST_DIGITS else 0


def _done(day: str, act: Callable[[], None], said: str) -> ResponseReturnValue:
    """The act, then the day again: with what was wrong beside its field, or what was done."""
    of = past(day)
    db.session.rollback()  # the act begins its own transactions
    try:
        act()
    except PortalError as error:
        asked_for = error.code in OF_REASON and "reason" in request.form
        status = GONE if isinstance(error, NotFound) else error.status  # the day itself is there
        field = "reason" if asked_for else "act"  # beside what the page asks for
        return day_page(of, {field: refusals.said(error)}, status)
    flash(said)
    return redirect(url_for("admin.reconciliation", day=of), 303)
