"""Settings: kinds of request (Forderungsarten)."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, own_account
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.errors import NotFound
from portal.faces import kind_setting
from portal.faces.kind_setting import KindThere, NotAKind, Said
from portal.staff.roles import Right
from portal.tenants import Kind, Law
from portal.web.current import tenant_id
from portal.web.language import gettext
from portal.words import N_

LAWS = {
    Law.PUBLIC: N_("public law: notices, taxes, fees"),
    Law.PRIVATE: N_("private law: rent, entrance, sales"),
    Law.WARNING: N_("warning fine (Verwarnungsgeld): in full or not at all, within the term"),
    Law.FINE: N_("fine (Bußgeld)"),
}
WRONG = {
    "code": N_("Small letters, digits, - and _, beginning with a letter; at most 32."),
    "name": N_("Please give it a name of at most 80 characters."),
    "law": N_("Please choose one."),
    "sentence_de": N_("At most 500 characters."),
    "sentence_en": N_("At most 500 characters."),
}


@doors.get("/settings/kinds", Right.SEE_SETTINGS)
def settings_kinds() -> ResponseReturnValue:
    query = select(Kind).where(Kind.tenant_id == tenant_id()).order_by(Kind.code)
    told = [(kind, gettext(LAWS[Law(kind.law)])) for kind in db.session().scalars(query)]
    return page("admin/settings_kinds.html", kinds=told)


@doors.get("/settings/new-kind", Right.CHANGE_SETTINGS)
def settings_new_kind() -> ResponseReturnValue:
    return boxes.shown(_form(None), {"law": Law.PUBLIC})


@doors.post("/settings/new-kind", Right.CHANGE_SETTINGS)
def settings_add_kind() -> ResponseReturnValue:
    return _put(None, request.form.get("code", "").strip())


@doors.get("/settings/kinds/<kind>", Right.SEE_SETTINGS)
def settings_kind(kind: str) -> ResponseReturnValue:
    row = _kind(kind)
    told = {box.name: _told(getattr(row, box.name)) for box in _form(kind).boxes}
    return boxes.shown(_form(kind), told)


@doors.post("/settings/kinds/<kind>", Right.CHANGE_SETTINGS)
def settings_set_kind(kind: str) -> ResponseReturnValue:
    _kind(kind)
    db.session.rollback()
    return _put(kind, kind)


def _put(known: str | None, code: str) -> ResponseReturnValue:
    form = boxes.told(_form(known).boxes)
    said = Said(
        form["name"].strip(), form["law"], form["sentence_de"].strip(),
        form["sentence_en"].strip(), form["parts_allowed"] == "1",
        form["closes_after_payable_until"] == "1",
    )  # fmt: skip
    spoken = ("name", "sentence_de", "sentence_en")
    if errors := {each: another for each in spoken if (another := own_account.fault(form[each]))}:
        return boxes.shown(_form(known), form, errors, NotAKind.status)
    try:
        kind_setting.put(tenant_id(), code, said, gate.person().actor, new=known is None)
    except NotAKind as error:
        wrong = {error.field: gettext(WRONG[error.field])}
        return boxes.shown(_form(known), form, wrong, error.status)
    except KindThere as error:
        wrong = {"code": gettext("There is a kind of this code already.")}
        return boxes.shown(_form(known), form, wrong, error.status)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_kinds"), 303)


def _kind(code: str) -> Kind:
    row = db.session().get(Kind, (tenant_id(), code)) if "\0" not in code else None
    if row is None:
        raise NotFound
    return row


def _told(value: object) -> str:
    return ("1" if value else "") if isinstance(value, bool) else str(value)


def _form(known: str | None) -> Form:
    code = Box(
        "code", gettext("Code"),
        gettext("As the finance system sends it; it cannot be changed later."), required=True,
    )  # fmt: skip
    to = "admin.settings_add_kind" if known is None else "admin.settings_set_kind"
    return Form(
        known or gettext("New kind of request"),
        gettext("Citizens read name and sentence on the payment page."),
        url_for(to, kind=known) if known else url_for(to), gettext("Save"),
        (
            *([code] if known is None else []),
            Box("name", gettext("Name"), required=True),
            Box("law", gettext("Law"), sort="choose", required=True,
                options=[(law.value, gettext(text)) for law, text in LAWS.items()]),
            Box("sentence_de", gettext("Sentence for citizens, German"), sort="area"),
            Box("sentence_en", gettext("Sentence for citizens, English"), sort="area"),
            Box("parts_allowed", gettext("May be paid in parts"), sort="tick"),
            Box("closes_after_payable_until", gettext("Cannot be paid online after its last day"),
                sort="tick"),
        ),
        may_send=gate.person().may(Right.CHANGE_SETTINGS), back=url_for("admin.settings_kinds"),
    )  # fmt: skip
