"""Settings: access of finance systems, and where events go."""

from base64 import b64encode
from secrets import token_bytes

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from portal import audit
from portal.admin import doors, gate
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db, transaction
from portal.errors import Conflict
from portal.finance import clients, delivery
from portal.finance.clients import Scope, TwoSecrets
from portal.finance.models import Client, Endpoint
from portal.finance.reach import BadEndpoint
from portal.staff.roles import Right
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext
from portal.words import N_

SCOPES = {
    Scope.REQUESTS_WRITE: N_("push requests and get their links"),
    Scope.REQUESTS_READ: N_("read requests"),
    Scope.EVENTS_READ: N_("read events"),
    Scope.EVENTS_ACK: N_("acknowledge events"),
}


@doors.get("/settings/clients", Right.SEE_SETTINGS)
def settings_clients() -> ResponseReturnValue:
    return _page({}, {})


@doors.post("/settings/clients", Right.CHANGE_SETTINGS)
def settings_add_client() -> ResponseReturnValue:
    """A new client; its secret is shown on the answer and never again."""
    form = boxes.told(_boxes())
    wanted = [scope.value for scope in Scope if form[scope.value] == "1"]
    if not wanted or not form["called"].strip():
        name = "called" if wanted else Scope.REQUESTS_WRITE.value
        wrong = gettext("Please say which system it is and choose what it may do.")
        return _page({name: wrong}, form, 422)
    with transaction() as session:
        told = clients.create_client(session, tenant_id(), wanted, form["called"])
        audit.note(
            session, tenant_id(), gate.person().actor, "client.made", told[0], {"scopes": wanted}
        )
    return page("admin/settings_secret.html", client_id=told[0], secret=told[1])


@doors.post("/settings/clients/<client_id>/key", Right.CHANGE_SETTINGS)
def settings_add_key(client_id: str) -> ResponseReturnValue:
    """A second secret, good beside the first, shown on the answer and never again."""
    try:
        with transaction() as session:
            client = clients.locked(session, tenant_id(), client_id)
            secret = clients.second_secret(session, client)
            audit.note(session, tenant_id(), gate.person().actor, "client.key_made", client_id)
    except TwoSecrets as error:
        wrong = gettext("Two keys are good already. Please end the older one first.")
        return _page({"called": wrong}, {}, error.status)
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
    """Address and secret; without a secret one is made and shown on the answer."""
    form = boxes.told(_endpoint().boxes)
    secret = form["secret"].strip() or _made()
    try:
        with transaction() as session:
            delivery.set_endpoint(session, keyring(), tenant_id(), form["url"].strip(), secret)
            audit.note(session, tenant_id(), gate.person().actor, "endpoint.set", "")
    except BadEndpoint as error:
        name = "secret" if "secret" in str(error).lower() else "url"
        wrong = gettext("This cannot be taken: %(why)s", why=str(error))
        return boxes.shown(_endpoint(), form, {name: wrong}, error.status)
    if form["secret"].strip():
        flash(gettext("Saved."))
        return redirect(url_for("admin.settings_endpoint"), 303)
    return page("admin/settings_secret.html", client_id=form["url"].strip(), secret=secret)


def _page(
    errors: dict[str, str], form: dict[str, str], status: int = 200
) -> ResponseReturnValue:  # fmt: skip
    db.session.rollback()
    rows: list[Client] = list(clients.of_tenant(db.session(), tenant_id()))
    told = [(row, [gettext(SCOPES[Scope(each)]) for each in row.scopes]) for row in rows]
    return page(
        "admin/settings_clients.html", status, clients=told, errors=errors, form=form,
        boxes=_boxes(), may_change=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip


def _boxes() -> tuple[Box, ...]:
    ticks = tuple(Box(scope.value, gettext(text), sort="tick") for scope, text in SCOPES.items())
    name = gettext("As: finance system, archive. No name of a person.")
    return (Box("called", gettext("Which system it is"), name, required=True), *ticks)


def _endpoint() -> Form:
    return Form(
        gettext("Where events go"),
        gettext(
            "The finance system is told here what was paid, signed with the secret. Deliveries"
            " shows what it took over."
        ),
        url_for("admin.settings_set_endpoint"), gettext("Save"),
        (
            Box("url", gettext("Address"), gettext("https, as the finance system names it."),
                required=True),
            Box("secret", gettext("Secret"),
                gettext("whsec_… of the finance system; empty: a new one is made and shown once."),
                "password"),
        ),
        may_send=gate.person().may(Right.CHANGE_SETTINGS),
    )  # fmt: skip


def _made() -> str:
    """A secret as Standard Webhooks has it: 24 to 64 random bytes in base64."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"
