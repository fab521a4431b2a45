"""Handing one event over by HTTP, signed after Standard Webhooks (standardwebhooks.com).

Redirects are not followed and no proxy of the environment is used. A post ends within its limit,
however slowly the other side drips. TLS trusts what the machine trusts, a private authority of a
computing centre included.
"""

import asyncio
import base64
import binascii
import contextlib
from dataclasses import dataclass, field

import httpx2
from standardwebhooks import Webhook

from portal import clock
from portal.finance import reach
from portal.finance.reach import PORTS, BadEndpoint, Reach

TIMEOUT = httpx2.Timeout(10, connect=5)  # seconds
LONGEST_POST = 15.0  # seconds in all, for slow drips that no single time-out catches
LONGEST_REST = 1.0  # seconds for what follows the status
MOST_READ = 65_536  # bytes of it
LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=8)
SHORTEST_SECRET = 24  # bytes, after the Standard Webhooks specification

_trust = httpx2.create_ssl_context(trust_env=False)  # made once: it costs 20 ms


@dataclass(frozen=True, slots=True)
class Target:
    """Where a tenant's events go, and what may be reached at all."""

    url: str
    secret: str = field(repr=False)
    reach: Reach = Reach()


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event ready to be handed over: its id, and the JSON that the feed gives too."""

    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the endpoint answered: a status, or why there was none."""

    status: int | None
    error: str | None = None


def check(url: str, secret: str) -> None:
    """Raise ``BadEndpoint`` for what can never be an endpoint."""
    parts = reach.split(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.fragment:
        raise BadEndpoint("An endpoint is an http(s) address without user name and fragment.")
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise BadEndpoint("The secret must be whsec_ and base64.") from None
    if not secret.startswith("whsec_") or len(raw) < SHORTEST_SECRET:
        raise BadEndpoint(f"The secret must be whsec_ and at least {SHORTEST_SECRET} bytes.")


async def post(client: httpx2.AsyncClient, target: Target, parcel: Parcel) -> Outcome:
    """Hand one event over. Never raises for what the other side does."""
    try:
        async with asyncio.timeout(LONGEST_POST):
            way = await reach.way(target.reach, target.url)
            headers = {**_signed(target, parcel), "Host": reach.split(target.url).netloc}
            body = parcel.body.encode()
            async with client.stream(
                "POST", way.url, content=body, headers=headers, extensions=way.options
            ) as answer:
                await _read_to_its_end(answer)
                return Outcome(answer.status_code)
    except TimeoutError:
        return Outcome(None, "TooLate")
    except reach.Closed as closed:
        return Outcome(None, str(closed))
    except (httpx2.HTTPError, OSError) as error:
        return Outcome(None, type(error).__name__)


def client() -> httpx2.AsyncClient:
    """The HTTP client of one run."""
    return httpx2.AsyncClient(
        timeout=TIMEOUT, limits=LIMITS, verify=_trust, follow_redirects=False, trust_env=False
    )


async def _read_to_its_end(answer: httpx2.Response) -> None:
    """Only then the connection serves the next event. What is long or slow is not waited for."""
    seen = 0
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(LONGEST_REST):
            async for chunk in answer.aiter_raw():
                seen += len(chunk)
                if seen > MOST_READ:
                    return


def _signed(target: Target, parcel: Parcel) -> dict[str, str]:
    now = clock.now()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Quitt",
        "webhook-id": parcel.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(target.secret).sign(parcel.id, now, parcel.body),
    }
