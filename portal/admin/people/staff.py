"""Who works here: people, their roles, and what waits for a second person."""

import segno
from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, refusals
from portal.admin.approvals import waiting
from portal.admin.frame import page, role
from portal.db import db, transaction
from portal.errors import Conflict, Invalid
from portal.staff import granting, members, new_keys, one_time
from portal.staff.models import StaffMember, StaffRole
from portal.staff.roles import Grant, Right, Role
from portal.tenants import Kind
from portal.web.current import keyring, tenant, tenant_id
from portal.web.language import gettext
from portal.words import N_

UNIT = 64  # signs
ACTS = frozenset({granting.ACT, new_keys.ACT})
SENTENCES = {
    "bad_login": N_("2 to 64 of a-z 0-9 . _ -, beginning with a letter or a digit."),
    "login_taken": N_("Somebody has this login, or had it. Please take another one."),
}


@doors.get("/staff", Right.SEE_SETTINGS)
def staff() -> ResponseReturnValue:
    """Everyone, those whose account has ended last."""
    session = db.session()
    people = [
        (each, members.grants_of(session, tenant_id(), each.id), _state(each))
        for each in members.all_of(session, tenant_id())
    ]
    shown = new_keys.waiting_for(tenant_id(), gate.person().actor)
    return page(
        "admin/staff.html", people=people, waiting=waiting.titles(db.session(), ACTS), to_show=shown
    )


@doors.get("/new-person", Right.GRANT)
def staff_new() -> ResponseReturnValue:
    return page("admin/staff_new.html", form={}, errors={})


@doors.post("/new-person", Right.GRANT)
def staff_add() -> ResponseReturnValue:
    """An account that can do nothing yet: roles and keys are given by two people."""
    form = {name: request.form.get(name, "").strip() for name in ("login", "display")}
    try:
        with transaction() as session:
            members.add(
                session, tenant_id(), form["login"].lower(), form["display"], gate.person().actor
            )
    except (Invalid, Conflict) as error:
        errors = {"login": gettext(SENTENCES[error.code])}
        return page("admin/staff_new.html", error.status, form=form, errors=errors)
    flash(gettext("The account is made. It still needs a role and its keys."))
    return redirect(url_for("admin.staff_member", login=form["login"].lower()), 303)


@doors.get("/staff/<login>", Right.SEE_SETTINGS)
def staff_member(login: str) -> ResponseReturnValue:
    return _member_page(login)


@doors.post("/staff/<login>/role", Right.GRANT)
def staff_ask_role(login: str) -> ResponseReturnValue:
    """Ask for a role; another person must agree."""
    _member(login)
    form = {name: request.form.get(name, "").strip() for name in ("role", "unit", "kind")}
    if errors := _faults(form):
        return _member_page(login, errors, 422, form)
    grant = Grant(Role(form["role"]), form["unit"] or None, form["kind"] or None)
    try:
        granting.ask(tenant_id(), login, grant, gate.person().actor)
    except Conflict as error:
        return _member_page(login, {"role": refusals.said(error)}, error.status, form)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.staff_member", login=login), 303)


@doors.post("/staff/<login>/take-back", Right.GRANT)
def staff_take_back(login: str) -> ResponseReturnValue:
    """Take a role back, at once; one person is enough."""
    member = _member(login)
    for grant in members.grants_of(db.session(), tenant_id(), member.id):
        if _name(grant) == request.form.get("grant"):
            db.session.rollback()
            granting.take_back(tenant_id(), login, grant, gate.person().actor)
            flash(gettext("The role is taken back and counts no more."))
    return redirect(url_for("admin.staff_member", login=login), 303)


@doors.post("/staff/<login>/keys", Right.GRANT)
def staff_ask_keys(login: str) -> ResponseReturnValue:
    """Ask for a new password and a new authenticator app; another person must agree."""
    _member(login)
    try:
        new_keys.ask(tenant_id(), login, gate.person().actor)
    except Conflict as error:
        return _member_page(login, {"keys": refusals.said(error)}, error.status)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.staff_member", login=login), 303)


@doors.post("/staff/<login>/show", Right.SEE_SETTINGS)
def staff_show(login: str) -> ResponseReturnValue:
    """One half of the new keys, to the one whom it waits for, this once."""
    member = _member(login)
    found = new_keys.show(keyring(), tenant_id(), login, gate.person().actor)
    if found is None:
        return redirect(url_for("admin.staff_member", login=login), 303)
    part, secret = found
    picture = _picture(secret, login) if part == new_keys.APP else None
    return page("admin/staff_keys.html", member=member, part=part, secret=secret, picture=picture)


@doors.post("/staff/<login>/end", Right.GRANT)
def staff_end(login: str) -> ResponseReturnValue:
    """End an account, at once; not one's own: the town would stand there without anybody."""
    _member(login)
    if login == gate.person().login:
        wrong = {"end": gettext("This is your own account. Somebody else has to end it.")}
        return _member_page(login, wrong, 409)
    db.session.rollback()
    with transaction() as session:
        member = members.locked(session, tenant_id(), login)
        if member.ended_at is None:
            members.end(session, member, gate.person().actor)
    flash(gettext("The account has ended. Nobody signs in with it any more."))
    return redirect(url_for("admin.staff_member", login=login), 303)


def _member(login: str) -> StaffMember:
    """The person; raises ``NoSuchMember``, which is a page that is not there."""
    return members.by_login(db.session(), tenant_id(), login)


def _member_page(
    login: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
    form: dict[str, str] | None = None,
) -> ResponseReturnValue:
    session, member = db.session(), _member(login)
    had = session.scalars(
        select(StaffRole)
        .where(StaffRole.tenant_id == member.tenant_id, StaffRole.staff_id == member.id)
        .order_by(StaffRole.ended_at.is_not(None), StaffRole.id)
    ).all()
    kinds = session.execute(
        select(Kind.code, Kind.name).where(Kind.tenant_id == member.tenant_id).order_by(Kind.code)
    ).all()
    titles = [
        each for each in waiting.titles(session, ACTS)
        if each.subject == login or each.subject.startswith(f"{login}:")
    ]  # fmt: skip
    return page(
        "admin/staff_member.html", status, errors=errors or {}, form=form or {}, member=member,
        state=_state(member), had=had, kinds=kinds, waiting=titles,
        own=login == gate.person().login,
        may_grant=gate.person().may(Right.GRANT), roles=[(each.value, role(each)) for each in Role],
        to_show=login in dict(new_keys.waiting_for(member.tenant_id, gate.person().actor)),
    )  # fmt: skip


def _faults(form: dict[str, str]) -> dict[str, str]:
    kinds = db.session.scalars(select(Kind.code).where(Kind.tenant_id == tenant_id())).all()
    errors = {}
    if form["role"] not in set(Role):
        errors["role"] = gettext("Please choose a role.")
    if len(form["unit"]) > UNIT or ":" in form["unit"]:
        errors["unit"] = gettext("A unit has at most 64 characters and no colon.")
    if form["kind"] and form["kind"] not in kinds:
        errors["kind"] = gettext("Please choose a kind of the list.")
    return errors


def _state(member: StaffMember) -> tuple[str, str]:
    """(sentence, tone) of an account."""
    if member.ended_at is not None:
        return gettext("ended"), "plain"
    if member.subject is not None:
        return gettext("through the directory"), "good"
    if member.password is None:
        return gettext("has no keys yet"), "wait"
    return gettext("password and app"), "good"


def _name(grant: Grant) -> str:
    return ":".join((grant.role, grant.unit or "", grant.kind or ""))


def _picture(secret: str, login: str) -> tuple[str, int]:
    """The QR code for the authenticator app, as the path of a drawing, and how wide it is."""
    address = one_time.address(secret, login, tenant().name)
    rows = list(segno.make_qr(address).matrix_iter(border=4))
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, bit in enumerate(row) if bit]
    return "".join(dark), len(rows)
