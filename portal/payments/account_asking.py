"""A provider account by two people: whoever sets it alone could have all payments go elsewhere.

What is asked for is checked as it would be set; the credentials lie sealed beside the approval and
are never shown. Ending an account needs one person: it only takes an offer away.
"""

from datetime import date
from typing import Any

from portal import audit
from portal.approvals import deciding, sealed
from portal.approvals.changing import ChangedSince
from portal.approvals.deciding import Wanted
from portal.db import Json, transaction
from portal.keys import Keyring
from portal.payments import account_setting, accounts
from portal.payments.account_setting import Said
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.capabilities import Checks
from portal.providers.protocol import Account

ACT = "account.put"
CREDENTIALS = "credentials"


def ask(keyring: Keyring, tenant_id: str, account_id: str, said: Said, by: str) -> None:
    """Ask for a new account, or for another one's values. A whole act.

    Raises ``NotSet``, ``AccountUnfit`` for credentials that the adapter cannot work with, and what
    ``deciding.ask`` raises.
    """
    with transaction() as session:
        row = session.get(ProviderAccount, (tenant_id, account_id))
        _check(keyring, tenant_id, account_id, row, said)
        facts: Json = {"was": _shown(row), "becomes": _becomes(row, said)}
        facts["new_secret"] = said.credentials is not None
        approval = deciding.ask(session, tenant_id, Wanted(ACT, account_id, None, facts), by)
        if said.credentials is not None:
            sealed.put(session, keyring, approval, CREDENTIALS, said.credentials)


def approve(
    keyring: Keyring, tenant_id: str, account_id: str, by: str, number: int | None = None
) -> None:
    """The second person agrees: the account is set as it was asked for. A whole act."""
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ACT, account_id, by, number)
        was, becomes = approval.facts["was"], approval.facts["becomes"]
        if _shown(session.get(ProviderAccount, (tenant_id, account_id))) != was:
            raise ChangedSince("The account was changed since.")
        told = sealed.take(session, keyring, approval, CREDENTIALS) or None
        until = becomes["valid_until"]
        said = Said(
            becomes["provider"], becomes["merchant"], becomes["live"], told,
            date.fromisoformat(becomes["valid_from"]) if becomes["valid_from"] else None,
            date.fromisoformat(until) if until else None, until is None,
        )  # fmt: skip
        account_setting.put_in(session, keyring, tenant_id, account_id, said, by)
        audit.note(
            session, tenant_id, by, "account.approved", account_id, {"first": approval.first}
        )


def refuse(
    tenant_id: str, account_id: str, by: str, why: str = "", number: int | None = None
) -> None:
    """It stays as it is; the credentials are forgotten. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, account_id, by, why, number)
        sealed.forget(session)


def _check(
    keyring: Keyring, tenant_id: str, account_id: str, row: ProviderAccount | None, said: Said
) -> None:
    """What can be known before it is set: name, adapter, credentials."""
    if row is None and not account_setting.NAME.fullmatch(account_id):
        raise account_setting.NotSet("An account's name has small letters, digits, - and _.")
    becomes = _becomes(row, said)
    try:
        adapter = registry.get(becomes["provider"] or "")
    except registry.UnknownProvider:
        raise account_setting.NotSet("There is no such adapter.") from None
    told = said.credentials
    if told is None and row is None:
        raise account_setting.NotSet("A new account needs credentials.")
    known = told if told is not None or row is None else accounts.unsealed(keyring, row).credentials
    if not 0 < len(becomes["merchant"] or "") <= account_setting.LONGEST_MERCHANT:
        raise account_setting.NotSet("A merchant is needed.")
    if isinstance(adapter, Checks):
        adapter.checked(
            Account(tenant_id, account_id, becomes["merchant"], becomes["live"], known or {})
        )


def _shown(row: ProviderAccount | None) -> Json | None:
    if row is None:
        return None
    return {
        "provider": row.provider,
        "merchant": row.merchant,
        "live": row.live,
        "valid_from": str(row.valid_from),
        "valid_until": str(row.valid_until) if row.valid_until else None,
    }


def _becomes(row: ProviderAccount | None, said: Said) -> dict[str, Any]:
    was = _shown(row) or {"live": False, "valid_from": None, "valid_until": None}
    told = {
        **said.identity,
        **({"valid_from": str(said.valid_from)} if said.valid_from else {}),
        **({"valid_until": str(said.valid_until)} if said.valid_until else {}),
        **({"valid_until": None} if said.endless else {}),
    }
    return {"provider": None, "merchant": None, **was, **told}
