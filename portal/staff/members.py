"""People of the town hall: making an account, giving it new keys, ending it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import lock
from portal.errors import Conflict, Invalid, NotFound
from portal.keys import Keyring
from portal.staff import one_time, passwords
from portal.staff.models import Sitting, StaffMember, StaffRole
from portal.staff.roles import Grant, Role

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")  # no address: notes hold none
LONGEST_DISPLAY = 100
TOTP = "totp"  # the context in which secrets are sealed


class NoSuchMember(NotFound):
    """Nobody of this town signs in so."""

    code = "no_such_member"


class LoginTaken(Conflict):
    """Somebody has this login, or had it: the notes speak of that person."""

    code = "login_taken"


class BadLogin(Invalid):
    """A login has 2 to 64 of a-z 0-9 . _ -, beginning with a letter or digit."""

    code = "bad_login"


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What a local account signs in with: shown once, never kept in clear."""

    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


def add(session: Session, tenant_id: str, login: str, display: str, by: str) -> StaffMember:
    """A new account that cannot sign in yet. Raises ``BadLogin``, ``LoginTaken``."""
    if not LOGIN.fullmatch(login):
        raise BadLogin("A login has 2 to 64 of a-z 0-9 . _ -, beginning with a letter or digit.")
    if _find(session, tenant_id, login) is not None:
        raise LoginTaken(f"{login} is taken.")
    member = StaffMember(tenant_id=tenant_id, login=login, display=shown(display, login))
    session.add(member)
    session.flush()
    audit.note(session, tenant_id, by, "staff.added", login)
    return member


def shown(display: str, login: str) -> str:
    """How colleagues know a person: in one line, and not without end; else the login."""
    return " ".join(display.split())[:LONGEST_DISPLAY] or login


def new_keys(session: Session, keyring: Keyring, member: StaffMember, by: str) -> NewKeys:
    """A new password and a new TOTP secret for a local account; its sittings end."""
    if member.subject is not None:
        raise Conflict("This account signs in through the directory.")
    keys = NewKeys(passwords.made(), one_time.new_secret())
    member.password = passwords.hashed(keys.password, member.login)
    member.totp_sealed = sealed_secret(keyring, member, keys.totp_secret)
    member.totp_step, member.failures, member.waits_until = 0, 0, None
    end_sittings(session, member)
    audit.note(session, member.tenant_id, by, "staff.new_keys", member.login)
    return keys


def set_password(session: Session, member: StaffMember, password: str) -> None:
    """The person's own choice; other sittings end. Raises ``WeakPassword``."""
    member.password = passwords.hashed(password, member.login)
    end_sittings(session, member)
    audit.note(session, member.tenant_id, member.actor, "staff.password_changed", member.login)


def end(session: Session, member: StaffMember, by: str) -> None:
    """The account signs in no more, at once; its roles end with it."""
    member.ended_at = clock.now()
    end_sittings(session, member)
    session.execute(
        update(StaffRole)
        .where(StaffRole.tenant_id == member.tenant_id, StaffRole.staff_id == member.id)
        .where(StaffRole.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_by=by)
    )
    audit.note(session, member.tenant_id, by, "staff.ended", member.login)


def end_sittings(session: Session, member: StaffMember) -> None:
    """Nobody is signed in as this person any more."""
    session.execute(
        update(Sitting)
        .where(Sitting.tenant_id == member.tenant_id, Sitting.staff_id == member.id)
        .where(Sitting.ended_at.is_(None))
        .values(ended_at=clock.now())
    )


def by_login(session: Session, tenant_id: str, login: str) -> StaffMember:
    """The person, also one whose account has ended. Raises ``NoSuchMember``."""
    found = _find(session, tenant_id, login)
    if found is None:
        raise NoSuchMember(f"Nobody signs in as {login}.")
    return found


def locked(session: Session, tenant_id: str, login: str) -> StaffMember:
    """The person, locked and read afresh: roles are given one after the other."""
    found = by_login(session, tenant_id, login)
    member = lock(session, StaffMember, tenant_id, found.id)
    assert member is not None  # noqa: S101 -- never deleted
    return member


def all_of(session: Session, tenant_id: str) -> Sequence[StaffMember]:
    """Everyone of a town, those whose account has ended last; whose time is past is nobody."""
    query = select(StaffMember).where(
        StaffMember.tenant_id == tenant_id, ~StaffMember.login.startswith("~")
    )
    return session.scalars(
        query.order_by(StaffMember.ended_at.is_not(None), StaffMember.login)
    ).all()


def grants_of(session: Session, tenant_id: str, staff_id: int) -> tuple[Grant, ...]:
    """The roles that a person has now."""
    query = (
        select(StaffRole)
        .where(StaffRole.tenant_id == tenant_id, StaffRole.staff_id == staff_id)
        .where(StaffRole.ended_at.is_(None))
        .order_by(StaffRole.id)
    )
    return tuple(
        Grant(Role(row.role), row.unit or None, row.kind or None) for row in session.scalars(query)
    )


def sealed_secret(keyring: Keyring, member: StaffMember, secret: str) -> bytes:
    """A TOTP secret as it is kept: bound to its tenant and person."""
    return keyring.seal(secret.encode(), TOTP, member.tenant_id, str(member.id))


def secret_of(keyring: Keyring, member: StaffMember) -> str:
    """A person's TOTP secret, to check a code with. Never log it."""
    assert member.totp_sealed is not None  # noqa: S101 -- asked of local accounts only
    return keyring.unseal(member.totp_sealed, TOTP, member.tenant_id, str(member.id)).decode()


def _find(session: Session, tenant_id: str, login: str) -> StaffMember | None:
    query = select(StaffMember).where(
        StaffMember.tenant_id == tenant_id, StaffMember.login == login
    )
    return session.scalar(query)
