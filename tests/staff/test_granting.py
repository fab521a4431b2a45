"""Roles are given by two people and taken back by one."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal import clock
from portal.approvals.deciding import AlreadyDecided, NotAsked, RunOut, SamePerson
from portal.approvals.models import Approval
from portal.db import db, transaction
from portal.staff import granting, members
from portal.staff.granting import AccountEnded, HasRole, NoSuchRole
from portal.staff.roles import Grant, IncompatibleRoles, Role
from tests.builders import OTHER_TOWN, TOWN
from tests.staff.people import colleague

pytestmark = pytest.mark.usefixtures("client")

ADMIN, APPROVER = "staff:admin", "staff:petersen"
CLERK = Grant(Role.CLERK, unit="20.1")
SUBJECT = "jansen:clerk:20.1:"


def roles(login: str = "jansen") -> tuple[Grant, ...]:
    with transaction() as session:
        member = members.by_login(session, TOWN, login)
        return members.grants_of(session, TOWN, member.id)


def test_a_role_counts_only_once_another_person_has_agreed() -> None:
    colleague("jansen")
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    assert roles() == ()
    granting.approve(TOWN, SUBJECT, APPROVER)
    assert roles() == (CLERK,)


@pytest.mark.parametrize("who", [ADMIN, "staff:ADMIN ", "staff:jansen"])
def test_neither_who_asked_nor_who_gains_may_agree(who: str) -> None:
    colleague("jansen")
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    with pytest.raises(SamePerson):
        granting.approve(TOWN, SUBJECT, who)
    assert roles() == ()


def test_what_was_agreed_to_is_given_once() -> None:
    colleague("jansen")
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    granting.approve(TOWN, SUBJECT, APPROVER)
    with pytest.raises(AlreadyDecided):
        granting.approve(TOWN, SUBJECT, APPROVER)
    with pytest.raises(HasRole):
        granting.ask(TOWN, "jansen", CLERK, ADMIN)


def test_a_role_that_became_incompatible_meanwhile_is_not_given() -> None:
    who = colleague("jansen")
    granting.ask(TOWN, "jansen", Grant(Role.APPROVER), ADMIN)
    with transaction() as session:
        member = members.locked(session, TOWN, who.login)
        granting.give_at_the_machine(session, member, Grant(Role.CASHIER), "operator")
    with pytest.raises(IncompatibleRoles):
        granting.approve(TOWN, "jansen:approver::", APPROVER)
    assert roles() == (Grant(Role.CASHIER),)


def test_after_seven_days_it_must_be_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    colleague("jansen")
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=7))
    with pytest.raises(RunOut):
        granting.approve(TOWN, SUBJECT, APPROVER)
    granting.run_out()
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    states = db.session.scalars(select(Approval.state).order_by(Approval.id)).all()
    assert states == ["expired", "asked"]


def test_another_towns_request_for_a_role_is_not_there() -> None:
    colleague("jansen")
    granting.ask(TOWN, "jansen", CLERK, ADMIN)
    with pytest.raises(NotAsked):
        granting.approve(OTHER_TOWN, SUBJECT, APPROVER)


def test_one_person_takes_a_role_back_and_only_one_that_is_there() -> None:
    colleague("jansen", CLERK)
    granting.take_back(TOWN, "jansen", CLERK, ADMIN)
    assert roles() == ()
    with pytest.raises(NoSuchRole):
        granting.take_back(TOWN, "jansen", CLERK, ADMIN)


def test_nothing_is_given_to_an_account_that_has_ended() -> None:
    colleague("jansen", CLERK)
    with transaction() as session:
        members.end(session, members.locked(session, TOWN, "jansen"), ADMIN)
    assert roles() == ()
    with pytest.raises(AccountEnded):
        granting.ask(TOWN, "jansen", CLERK, ADMIN)


@pytest.mark.parametrize("table", ["staff_members", "staff_roles"])
def test_nobody_is_forgotten_of_whom_the_notes_speak(table: str) -> None:
    colleague("jansen", Role.CLERK)
    granting.take_back(TOWN, "jansen", Grant(Role.CLERK), ADMIN)
    with pytest.raises(DBAPIError, match="permission denied"):
        db.session.execute(text(f"DELETE FROM {table}"))
    db.session.rollback()
