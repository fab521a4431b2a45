"""Settings: access of finance systems, and where events go."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from portal import audit
from portal.admin import doors, gate, proof, refusals
from portal.admin.approvals import waiting
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.admin.words import SCOPES, said
from portal.db import db, transaction
from portal.errors import Conflict
from portal.finance import asking, clients
from portal.finance.clients import Scope, TwoSecrets
from portal.finance.models import Client, Endpoint
from portal.finance.reach import BadEndpoint
from portal.staff.roles import Right
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext

OF_CLIENTS = frozenset({asking.CLIENT, asking.KEY})


@doors.get("/settings/clients", Right.SEE_SETTINGS)
def settings_clients() -> ResponseReturnValue:
    return _page({}, {})


@doors.post("/settings/clients", Right.CHANGE_SETTINGS)
def settings_add_client() -> ResponseReturnValue:
    """Ask for a new client; its secret is shown on the answer and never again."""
    form = boxes.told(_boxes())
    wanted = [scope.value for scope in Scope if form[scope.value] == "1"]
    if not wanted or not form["called"].strip():
        name = "called" if wanted else Scope.REQUESTS_WRITE.value
        wrong = gettext("Please say which system it is and choose what it may do.")
        return _page({name: wrong}, form, 422)
    if errors := proof.faults():
        return _page(errors, form, 422)
    client_id, secret = asking.ask_client(
        keyring(), tenant_id(), wanted, form["called"], gate.person().actor
    )
    return page("admin/settings_secret.html", client_id=client_id, secret=secret)


@doors.get("/settings/clients/<client_id>/key", Right.CHANGE_SETTINGS)
def settings_key(client_id: str) -> ResponseReturnValue:
    return _key_page(client_id, {})


@doors.post("/settings/clients/<client_id>/key", Right.CHANGE_SETTINGS)
def settings_add_key(client_id: str) -> ResponseReturnValue:
    """Ask for a second secret; it is shown on the answer and never again."""
    if errors := proof.faults():
        return _key_page(client_id, errors)
    try:
        secret = asking.ask_key(keyring(), tenant_id(), client_id, gate.person().actor)
    except TwoSecrets as error:
        wrong = gettext("Two keys are good already. Please end the older one first.")
        return _page({"called": wrong}, {}, error.status)
    except Conflict as error:
        return _page({"called": refusals.said(error)}, {}, error.status)
    return page("admin/settings_secret.html", client_id=client_id, secret=secret)


@doors.post("/settings/clients/<client_id>/end-key", Right.CHANGE_SETTINGS)
def settings_end_key(client_id: str) -> ResponseReturnValue:
    """The older of two keys is good no more."""
    try:
        with transaction() as session:
            client = clients.locked(session, tenant_id(), client_id)
            clients.end_older(session, client)
            audit.note(session, tenant_id(), gate.person().actor, "client.key_ended", client_id)
    except Conflict as error:
        wrong = gettext("There is only one key. Please make a second one first.")
        return _page({"called": wrong}, {}, error.status)
    flash(gettext("The older key is good no more."))
    return redirect(url_for("admin.settings_clients"), 303)


@doors.post("/settings/clients/<client_id>/revoke", Right.CHANGE_SETTINGS)
def settings_revoke(client_id: str) -> ResponseReturnValue:
    with transaction() as session:
        clients.revoke(clients.locked(session, tenant_id(), client_id))
        audit.note(session, tenant_id(), gate.person().actor, "client.revoked", client_id)
    flash(gettext("This access has ended; its tokens stop at once."))
    return redirect(url_for("admin.settings_clients"), 303)


@doors.get("/settings/endpoint", Right.SEE_SETTINGS)
def settings_endpoint() -> ResponseReturnValue:
    row = db.session().get(Endpoint, tenant_id())
    return boxes.shown(_endpoint(), {"url": row.url if row else ""})


@doors.post("/settings/endpoint", Right.CHANGE_SETTINGS)
def settings_set_endpoint() -> ResponseReturnValue:
    """Ask for address and secret; without a secret one is made and shown on the answer."""
    form = boxes.told(_endpoint().boxes)
    if errors := proof.faults():
        return boxes.shown(_endpoint(), form, errors, 422)
    url, told = form["url"].strip(), form["secret"].strip()
    try:
        secret = asking.ask_endpoint(keyring(), tenant_id(), url, told, gate.person().actor)
    except BadEndpoint as error:
        name = "secret" if "secret" in str(error).lower() else "url"
        wrong = gettext("This cannot be taken: %(why)s", why=str(error))
        return boxes.shown(_endpoint(), form, {name: wrong}, error.status)
    except Conflict as error:
        return boxes.shown(_endpoint(), form, {"url": refusals.said(error)}, error.status)
    if told:
        flash(gettext("It is asked for. It counts as soon as another person has agreed."))
        return redirect(url_for("admin.settings_endpoint"), 303)
    return page("admin/settings_secret.html", client_id=url, secret=secret)


def _page(
    errors: dict[str, str], form: dict[str, str], status: int = 200
) -> ResponseReturnValue:  # fmt: skip
    db.session.rollback()
    rows: list[Client] = list(clients.of_tenant(db.session(), tenant_id()))
    told = [(row, [said(SCOPES, each) for each in row.scopes]) for row in rows]
    return page(
        "admin/settings_clients.html", status, clients=told, errors=errors, form=form,
        boxes=_boxes(), may_change=gate.person().may(Right.CHANGE_SETTINGS),
        waiting=waiting.titles(db.session(), OF_CLIENTS),
    )  # fmt: skip


def _key_page(client_id: str, errors: dict[str, str]) -> ResponseReturnValue:
    row = clients.known(db.session(), tenant_id(), client_id)
    form = Form(
        gettext("Second key"),
        gettext(
            "A second key of %(name)s, shown to you once. Another person has to agree before it is"
            " good beside the first one.",
            name=row.called or row.id,
        ),
        url_for("admin.settings_add_key", client_id=row.id), gettext("Ask for a second key"), (),
        OF_CLIENTS, proves=True, back=url_for("admin.settings_clients"),
    )  # fmt: skip
    return boxes.shown(form, {}, errors, 422 if errors else 200)


def _boxes() -> tuple[Box, ...]:
    ticks = tuple(Box(scope, gettext(text), sort="tick") for scope, text in SCOPES.items())
    name = gettext("As: finance system, archive. No name of a person.")
    return (Box("called", gettext("Which system it is"), name, required=True), *ticks)


def _endpoint() -> Form:
    return Form(
        gettext("Where events go"),
        gettext(
            "The finance system is told here what was paid, signed with the secret. Deliveries"
            " shows what it took over. Another person has to agree before it counts."
        ),
        url_for("admin.settings_set_endpoint"), gettext("Ask for the change"),
        (
            Box("url", gettext("Address"), gettext("https, as the finance system names it."),
                required=True),
            Box("secret", gettext("Secret"),
                gettext("whsec_… of the finance system; empty: a new one is made and shown once."),
                "password"),
        ),
        acts=frozenset({asking.ENDPOINT}), proves=True,
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip
