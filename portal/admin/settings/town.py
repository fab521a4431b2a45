"""Settings: what the town says of itself, its crest, its bank account."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, own_account, refusals
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.errors import Conflict, Invalid
from portal.faces import bank, colours, crests, fields, setting
from portal.faces.fields import FIELDS, Page
from portal.faces.models import TenantText
from portal.faces.setting import Said
from portal.staff.roles import Right
from portal.web.current import tenant, tenant_id
from portal.web.language import LANGUAGES, gettext
from portal.words import N_

LINES = {
    "name": N_("Name of the town"),
    "street": N_("Street"),
    "postcode_city": N_("Postcode and place"),
    "phone": N_("Telephone"),
    "email": N_("E-mail"),
    "hours": N_("When you can be called"),
}
LARGEST_CREST = 1024 * 1024  # bytes of the file; what is kept is far smaller
PAGES = {
    Page.EVERY: N_("On every page"),
    Page.IMPRINT: N_("Imprint"),
    Page.PRIVACY: N_("Privacy"),
    Page.ACCESSIBILITY: N_("Accessibility"),
    Page.EASY: N_("Leichte Sprache"),
    Page.DEFERRAL: N_("Deferral"),
}


@doors.get("/settings/face", Right.SEE_SETTINGS)
def settings_face() -> ResponseReturnValue:
    town = tenant()
    return boxes.shown(_face(), {**{name: getattr(town, name) for name in LINES},
                                 "colour": town.colour})  # fmt: skip


@doors.post("/settings/face", Right.CHANGE_SETTINGS)
def settings_set_face() -> ResponseReturnValue:
    """Lines, colour and crest; each is checked before any is set."""
    form, by = boxes.told(_face().boxes), gate.person().actor
    crest = request.files.get("crest")
    picture = crest.read(LARGEST_CREST + 1) if crest else b""
    if errors := _faults(form, picture):
        return boxes.shown(_face(), form, errors, 422)
    was = tenant().colour
    setting.put(tenant_id(), [Said(name, form[name]) for name in LINES], by)
    if form["colour"].strip() and form["colour"].strip() != was:
        setting.put_colour(tenant_id(), form["colour"].strip(), by)
    if picture:
        setting.put_crest(tenant_id(), picture, by)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_face"), 303)


def _faults(form: dict[str, str], picture: bytes) -> dict[str, str]:
    errors = {name: wrong for name in LINES if (wrong := _line_fault(name, form[name]))}
    try:
        if form["colour"].strip():
            colours.pair(form["colour"].strip())
    except Invalid:
        errors["colour"] = gettext(
            "This colour cannot be read well, or is none. Write it as #2044aa."
        )
    try:
        if picture:
            crests.crest(picture)
    except crests.NotACrest as error:
        errors["crest"] = gettext("This picture cannot be taken: %(why)s", why=str(error))
    return errors


def _line_fault(name: str, text: str) -> str:
    try:
        setting.line(name, text)
    except Invalid:
        return gettext("This cannot be taken: please check it for typing errors.")
    return own_account.fault(text)


@doors.get("/settings/texts", Right.SEE_SETTINGS)
def settings_texts() -> ResponseReturnValue:
    """Every text, by its page; what is missing stands there as missing."""
    query = select(TenantText).where(TenantText.tenant_id == tenant_id())
    rows = db.session().scalars(query.order_by(TenantText.language)).all()
    said: dict[str, list[TenantText]] = {}
    for row in rows:
        said.setdefault(row.field, []).append(row)
    return page("admin/settings_texts.html", pages=_by_page(), said=said)


@doors.get("/settings/texts/<name>", Right.SEE_SETTINGS)
def settings_text(name: str) -> ResponseReturnValue:
    form = _text(name)
    query = select(TenantText.language, TenantText.text).where(
        TenantText.tenant_id == tenant_id(), TenantText.field == name
    )
    return boxes.shown(form, {f"text-{code}": text for code, text in db.session.execute(query)})


@doors.post("/settings/texts/<name>", Right.CHANGE_SETTINGS)
def settings_set_text(name: str) -> ResponseReturnValue:
    """All languages of one field; an empty text takes it back."""
    form = _text(name)
    values, errors = boxes.told(form.boxes), {}
    for key, text in values.items():
        try:
            fields.checked(name, text)
        except Invalid as error:
            errors[key] = gettext("This cannot be taken: %(why)s", why=str(error))
        if another := own_account.fault(text):
            errors[key] = another
    if errors:
        return boxes.shown(form, values, errors, 422)
    told = [Said(name, text, _language(name, key)) for key, text in values.items()]
    setting.put(tenant_id(), told, gate.person().actor)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_texts"), 303)


@doors.get("/settings/bank", Right.SEE_SETTINGS)
def settings_bank() -> ResponseReturnValue:
    return boxes.shown(_bank(), {name: getattr(tenant(), name) for name in bank.FIELDS})


@doors.post("/settings/bank", Right.CHANGE_SETTINGS)
def settings_ask_bank() -> ResponseReturnValue:
    """Ask for another account; another person must agree."""
    form = boxes.told(_bank().boxes)
    try:
        bank.ask(tenant_id(), form, gate.person().actor)
    except bank.NotABank as error:
        wrong = gettext("Please check this for typing errors; holder and IBAN belong together.")
        return boxes.shown(_bank(), form, {error.field: wrong}, error.status)
    except Conflict as error:
        return boxes.shown(_bank(), form, {"iban": refusals.said(error)}, error.status)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.settings_bank"), 303)


def _face() -> Form:
    lines = [Box(name, gettext(label), required=name == "name") for name, label in LINES.items()]
    return Form(
        gettext("Name and face"),
        gettext("So citizens see the town. The bank account is a page of its own."),
        url_for("admin.settings_set_face"), gettext("Save"),
        (
            *lines,
            Box("colour", gettext("Colour"),
                gettext("As #2044aa: of buttons and links. It must be easy to read on white.")),
            Box("crest", gettext("Crest"),
                gettext("SVG or PNG; empty: it stays as it is."), "file"),
        ),
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip


def _text(name: str) -> Form:
    if name not in FIELDS:
        gate.refuse(f"text {name[:40]}")
    field = FIELDS[name]
    if field.of or field.is_day:
        options = [("", gettext("not said"))] + [(each, each) for each in field.of]
        sort = "date" if field.is_day else "choose"
        told = [Box(f"text-{tenant().language}", gettext("Value"), "", sort, options)]
    else:
        own = [tenant().language] if name == "easy" else list(LANGUAGES)
        told = [Box(f"text-{code}", LANGUAGES[code].name, "", "area") for code in own]
    return Form(
        f"{gettext(PAGES[field.page])}: {_called(name)}",
        gettext("Plain text; a line that begins with # is a heading. Empty takes it back."),
        url_for("admin.settings_set_text", name=name), gettext("Save"), told,
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
        back=url_for("admin.settings_texts"),
    )  # fmt: skip


def _language(name: str, key: str) -> str | None:
    code = key.removeprefix("text-")
    return code if FIELDS[name].is_spoken and code != tenant().language else None


def _called(name: str) -> str:
    return gettext(FIELDS[name].says) if FIELDS[name].says else name


def _by_page() -> list[tuple[str, list[tuple[str, str, bool]]]]:
    return [
        (
            gettext(title),
            [(f.name, _called(f.name), f.needed) for f in FIELDS.values() if f.page is of],
        )
        for of, title in PAGES.items()
    ]


def _bank() -> Form:
    return Form(
        gettext("Bank details"),
        gettext(
            "Citizens transfer to this account when they do not pay online. Another person has to"
            " agree before it counts."
        ),
        url_for("admin.settings_ask_bank"), gettext("Ask for the change"),
        (
            Box("account_holder", gettext("Account holder")),
            Box("iban", "IBAN"),
            Box("bic", "BIC"),
        ),
        frozenset({bank.ACT}), gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip
