"""Settings: the town's directory, and which of its groups has which role."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, refusals
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.errors import Conflict
from portal.staff import directory, directory_setting
from portal.staff.directory_setting import NotSet, Said
from portal.staff.roles import Grant, Right, Role
from portal.web import current
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext
from portal.words import N_

SEPARATOR = "="
MOST_PARTS = 3
WRONG = {
    "issuer": N_("Please enter an https address without ? and #."),
    "client_id": N_("Please enter what the directory calls this portal."),
    "login_claim": N_("Please enter the name of a claim."),
    "groups_claim": N_("Please enter the name of a claim."),
    "scope": N_("It must hold openid."),
    "groups": N_("One a line, as: group = role, or group = role, unit, kind."),
}


@doors.get("/settings/directory", Right.SEE_SETTINGS)
def settings_directory() -> ResponseReturnValue:
    session = db.session()
    row = directory.of(session, tenant_id())
    told = {"scope": "openid profile", "login_claim": "preferred_username",
            "groups_claim": "groups"}  # fmt: skip
    if row is not None:
        told = {box.name: getattr(row, box.name, "") for box in _form().boxes}
        lines = [
            f"{each.in_group} {SEPARATOR} "
            + ", ".join(filter(None, (each.role, each.unit, each.kind)))
            for each in directory.groups_of(session, tenant_id())
        ]
        told["groups"] = "\n".join(lines)
    return boxes.shown(_form(), told)


@doors.post("/settings/directory", Right.CHANGE_SETTINGS)
def settings_ask_directory() -> ResponseReturnValue:
    """Ask for another directory or other groups: it gives roles, so another person must agree."""
    form = boxes.told(_form().boxes)
    try:
        said = Said(
            form["issuer"].strip(), form["client_id"].strip(), _groups(form["groups"]),
            form["secret"].strip(), form["scope"].strip(), form["login_claim"].strip(),
            form["groups_claim"].strip(),
        )  # fmt: skip
        directory_setting.ask(
            keyring(), tenant_id(), said, gate.person().actor, plain=current.settings().demo
        )
    except NotSet as error:
        wrong = {error.field: gettext(WRONG[error.field])}
        return boxes.shown(_form(), form, wrong, error.status)
    except Conflict as error:
        return boxes.shown(_form(), form, {"issuer": refusals.said(error)}, error.status)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.settings_directory"), 303)


@doors.post("/settings/directory/off", Right.CHANGE_SETTINGS)
def settings_directory_off() -> ResponseReturnValue:
    """Switch it off, at once: whoever came from there is out; one person is enough."""
    directory_setting.switch_off(tenant_id(), gate.person().actor)
    flash(gettext("The directory is switched off. Local accounts go on."))
    return redirect(url_for("admin.settings_directory"), 303)


def _groups(text: str) -> tuple[tuple[str, Grant], ...]:
    """The table from its lines; raises ``NotSet``."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        name, separator, rest = line.rpartition(SEPARATOR)
        parts = [part.strip() for part in rest.split(",")]
        if not separator or len(parts) > MOST_PARTS or parts[0] not in set(Role):
            raise NotSet("groups", "A line reads group = role, unit, kind.")
        unit, kind = (*parts[1:], "", "")[:2]
        found.append((name.strip(), Grant(Role(parts[0]), unit or None, kind or None)))
    return tuple(found)


def _form() -> Form:
    known = ", ".join(role.value for role in Role)
    return Form(
        gettext("Directory of the town"),
        gettext(
            "Keycloak, Entra ID, AD FS and others that speak OpenID Connect. Its address for the"
            " way back is %(back)s. Another person has to agree; then whoever came from there signs"
            " in anew.",
            back=current.public_url() + url_for("admin.directory_back"),
        ),
        url_for("admin.settings_ask_directory"), gettext("Ask for the change"),
        (
            Box("issuer", gettext("Issuer"), gettext("As the directory says it of itself."),
                required=True),
            Box("client_id", gettext("Client"), gettext("What the directory calls this portal."),
                required=True),
            Box("secret", gettext("Secret"),
                gettext("It is never shown again. Empty: the one of now stays."), "password"),
            Box("scope", gettext("OpenID scope"), required=True),
            Box("login_claim", gettext("Claim with the login"), required=True),
            Box("groups_claim", gettext("Claim with the groups"), required=True),
            Box("groups", gettext("Groups and roles"),
                gettext("One a line, as: quitt-clerks = clerk, or: parking = clerk, 20.1."
                        " Roles: %(roles)s.", roles=known), "area", required=True),
        ),
        frozenset({directory_setting.ACT}), gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip
