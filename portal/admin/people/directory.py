"""Signing in, proving again and signing out through the town's directory.

The way there begins with a link, not a form: ``form-action 'self'`` blocks a form that is led on.
"""

from typing import cast

from flask import Response, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal import audit, clock
from portal.admin import cookie, doors, gate
from portal.admin.doors import Open
from portal.admin.frame import page
from portal.admin.people import openid
from portal.admin.people.openid import Claims, DirectoryFailed, Refused
from portal.db import db, transaction
from portal.errors import NotFound, PortalError
from portal.staff import directory
from portal.staff.directory import Arrival, NotWelcome, SomebodyElse
from portal.staff.models import Directory
from portal.web.current import tenant_id
from portal.web.language import gettext
from portal.words import N_

WAY = "directory_way"  # in the signed cookie: what for, since when, and where to go then
LEAVING = "directory_leaving"
FOR_PROOF, FOR_SITTING = "proof", "sitting"
# What to do, by the reason.
SENTENCES = {
    "no_role": N_(
        "The directory knows you, but none of your groups has a role here."
        " Please ask the administrator of your town for one."
    ),
    "incompatible_roles": N_(
        "Your groups give you two roles that nobody may have at the same time, as cashier and"
        " approver. Please ask the administrator of your town to take you out of one."
    ),
    "account_ended": N_(
        "Your account here has ended. If that is a mistake, please ask the administrator of your"
        " town."
    ),
    "login_taken": N_(
        "Another account here has your login already, and nobody gets in by a name alone."
        " Please ask the administrator of your town."
    ),
    "directory_refused": N_(
        "The directory did not let you through, or you broke it off. Please try again; if it does"
        " not work, your IT can see the reason in the directory."
    ),
    "directory_failed": N_(
        "The directory did not answer as it must. Please try again in a few minutes; if it does not"
        " work then, please tell your IT."
    ),
}
NOT_YOU = N_(
    "You did not prove just now to be the person who is signed in here. Nothing was changed."
    " Please close this page and try again."
)


@doors.get("/directory/sign-in", Open.ANYONE)
def directory_sign_in() -> ResponseReturnValue:
    """To the directory's own page."""
    return _begin(FOR_SITTING, gate.way_back(request.args.get("back", "")))


@doors.get("/directory/prove", Open.SIGNED_IN)
def directory_prove() -> ResponseReturnValue:
    """To the directory's page, which asks for the password again; in a tab of its own."""
    if gate.person().local:
        raise NotFound
    return _begin(FOR_PROOF, url_for("admin.directory_proved"))


@doors.get("/directory/back", Open.ANYONE)
def directory_back() -> ResponseReturnValue:
    """Back from the directory, with a code that only we can redeem."""
    kind, began, back = session.pop(WAY, None) or (None, 0.0, "")
    if kind is None:
        return redirect(url_for("admin.sign_in_page"), 303)
    try:
        who, claims = openid.arrival(_row())
        if kind == FOR_PROOF:
            return _proved(who, claims, began)
        name = directory.welcome(tenant_id(), who)
    except (NotWelcome, SomebodyElse, DirectoryFailed) as error:
        return _failed(error)
    answer = cast(Response, redirect(back, 303))
    cookie.write(answer, name)
    return answer


@doors.get("/directory/proved", Open.SIGNED_IN)
def directory_proved() -> ResponseReturnValue:
    return page("admin/directory_proved.html")


@doors.get("/leaving/directory", Open.ANYONE)
def directory_leave() -> ResponseReturnValue:
    """Out of the directory, too: a page of our own leads there."""
    target = session.pop(LEAVING, None)
    if not target:
        return redirect(url_for("admin.signed_out"), 303)
    return render_template("admin/directory_leave.html", target=target)


def sign_in_url(back: str) -> str | None:
    """Where one signs in through the directory, if the town has one."""
    if directory.of(db.session(), tenant_id()) is None:
        return None
    return url_for("admin.directory_sign_in", back=back or None)


def way_out(kept: object) -> str:
    """Where one goes after signing out, by what the sitting kept of the directory."""
    row = directory.of(db.session(), tenant_id())
    if row is None or not isinstance(kept, dict) or not kept.get("leaving"):
        return url_for("admin.signed_out")
    session[LEAVING] = openid.leaving(row, kept["leaving"])
    return url_for("admin.directory_leave")


def _begin(kind: str, back: str) -> ResponseReturnValue:
    try:
        answer = openid.begin(_row(), again=kind == FOR_PROOF)
    except DirectoryFailed as error:
        return _failed(error)
    session[WAY] = [kind, clock.now().timestamp(), back]
    return answer


def _proved(who: Arrival, claims: Claims, began: float) -> ResponseReturnValue:
    person = gate.signed_in()
    if person is None:
        return redirect(url_for("admin.sign_in_page"), 303)
    fresh = openid.proved_since(claims, began)
    try:
        if fresh and directory.prove(person, who):
            return redirect(url_for("admin.directory_proved"), 303)
    except NotWelcome:
        g.person = None  # the sitting has ended with that
        raise
    if not fresh:
        with transaction() as act:
            audit.note(
                act, person.tenant_id, person.actor, "staff.proof_refused", person.login,
                {"why": "auth_time"},
            )  # fmt: skip
    return page("admin/directory_failed.html", 403, sentence=gettext(NOT_YOU), signed_in=True)


def _row() -> Directory:
    row = directory.of(db.session(), tenant_id())
    if row is None:
        raise NotFound
    return row


def _failed(error: PortalError) -> ResponseReturnValue:
    """A page that says what to do. What the directory itself said stays out of it."""
    if isinstance(error, DirectoryFailed) and not isinstance(error, Refused):
        db.session.rollback()
        with transaction() as act:
            audit.note(
                act, tenant_id(), directory.BY, "staff.directory_failed", "", {"why": error.why}
            )
    sentence = gettext(SENTENCES[error.code])
    return page("admin/directory_failed.html", error.status, sentence=sentence, signed_in=False)
