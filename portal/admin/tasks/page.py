"""The worklist, and one task: what happened, what to do, and the button that does it."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.admin import doors, gate, links, proof, refusals
from portal.admin.frame import page
from portal.admin.tasks import acts, assigning, custody_facts, listing, words
from portal.admin.tasks.acts import Act
from portal.admin.tasks.doing import Unfit
from portal.admin.tasks.listing import BANDS, Wanted
from portal.db import db
from portal.errors import PortalError
from portal.finance.models import Acknowledgement
from portal.money import Money
from portal.staff.roles import Right
from portal.web.language import gettext
from portal.words import N_
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

Page = Callable[[int], ResponseReturnValue]  # of the task of a number
BAND_NAMES = {
    "0-2": N_("0 to 2 days"),
    "3-7": N_("3 to 7 days"),
    "8-30": N_("8 to 30 days"),
    "older": N_("more than 30 days"),
}


@doors.get("/tasks", Right.SEE)
def tasks() -> ResponseReturnValue:
    """All that waits for a person, the oldest first."""
    session, wanted = db.session(), _wanted()
    found, more = listing.page(session, wanted)
    counted = listing.counts(session)
    return page(
        "admin/tasks.html",
        request_page=links.request_page,
        tasks=[(each, *_row(each)) for each in found],
        wanted=wanted,
        kinds=[(kind.value, words.title(kind)) for kind in Kind],
        bands=[(band, gettext(BAND_NAMES[band])) for band in BANDS],
        counts=[
            (kind, words.title(kind), counted[kind], sum(counted[kind].values()))
            for kind in Kind
            if kind in counted
        ],
        total=sum(sum(each.values()) for each in counted.values()),
        next_url=url_for("admin.tasks", **_query(wanted, found[-1].number)) if more else None,
    )


@doors.get("/tasks/<int:number>", Right.SEE)
def task(number: int) -> ResponseReturnValue:
    """One task: what happened, what to do, and the buttons that do it."""
    return _shown(listing.one(db.session(), number), {})


def _shown(one: StaffTask, errors: dict[str, str], status: int = 422) -> ResponseReturnValue:
    session = db.session()
    item = custody_facts.item_of(session, one)
    may_assign = assigning.may(one, item)
    return page(
        "admin/task.html",
        status if errors else 200,
        task=one,
        request_page=links.request_page,
        title=words.title(one.kind),
        happened=words.happened(one),
        to_do=words.to_do(one),
        days=listing.days(one),
        acts=acts.of(one),
        lead=acts.lead(one),
        item=item,
        item_open=Money(item.open_cents, item.currency) if item else None,
        found=custody_facts.found_of(session, item) if item else None,
        proposals=custody_facts.proposed(session, item) if item and may_assign else [],
        why=words.why,
        may_assign=may_assign,
        waiting=custody_facts.waits(session, item) if item else [],
        answer=_answer(session, one),
        errors=errors,
    )


def _answer(session: Session, one: StaffTask) -> str:
    """Why the finance system could not book what the task is about, in its own words."""
    if one.kind != Kind.EVENT_REFUSED:
        return ""
    said = session.get(Acknowledgement, (one.tenant_id, one.detail["position"]))
    return (said.reason or "") if said else ""


def _form_of(act: Act) -> Page:
    def show(number: int) -> ResponseReturnValue:
        return _act_page(act, _to_be_done(act, number), {}, {})

    show.__name__ = f"task_{act.name}_page"
    return show


def _doing(act: Act) -> Page:
    def do(number: int) -> ResponseReturnValue:
        one = _to_be_done(act, number)
        if not acts.fits(act, one):
            return _not_now(act, one)
        form = {field.name: request.form.get(field.name, "") for field in act.fields}
        errors, status = proof.faults() if act.money else {}, 422
        if not errors:
            try:
                said = act.do(one, form)
            except Unfit as error:
                db.session.rollback()
                errors = {error.field: str(error)}
            except PortalError as error:
                db.session.rollback()
                field = act.fields[0].name if act.fields else "acts"
                errors, status = {field: refusals.said(error)}, error.status
            else:
                flash(said)
                return redirect(url_for("admin.task", number=number), 303)
        one = listing.one(db.session(), number)
        return show(act, one, form, errors, status)

    show = _act_page if act.fields else _without_form
    do.__name__ = f"task_{act.name}"
    return do


def _without_form(
    _: Act, one: StaffTask, __: dict[str, str], errors: dict[str, str], status: int
) -> ResponseReturnValue:
    return _shown(one, errors, status)


def _to_be_done(act: Act, number: int) -> StaffTask:
    """The task, where this person may do so much about it; else it is not there."""
    one = listing.one(db.session(), number)
    if not acts.may(act.right, one):
        gate.refuse(f"task {number} {act.name}")
    return one


def _not_now(act: Act, one: StaffTask) -> ResponseReturnValue:
    ended = N_("The task has ended meanwhile.")
    flash(gettext(act.not_now if one.ended_at is None else ended))
    return redirect(url_for("admin.task", number=one.number), 303)


def _act_page(
    act: Act, one: StaffTask, form: dict[str, str], errors: dict[str, str], status: int = 422
) -> ResponseReturnValue:
    if not acts.fits(act, one):
        return _not_now(act, one)
    return page(
        "admin/task_act.html",
        status if errors else 200,
        act=act,
        task=one,
        title=words.title(one.kind),
        happened=words.happened(one),
        form_values=form,
        errors=errors,
    )


for _each in acts.ACTS:
    if _each.fields:
        doors.get(f"/tasks/<int:number>/{_each.name}", _each.right)(_form_of(_each))
    doors.post(f"/tasks/<int:number>/{_each.name}", _each.right)(_doing(_each))


def _wanted() -> Wanted:
    """What the address asks for; what it says wrongly is left out."""
    told = request.args
    kind, band, behind = told.get("kind", ""), told.get("age", ""), told.get("behind", "")
    return Wanted(
        Kind(kind) if kind in set(Kind) else None,
        band if band in BANDS else None,
        told.get("show") == "ended",
        int(behind) if behind.isascii() and behind.isdigit() and len(behind) < 10 else None,
    )


def _query(wanted: Wanted, behind: int) -> dict[str, Any]:
    told = {
        "kind": wanted.kind, "age": wanted.band, "show": "ended" if wanted.ended else None,
        "behind": behind,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _row(one: StaffTask) -> tuple[str, str, int]:
    return words.title(one.kind), words.happened(one), listing.days(one)
