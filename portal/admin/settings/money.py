"""Settings: a town's accounts at providers. They are changed by two people, and ended by one."""

from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, refusals
from portal.admin.approvals import waiting
from portal.admin.frame import page
from portal.admin.settings import boxes
from portal.admin.settings.boxes import Box, Form
from portal.db import db
from portal.errors import Conflict, NotFound, PortalError
from portal.payments import account_asking, account_setting
from portal.payments.account_setting import Said
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.staff.roles import Right
from portal.web.current import keyring, tenant_id
from portal.web.language import gettext


@doors.get("/settings/accounts", Right.SEE_SETTINGS)
def settings_accounts() -> ResponseReturnValue:
    query = select(ProviderAccount).where(ProviderAccount.tenant_id == tenant_id())
    accounts = db.session().scalars(query.order_by(ProviderAccount.id)).all()
    titles = waiting.titles(db.session(), frozenset({account_asking.ACT}))
    return page("admin/settings_accounts.html", accounts=accounts, waiting=titles)


@doors.get("/settings/new-account", Right.CHANGE_SETTINGS)
def settings_new_account() -> ResponseReturnValue:
    return boxes.shown(_form(None), {})


@doors.post("/settings/new-account", Right.CHANGE_SETTINGS)
def settings_ask_new_account() -> ResponseReturnValue:
    return _ask(None, request.form.get("account", "").strip())


@doors.get("/settings/accounts/<account_id>", Right.SEE_SETTINGS)
def settings_account(account_id: str) -> ResponseReturnValue:
    row = _account(account_id)
    told = {
        "adapter": row.provider, "merchant": row.merchant, "live": "1" if row.live else "",
        "valid_from": str(row.valid_from), "valid_until": str(row.valid_until or ""),
    }  # fmt: skip
    return boxes.shown(_form(account_id), told)


@doors.post("/settings/accounts/<account_id>", Right.CHANGE_SETTINGS)
def settings_ask_account(account_id: str) -> ResponseReturnValue:
    _account(account_id)
    return _ask(account_id, account_id)


@doors.post("/settings/accounts/<account_id>/end", Right.CHANGE_SETTINGS)
def settings_end_account(account_id: str) -> ResponseReturnValue:
    """End it today: it is offered no more; payments under way, refunds and reports go on."""
    _account(account_id)
    db.session.rollback()
    account_setting.end(tenant_id(), account_id, None, gate.person().actor)
    flash(gettext("The account is offered until today."))
    return redirect(url_for("admin.settings_accounts"), 303)


def _ask(known: str | None, account_id: str) -> ResponseReturnValue:
    form, errors = boxes.told(_form(known).boxes), {}
    try:
        said = _said(form)
        db.session.rollback()
        account_asking.ask(keyring(), tenant_id(), account_id, said, gate.person().actor)
    except Conflict as error:
        errors["merchant"] = refusals.said(error)
    except (PortalError, ValueError) as error:
        # What an adapter says of credentials names them and never quotes one.
        errors["credentials"] = gettext("This cannot be taken: %(why)s", why=str(error))
    if errors:
        db.session.rollback()
        return boxes.shown(_form(known), form, errors, 422)
    flash(gettext("It is asked for. It counts as soon as another person has agreed."))
    return redirect(url_for("admin.settings_accounts"), 303)


def _said(form: dict[str, str]) -> Said:
    until = form["valid_until"].strip()
    told = form["credentials"].strip()
    return Said(
        form["adapter"], form["merchant"].strip(), form["live"] == "1",
        account_setting.read(told) if told else None,
        date.fromisoformat(form["valid_from"]) if form["valid_from"].strip() else None,
        date.fromisoformat(until) if until else None, not until,
    )  # fmt: skip


def _account(account_id: str) -> ProviderAccount:
    row = db.session().get(ProviderAccount, (tenant_id(), account_id))
    if row is None:
        raise NotFound
    return row


def _form(known: str | None) -> Form:
    name = Box(
        "account", gettext("Name of the account"),
        gettext("Small letters and digits; it stands in the address of notifications."),
        required=True,
    )  # fmt: skip
    to = "admin.settings_ask_account" if known else "admin.settings_ask_new_account"
    return Form(
        known or gettext("New account at a provider"),
        gettext(
            "Another person has to agree before it counts. What it is stays as soon as it has had a"
            " payment: end it then, and set another one."
        ),
        url_for(to, account_id=known) if known else url_for(to), gettext("Ask for the change"),
        (
            *([] if known else [name]),
            Box("adapter", gettext("Provider"), sort="choose", required=True,
                options=[(each, each) for each in sorted(registry.PROVIDERS)]),
            Box("merchant", gettext("Merchant"), gettext("The town's number there."),
                required=True),
            Box("live", gettext("Real money"), gettext("Without it: the provider's test mode."),
                "tick"),
            Box("credentials", gettext("Credentials"),
                gettext("One a line, as: secret_key = \"…\". They are never shown again. Empty:"
                        " those of now stay."), "area"),
            Box("valid_from", gettext("From"), gettext("Empty: today, or as it is."), "date"),
            Box("valid_until", gettext("Until"), gettext("Empty: without end."), "date"),
        ),
        frozenset({account_asking.ACT}), gate.person().may(Right.CHANGE_SETTINGS),
        url_for("admin.settings_accounts"),
    )  # fmt: skip
