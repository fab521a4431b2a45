"""Setting a town's provider accounts. Each is a whole act and leaves a note without secrets.

An account is never deleted: it ends by a day. What it is (adapter, merchant, mode) stays as soon as
it has had a payment, because the books and the provider's reports speak of it.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json, lock, transaction
from portal.errors import Invalid, NotFound
from portal.keys import Keyring
from portal.payments import accounts, announcing, probing
from portal.payments.models import Payment, ProviderAccount, ProviderReport
from portal.providers import registry
from portal.providers.capabilities import Checks
from portal.providers.protocol import Account
from portal.tenants import Tenant

NAME = re.compile("[a-z0-9][a-z0-9_-]{0,63}")  # it stands in the address of notifications
CREDENTIAL = re.compile("[a-z][a-z0-9_]{0,63}")
LONGEST_MERCHANT = 200
LONGEST_CREDENTIAL = 16 * 1024


class NoSuchTown(NotFound):
    """No tenant has this id."""

    code = "no_such_tenant"


class NotSet(Invalid):
    """A value that cannot be taken."""

    code = "not_set"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of an account; ``None`` leaves it as it is. ``endless`` takes its end back."""

    adapter: str | None = None
    merchant: str | None = None
    live: bool | None = None
    credentials: Mapping[str, str] | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    endless: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """Which account it is at the provider, in the row's words."""
        said = {"provider": self.adapter, "merchant": self.merchant, "live": self.live}
        return {name: value for name, value in said.items() if value is not None}


def read(text: str) -> dict[str, str]:
    """Credentials from a flat TOML or JSON text. Raises ``NotSet``, which repeats nothing of it."""
    try:
        told = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):  # their messages may quote a line
        raise NotSet("The credentials are neither TOML nor JSON.") from None
    for name, value in told.items():
        if not CREDENTIAL.fullmatch(name):
            raise NotSet("A credential's name has small letters, digits and _ only.")
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_CREDENTIAL:
            raise NotSet(f"The credential {name} must be a text in quotes that is not empty.")
    if not told:
        raise NotSet("There are no credentials in it.")
    return dict(told)


def put(keyring: Keyring, tenant_id: str, account_id: str, said: Said, by: str) -> bool:
    """Set an account, new or changed; whether it is new. A whole act.

    Raises ``NoSuchTown``, ``NotSet``, and ``AccountUnfit`` for what the adapter cannot work with.
    """
    with transaction() as session:
        return put_in(session, keyring, tenant_id, account_id, said, by)


def put_in(
    session: Session, keyring: Keyring, tenant_id: str, account_id: str, said: Said, by: str
) -> bool:
    """As ``put``, in the caller's transaction."""
    town = town_of(session, tenant_id)
    row = lock(session, ProviderAccount, tenant_id, account_id)
    is_new = row is None
    if row is None:
        row = _new(town, account_id, said)
    _set(session, row, said)
    if said.identity or said.credentials is not None:
        _seal(keyring, row, said)
        probing.soon(session, row)
    session.add(row)
    audit.note(session, tenant_id, by, "account.put", account_id, _noted(said))
    announcing.look(session, tenant_id)
    return is_new


def end(tenant_id: str, account_id: str, last_day: date | None, by: str) -> date:
    """End an account by its last day, else today; that day. A whole act.

    Payments under way, refunds and reports go on. Raises ``NoSuchTown``, ``NoSuchAccount`` and
    ``NotSet``.
    """
    with transaction() as session:
        town = town_of(session, tenant_id)
        row = lock(session, ProviderAccount, tenant_id, account_id)
        if row is None:
            raise accounts.NoSuchAccount("There is no such provider account.")
        row.valid_until = checked_end(town, last_day)
        audit.note(
            session, tenant_id, by, "account.end", account_id, {"until": str(row.valid_until)}
        )
        announcing.look(session, tenant_id)
        return row.valid_until


def town_of(session: Session, tenant_id: str) -> Tenant:
    """The town; not locked, because whoever pays there would wait. Raises ``NoSuchTown``."""
    town = session.get(Tenant, tenant_id)
    if town is None:
        raise NoSuchTown(f"There is no tenant {tenant_id!r}.")
    return town


def checked_end(town: Tenant, last_day: date | None) -> date:
    """A last day from which nothing that was offered before is taken back: yesterday or later."""
    today = clock.today(town.time_zone)
    last_day = last_day or today
    if last_day < today - timedelta(days=1):
        raise NotSet("The last day can be yesterday at the earliest: what was, has been.")
    return last_day


def check_days(valid_from: date, valid_until: date | None) -> None:
    """Raise ``NotSet`` unless the end comes after the beginning."""
    if valid_until is not None and valid_until < valid_from:
        raise NotSet("The last day comes before the first.")


def _new(town: Tenant, account_id: str, said: Said) -> ProviderAccount:
    if not NAME.fullmatch(account_id):
        raise NotSet("An account's name has small letters, digits, - and _, up to 64 of them.")
    missing = {"adapter", "merchant", "live", "credentials"} - {
        name for name in ("adapter", "merchant", "live", "credentials")
        if getattr(said, name) is not None
    }  # fmt: skip
    if missing:
        raise NotSet(f"A new account needs {', '.join(sorted(missing))}, too.")
    today = clock.today(town.time_zone)
    return ProviderAccount(tenant_id=town.id, id=account_id, valid_from=today, **said.identity)


def _set(session: Session, row: ProviderAccount, said: Said) -> None:
    changed = [name for name, value in said.identity.items() if getattr(row, name) != value]
    if changed and _was_used(session, row):
        raise NotSet(
            f"This account has had payments: its {' and '.join(changed)} stay. End it, and set"
            " another one."
        )
    for name, value in said.identity.items():
        setattr(row, name, value)
    if not 0 < len(row.merchant) <= LONGEST_MERCHANT or not row.merchant.isprintable():
        raise NotSet(f"The merchant has from 1 to {LONGEST_MERCHANT} signs.")
    row.valid_from = said.valid_from or row.valid_from
    row.valid_until = None if said.endless else said.valid_until or row.valid_until
    check_days(row.valid_from, row.valid_until)


def _was_used(session: Session, row: ProviderAccount) -> bool:
    mine = [
        exists().where(of.tenant_id == row.tenant_id, of.account_id == row.id)
        for of in (Payment, ProviderReport)
    ]
    return bool(session.scalar(select(mine[0] | mine[1])))


def _seal(keyring: Keyring, row: ProviderAccount, said: Said) -> None:
    """Check the account as the adapter will get it, and seal what was said."""
    try:
        adapter = registry.get(row.provider)
    except registry.UnknownProvider:
        there = ", ".join(sorted(registry.PROVIDERS))
        raise NotSet(f"No adapter is called {row.provider!r}. There are: {there}.") from None
    credentials = said.credentials
    if credentials is None:
        credentials = accounts.unsealed(keyring, row).credentials
    if isinstance(adapter, Checks):
        adapter.checked(Account(row.tenant_id, row.id, row.merchant, row.live, credentials))
    row.credentials_sealed = accounts.sealed(keyring, row.tenant_id, row.id, credentials)


def _noted(said: Said) -> Json:
    """What the audit keeps: of credentials their names."""
    days = {
        "from": said.valid_from and str(said.valid_from),
        "until": "endless" if said.endless else said.valid_until and str(said.valid_until),
        "credentials": said.credentials and sorted(said.credentials),
    }
    return {**said.identity, **{name: value for name, value in days.items() if value}}
