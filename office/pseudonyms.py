"""What the portal learns of a debtor: a pseudonym.

The key stays in the office. Who has the portal's database, but not this key, cannot tell whose
letters belong together with which name, not even by trying all names of the town.
"""

import base64
import binascii
import hashlib
import hmac

from flask_babel import gettext as _

from portal.errors import Misconfigured

SHORTEST_KEY = 32  # bytes
_SIGNS = 22  # base64url characters: 132 bits


def key(text: str) -> bytes:
    """The key of ``QUITT_OFFICE_PSEUDONYM_KEY``; raises Misconfigured with what to do."""
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) < SHORTEST_KEY:
        raise Misconfigured(
            _(
                "QUITT_OFFICE_PSEUDONYM_KEY must be at least 32 random bytes as base64. "
                "Make one with: openssl rand -base64 32"
            )
        )
    return secret


def child(secret: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, so that no two uses share one."""
    return hmac.digest(secret, f"quitt/office/{purpose}".encode(), hashlib.sha256)


def pseudonym(secret: bytes, identity: str) -> str:
    """The same debtor is always the same ``p_…``, and nobody without the key can say who."""
    digest = hmac.digest(child(secret, "debtor"), identity.encode(), hashlib.sha256)
    return f"p_{base64.urlsafe_b64encode(digest).decode()[:_SIGNS]}"
