"""Passwords: argon2id (RFC 9106), with OWASP's first profile: 19 MiB, two passes, one lane.

28 ms on one core. At most two are worked out at once in a process, so that a flood of guesses takes
neither its memory nor all of its threads.
"""

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import Invalid

SHORTEST, LONGEST = 12, 200
MADE_OF = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another

OWASP = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_hasher = OWASP
_AT_ONCE = BoundedSemaphore(2)
# Verified when there is no account, so that both take as long.
_NOBODYS = _hasher.hash(secrets.token_urlsafe(16))


class WeakPassword(Invalid):
    """Too short, too long, or as good as the login."""

    code = "weak_password"


def hashed(password: str, login: str) -> str:
    """The password as it is kept. Raises ``WeakPassword``."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"A password has {SHORTEST} to {LONGEST} characters.")
    if login.casefold() in password.casefold() or len(set(password)) < SHORTEST // 2:
        raise WeakPassword("The password is too easily guessed.")
    with _AT_ONCE:
        return _hasher.hash(password)


def is_right(kept: str | None, told: str) -> bool:
    """Whether it is the password; as slow for an account that has none."""
    with _AT_ONCE:
        try:
            return _hasher.verify(kept or _NOBODYS, told[:LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def made() -> str:
    """A password that nobody chose: 20 of 55 signs, 115 bits."""
    return "".join(secrets.choice(MADE_OF) for _ in range(20))
