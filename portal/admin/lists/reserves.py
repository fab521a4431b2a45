"""Reserves: what providers hold back for disputes to come, and closing of one by order."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, proof, refusals
from portal.admin.approvals import waiting
from portal.admin.frame import page
from portal.admin.lists import showing
from portal.db import db
from portal.errors import PortalError
from portal.money import Money
from portal.payments import accounts
from portal.requests import typed
from portal.requests.asked import MOST_CENTS
from portal.settlements import reserves
from portal.staff.roles import Right
from portal.web.current import tenant, tenant_id
from portal.web.language import gettext

ACTS = frozenset({reserves.ACT})
OF_AMOUNT = {"not_held"}


@doors.get("/reserves", Right.SEE)
def reserves_list() -> ResponseReturnValue:
    """Each account that holds something back; they are the whole town's."""
    _whole_town(Right.SEE)
    session, who = db.session(), gate.person()
    return page(
        "admin/reserves.html",
        reserves=reserves.all_held(session, tenant_id()),
        waiting=waiting.titles(session, ACTS),
        beside=showing.beside("held"),
        may_close=who.may(Right.MOVE_MONEY) and who.reach(Right.MOVE_MONEY).whole,
    )


@doors.get("/reserves/<account_id>/close", Right.MOVE_MONEY)
def close_reserve_page(account_id: str) -> ResponseReturnValue:
    return _page(account_id, {"amount": "", "currency": "", "order": ""}, {})


@doors.post("/reserves/<account_id>/close", Right.MOVE_MONEY)
def close_reserve(account_id: str) -> ResponseReturnValue:
    """Ask for it; another person approves."""
    _whole_town(Right.MOVE_MONEY)
    told = {name: request.form.get(name, "").strip() for name in ("amount", "currency", "order")}
    cents, errors = typed.cents(told["amount"]) or 0, {}
    if not 0 < cents <= MOST_CENTS:
        errors["amount"] = gettext("Please enter an amount such as 50.00.")
    if errors := errors or proof.faults():
        return _page(account_id, told, errors)
    amount = Money(cents, told["currency"] or tenant().currency)
    db.session.rollback()
    try:
        reserves.ask(tenant_id(), account_id, amount, told["order"], gate.person().actor)
    except PortalError as error:
        db.session.rollback()
        field = "amount" if error.code in OF_AMOUNT else "order"
        return _page(account_id, told, {field: refusals.said(error)})
    flash(gettext("Asked for. Another person must approve it within seven days."))
    return redirect(url_for("admin.reserves_list"), 303)


def _page(account_id: str, told: dict[str, str], errors: dict[str, str]) -> ResponseReturnValue:
    _whole_town(Right.MOVE_MONEY)
    session = db.session()
    account = accounts.get(session, tenant_id(), account_id)
    held = [each for name, each in reserves.all_held(session, tenant_id()) if name == account.id]
    if errors and not held:  # there is no form any more to stand beside
        flash(next(iter(errors.values())))
        return redirect(url_for("admin.reserves_list"), 303)
    return page(
        "admin/reserve_close.html",
        422 if errors else 200,
        account=account,
        held=held,
        currencies=[(each.currency, each.currency) for each in held],
        typed=told,
        errors=errors,
    )


def _whole_town(right: Right) -> None:
    if not gate.person().reach(right).whole:
        gate.refuse(f"{right.value} of the whole town")
