"""The addresses (host names) of a town: the one in use, and further ones that lead on to it.

Whoever changes them alone could have citizens pay elsewhere: one asks, another person who may
approve sees old and new and agrees. Letters that were printed name the address of their day, so it
goes on leading here. A new address is first a further one; when it has shown that it leads here, it
may become the one in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import idna
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.approvals.changing import ChangedSince, NothingChanges
from portal.approvals.deciding import Wanted
from portal.db import Json, lock, transaction
from portal.errors import Conflict, Invalid
from portal.faces.setting import NoSuchTown
from portal.tenants import Tenant, TenantHost

ACT = "tenant.addresses"
SUBJECT = "addresses"
MOST = 20
FIELDS = ("address", "further")


class NotAnAddress(Invalid):
    """An address that cannot be taken: ``field`` is where, ``cause`` one of name (it is no host
    name), taken (another town answers there), new (it has not led here yet), own (whoever asks
    works there), many.
    """

    code = "not_an_address"

    def __init__(self, field: str, cause: str, name: str = "") -> None:
        super().__init__(f"{name or field} cannot be taken: {cause}.")
        self.field, self.cause, self.name = field, cause, name


class AddressTaken(Conflict):
    """Another town has answered under one of them since it was asked for."""

    code = "address_taken"


@dataclass(frozen=True, slots=True)
class Addresses:
    """All of a town: the one in use, and those that lead on to it."""

    address: str
    further: tuple[str, ...]

    @property
    def all(self) -> set[str]:
        """Every one of them."""
        return {self.address, *self.further}

    def told(self) -> Json:
        """As the approval keeps them."""
        return {"address": self.address, "further": list(self.further)}


def of(session: Session, tenant_id: str) -> Addresses:
    """The addresses of a town."""
    query = select(TenantHost).where(TenantHost.tenant_id == tenant_id).order_by(TenantHost.host)
    rows = session.scalars(query).all()
    in_use = next(row.host for row in rows if row.current)
    return Addresses(in_use, tuple(row.host for row in rows if not row.current))


def ask(tenant_id: str, address: str, further: Sequence[str], own: str, by: str) -> None:
    """Ask for other addresses; ``own`` is the one under which who asks works. A whole act.

    Raises ``NotAnAddress``, ``NothingChanges`` and what ``deciding.ask`` does.
    """
    with transaction() as session:
        was = _locked(session, tenant_id)
        becomes = _checked(session, tenant_id, was, address.strip().lower(), further)
        if own in was.all and own not in becomes.all:
            raise NotAnAddress("further", "own", own)
        if becomes == was:
            raise NothingChanges("It is so already.")
        facts = {"was": was.told(), "becomes": becomes.told()}
        deciding.ask(session, tenant_id, Wanted(ACT, SUBJECT, None, facts), by)


def approve(tenant_id: str, by: str, number: int | None = None) -> None:
    """The second person agrees. A whole act.

    Raises ``ChangedSince``, ``AddressTaken`` and what ``deciding.approve`` does.
    """
    with transaction() as session:
        was = _locked(session, tenant_id)
        facts = deciding.approve(session, tenant_id, ACT, SUBJECT, by, number).facts
        if was.told() != facts["was"]:
            raise ChangedSince("The addresses were changed since it was asked for.")
        told = facts["becomes"]
        try:
            _put(session, tenant_id, Addresses(told["address"], tuple(told["further"])))
        except IntegrityError:
            raise AddressTaken("Another town answers under one of them.") from None


def refuse(tenant_id: str, by: str, why: str = "", number: int | None = None) -> None:
    """The addresses stay. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, SUBJECT, by, why, number)


def _locked(session: Session, tenant_id: str) -> Addresses:
    if lock(session, Tenant, tenant_id) is None:
        raise NoSuchTown(f"There is no tenant {tenant_id!r}.")
    return of(session, tenant_id)


def _checked(
    session: Session, tenant_id: str, was: Addresses, address: str, further: Sequence[str]
) -> Addresses:
    if address not in was.all:
        raise NotAnAddress("address", "new", address)
    names = {_name(each, was) for each in further} - {address}
    if len(names) >= MOST:
        raise NotAnAddress("further", "many")
    taken = select(TenantHost.host).where(
        TenantHost.host.in_(names), TenantHost.tenant_id != tenant_id
    )
    if others := session.scalars(taken.order_by(TenantHost.host)).first():
        raise NotAnAddress("further", "taken", others)
    return Addresses(address, tuple(sorted(names)))


def _name(text: str, was: Addresses) -> str:
    """A host name as browsers ask for it (RFC 5891); what the town has already is one."""
    plain = text.strip().lower()
    if plain in was.all:
        return plain
    try:
        name = idna.encode(plain, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise NotAnAddress("further", "name", plain[:60]) from None
    if "." not in name.strip(".") or name.endswith(".") or _is_number(name):
        raise NotAnAddress("further", "name", plain[:60])
    return name


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _put(session: Session, tenant_id: str, addresses: Addresses) -> None:
    session.execute(delete(TenantHost).where(TenantHost.tenant_id == tenant_id))
    session.add_all(
        TenantHost(host=name, tenant_id=tenant_id, current=name == addresses.address)
        for name in sorted(addresses.all)
    )
    session.flush()
