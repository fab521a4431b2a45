"""Sittings: from signing in to signing out, at most eight hours.

Its name is 256 random bits in a signed cookie, and only its SHA-256 in the database. How long it
has been idle stands in the cookie, so that looking at a page writes nothing (``portal.admin``).
What the person may do is read at every request: a role that was taken back is gone at once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json, transaction
from portal.errors import PortalError
from portal.staff import members
from portal.staff.models import Sitting, StaffMember
from portal.staff.roles import Grant, Reach, Right, Role, may, reach

LONGEST = timedelta(hours=8)
IDLE = timedelta(minutes=15)
KEPT = timedelta(days=1)  # after it is over
PROOF_COUNTS = timedelta(minutes=5)  # for acts that move money


class ProofNeeded(PortalError):
    """The person must prove again to be it: it is too long since."""

    code = "proof_needed"
    status = 403


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, and what this person may do now."""

    tenant_id: str
    staff_id: int
    login: str
    display: str
    grants: tuple[Grant, ...]
    sitting: bytes
    proved_at: datetime
    local: bool

    @property
    def actor(self) -> str:
        """Who it is in notes and approvals."""
        return f"staff:{self.login}"

    def may(self, right: Right) -> bool:
        """Whether a role of this person has the right."""
        return may(self.grants, right)

    def reach(self, right: Right) -> Reach:
        """Over which requests the right goes."""
        return reach(self.grants, right)

    @property
    def proved(self) -> bool:
        """Whether money may be moved without proving again."""
        return clock.now() - self.proved_at <= PROOF_COUNTS


def begin(
    session: Session,
    member: StaffMember,
    grants: list[Grant] | None = None,
    directory: Json | None = None,
) -> str:
    """A new sitting; its name, which is told to nobody else.

    ``grants`` are those of the directory's groups; a local account's are read from its rows.
    """
    name, now = secrets.token_urlsafe(32), clock.now()
    sitting = Sitting(
        tenant_id=member.tenant_id,
        token_sha256=_hashed(name),
        staff_id=member.id,
        began_at=now,
        proved_at=now,
        roles=None if grants is None else {"grants": [_kept(grant) for grant in grants]},
        directory=directory,
    )
    session.add(sitting)
    audit.note(session, member.tenant_id, member.actor, "staff.signed_in", member.login)
    return name


def find(session: Session, tenant_id: str, name: str) -> Person | None:
    """Who sits there, unless it is over."""
    sitting = session.get(Sitting, (tenant_id, _hashed(name)), populate_existing=True)
    if sitting is None or sitting.ended_at or clock.now() - sitting.began_at > LONGEST:
        return None
    key = (tenant_id, sitting.staff_id)
    member = session.get_one(StaffMember, key, populate_existing=True)
    if member.ended_at is not None:
        return None
    return Person(
        tenant_id=tenant_id,
        staff_id=member.id,
        login=member.login,
        display=member.display,
        grants=_grants(session, sitting),
        sitting=sitting.token_sha256,
        proved_at=sitting.proved_at,
        local=member.subject is None,
    )


def end(session: Session, person: Person) -> Json | None:
    """The person signs out; what signing out at the directory needs."""
    sitting = session.get_one(Sitting, (person.tenant_id, person.sitting))
    sitting.ended_at = clock.now()
    audit.note(session, person.tenant_id, person.actor, "staff.signed_out", person.login)
    return sitting.directory


def prove(session: Session, person: Person) -> None:
    """The person has just proved again to be it."""
    session.get_one(Sitting, (person.tenant_id, person.sitting)).proved_at = clock.now()


def check_proof(person: Person) -> None:
    """Raise ``ProofNeeded`` unless the person proved to be it a moment ago."""
    if not person.proved:
        raise ProofNeeded("Prove again that it is you.")


def forget() -> None:
    """Delete the sittings that have been over for a day. A whole act; the notes stay."""
    with transaction() as session:
        over = Sitting.began_at < clock.now() - LONGEST - KEPT
        session.execute(delete(Sitting).where(over))


def _grants(session: Session, sitting: Sitting) -> tuple[Grant, ...]:
    if sitting.roles is None:
        return members.grants_of(session, sitting.tenant_id, sitting.staff_id)
    return tuple(Grant(Role(role), unit, kind) for role, unit, kind in sitting.roles["grants"])


def _kept(grant: Grant) -> list[str | None]:
    return [grant.role.value, grant.unit, grant.kind]


def _hashed(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()
