"""Access by OAuth 2.0 client credentials (RFC 6749, section 4.4) with bearer tokens (RFC 6750).

Tokens are signed, not stored. The tenant is in the token, never in a header or a body. A token
made with an older configured key is good as long as that key is configured; the token of a
revoked client is good no more.

Written out rather than taken from a library: there is one grant, and it must take its time from
the portal's clock and no secret from an address.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json
from portal.errors import PortalError
from portal.finance import clients
from portal.finance.models import Client
from portal.keys import Keyring

TOKEN_LIFE = timedelta(minutes=10)
GRANT = "client_credentials"


class Unauthorized(PortalError):
    """No token was sent."""

    code = "unauthorized"
    status = 401


class InvalidToken(Unauthorized):
    """The token is not ours, has run out, or its client was revoked."""

    code = "invalid_token"


class GrantRefused(Exception):
    """No token is given; ``code`` is one of RFC 6749, section 5.2."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client says who it is."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r})"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the contract: a client of one tenant, and what it may do."""

    tenant_id: str
    client_id: str
    scopes: frozenset[str]


def grant(
    session: Session, keyring: Keyring, basic: Credentials | None, form: Mapping[str, str]
) -> Json:
    """The answer of the token endpoint (RFC 6749, section 5.1); raises ``GrantRefused``."""
    given = _credentials(basic, form)
    if "grant_type" not in form:
        raise GrantRefused("invalid_request", "grant_type is missing")
    client = clients.authenticate(session, given.client_id, given.secret)
    if client is None:
        raise GrantRefused("invalid_client", "unknown client, or not its secret")
    if form["grant_type"] != GRANT:
        raise GrantRefused("unsupported_grant_type", f"only {GRANT} is supported")
    scopes = _scopes(client, form.get("scope", ""))
    return {
        "access_token": token(keyring, Caller(client.tenant_id, client.id, frozenset(scopes))),
        "token_type": "Bearer",
        "expires_in": int(TOKEN_LIFE.total_seconds()),
        "scope": " ".join(scopes),
    }


def token(keyring: Keyring, caller: Caller) -> str:
    """A bearer token for ``caller``, good for ten minutes."""
    ends_at = int((clock.now() + TOKEN_LIFE).timestamp())
    told = [caller.tenant_id, caller.client_id, " ".join(sorted(caller.scopes)), ends_at]
    signed: str = _signer(keyring).dumps(told)
    return signed


def caller(session: Session, keyring: Keyring, bearer: str | None) -> Caller:
    """Who sent this token; raises ``Unauthorized`` or ``InvalidToken``."""
    if not bearer:
        raise Unauthorized("A bearer token is needed; get one at /api/v1/oauth/token.")
    try:
        tenant_id, client_id, scopes, ends_at = _signer(keyring).loads(bearer)
    except BadData:
        raise InvalidToken("The token is not one of ours.") from None
    if ends_at <= clock.now().timestamp():
        raise InvalidToken("The token has run out; get a new one.")
    client = clients.active(session, client_id)
    if client is None or client.tenant_id != tenant_id:
        raise InvalidToken("The client of this token was revoked.")
    return Caller(tenant_id, client_id, frozenset(scopes.split()) & frozenset(client.scopes))


def _credentials(basic: Credentials | None, form: Mapping[str, str]) -> Credentials:
    in_body = "client_id" in form or "client_secret" in form
    if basic is not None:
        if "client_secret" in form or form.get("client_id", basic.client_id) != basic.client_id:
            raise GrantRefused("invalid_request", "say who you are in one way only")
        return basic
    if not in_body:
        raise GrantRefused("invalid_client", "no client credentials were sent")
    return Credentials(form.get("client_id", ""), form.get("client_secret", ""))


def _scopes(client: Client, asked: str) -> list[str]:
    wanted = set(asked.split()) or set(client.scopes)
    if not wanted <= set(client.scopes):
        raise GrantRefused("invalid_scope", "the client may not have this scope")
    return sorted(wanted)


def _signer(keyring: Keyring) -> Any:
    # The last key signs, all of them are tried when a token is read.
    oldest_first = [key.child("access-token") for key in reversed(keyring.trusted)]
    return URLSafeSerializer(
        oldest_first,
        salt="access-token",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
