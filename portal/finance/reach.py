"""Which addresses an event may be pushed to.

The name is looked up once, every address found is checked, and one of these very addresses is
connected to: a name that points elsewhere a moment later leads nowhere. Outside practice mode that
is the public internet over https, and what lies in the networks that the operator names: over
https too, but for this machine itself, where a proxy may take the events in plain HTTP.
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

from portal.errors import Invalid

PORTS = {"http": 80, "https": 443}
LOCAL_TRANSLATION = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215; older Pythons call it global
LOOKUPS_AT_ONCE = 32  # threads: names that nobody answers must not hold up the others

_lookups = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="lookup")


class BadEndpoint(Invalid):
    """An address or secret of an endpoint that cannot be used."""

    code = "bad_endpoint"


class Closed(Exception):
    """An address that is not reached, for a reason that may be told."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached beside the public internet: the operator's ``networks``.

    ``anywhere``: every address and without TLS (practice mode).
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """The address to connect to, and the name that its certificate must carry."""

    url: str
    options: dict[str, str]


async def way(reach: Reach, url: str) -> Way:
    """How ``url`` is reached; raises ``Closed`` when it may not be, ``OSError`` when unknown."""
    if reach.anywhere:
        return Way(url, {})
    parts = split(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    addresses = await _looked_up(host, port)
    checked = [is_open(reach, parts.scheme, address) for address in addresses]
    if not checked or not all(checked):
        raise Closed("private_address" if parts.scheme == "https" else "not_https")
    address = addresses[0]
    netloc = f"[{address}]" if ":" in address else address
    netloc += f":{parts.port}" if parts.port else ""
    return Way(parts._replace(netloc=netloc).geturl(), {"sni_hostname": host})


def is_open(reach: Reach, scheme: str, address: str) -> bool:
    """Whether an address may be reached; addresses of the link itself never are."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if _is_nobodys(found):
        return False
    named = any(found in network for network in reach.networks)
    if scheme != "https":
        return named and found.is_loopback
    return named or is_public(address)


def is_public(address: str) -> bool:
    """Whether an address lies in the public internet (IANA special-purpose registries)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if inner or found in LOCAL_TRANSLATION:
            return False
    return found.is_global and not found.is_multicast


def split(url: str) -> SplitResult:
    """The parts of an address; raises ``BadEndpoint`` when it cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadEndpoint("The address of the endpoint cannot be read.") from None
    return parts


def _is_nobodys(found: IPv4Address | IPv6Address) -> bool:
    # Link-local is where clouds hand out credentials; no finance system lives there.
    return found.is_link_local or found.is_multicast or found.is_unspecified


async def _looked_up(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_lookups, _addresses, host, port)
    return list(dict.fromkeys(found))


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]
