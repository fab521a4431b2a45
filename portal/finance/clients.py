"""Clients: which finance systems may call the contract, and what each may do."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy.orm import Session

from portal import clock
from portal.errors import Invalid
from portal.finance.models import Client

_NOBODY = bytes(32)  # compared with when the client is unknown, so that both take as long


class Scope(StrEnum):
    """What a client may do."""

    REQUESTS_WRITE = "requests:write"  # only this one is answered links and TANs
    REQUESTS_READ = "requests:read"
    EVENTS_READ = "events:read"
    EVENTS_ACK = "events:ack"


class UnknownScope(Invalid):
    """The contract has no such scope."""

    code = "unknown_scope"


def create_client(session: Session, tenant_id: str, scopes: Iterable[str]) -> tuple[str, str]:
    """A new client of a tenant: (id, secret). The secret is shown once and never stored."""
    wanted = sorted(set(scopes))
    if strangers := set(wanted) - set(Scope):
        raise UnknownScope(f"There is no scope {', '.join(sorted(strangers))}.")
    client_id, secret = f"c_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    row = Client(
        id=client_id,
        tenant_id=tenant_id,
        secret_sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=wanted,
    )
    session.add(row)
    session.flush()
    return client_id, secret


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
    told = hashlib.sha256(secret.encode("utf-8", "replace")).digest()
    right = hmac.compare_digest(client.secret_sha256 if client else _NOBODY, told)
    return client if right else None
