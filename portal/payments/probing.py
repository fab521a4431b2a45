"""Probing paused accounts: each is asked for a payment that never was, with growing pauses.

That there is no such payment is an answer, and ``calls`` takes the account back for it.
"""

import logging
import secrets
import time
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock, transaction
from portal.keys import Keyring
from portal.payments import accounts, calls
from portal.payments.models import AccountSilence, ProviderAccount
from portal.providers import registry
from portal.providers.protocol import Account, ProviderDown, UnknownWord

log = logging.getLogger(__name__)

# After the first probe, which ``calls.FIRST_PROBE`` sets; the last one again and again.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 10))
LONGEST_ROUND = 20.0  # seconds


def paused(session: Session, tenant_id: str) -> frozenset[str]:
    """The accounts of a town on which no new payments are offered."""
    silence = AccountSilence
    mine = (silence.tenant_id == tenant_id) & silence.paused_at.is_not(None)
    return frozenset(session.scalars(select(silence.account_id).where(mine)))


def soon(session: Session, account: ProviderAccount) -> None:
    """Ask for an account in the next round, if it is paused: its credentials are other ones."""
    mine = (AccountSilence.tenant_id == account.tenant_id) & (
        AccountSilence.account_id == account.id
    )
    due = {"probe_at": clock.now(), "probes": 0}
    session.execute(
        update(AccountSilence).where(mine, AccountSilence.paused_at.is_not(None)).values(due)
    )


def probe(keyring: Keyring) -> int:
    """Ask for all paused accounts that are due; how many it came to. A whole act for each.

    When a provider is silent for one town, its other accounts wait for the next round: each would
    take as long again. A round ends after 20 seconds.
    """
    ends, asked = time.monotonic() + LONGEST_ROUND, 0
    silent: set[str] = set()
    for tenant_id, account_id, provider in _due():
        if time.monotonic() > ends:
            break
        if provider in silent:
            continue
        asked += 1
        try:
            is_there = _answers(keyring, tenant_id, account_id)
        except Exception as error:  # one that cannot be asked must not stop the others
            log.exception(
                "not_probed", extra={"account": account_id, "error": type(error).__name__}
            )
        else:
            silent |= set() if is_there else {provider}
    return asked


def _due() -> list[tuple[str, str, str]]:
    silence, account = AccountSilence, ProviderAccount
    query = (
        select(account.tenant_id, account.id, account.provider)
        .join(
            silence, (silence.tenant_id == account.tenant_id) & (silence.account_id == account.id)
        )
        .where(silence.probe_at <= clock.now())
        .order_by(silence.probe_at)
    )
    with transaction() as session:
        return [(tenant, name, provider) for tenant, name, provider in session.execute(query)]


def _answers(keyring: Keyring, tenant_id: str, account_id: str) -> bool:
    """Whether the provider answers, as far as it had to be asked."""
    with transaction() as session:
        prepared = _prepare(session, keyring, tenant_id, account_id)
    if prepared is None:
        return True
    provider, account = prepared
    with suppress(UnknownWord):  # that is an answer, too
        try:
            calls.made(registry.get(provider).fetch, account, secrets.token_hex(16), "")
        except ProviderDown:
            return False
    return True


def _prepare(
    session: Session, keyring: Keyring, tenant_id: str, account_id: str
) -> tuple[str, Account] | None:
    """Set the next probe before this one, so that a crash loses none; ``None``: not to be asked."""
    silence = lock(session, AccountSilence, tenant_id, account_id)
    if silence is None or silence.probe_at is None or silence.probe_at > clock.now():
        return None  # it answered meanwhile, or another worker asks
    row = accounts.get(session, tenant_id, account_id)
    if accounts.is_over(session, row):
        calls.answers(session, tenant_id, account_id, "the account is over")
        return None
    silence.probe_at = clock.now() + PAUSES[min(silence.probes, len(PAUSES) - 1)]
    silence.probes += 1
    return row.provider, accounts.unsealed(keyring, row)
