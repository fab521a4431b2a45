"""A leaked key: every link and TAN that hangs on it dies, and new ones take their place.

The finance system fetches the new ones by pushing again or by reading the request; the letters
concerned are named, so that they can be printed anew.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import transaction
from portal.errors import Conflict
from portal.finance import messages, outbox
from portal.keys import Keyring
from portal.requests import links, register
from portal.requests.models import PaymentRequest

AT_ONCE = 500


class KeyInUse(Conflict):
    """The key in use cannot be given up: a newer one must stand before it."""

    code = "key_in_use"


def counts(session: Session) -> dict[str, int]:
    """How many requests hang on each key. A key with none may be taken out of the settings."""
    query = select(PaymentRequest.key_id, func.count()).group_by(PaymentRequest.key_id)
    return {key_id: int(count) for key_id, count in session.execute(query)}


def revoke(keyring: Keyring, key_id: str) -> list[tuple[str, str]]:
    """Give every request of this key a new link and TAN; its (tenant, reference) each.

    A whole act for each request, so it can be broken off and begun again. Raises ``KeyInUse``.
    """
    if key_id == keyring.current.id:
        raise KeyInUse(
            f"{key_id} is the key in use. Put a new one before it in QUITT_KEYS "
            "(./quitt keys new) and keep it until this is done."
        )
    done: list[tuple[str, str]] = []
    while batch := _hanging_on(key_id):
        for tenant_id, request_id in batch:
            with transaction() as session:
                request = register.locked(session, tenant_id, request_id)
                if request.key_id == key_id:
                    _renew(session, keyring, request)
                    done.append((tenant_id, request.reference))
    return done


def _hanging_on(key_id: str) -> list[tuple[str, int]]:
    query = (
        select(PaymentRequest.tenant_id, PaymentRequest.id)
        .where(PaymentRequest.key_id == key_id)
        .limit(AT_ONCE)
    )
    with transaction() as session:
        return [(tenant_id, request_id) for tenant_id, request_id in session.execute(query)]


def _renew(session: Session, keyring: Keyring, request: PaymentRequest) -> None:
    """A new link and TAN by the key in use, for a locked request."""
    request.key_id = keyring.current.id
    request.link_version += 1
    request.tan_version += 1
    while _is_taken(session, keyring, request):
        request.link_version += 1
    request.lookup = _lookup(keyring, request)
    request.updated_at = clock.now()
    audit.note(session, request.tenant_id, "operator", "link.revoked", request.reference)
    message = messages.request_changed(request.reference, request.version, "new_link")
    outbox.put(session, request.tenant_id, message)


def _lookup(keyring: Keyring, request: PaymentRequest) -> bytes:
    code = links.short_code(keyring.current, links.identity(request))
    return links.lookup(keyring.current, request.tenant_id, code)


def _is_taken(session: Session, keyring: Keyring, request: PaymentRequest) -> bool:
    with session.no_autoflush:
        query = select(PaymentRequest.id).where(
            PaymentRequest.tenant_id == request.tenant_id,
            PaymentRequest.lookup == _lookup(keyring, request),
        )
        return session.scalar(query) is not None
