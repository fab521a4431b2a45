"""Settings: how long what is kept, and which annual accounts are adopted."""

from datetime import date

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, proof, refusals, words
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.errors import Conflict
from portal.retention import asking, due, noting
from portal.retention.models import AnnualAccounts, RetentionHold
from portal.retention.noting import Accounts, NotYet
from portal.settlements import overdue
from portal.staff.roles import Right
from portal.web.current import tenant, tenant_id
from portal.web.language import gettext
from portal.words import N_

# What is deleted, and what holds it, as the database's own functions call them.
DUE = {
    "details": N_("details of paid requests"),
    "books": N_("requests with money"),
    "unpaid": N_("requests without money"),
}
HELD = {
    "ordered": N_("an order to keep it"),
    "payment_undecided": N_("a payment under way"),
    "refund_open": N_("an open refund"),
    "custody_open": N_("an open custody item"),
    "suspense_open": N_("an open suspense item"),
    "event_waiting": N_("an event that was not taken over"),
    "task_open": N_("an open task"),
}


@doors.get("/settings/retention", Right.SEE_SETTINGS)
def settings_retention() -> ResponseReturnValue:
    """What is kept how long, which years are adopted, and what is due when."""
    session = db.session()
    of_years = select(AnnualAccounts).where(AnnualAccounts.tenant_id == tenant_id())
    years = session.scalars(of_years.order_by(AnnualAccounts.year.desc(), AnnualAccounts.id.desc()))
    held = select(RetentionHold).where(
        RetentionHold.tenant_id == tenant_id(), RetentionHold.ended_at.is_(None)
    )
    return page(
        "admin/settings_retention.html", years=years.all(), holds=session.scalars(held).all(),
        forecast=[
            (words.said(DUE, each.name), words.said(HELD, each.hold), each)
            for each in due.forecast(session, tenant_id())
        ],
    )  # fmt: skip


@doors.get("/settings/retention/times", Right.SEE_SETTINGS)
def settings_times() -> ResponseReturnValue:
    told = {name: str(getattr(tenant(), name)) for name in asking.RANGES}
    told["discharge_counts"] = "1" if tenant().discharge_counts else ""
    return boxes.shown(_times(), told)


@doors.post("/settings/retention/times", Right.CHANGE_SETTINGS)
def settings_ask_times() -> ResponseReturnValue:
    """Ask for other times; another person must agree, for what is deleted does not come back."""
    form, errors = boxes.told(_times().boxes), {}
    for name in asking.RANGES:
        if not form[name].strip().isdecimal() or len(form[name].strip()) > len("9999"):
            errors[name] = gettext("Please enter a whole number.")
    if errors:
        return boxes.shown(_times(), form, errors, 422)
    said = {name: int(form[name]) for name in asking.RANGES}
    try:
        asking.ask(tenant_id(), said, form["discharge_counts"] == "1", gate.person().actor)
    except asking.OutOfRange as error:
        wrong = gettext("From %(least)s to %(most)s.", least=str(error.least), most=str(error.most))
        return boxes.shown(_times(), form, {error.field: wrong}, error.status)
    except Conflict as error:
        return boxes.shown(_times(), form, {"retention_days": refusals.said(error)}, error.status)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.settings_retention"), 303)


@doors.get("/settings/retention/year", Right.CHANGE_SETTINGS)
def settings_year() -> ResponseReturnValue:
    return boxes.shown(_year(), {})


@doors.post("/settings/retention/year", Right.CHANGE_SETTINGS)
def settings_note_year() -> ResponseReturnValue:
    """Note that the annual accounts of a year were adopted: the clock of its books begins."""
    form = boxes.told(_year().boxes)
    if errors := proof.faults():
        return boxes.shown(_year(), form, errors, 422)
    try:
        year = int(form["year"])
        adopted = date.fromisoformat(form["adopted_on"])
        discharged = form["discharged_on"].strip()
        told = Accounts(year, adopted, date.fromisoformat(discharged) if discharged else None)
        db.session.rollback()
        noting.accounts(tenant_id(), told, gate.person().actor)
    except (NotYet, ValueError):
        wrong = gettext("Accounts are adopted after their year and not later than today.")
        return boxes.shown(_year(), form, {"adopted_on": wrong}, 422)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_retention"), 303)


@doors.get("/settings/deadlines", Right.SEE_SETTINGS)
def settings_deadlines() -> ResponseReturnValue:
    return boxes.shown(_deadlines(), {"suspense_days": str(tenant().suspense_days)})


@doors.post("/settings/deadlines", Right.CHANGE_SETTINGS)
def settings_set_deadlines() -> ResponseReturnValue:
    """One person is enough: an item stays what it is, only its task comes sooner or later."""
    form = boxes.told(_deadlines().boxes)
    days, least, most = form["suspense_days"].strip(), str(overdue.LEAST), str(overdue.MOST)
    known = days.isdecimal() and len(days) <= len(most)
    if not known or not overdue.LEAST <= int(days) <= overdue.MOST:
        wrong = gettext("From %(least)s to %(most)s.", least=least, most=most)
        return boxes.shown(_deadlines(), form, {"suspense_days": wrong}, 422)
    overdue.put_days(tenant_id(), int(days), gate.person().actor)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_deadlines"), 303)


def _deadlines() -> Form:
    return Form(
        gettext("Deadlines"),
        gettext(
            "What waits for longer than this becomes a task, within ten minutes. What is a task"
            " already stays one."
        ),
        url_for("admin.settings_set_deadlines"), gettext("Save"),
        (
            Box("suspense_days", gettext("Suspense item is overdue after days"),
                gettext("Days after the payment by which the provider should have paid out; from"
                        " %(least)s to %(most)s.", least=str(overdue.LEAST),
                        most=str(overdue.MOST)), "number", required=True),
        ),
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip


def _times() -> Form:
    return Form(
        gettext("How long what is kept"),
        gettext(
            "Shorter times delete in the next night what is then past its time; it does not come"
            " back. Another person has to agree."
        ),
        url_for("admin.settings_ask_times"), gettext("Ask for the change"),
        (
            Box("retention_days", gettext("Details of paid requests, days"),
                gettext("Days after the last movement for which confirmation and details stay."),
                "number", required=True),
            Box("books_years", gettext("Books, years"),
                gettext("Years after the annual accounts were adopted; ten at least."),
                "number", required=True),
            Box("voucher_years", gettext("Vouchers, years"),
                gettext("Not longer than the books."), "number", required=True),
            Box("discharge_counts", gettext("Only the discharge (Entlastung) begins the time"),
                sort="tick"),
        ),
        frozenset({asking.ACT}), gate.person().may(Right.CHANGE_SETTINGS),
        url_for("admin.settings_retention"),
    )  # fmt: skip


def _year() -> Form:
    return Form(
        gettext("Annual accounts"),
        gettext(
            "With the adopted accounts of a year the time begins for which its books are kept. What"
            " is past it is deleted and does not come back."
        ),
        url_for("admin.settings_note_year"), gettext("Save"),
        (
            Box("year", gettext("Year"), sort="number", required=True),
            Box("adopted_on", gettext("Adopted on"), sort="date", required=True),
            Box("discharged_on", gettext("Discharged on"), sort="date"),
        ),
        back=url_for("admin.settings_retention"), proves=True,
    )  # fmt: skip
