"""Who may look at the office's page: whoever has the one-time token that was printed at start.

The first use of the token sets a signed cookie and spends the token; the same address again works
only where the cookie is. A new token ends all earlier cookies.
"""

import hashlib
import hmac

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.dialects.postgresql import insert

from office.db import transaction
from office.models import SpentToken
from portal import clock

LONGEST_VISIT = 12 * 60 * 60  # seconds


def spend(given: str, token: str) -> bool:
    """Use the one-time token; false when it is wrong or was used before."""
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return False
    statement = insert(SpentToken).values(digest=_digest(token), spent_at=clock.now())
    fresh = statement.on_conflict_do_nothing().returning(SpentToken.digest)
    with transaction() as session:
        return session.scalar(fresh) is not None


def pass_for(token: str, key: bytes) -> str:
    """What the cookie holds: nothing but that this token was used."""
    return str(_signer(key).dumps(_digest(token)))


def admits(cookie: str, token: str, key: bytes) -> bool:
    """Whether a cookie was given for this token, less than twelve hours ago."""
    try:
        held = _signer(key).loads(cookie, max_age=LONGEST_VISIT)
    except BadSignature:
        return False
    return bool(token) and hmac.compare_digest(str(held), _digest(token))


def _signer(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="quitt/office/pass")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
