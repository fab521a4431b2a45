"""One-time codes of an authenticator app: TOTP (RFC 6238), six digits, thirty seconds.

A code counts for its own half minute and the ones beside it, for clocks go wrong, and only once.
"""

import hmac
from datetime import datetime

import pyotp

SECONDS = 30
BESIDE = 1
DIGITS = 6


def new_secret() -> str:
    """A secret of 160 bits in base32, as the apps take it."""
    return pyotp.random_base32(32)


def address(secret: str, login: str, town: str) -> str:
    """The ``otpauth:`` address that an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=f"Quitt {town}")


def step_of(secret: str, told: str, used: int, now: datetime) -> int | None:
    """The number of the half minute that the code belongs to, or ``None`` when it does not count.

    ``used`` is that of the last code that counted: neither it nor an earlier one counts again.
    """
    code, here = told.replace(" ", ""), int(now.timestamp()) // SECONDS
    if len(code) != DIGITS or not code.isascii():
        return None
    hotp = pyotp.HOTP(secret)
    for step in range(here - BESIDE, here + BESIDE + 1):
        if step > used and hmac.compare_digest(hotp.at(step).encode(), code.encode()):
            return step
    return None
