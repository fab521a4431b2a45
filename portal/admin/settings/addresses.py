"""Settings: under which addresses the portal answers, and which languages it offers."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin import doors, gate, refusals
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.catalogues import DEFAULT
from portal.db import db
from portal.errors import Conflict
from portal.faces import addresses, setting
from portal.faces.addresses import NotAnAddress
from portal.staff.roles import Right
from portal.web.current import tenant, tenant_id
from portal.web.language import LANGUAGES, gettext
from portal.words import N_

WRONG = {
    "name": N_("This is no address: %(name)s. Write it as pay.town.example."),
    "taken": N_("Another town answers under %(name)s."),
    "new": N_("First enter it below, and choose it here when it has led on."),
    "own": N_("You work under %(name)s just now: it must stay among them, for letters name it."),
    "many": N_("Twenty addresses at most, please."),
}


@doors.get("/settings/addresses", Right.SEE_SETTINGS)
def settings_addresses() -> ResponseReturnValue:
    known = addresses.of(db.session(), tenant_id())
    told = {"address": known.address, "further": "\n".join(known.further)}
    return boxes.shown(_addresses(), told)


@doors.post("/settings/addresses", Right.CHANGE_SETTINGS)
def settings_ask_addresses() -> ResponseReturnValue:
    """Ask for others; another person must agree, for they are where citizens pay."""
    form = boxes.told(_addresses().boxes)
    own = request.host.partition(":")[0].lower()
    db.session.rollback()
    try:
        further = form["further"].split()
        addresses.ask(tenant_id(), form["address"], further, own, gate.person().actor)
    except NotAnAddress as error:
        wrong = {error.field: gettext(WRONG[error.cause], name=error.name)}
        return boxes.shown(_addresses(), form, wrong, error.status)
    except Conflict as error:
        return boxes.shown(_addresses(), form, {"further": refusals.said(error)}, error.status)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.settings_addresses"), 303)


@doors.get("/settings/languages", Right.SEE_SETTINGS)
def settings_languages() -> ResponseReturnValue:
    offered = tenant().languages or list(LANGUAGES)
    return boxes.shown(_languages(), dict.fromkeys(offered, "1"))


@doors.post("/settings/languages", Right.CHANGE_SETTINGS)
def settings_set_languages() -> ResponseReturnValue:
    """One person is enough: no text is lost, and each can be offered again."""
    form = boxes.told(_languages().boxes)
    chosen = [code for code, ticked in form.items() if ticked == "1"]
    setting.put_languages(tenant_id(), chosen, gate.person().actor)
    flash(gettext("Saved."))
    return redirect(url_for("admin.settings_languages"), 303)


def _addresses() -> Form:
    known = addresses.of(db.session(), tenant_id())
    return Form(
        gettext("Addresses"),
        gettext(
            "Letters, mails and links name the address in use; the further ones lead on to it, so"
            " that printed letters go on counting. Each needs an entry in the name service and a"
            " certificate: please ask whoever runs the portal first. Another person has to agree."
        ),
        url_for("admin.settings_ask_addresses"), gettext("Ask for the change"),
        (
            Box("address", gettext("Address in use"),
                gettext("With another one all staff sign in anew, and finance system, directory"
                        " and providers must be told it."),
                "choose", [(each, each) for each in sorted(known.all)], required=True),
            Box("further", gettext("Further addresses"),
                gettext("One a line, without https://. A new address is entered here first; when it"
                        " leads on in your browser, choose it above. An address that is left out"
                        " opens nothing any more."), "area"),
        ),
        frozenset({addresses.ACT}), gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip


def _languages() -> Form:
    """German, and the language of the town's own texts, are no choice."""
    always = {DEFAULT, tenant().language}
    names = ", ".join(LANGUAGES[code].name for code in LANGUAGES if code in always)
    return Form(
        gettext("Languages"),
        gettext(
            "What citizens may choose on the payment page. Always there: %(names)s. Texts in a"
            " language that is not offered stay kept.",
            names=names,
        ),
        url_for("admin.settings_set_languages"), gettext("Save"),
        [Box(code, LANGUAGES[code].name, sort="tick") for code in LANGUAGES if code not in always],
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip
