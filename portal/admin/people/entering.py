"""Signing in and out, proving again to be it, and one's own access."""

from typing import cast

from flask import Response, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import cookie, doors, gate
from portal.admin.doors import Open
from portal.admin.frame import entries, page
from portal.admin.people import directory
from portal.db import db, transaction
from portal.staff import passwords, signing_in, sittings
from portal.staff.signing_in import NotSignedIn, Told
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext


@doors.get("/", Open.SIGNED_IN)
def home() -> ResponseReturnValue:
    """The first page that this person may see."""
    return redirect(url_for(entries()[0].endpoint), 303)


@doors.get("/sign-in", Open.ANYONE)
def sign_in_page() -> ResponseReturnValue:
    if gate.signed_in():
        return redirect(gate.way_back(request.args.get("back", "")), 303)
    return _sign_in_page(request.args.get("back", ""))


@doors.post("/sign-in", Open.ANYONE)
def sign_in() -> ResponseReturnValue:
    """A local account; one sentence for whatever was wrong."""
    told = Told(*(request.form.get(name, "") for name in ("login", "password", "code")))
    back = request.form.get("back", "")
    try:
        name = signing_in.sign_in(keyring(), tenant_id(), told)
    except NotSignedIn as error:
        wrong = gettext(
            "That did not fit together. Please check all three; a code counts only once."
            " After ten wrong tries an account waits for 15 minutes."
        )
        return _sign_in_page(back, error.status, {"login": wrong}, told.login)
    answer = cast(Response, redirect(gate.way_back(back), 303))
    cookie.write(answer, name)
    return answer


@doors.post("/sign-out", Open.SIGNED_IN)
def sign_out() -> ResponseReturnValue:
    with transaction() as session:
        kept = sittings.end(session, gate.person())
    g.person = None
    answer = cast(Response, redirect(directory.way_out(kept), 303))
    cookie.forget(answer)
    return answer


@doors.get("/signed-out", Open.ANYONE)
def signed_out() -> ResponseReturnValue:
    return page("admin/signed_out.html")


@doors.get("/account", Open.SIGNED_IN)
def account() -> ResponseReturnValue:
    """Who I am here and what I may do."""
    return page("admin/account.html", errors={})


@doors.post("/account/password", Open.SIGNED_IN)
def change_password() -> ResponseReturnValue:
    """A password of one's own; the others of one's sittings end, and this one goes on."""
    who = gate.person()
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    if errors := _faults(new, again):
        return page("admin/account.html", 422, errors=errors)
    db.session.rollback()  # the acts begin their own transactions
    kept = signing_in.knows_password(who, old)
    name = signing_in.change_password(who, kept, new) if kept else None
    if name is None:
        errors = {"old": gettext("This is not your password.")}
        return page("admin/account.html", 422, errors=errors)
    flash(gettext("Your new password counts from now on. You are signed out everywhere else."))
    answer = cast(Response, redirect(url_for("admin.account"), 303))
    cookie.write(answer, name)
    return answer


def _sign_in_page(
    back: str, status: int = 200, errors: dict[str, str] | None = None, login: str = ""
) -> ResponseReturnValue:
    return page(
        "admin/sign_in.html", status, back=back, errors=errors or {}, login=login,
        directory_url=directory.sign_in_url(back),
    )  # fmt: skip


def _faults(new: str, again: str) -> dict[str, str]:
    who = gate.person()
    if new != again:
        return {"again": gettext("The two are not the same.")}
    try:
        passwords.hashed(new, who.login)
    except passwords.WeakPassword:
        return {"new": gettext("Please take at least 12 characters, and not your login in them.")}
    return {}
