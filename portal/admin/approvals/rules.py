"""For which acts one person is enough, and up to which amount; asking for a change of that."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, proof, refusals
from portal.admin.approvals import waiting
from portal.admin.approvals.second_person import ACTS
from portal.admin.frame import page
from portal.approvals import rules, standing
from portal.approvals.people import ONE_MAY_BE_ENOUGH, TOWNS_CHOICE
from portal.db import Json, db
from portal.errors import PortalError
from portal.money import Money
from portal.requests import typed
from portal.requests.asked import MOST_CENTS
from portal.staff.roles import Right
from portal.web.current import tenant
from portal.web.language import gettext


@doors.get("/approvals/rules", Right.SEE_SETTINGS)
def approval_rules() -> ResponseReturnValue:
    return _page({"act": "", "up_to": ""}, {})


@doors.post("/approvals/rules", Right.CHANGE_SETTINGS)
def change_approval_rule() -> ResponseReturnValue:
    """Ask for it; another person agrees."""
    told = {name: request.form.get(name, "").strip() for name in ("act", "up_to")}
    cents = typed.cents(told["up_to"]) if told["up_to"] else 0
    if cents is None or cents > MOST_CENTS or (told["up_to"] and not cents):
        return _page(told, {"up_to": gettext("Please enter an amount such as 50.00.")})
    if errors := proof.faults():
        return _page(told, errors)
    up_to = Money(cents, tenant().currency) if cents else None
    try:
        rules.ask(gate.person().tenant_id, told["act"], up_to, gate.person().actor)
    except PortalError as error:
        db.session.rollback()
        return _page(told, {"act": refusals.said(error)})
    flash(gettext("Asked for. Another person must approve it within seven days."))
    return redirect(url_for("admin.approvals"), 303)


def _page(told: Json, errors: dict[str, str]) -> ResponseReturnValue:
    session = db.session()
    up_to = {rule.act: rule.up_to for rule in standing.in_force(session, gate.person().tenant_id)}
    asked = {each.subject for each in waiting.titles(session, frozenset({rules.ACT}))}
    shown = [
        {"title": gettext(ACTS[act].title), "up_to": up_to.get(act), "free": free,
         "waits": act in asked}
        for act, free in ONE_MAY_BE_ENOUGH.items()
    ]  # fmt: skip
    return page(
        "admin/approval_rules.html",
        422 if errors else 200,
        rules=shown,
        acts=[(act, gettext(ACTS[act].title)) for act in TOWNS_CHOICE],
        may_change=gate.person().may(Right.CHANGE_SETTINGS),
        errors=errors,
        typed=told,
    )
