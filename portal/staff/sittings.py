"""Sittings: from signing in to signing out, at most eight hours.

Its name is 256 random bits in a signed cookie, and only its SHA-256 in the database. How long it
has been idle stands in the cookie, so that looking at a page writes nothing (``portal.admin``).
What the person may do is read at every request: a role that was taken back is gone at once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json, lock, transaction
from portal.errors import PortalError
from portal.staff import members
from portal.staff.models import Sitting, StaffMember
from portal.staff.roles import Grant, Reach, Right, Role, may, reach

LONGEST = timedelta(hours=8)
IDLE = timedelta(minutes=15)
KEPT = timedelta(days=1)  # after it is over
PROOF_COUNTS = timedelta(minutes=5)  # for acts that move money
MOST_WRONG = 5  # codes or passwords; then it is over


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
    proved_at: datetime | None = None,
) -> str:
    """A new sitting; its name, which is told to nobody else.

    ``grants`` are those of the directory's groups; a local account's are read from its rows.
    ``proved_at`` is when the person proved to be it, where that was not just now.
    """
    name, now = secrets.token_urlsafe(32), clock.now()
    sitting = Sitting(
        tenant_id=member.tenant_id,
        token_sha256=_hashed(name),
        staff_id=member.id,
        began_at=now,
        proved_at=proved_at or now,
        roles=None if grants is None else _told(grants),
        directory=directory,
    )
    session.add(sitting)
    # Roles by groups stand in no other row than the sitting, which is forgotten soon.
    detail = None if grants is None else _told(grants)
    audit.note(session, member.tenant_id, member.actor, "staff.signed_in", member.login, detail)
    return name


def go_on(session: Session, person: Person) -> str:
    """The sitting of this person under another name, which is told to nobody else.

    It is no younger for that, and proves no more than it did.
    """
    name = secrets.token_urlsafe(32)
    old = session.get_one(Sitting, (person.tenant_id, person.sitting))
    sitting = Sitting(
        tenant_id=old.tenant_id,
        token_sha256=_hashed(name),
        staff_id=old.staff_id,
        began_at=old.began_at,
        proved_at=old.proved_at,
        roles=old.roles,
        directory=old.directory,
        wrong_tries=old.wrong_tries,
    )
    session.add(sitting)
    return name


def is_over(session: Session, person: Person) -> bool:
    """Whether it has ended since; locked, so that it ends no more before the act is done."""
    return _locked(session, person).ended_at is not None


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


def prove(session: Session, person: Person, grants: list[Grant] | None = None) -> None:
    """The person has just proved again to be it; ``grants``: what the directory's groups give."""
    sitting = session.get_one(Sitting, (person.tenant_id, person.sitting))
    sitting.proved_at, sitting.wrong_tries = clock.now(), 0
    if grants is not None and sitting.roles != _told(grants):
        sitting.roles = _told(grants)
        act = "staff.roles_changed"
        audit.note(session, person.tenant_id, person.actor, act, person.login, sitting.roles)


def counted(session: Session, person: Person) -> bool:
    """Count a try to prove something in this sitting, before it is looked at.

    ``False``: too many were wrong, or it is over. Who guesses at the door does not count here, so
    that nobody outside keeps a colleague from proving it.
    """
    statement = (
        update(Sitting)
        .where(Sitting.tenant_id == person.tenant_id, Sitting.token_sha256 == person.sitting)
        .where(Sitting.ended_at.is_(None), Sitting.wrong_tries < MOST_WRONG)
        .values(wrong_tries=Sitting.wrong_tries + 1)
        .returning(Sitting.wrong_tries)
    )
    return session.scalar(statement) is not None


def was_right(session: Session, person: Person) -> None:
    """Take back a try that was counted, and no other."""
    sitting = _locked(session, person)
    sitting.wrong_tries = max(0, sitting.wrong_tries - 1)


def was_wrong(session: Session, person: Person) -> None:
    """A try that was counted stays so; with the last one the sitting is over."""
    sitting = _locked(session, person)
    if sitting.wrong_tries >= MOST_WRONG and sitting.ended_at is None:
        sitting.ended_at = clock.now()


def check_proof(person: Person) -> None:
    """Raise ``ProofNeeded`` unless the person proved to be it a moment ago."""
    if not person.proved:
        raise ProofNeeded("Prove again that it is you.")


def forget() -> None:
    """Delete the sittings that have been over for a day. A whole act; the notes stay."""
    with transaction() as session:
        over = Sitting.began_at < clock.now() - LONGEST - KEPT
        session.execute(delete(Sitting).where(over))


def _locked(session: Session, person: Person) -> Sitting:
    sitting = lock(session, Sitting, person.tenant_id, person.sitting)
    assert sitting is not None  # noqa: S101 -- forgotten a day after its end only
    return sitting


def _grants(session: Session, sitting: Sitting) -> tuple[Grant, ...]:
    if sitting.roles is None:
        return members.grants_of(session, sitting.tenant_id, sitting.staff_id)
    return tuple(Grant(Role(role), unit, kind) for role, unit, kind in sitting.roles["grants"])


def _told(grants: list[Grant]) -> Json:
    told = ([grant.role.value, grant.unit, grant.kind] for grant in grants)
    return {"grants": sorted(told, key=str)}  # the same roles are always told alike


def _hashed(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()
