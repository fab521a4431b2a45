"""Giving roles: never by one person alone. Taking one back needs one, and counts at once.

One who may grant asks, another person with the right to approve agrees, within seven days. The
first roles of a town are given at the machine (``quitt staff``), by who runs the portal.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import deciding, ending
from portal.approvals.deciding import Wanted
from portal.approvals.models import Approval
from portal.db import transaction
from portal.errors import Conflict, NotFound
from portal.staff import members
from portal.staff.models import StaffMember, StaffRole
from portal.staff.roles import Grant, Role, check_compatible

ACT = "staff.grant"


class HasRole(Conflict):
    """The person has this role already."""

    code = "has_role"


class NoSuchRole(NotFound):
    """The person does not have this role."""

    code = "no_such_role"


class AccountEnded(Conflict):
    """The account has ended: nobody can be given anything there."""

    code = "account_ended"


class OfTheDirectory(Conflict):
    """The roles of this person come from the directory's groups, and from nowhere else."""

    code = "of_the_directory"


def ask(tenant_id: str, login: str, grant: Grant, by: str) -> None:
    """Ask for a role; another person must agree. A whole act.

    Raises ``IncompatibleRoles``, ``HasRole``, ``AccountEnded`` and what ``deciding.ask`` raises.
    """
    with transaction() as session:
        member = members.locked(session, tenant_id, login)
        _check(session, member, grant)
        facts = {"login": login, "role": grant.role.value, "unit": grant.unit, "kind": grant.kind}
        wanted = Wanted(ACT, _subject(login, grant), None, facts)
        deciding.ask(session, tenant_id, wanted, by)


def approve(tenant_id: str, subject: str, by: str, number: int | None = None) -> None:
    """The second person agrees: the role is given as it was asked for. A whole act."""
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ACT, subject, by, number)
        member = members.locked(session, tenant_id, approval.facts["login"])
        if deciding.same(by, member.actor):
            raise deciding.SamePerson("Nobody approves a role for himself.")
        grant = _asked(approval)
        _check(session, member, grant)
        _give(session, member, grant, f"{approval.first} {by}")


def refuse(tenant_id: str, subject: str, by: str, why: str = "", number: int | None = None) -> None:
    """It is not given. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, subject, by, why, number)


def run_out() -> None:
    """End what waited seven days for a second person. Whole acts, one for each."""
    ending.run_out(frozenset({ACT}))


def give_at_the_machine(session: Session, member: StaffMember, grant: Grant, by: str) -> None:
    """A role given by who runs the portal, without a second person; raises as ``ask``."""
    _check(session, member, grant)
    _give(session, member, grant, by)


def take_back(tenant_id: str, login: str, grant: Grant, by: str) -> None:
    """Take a role back; it counts from the next page on. A whole act. Raises ``NoSuchRole``."""
    with transaction() as session:
        member = members.locked(session, tenant_id, login)
        row = session.scalar(
            select(StaffRole).where(
                StaffRole.tenant_id == tenant_id,
                StaffRole.staff_id == member.id,
                StaffRole.role == grant.role,
                StaffRole.unit == (grant.unit or ""),
                StaffRole.kind == (grant.kind or ""),
                StaffRole.ended_at.is_(None),
            )
        )
        if row is None:
            raise NoSuchRole(f"{login} is not {grant.role}.")
        row.ended_at, row.ended_by = clock.now(), by
        audit.note(session, tenant_id, by, "staff.role_taken_back", login, _told(grant))


def _asked(approval: Approval) -> Grant:
    facts = approval.facts
    return Grant(Role(facts["role"]), facts["unit"], facts["kind"])


def _check(session: Session, member: StaffMember, grant: Grant) -> None:
    if member.ended_at is not None:
        raise AccountEnded(f"The account of {member.login} has ended.")
    if member.subject is not None:
        raise OfTheDirectory(f"The roles of {member.login} come from the directory.")
    had = members.grants_of(session, member.tenant_id, member.id)
    if grant in had:
        raise HasRole(f"{member.login} is {grant.role} already.")
    check_compatible({each.role for each in had}, grant.role)


def _give(session: Session, member: StaffMember, grant: Grant, by: str) -> None:
    row = StaffRole(
        tenant_id=member.tenant_id,
        staff_id=member.id,
        role=grant.role,
        unit=grant.unit or "",
        kind=grant.kind or "",
        given_by=by,
        given_at=clock.now(),
    )
    session.add(row)
    audit.note(session, member.tenant_id, by, "staff.role_given", member.login, _told(grant))


def _told(grant: Grant) -> dict[str, str | None]:
    return {"role": grant.role.value, "unit": grant.unit, "kind": grant.kind}


def _subject(login: str, grant: Grant) -> str:
    return ":".join((login, grant.role, grant.unit or "", grant.kind or ""))
