"""Rules: what is offered when, a simulation of it, and changing one with a preview."""

from dataclasses import dataclass
from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate
from portal.admin.frame import page
from portal.admin.rules import form, preview
from portal.admin.rules.form import Errors, Form
from portal.db import db
from portal.errors import NotFound
from portal.money import Money
from portal.payments import accounts, offering, parts, rule_setting
from portal.payments.account_setting import NotSet
from portal.payments.models import ProviderRule
from portal.payments.offering import Case
from portal.payments.offers import CHANNELS, SENTENCES, Refusal
from portal.staff.roles import Right
from portal.web import language
from portal.web.current import tenant
from portal.web.language import gettext
from portal.words import N_

CHANNEL_NAMES = {"web": N_("Internet (phone or computer)")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the simulation is asked, as it was typed."""

    amount: str
    kind: str
    channel: str
    day: str


@doors.get("/rules", Right.SEE_SETTINGS)
def rules() -> ResponseReturnValue:
    """All rules in their order, and what they mean for an amount."""
    session, town = db.session(), tenant()
    today = offering.today(session, town.id)
    told = request.args
    asked = Asked(
        told.get("amount", ""),
        told.get("kind", ""),
        told.get("channel", CHANNELS[0]),
        told.get("day", today.isoformat()),
    )
    case, errors = _case(asked) if "amount" in told else (None, {})
    found = offering.on(session, town.id, case) if case else None
    rows = sorted(accounts.rules(session, town.id), key=lambda row: (row.position, row.id))
    return page(
        "admin/rules.html",
        422 if errors else 200,
        rows=[(row, _amounts(row), _state(row, today)) for row in rows],
        asked=asked,
        case=case,
        offered=found.offered if found else (),
        refused=[(each, _why(each)) for each in found.refused] if found else (),
        kinds=_kinds(),
        channels=_channels(),
        may_change=gate.person().may(Right.CHANGE_SETTINGS),
        errors=errors,
    )


@doors.get("/rules/new", Right.CHANGE_SETTINGS)
def new_rule() -> ResponseReturnValue:
    """A form with what a new rule mostly is."""
    day = offering.today(db.session(), tenant().id).isoformat()
    return _form_page(None, form.typed({"position": "100", "valid_from": day}), {})


@doors.post("/rules/new", Right.CHANGE_SETTINGS)
def add_rule() -> ResponseReturnValue:
    return _changed(None)


@doors.get("/rules/<int:number>", Right.CHANGE_SETTINGS)
def rule(number: int) -> ResponseReturnValue:
    """A form with what a rule is now."""
    row = _row(number)
    return _form_page(row, form.of_row(row), {})


@doors.post("/rules/<int:number>", Right.CHANGE_SETTINGS)
def change_rule(number: int) -> ResponseReturnValue:
    return _changed(_row(number))


def _changed(row: ProviderRule | None) -> ResponseReturnValue:
    """First the preview; the second time, what was seen there is done."""
    session, town, told = db.session(), tenant(), form.typed(request.form)
    number = row.id if row else None
    if "back" in request.form:
        return _form_page(row, told, {})
    said, errors = form.read(session, town, told, row)
    if errors:
        return _form_page(row, told, errors)
    if "confirmed" not in request.form:
        days = preview.of(session, town.id, number, said)
        return page("admin/rule_preview.html", rule=row, told=told, days=days)
    db.session.rollback()
    try:
        number = rule_setting.put(gate.person().tenant_id, number, said, gate.person().actor)
    except NotSet:
        ended = {"method": gettext("This cannot be set so: the method may have ended.")}
        return _form_page(_row(number) if number else None, told, ended)
    flash(gettext("Rule %(number)s counts from now on.", number=number))
    return redirect(url_for("admin.rules"), 303)


def _form_page(row: ProviderRule | None, told: Form, errors: Errors) -> ResponseReturnValue:
    session, tenant_id = db.session(), gate.person().tenant_id
    options = [(each.id, f"{each.id} ({each.provider})") for each in
               form.accounts_of(session, tenant_id)]  # fmt: skip
    return page(
        "admin/rule.html",
        422 if errors else 200,
        rule=row,
        told=told,
        accounts=options,
        kinds=_kinds(),
        channels=_channels(),
        errors=errors,
    )


def _row(number: int) -> ProviderRule:
    row = db.session().get(ProviderRule, (gate.person().tenant_id, number))
    if row is None:
        raise NotFound("There is no such rule.")
    return row


def _case(asked: Asked) -> tuple[Case | None, Errors]:
    errors = Errors()
    cents = parts.read(asked.amount)
    if not cents:
        errors["amount"] = gettext("Please give an amount such as 148.50.")
    if asked.kind not in {code for code, _ in _kinds()}:
        errors["kind"] = gettext("Please choose a kind.")
    try:
        day = date.fromisoformat(asked.day)
    except ValueError:
        errors["day"] = gettext("Please give a day such as 2026-12-31.")
    if errors or not cents:
        return None, errors
    channel = asked.channel if asked.channel in CHANNELS else CHANNELS[0]
    return Case(Money(cents, tenant().currency), asked.kind, channel, day), {}


def _kinds() -> list[tuple[str, str]]:
    found = form.kinds_of(db.session(), gate.person().tenant_id)
    return [(kind.code, kind.name) for kind in found]


def _channels() -> list[tuple[str, str]]:
    return [(code, gettext(CHANNEL_NAMES[code])) for code in CHANNELS]


def _why(refusal: Refusal) -> str:
    """The sentence that a citizen would read."""
    limit = language.money(refusal.limit) if refusal.limit is not None else ""
    return gettext(SENTENCES[refusal.reason], method=refusal.label, limit=limit)


def _amounts(row: ProviderRule) -> str:
    """From and up to which amount, both inclusive."""
    least, most = (
        None if cents is None else language.money(Money(cents, row.currency))
        for cents in (row.minimum_cents, row.maximum_cents)
    )
    if least and most:
        return gettext("%(least)s to %(most)s", least=least, most=most)
    if least:
        return gettext("from %(least)s", least=least)
    return gettext("up to %(most)s", most=most) if most else gettext("any")


def _state(row: ProviderRule, today: date) -> tuple[str, str]:
    if today < row.valid_from:
        return gettext("from %(day)s", day=language.day(row.valid_from)), "wait"
    if row.valid_until is None:
        return gettext("in force"), "good"
    if row.valid_until < today:
        return gettext("over"), "plain"
    return gettext("until %(day)s", day=language.day(row.valid_until)), "wait"
