"""Personal links: derived from a key, never stored.

A link is ``https://<the town's host>/Z/<27 characters>``: the *short code* (11 characters by
HMAC-SHA-256 and a check character) and the *proof* (15 characters by another key), 130 bits in
all. The database holds HMAC(lookup key, short code): whoever has the rows without the keys
recognises no code. Derived means: the same push gives the same link, and a letter can be printed
again. The host is not part of it, so a town may change its host.
"""

import hmac
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import references
from portal.keys import Key, Keyring, mac
from portal.requests.models import PaymentRequest
from portal.requests.register import Standing
from portal.requests.typed import CODE_LENGTH as SHORT_CODE_LENGTH

PROOF_LENGTH = 15
CODE_LENGTH = SHORT_CODE_LENGTH + PROOF_LENGTH


@dataclass(frozen=True, slots=True)
class Identity:
    """What a link is derived from."""

    tenant_id: str
    reference: str
    version: int


@dataclass(frozen=True, slots=True)
class Link:
    """A personal link as it is handed to the finance system. Never log it."""

    url: str
    qr: str
    short_code: str
    version: int


def short_code(key: Key, of: Identity) -> str:
    """Twelve characters: what a person types."""
    raw = mac(key.child("short-code"), of.tenant_id, of.reference, of.version)
    return references.with_check(references.from_bytes(raw, SHORT_CODE_LENGTH - 1))


def proof(key: Key, of: Identity) -> str:
    """Fifteen characters that only the QR code and the printed address carry."""
    raw = mac(key.child("proof"), of.tenant_id, of.reference, of.version)
    return references.from_bytes(raw, PROOF_LENGTH)


def lookup(key: Key, tenant_id: str, code: str) -> bytes:
    """Under which 32 bytes a short code is found."""
    return mac(key.child("lookup"), tenant_id, code)


def link(key: Key, of: Identity, public_url: str, code: str | None = None) -> Link:
    """The personal link under a tenant's public address (scheme, host, port).

    ``code`` is the short code where it was just derived: it costs as much as all the rest.
    """
    code = code or short_code(key, of)
    url = f"{public_url}/Z/{code}{proof(key, of)}"
    return Link(url, url.upper(), references.in_blocks(code), of.version)


def identity(request: PaymentRequest | Standing) -> Identity:
    """What the link of a stored request is derived from."""
    return Identity(request.tenant_id, request.reference, request.link_version)


def renew(session: Session, key: Key, request: PaymentRequest) -> None:
    """A new link by this key for a locked request; the old one is dead.

    On the rare collision with another's short code the version is raised once more.
    """
    request.link_version += 1
    while _is_taken(session, key, request):
        request.link_version += 1
    request.lookup = _lookup(key, request)


def find_by_short_code(
    session: Session, keyring: Keyring, tenant_id: str, typed: str
) -> PaymentRequest | None:
    """The request of a typed short code, or ``None`` for whatever is not one."""
    code = references.fold(typed)
    if len(code) != SHORT_CODE_LENGTH or not references.is_valid(code):
        return None
    names = [lookup(key, tenant_id, code) for key in keyring.keys]
    return session.scalar(
        select(PaymentRequest).where(
            PaymentRequest.tenant_id == tenant_id, PaymentRequest.lookup.in_(names)
        )
    )


def find_by_link(
    session: Session, keyring: Keyring, tenant_id: str, typed: str
) -> PaymentRequest | None:
    """The request of a whole link's code: short code found, and proof right."""
    code = references.fold(typed)
    if len(code) != CODE_LENGTH:
        return None
    request = find_by_short_code(session, keyring, tenant_id, code[:SHORT_CODE_LENGTH])
    if request is None:
        return None
    right = proof(keyring.get(request.key_id), identity(request))
    told = code[SHORT_CODE_LENGTH:].encode()
    return request if hmac.compare_digest(right.encode(), told) else None


def _lookup(key: Key, request: PaymentRequest) -> bytes:
    return lookup(key, request.tenant_id, short_code(key, identity(request)))


def _is_taken(session: Session, key: Key, request: PaymentRequest) -> bool:
    with session.no_autoflush:
        query = select(PaymentRequest.id).where(
            PaymentRequest.tenant_id == request.tenant_id,
            PaymentRequest.lookup == _lookup(key, request),
        )
        return session.scalar(query) is not None
