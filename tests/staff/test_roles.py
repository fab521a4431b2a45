"""The table of roles and rights."""

import itertools

import pytest

from portal.staff.roles import (
    INCOMPATIBLE,
    RIGHTS,
    Grant,
    IncompatibleRoles,
    Right,
    Role,
    check_compatible,
    may,
    reach,
)

MONEY = {Right.MOVE_MONEY, Right.CLOSE_DAY, Right.TAKE_CASH}


def test_every_role_has_its_line() -> None:
    assert set(RIGHTS) == set(Role)
    assert set().union(*RIGHTS.values()) == set(Right)


def test_no_role_can_both_ask_for_money_and_approve_it() -> None:
    for role, rights in RIGHTS.items():
        assert not (Right.APPROVE in rights and rights & MONEY), role


def test_nobody_with_allowed_roles_can_grant_and_approve() -> None:
    for one, other in itertools.combinations(Role, 2):
        if frozenset({one, other}) not in INCOMPATIBLE:
            assert not {Right.APPROVE, Right.GRANT} <= RIGHTS[one] | RIGHTS[other], (one, other)


def test_who_sets_the_portal_up_moves_no_money() -> None:
    for role in (Role.TENANT_ADMIN, Role.OPERATOR):
        assert not RIGHTS[role] & (MONEY | {Right.APPROVE, Right.CHANGE_REQUEST})


@pytest.mark.parametrize(
    "pair", sorted(INCOMPATIBLE, key=sorted), ids=lambda pair: "+".join(sorted(pair))
)
def test_incompatible_roles_are_refused_in_either_order(pair: frozenset[Role]) -> None:
    one, other = pair
    for had, wanted in ((one, other), (other, one)):
        with pytest.raises(IncompatibleRoles):
            check_compatible({had}, wanted)


def test_a_role_for_a_unit_reaches_its_requests_only() -> None:
    grants = (Grant(Role.CLERK, unit="20.1"), Grant(Role.VIEWER, kind="tax"))
    seen = reach(grants, Right.SEE)
    assert [seen.covers(u, k) for u, k in (("20.1", "fee"), ("20.2", "tax"), ("20.2", "fee"))] == [
        True, True, False,
    ]  # fmt: skip
    moved = reach(grants, Right.MOVE_MONEY)
    assert moved.covers("20.1", "tax")
    assert not moved.covers(None, "tax")


def test_what_belongs_to_no_request_asks_for_a_role_of_the_whole_town() -> None:
    part, whole = (Grant(Role.CLERK, unit="20.1"),), (Grant(Role.CLERK),)
    for right in (Right.CLOSE_DAY, Right.SEND_AGAIN, Right.WORK_TASKS):
        assert (may(part, right), may(whole, right)) == (False, True)
    assert may(part, Right.SEE)
