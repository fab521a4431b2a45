"""A coarse limit per network address, against guessing codes in great numbers.

Only wrong entries count: the many people behind one address of a town hall, a school or a mobile
network may open as many letters as they have. What secures one letter are its own counters in
the database (``portal.requests.tan``); these here stand in the memory of each web process, are
gone when it ends, and are never written down.
"""

import logging
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import ceil

from flask import Flask, Response, request
from flask_limiter import ApplicationLimit, Limiter

from portal.web.current import settings

Address = IPv4Address | IPv6Address

CITIZENS, MACHINES = "citizens", "machines"
NETWORK_OF_A_HOME = 64  # bits: what one connection is given in IPv6 at least (RFC 6177)
WRONG = 400

# fmt: off
LIMITED: Mapping[str, str] = {  # where something can be guessed, and with what it counts together
    "visits.check_code":        CITIZENS,
    "visits.open_link":         CITIZENS,
    "visits.check_tan":         CITIZENS,
    "visits.check_letter":      CITIZENS,
    "confirming.check_receipt": CITIZENS,
    "admin.sign_in":            CITIZENS,
    "token_api.token":          MACHINES,
}
# fmt: on


def init_app(app: Flask) -> None:
    """Count wrong entries by network, before anything else is done."""
    logging.getLogger("flask-limiter").setLevel(logging.WARNING)  # its lines name the address
    limiter = Limiter(
        network,
        application_limits=[_limit(CITIZENS), _limit(MACHINES)],
        storage_uri="memory://",
    )
    limiter.init_app(app)
    app.extensions["limits"] = limiter


def network() -> str:
    """The network of who asks: an IPv4 address, of an IPv6 address the first 64 bits."""
    found = address()
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found.packed, NETWORK_OF_A_HOME), strict=False))
    return str(found or "unknown")


def seconds_to_wait(app: Flask) -> int:
    """After how many seconds this network may try again."""
    limiter: Limiter = app.extensions["limits"]
    limit = limiter.current_limit
    return max(1, ceil(limit.window.reset_time - time.time())) if limit else 1


def _limit(group: str) -> ApplicationLimit:
    return ApplicationLimit(
        limit_provider=lambda: f"{_allowed(group)} per minute",
        key_function=network,
        scope=group,
        exempt_when=lambda: _is_free(group),
        deduct_when=_is_wrong,
    )


def _allowed(group: str) -> int:
    return settings().wrong_entries if group == CITIZENS else settings().wrong_tokens


def _is_free(group: str) -> bool:
    if LIMITED.get(request.endpoint or "") != group:
        return True
    found = address()
    return found is not None and any(found in each for each in settings().unlimited_networks)


def _is_wrong(answer: Response) -> bool:
    return answer.status_code >= WRONG


def address() -> Address | None:
    """The address behind the proxies that ``QUITT_PROXIES`` counts."""
    try:
        found = ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
