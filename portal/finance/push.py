"""Handing one event over by HTTP, signed after Standard Webhooks (standardwebhooks.com).

Redirects are not followed, no proxy of the environment is used, and outside practice mode only
public addresses are reached over https: the address is looked up once, checked, and that very
one is connected to.
"""

import base64
import binascii
import ipaddress
import socket
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httpx2
from standardwebhooks import Webhook

from portal import clock
from portal.errors import Invalid

TIMEOUT = httpx2.Timeout(10, connect=5)  # seconds
SHORTEST_SECRET = 24  # bytes, after the Standard Webhooks specification
PORTS = {"http": 80, "https": 443}
LOCAL_TRANSLATION = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215; older Pythons call it global


class BadEndpoint(Invalid):
    """An address or secret of an endpoint that cannot be used."""

    code = "bad_endpoint"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a tenant's events go. ``anywhere``: also to private addresses and without TLS."""

    url: str
    secret: str = field(repr=False)
    anywhere: bool = False


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
    parts = _split(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.fragment:
        raise BadEndpoint("An endpoint is an http(s) address without user name and fragment.")
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise BadEndpoint("The secret must be whsec_ and base64.") from None
    if not secret.startswith("whsec_") or len(raw) < SHORTEST_SECRET:
        raise BadEndpoint(f"The secret must be whsec_ and at least {SHORTEST_SECRET} bytes.")


def post(client: httpx2.Client, target: Target, parcel: Parcel) -> Outcome:
    """Hand one event over. Never raises for what the other side does."""
    try:
        url, options = _way(target)
        headers = {**_signed(target, parcel), "Host": urlsplit(target.url).netloc}
        with client.stream(
            "POST", url, content=parcel.body.encode(), headers=headers, extensions=options
        ) as answer:
            return Outcome(answer.status_code)
    except _Closed as closed:
        return Outcome(None, str(closed))
    except (httpx2.HTTPError, OSError) as error:
        return Outcome(None, type(error).__name__)


def client() -> httpx2.Client:
    """The HTTP client of one run."""
    return httpx2.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)


class _Closed(Exception):
    """An address that is not reached, for a reason that may be told."""


def _signed(target: Target, parcel: Parcel) -> dict[str, str]:
    now = clock.now()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Quitt",
        "webhook-id": parcel.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(target.secret).sign(parcel.id, now, parcel.body),
    }


def _way(target: Target) -> tuple[str, dict[str, str]]:
    """The address to connect to, and the name that its certificate must carry."""
    if target.anywhere:
        return target.url, {}
    parts = _split(target.url)
    if parts.scheme != "https":
        raise _Closed("not_https")
    host = parts.hostname or ""
    address = _public_address(host, parts.port or PORTS["https"])
    netloc = f"[{address}]" if ":" in address else address
    netloc += f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=netloc).geturl(), {"sni_hostname": host}


def _public_address(host: str, port: int) -> str:
    """The first address of a host; none of them may lie in a private network."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise _Closed("private_address")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address lies in the public internet (IANA special-purpose registries)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if inner or found in LOCAL_TRANSLATION:
            return False
    return found.is_global and not found.is_multicast


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadEndpoint("The address of the endpoint cannot be read.") from None
    return parts
