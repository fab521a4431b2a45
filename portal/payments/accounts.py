"""Provider accounts and rules of a tenant, and opening an account's sealed credentials."""

import json
from collections.abc import Mapping
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import NotFound, Unavailable
from portal.keys import Keyring
from portal.payments.models import ProviderAccount, ProviderRule
from portal.providers.ended import Ended, end_of
from portal.providers.protocol import Account
from portal.tenants import Tenant


class NoSuchAccount(NotFound):
    """The tenant has no such provider account."""

    code = "unknown_account"


class Misdirected(Unavailable):
    """The report speaks of another merchant or mode. It changes nothing and is not acknowledged."""

    code = "misdirected"


def get(session: Session, tenant_id: str, account_id: str) -> ProviderAccount:
    """The account's row; raises ``NoSuchAccount``."""
    row = session.get(ProviderAccount, (tenant_id, account_id))
    if row is None:
        raise NoSuchAccount("There is no such provider account.")
    return row


def unsealed(keyring: Keyring, row: ProviderAccount) -> Account:
    """The account as adapters need it, credentials in clear, in memory only."""
    plain = keyring.unseal(row.credentials_sealed, "account", row.tenant_id, row.id)
    return Account(row.tenant_id, row.id, row.merchant, row.live, json.loads(plain))


def check(account: ProviderAccount | Account, merchant: str, live: bool) -> None:
    """Raise ``Misdirected`` unless a report speaks of this account's merchant, in its mode."""
    if (merchant, live) != (account.merchant, account.live):
        raise Misdirected("The report is another merchant's, or another mode's.")


def sealed(
    keyring: Keyring, tenant_id: str, account_id: str, credentials: Mapping[str, str]
) -> bytes:
    """Credentials as they are kept: encrypted, and bound to their account."""
    plain = json.dumps(dict(credentials)).encode()
    return keyring.seal(plain, "account", tenant_id, account_id)


def open_on(session: Session, tenant_id: str, day: date) -> frozenset[str]:
    """The accounts that may be used on a day."""
    account = ProviderAccount
    query = select(account.id).where(
        account.tenant_id == tenant_id,
        account.valid_from <= day,
        or_(account.valid_until.is_(None), account.valid_until >= day),
    )
    return frozenset(session.scalars(query))


def is_over(session: Session, account: ProviderAccount) -> bool:
    """Whether an account's last day has passed in its town."""
    today = clock.today(session.get_one(Tenant, account.tenant_id).time_zone)
    return account.valid_until is not None and account.valid_until < today


def rules(session: Session, tenant_id: str) -> list[ProviderRule]:
    """All rules of a tenant."""
    query = select(ProviderRule).where(ProviderRule.tenant_id == tenant_id)
    return list(session.scalars(query))


def ended(session: Session, tenant_id: str, day: date) -> list[tuple[ProviderRule, Ended]]:
    """The rules whose method has ended before a day, whatever the town has set."""
    of_account = (ProviderAccount.tenant_id == ProviderRule.tenant_id) & (
        ProviderAccount.id == ProviderRule.account_id
    )
    query = (
        select(ProviderRule, ProviderAccount.provider)
        .join(ProviderAccount, of_account)
        .where(ProviderRule.tenant_id == tenant_id)
        .order_by(ProviderRule.id)
    )
    found = [(rule, end_of(provider, rule.method)) for rule, provider in session.execute(query)]
    return [(rule, end) for rule, end in found if end and end.last_day < day]
