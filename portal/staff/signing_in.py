"""Signing in with a local account: password and one-time code.

Each try is counted before anything is looked at, in one statement: of many at once no more count
than are left. Ten wrong ones, and the account waits for a quarter of an hour. The answer never says
which of the three was wrong, nor whether there is such an account.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import lock, transaction
from portal.errors import PortalError
from portal.keys import Keyring
from portal.staff import members, one_time, passwords, sittings
from portal.staff.models import StaffMember
from portal.staff.sittings import Person

MOST_WRONG = 10
WAIT = timedelta(minutes=15)
REFUSED = "staff.sign_in_refused"
STRANGER = "stranger"  # in notes: nobody's login, or one that waits


class NotSignedIn(PortalError):
    """Login, password or code was not right, or the account waits after too many wrong tries."""

    code = "not_signed_in"
    status = 403


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody typed."""

    login: str
    password: str = field(repr=False)
    code: str = field(repr=False)


def sign_in(keyring: Keyring, tenant_id: str, told: Told) -> str:
    """Begin a sitting; its name. Raises ``NotSignedIn``. A whole act in two transactions.

    The password is worked out between them: it takes as long as a page.
    """
    with transaction() as session:
        member = _counted(session, tenant_id, told.login)
        kept = member.password if member else None
    right = passwords.is_right(kept, told.password)
    with transaction() as session:  # also for nobody's login: it takes as long, and is noted
        if member is None:  # what was typed may be a password
            audit.note(session, tenant_id, STRANGER, REFUSED, "")
        elif right and (
            found := _with_code(session, keyring, tenant_id, member.id, told.code, kept)
        ):
            found.failures, found.waits_until = 0, None
            return sittings.begin(session, found)
        else:
            audit.note(session, tenant_id, member.actor, REFUSED, member.login)
    raise NotSignedIn


def prove(keyring: Keyring, person: Person, code: str) -> bool:
    """Whether the code is right: then money may be moved for a while. A whole act.

    Five wrong ones end the sitting; none at all is none.
    """
    if not code.strip():
        return False
    with transaction() as session:
        if sittings.counted(session, person):
            kept = session.get_one(StaffMember, (person.tenant_id, person.staff_id)).password
            if _with_code(session, keyring, person.tenant_id, person.staff_id, code, kept):
                sittings.prove(session, person)
                return True
            sittings.was_wrong(session, person)
        audit.note(session, person.tenant_id, person.actor, "staff.proof_refused", person.login)
    return False


def knows_password(person: Person, told: str) -> str | None:
    """The password as it is kept, if it is this one; five wrong ones end the sitting.

    A right one takes back its own try and no other: it would make room for guessing codes. A whole
    act in two transactions.
    """
    with transaction() as session:
        member = session.get_one(StaffMember, (person.tenant_id, person.staff_id))
        kept = member.password if sittings.counted(session, person) else None
    if passwords.is_right(kept, told):
        with transaction() as session:
            sittings.was_right(session, person)
        return kept
    with transaction() as session:
        sittings.was_wrong(session, person)
        audit.note(session, person.tenant_id, person.actor, "staff.password_refused", person.login)
    return None


def change_password(person: Person, kept: str, new: str) -> str | None:
    """Another password, where ``kept`` is that of now; the new name of this sitting. A whole act.

    ``None``: two others made new keys meanwhile, or the sitting is over.
    """
    with transaction() as session:
        member = members.locked(session, person.tenant_id, person.login)
        if member.password != kept or sittings.is_over(session, person):
            return None
        members.set_password(session, member, new)
        return sittings.go_on(session, person)


def _counted(session: Session, tenant_id: str, login: str) -> StaffMember | None:
    """The account, with this try counted; ``None`` for one that is not there, or waits."""
    name, now = login.strip().lower(), clock.now()
    if not members.LOGIN.fullmatch(name):
        return None
    failures = case((StaffMember.waits_until.is_not(None), 1), else_=StaffMember.failures + 1)
    statement = (
        update(StaffMember)
        .where(
            StaffMember.tenant_id == tenant_id,
            StaffMember.login == name,
            StaffMember.ended_at.is_(None),
            StaffMember.password.is_not(None),
            or_(StaffMember.waits_until.is_(None), StaffMember.waits_until <= now),
        )
        .values(failures=failures, waits_until=case((failures >= MOST_WRONG, now + WAIT)))
        .returning(StaffMember.id)
    )
    found = session.scalar(statement)
    query = select(StaffMember).where(StaffMember.tenant_id == tenant_id, StaffMember.id == found)
    return session.scalar(query.execution_options(populate_existing=True))


def _with_code(
    session: Session, keyring: Keyring, tenant_id: str, staff_id: int, code: str, kept: str | None
) -> StaffMember | None:
    """The account, when the code is right and its password still the one that was looked at."""
    member = lock(session, StaffMember, tenant_id, staff_id)
    if member is None or member.ended_at or member.password != kept or not member.totp_sealed:
        return None
    secret = members.secret_of(keyring, member)
    step = one_time.step_of(secret, code, member.totp_step, clock.now())
    if step is None:
        return None
    member.totp_step = step
    return member
