"""The settings of a town: which there are, and from which networks this view may be opened."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.staff import networks
from portal.staff.networks import LocksOut, NoNetwork
from portal.staff.roles import Right
from portal.web import limits
from portal.web.current import tenant_id
from portal.web.language import gettext
from portal.words import N_

# (page, what it is called, what stands there)
SECTIONS = (
    ("admin.settings_face", N_("Name and face"),
     N_("Name, contact, colour and crest, as citizens see them.")),
    ("admin.settings_texts", N_("Texts"),
     N_("Imprint, privacy, accessibility and other texts, in each language.")),
    ("admin.settings_bank", N_("Bank details"),
     N_("Where transfers go. It is changed by two people.")),
    ("admin.settings_kinds", N_("Kinds of request"),
     N_("Name, law and what may be paid in parts.")),
    ("admin.settings_accounts", N_("Accounts at providers"),
     N_("Whose money goes where. They are changed by two people.")),
    ("admin.settings_clients", N_("Access of finance systems"),
     N_("Who may call the API, with which keys.")),
    ("admin.settings_endpoint", N_("Where events go"),
     N_("The address to which the finance system is told what was paid.")),
    ("admin.settings_retention", N_("Retention"),
     N_("How long what is kept. It is changed by two people.")),
    ("admin.settings_directory", N_("Directory of the town"),
     N_("Where staff sign in, and which group has which role. It is changed by two people.")),
    ("admin.settings_networks", N_("Networks"),
     N_("From where this administration may be opened.")),
    ("admin.settings_addresses", N_("Addresses"),
     N_("Under which names the portal answers. They are changed by two people.")),
    ("admin.settings_languages", N_("Languages"),
     N_("Which languages citizens may choose.")),
    ("admin.settings_deadlines", N_("Deadlines"),
     N_("From when on something that waits is a task.")),
)  # fmt: skip


@doors.get("/settings", Right.SEE_SETTINGS)
def settings() -> ResponseReturnValue:
    told = [
        (url_for(endpoint), gettext(title), gettext(text))
        for endpoint, title, text in SECTIONS
    ]  # fmt: skip
    return page("admin/settings.html", sections=told)


@doors.get("/settings/networks", Right.SEE_SETTINGS)
def settings_networks() -> ResponseReturnValue:
    known = networks.of(db.session(), tenant_id())
    return boxes.shown(_networks(), {"networks": "\n".join(known)})


@doors.post("/settings/networks", Right.CHANGE_SETTINGS)
def settings_set_networks() -> ResponseReturnValue:
    """The whole list; one's own address must be in it, or nobody would come back."""
    form = boxes.told(_networks().boxes)
    try:
        found = networks.read(form["networks"])
        networks.put(tenant_id(), found, limits.address(), gate.person().actor)
    except NoNetwork as error:
        wrong = gettext("This is no network: %(what)s. Write it as 10.20.0.0/16.", what=str(error))
        return boxes.shown(_networks(), form, {"networks": wrong}, error.status)
    except LocksOut as error:
        wrong = gettext(
            "Your own address %(address)s is in none of them: with the next page you would be out.",
            address=str(limits.address()),
        )
        return boxes.shown(_networks(), form, {"networks": wrong}, error.status)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_networks"), 303)


def _networks() -> Form:
    hint = gettext(
        "One a line, as 10.20.0.0/16 or 2001:db8::/32. Empty: from everywhere. You come from"
        " %(address)s.",
        address=str(limits.address()),
    )
    intro = gettext(
        "From elsewhere the administration is not there at all. If nobody gets in any more, whoever"
        " runs the portal can clear the list."
    )
    return Form(
        gettext("Networks"), intro, url_for("admin.settings_set_networks"), gettext("Save"),
        (Box("networks", gettext("Networks"), hint, "area"),),
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip
