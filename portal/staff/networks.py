"""From which networks a town's admin view may be opened. Without any: from everywhere.

Nobody locks himself out: a list that does not hold one's own address is refused. Whoever runs the
portal can clear it (``quitt staff networks``).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import transaction
from portal.errors import Conflict, Invalid
from portal.staff.models import StaffNetwork

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
MOST = 50


class NoNetwork(Invalid):
    """This cannot be read as a network."""

    code = "no_network"


class LocksOut(Conflict):
    """One's own address is not in the list: one would be out with the next page."""

    code = "locks_out"


def read(text: str) -> tuple[Network, ...]:
    """Networks, one a line or with commas, as 10.20.0.0/16. Raises ``NoNetwork`` with the text."""
    found: dict[Network, None] = {}
    for each in text.replace(",", "\n").split():
        try:
            found[ip_network(each)] = None
        except ValueError:
            raise NoNetwork(each[:50]) from None
    if len(found) > MOST:
        raise NoNetwork(str(len(found)))
    return tuple(found)


def of(session: Session, tenant_id: str) -> tuple[str, ...]:
    """The networks of a town, as they were set."""
    query = select(StaffNetwork.network).where(StaffNetwork.tenant_id == tenant_id)
    return tuple(session.scalars(query.order_by(StaffNetwork.network)))


def lets_in(networks: Iterable[str], address: Address | None) -> bool:
    """Whether somebody at this address may open the admin view. Pure."""
    known = [ip_network(each) for each in networks]
    return not known or (address is not None and any(address in each for each in known))


def put(tenant_id: str, networks: tuple[Network, ...], own: Address | None, by: str) -> None:
    """Set the whole list; none: from everywhere. A whole act. Raises ``LocksOut``."""
    told = tuple(str(each) for each in networks)
    if not lets_in(told, own):
        raise LocksOut(f"{own} is in none of them.")
    with transaction() as session:
        _set(session, tenant_id, told, by)


def clear(tenant_id: str, by: str) -> None:
    """Let everybody's network in again. A whole act, done at the machine."""
    with transaction() as session:
        _set(session, tenant_id, (), by)


def _set(session: Session, tenant_id: str, networks: tuple[str, ...], by: str) -> None:
    session.execute(delete(StaffNetwork).where(StaffNetwork.tenant_id == tenant_id))
    now = clock.now()
    for each in networks:
        session.add(StaffNetwork(tenant_id=tenant_id, network=each, set_by=by, set_at=now))
    audit.note(session, tenant_id, by, "staff.networks", "", {"networks": list(networks)})
