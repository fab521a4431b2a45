"""The town's directory (OpenID Connect): who comes from there, and with which roles.

What the directory says was checked by the edge that speaks with it. Here it becomes a person and a
sitting: the groups give the roles of that sitting, and only those. A person is known by issuer and
subject (OpenID Connect Core, section 2), never by a name: a local account is nobody's by its login.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json, transaction, wait_for
from portal.errors import Conflict, PortalError
from portal.keys import Keyring
from portal.staff import members, sittings
from portal.staff.models import Directory, DirectoryGroup, StaffMember
from portal.staff.roles import Grant, IncompatibleRoles, Role, check_compatible
from portal.staff.sittings import Person

BY = "directory"
SEALED = "directory"
REFUSED = "staff.sign_in_refused"
LONGEST_GROUP = 200


class NotWelcome(PortalError):
    """The directory knows this person, and the town lets nobody in so."""

    code = "not_welcome"
    status = 403


class NoRole(NotWelcome):
    """No group of this person has a role here."""

    code = "no_role"


class TwoRoles(NotWelcome):
    """The groups of this person give roles that nobody may have at the same time."""

    code = "incompatible_roles"


class Ended(NotWelcome):
    """The account of this person has ended here."""

    code = "account_ended"


class SomebodyElse(Conflict):
    """The login is a local account's, or another person of the directory has it."""

    code = "login_taken"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes from the directory, as it said. ``leaving`` is where one signs out there.

    ``proved_at`` is when the person last proved there to be it (``auth_time``), if it said so.
    """

    issuer: str
    subject: str
    login: str
    display: str
    groups: tuple[str, ...]
    leaving: str = ""
    proved_at: datetime | None = None

    @property
    def name(self) -> str:
        """The person, unlike any other of any directory."""
        return f"{self.issuer} {self.subject}"


def of(session: Session, tenant_id: str) -> Directory | None:
    """The town's directory, where it has one."""
    return session.get(Directory, tenant_id)


def secret_of(keyring: Keyring, row: Directory) -> str | None:
    """What the portal proves itself to the directory with. Never log it."""
    if row.secret_sealed is None:
        return None
    return keyring.unseal(row.secret_sealed, SEALED, row.tenant_id).decode()


def sealed_secret(keyring: Keyring, tenant_id: str, secret: str) -> bytes | None:
    """The secret as it is kept: bound to its town."""
    return keyring.seal(secret.encode(), SEALED, tenant_id) if secret else None


def groups_of(session: Session, tenant_id: str) -> Sequence[DirectoryGroup]:
    """Which group has which role."""
    query = select(DirectoryGroup).where(DirectoryGroup.tenant_id == tenant_id)
    return session.scalars(query.order_by(DirectoryGroup.in_group, DirectoryGroup.id)).all()


def grants(rows: Iterable[DirectoryGroup], groups: Iterable[str]) -> tuple[Grant, ...]:
    """The roles that these groups have, each once. Pure. Raises ``NoRole``, ``TwoRoles``."""
    mine = set(groups)
    found: dict[Grant, None] = {}
    for row in rows:
        grant = Grant(Role(row.role), row.unit or None, row.kind or None)
        if row.in_group not in mine or grant in found:
            continue
        try:
            check_compatible({each.role for each in found}, grant.role)
        except IncompatibleRoles as error:
            raise TwoRoles(str(error)) from None
        found[grant] = None
    if not found:
        raise NoRole("No group of this person has a role here.")
    return tuple(found)


def welcome(tenant_id: str, who: Arrival) -> str:
    """Begin a sitting; its name. Who comes for the first time gets an account. A whole act.

    Raises ``NoRole``, ``TwoRoles``, ``Ended``, ``SomebodyElse``; each leaves a note.
    """
    try:
        with transaction() as session:
            wait_for(session, f"directory {tenant_id}")  # two first visits at once make one account
            given = grants(groups_of(session, tenant_id), who.groups)
            member = _known(session, tenant_id, who) or _new(session, tenant_id, who)
            if member.ended_at is not None:
                raise Ended(f"The account of {member.login} has ended.")
            member.display = members.shown(who.display.partition("@")[0], member.login)
            directory: Json | None = {"leaving": who.leaving} if who.leaving else None
            # Who is signed in there comes through without a word: that proves nothing for money.
            proved = who.proved_at or clock.now() - sittings.LONGEST
            return sittings.begin(session, member, list(given), directory, proved)
    except (NotWelcome, SomebodyElse) as error:
        with transaction() as session:
            audit.note(session, tenant_id, BY, REFUSED, login_of(who), {"why": error.code})
        raise


def prove(person: Person, who: Arrival) -> bool:
    """Whether this is the person who is signed in, who proved it again just now. A whole act.

    The roles are those of the groups of now. Raises ``NoRole``, ``TwoRoles``: then the sitting has
    ended.
    """
    tenant_id = person.tenant_id
    try:
        with transaction() as session:
            member = _known(session, tenant_id, who)
            if member is not None and member.id == person.staff_id:
                given = grants(groups_of(session, tenant_id), who.groups)
                sittings.prove(session, person, list(given))
                return True
            audit.note(session, tenant_id, person.actor, "staff.proof_refused", person.login)
    except NotWelcome as error:
        with transaction() as session:
            sittings.end(session, person)
            audit.note(session, tenant_id, BY, REFUSED, person.login, {"why": error.code})
        raise
    return False


def login_of(who: Arrival) -> str:
    """The login as notes tell it; one that we cannot write is replaced by a hash.

    Of an e-mail address it is what stands before the @: no note holds an address.
    """
    told = who.login.strip().lower().partition("@")[0]
    if members.LOGIN.fullmatch(told):
        return told
    return f"d-{hashlib.sha256(who.name.encode()).hexdigest()[:16]}"


def _known(session: Session, tenant_id: str, who: Arrival) -> StaffMember | None:
    query = select(StaffMember).where(
        StaffMember.tenant_id == tenant_id, StaffMember.subject == who.name
    )
    return session.scalar(query)


def _new(session: Session, tenant_id: str, who: Arrival) -> StaffMember:
    try:
        member = members.add(session, tenant_id, login_of(who), "", BY)
    except members.LoginTaken:
        raise SomebodyElse("Another account has this login.") from None
    member.subject = who.name
    session.flush()
    return member
