"""Clients: which finance systems may call the contract, and what each may do."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.errors import Conflict, Invalid, NotFound
from portal.finance.models import Client

LONGEST_NAME = 80
USE_NOTED_EVERY = timedelta(hours=1)
_NOBODY = bytes(32)  # compared with when the client is unknown, so that both take as long


class Scope(StrEnum):
    """What a client may do."""

    REQUESTS_WRITE = "requests:write"  # only this one is answered links and TANs
    REQUESTS_READ = "requests:read"
    EVENTS_READ = "events:read"
    EVENTS_ACK = "events:ack"


class NoSuchClient(NotFound):
    """There is no such client, or it is revoked."""

    code = "no_such_client"


class TwoSecrets(Conflict):
    """Two secrets are good already."""

    code = "two_secrets"


class OneSecret(Conflict):
    """There is only one secret."""

    code = "one_secret"


class UnknownScope(Invalid):
    """The contract has no such scope."""

    code = "unknown_scope"


def new_key() -> tuple[str, str]:
    """(id, secret) of a client that is to be."""
    return f"c_{secrets.token_hex(8)}", secrets.token_urlsafe(32)


def checked(scopes: Iterable[str]) -> list[str]:
    """Scopes as they are kept. Raises ``UnknownScope``."""
    wanted = sorted(set(scopes))
    if strangers := set(wanted) - set(Scope):
        raise UnknownScope(f"There is no scope {', '.join(sorted(strangers))}.")
    return wanted


def name(called: str) -> str:
    """What a system is called, as it is kept."""
    return " ".join(called.split())[:LONGEST_NAME]


def create_client(
    session: Session,
    tenant_id: str,
    scopes: Iterable[str],
    called: str = "",
    key: tuple[str, str] | None = None,
) -> tuple[str, str]:
    """A new client of a tenant: (id, secret). The secret is shown once and never stored."""
    client_id, secret = key or new_key()
    row = Client(
        id=client_id,
        tenant_id=tenant_id,
        secret_sha256=_hashed(secret),
        scopes=checked(scopes),
        called=name(called),
    )
    session.add(row)
    session.flush()
    return client_id, secret


def check_one(client: Client) -> None:
    """Raise ``TwoSecrets`` where no further secret may be made."""
    if client.second_sha256 is not None:
        raise TwoSecrets("Two secrets are good already. End the older one first.")


def second_secret(session: Session, client: Client, secret: str) -> None:
    """One more secret, good beside the first. Raises ``TwoSecrets``."""
    check_one(client)
    client.second_sha256, client.second_since = _hashed(secret), clock.now()
    client.second_used_at = None
    session.flush()


def end_older(session: Session, client: Client) -> None:
    """The older of two secrets is good no more, the newer stays. Raises ``OneSecret``."""
    if client.second_sha256 is None:
        raise OneSecret("There is only one secret: make another one first, or revoke the client.")
    client.secret_sha256 = client.second_sha256
    client.secret_since, client.used_at = client.second_since, client.second_used_at
    client.second_sha256 = client.second_since = client.second_used_at = None
    session.flush()


def of_tenant(session: Session, tenant_id: str) -> Sequence[Client]:
    """A tenant's clients, those that were revoked last."""
    query = select(Client).where(Client.tenant_id == tenant_id)
    return session.scalars(query.order_by(Client.revoked_at.is_not(None), Client.created_at)).all()


def locked(session: Session, tenant_id: str, client_id: str) -> Client:
    """A tenant's client that is not revoked, locked. Raises ``NoSuchClient``."""
    client = lock(session, Client, client_id)
    if client is None or client.tenant_id != tenant_id or client.revoked_at is not None:
        raise NoSuchClient("There is no such client.")
    return client


def known(session: Session, tenant_id: str, client_id: str) -> Client:
    """A tenant's client that is not revoked. Raises ``NoSuchClient``."""
    client = active(session, client_id)
    if client is None or client.tenant_id != tenant_id:
        raise NoSuchClient("There is no such client.")
    return client


def revoke(client: Client) -> None:
    """The client is known no more; its tokens stop at once."""
    client.revoked_at = clock.now()


def active(session: Session, client_id: str) -> Client | None:
    """The client, unless it is unknown or revoked."""
    client = session.get(Client, client_id) if "\0" not in client_id else None
    return client if client is not None and client.revoked_at is None else None


def authenticate(session: Session, client_id: str, secret: str) -> Client | None:
    """The client whose secret this is, or ``None``; compared in constant time."""
    client = active(session, client_id)
    told = _hashed(secret)
    first = hmac.compare_digest(client.secret_sha256 if client else _NOBODY, told)
    second = hmac.compare_digest((client and client.second_sha256) or _NOBODY, told)
    if client is None or not (first or second):
        return None
    _used(session, client, first)
    return client


def _used(session: Session, client: Client, first: bool) -> None:
    """Note the use, once an hour: nobody waits for it, and a lost note is only a later one."""
    moment, now = Client.used_at if first else Client.second_used_at, clock.now()
    known = client.used_at if first else client.second_used_at
    if known is None or now - known >= USE_NOTED_EVERY:
        of = update(Client).where(Client.id == client.id).values({moment: now})
        session.execute(of.execution_options(synchronize_session=False))


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
