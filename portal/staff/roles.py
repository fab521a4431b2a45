"""Roles and rights: one table, which is the whole truth.

A role is given for a whole town, or for one unit (Bewirtschafter) or one kind of request. By its
role, whoever sets the portal up moves no money in it, and whoever approves neither administers nor
holds cash: § 33(1) no. 10 KommHV-Doppik wants those who administer the programme apart from those
who book and pay. A small town may still give one person a clerk's role beside an administrator's:
what moves money takes a second person, unless the town has ruled otherwise (decision 90).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portal.errors import Conflict


class Role(StrEnum):
    """What somebody is in the admin view. Codes are kept in rows and never renamed."""

    VIEWER = "viewer"
    CLERK = "clerk"
    APPROVER = "approver"
    CASHIER = "cashier"
    TENANT_ADMIN = "tenant_admin"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Right(StrEnum):
    """What a page or an act of the admin view asks for."""

    SEE = "see"  # overview, requests, payments, tasks, deliveries, reconciliation
    EXPORT = "export"  # take lists out as files
    CHANGE_REQUEST = "change_request"  # withdraw, restore, new link, unlock, ask the provider
    MOVE_MONEY = "move_money"  # ask for refunds, returns, closing by order, corrections
    APPROVE = "approve"  # be the second person
    WORK_TASKS = "work_tasks"  # end a task with a reason, ask for unclear money to be given
    SEND_AGAIN = "send_again"  # events to the finance system, and its endpoint test
    CLOSE_DAY = "close_day"  # close the daily reconciliation
    SEE_SETTINGS = "see_settings"
    CHANGE_SETTINGS = "change_settings"  # face, texts, kinds, rules, accounts, clients
    GRANT = "grant"  # ask for somebody's role, make and end accounts
    SEE_AUDIT = "see_audit"
    TAKE_CASH = "take_cash"  # the cash desk


class IncompatibleRoles(Conflict):
    """Both in one hand would be one person's whole act."""

    code = "incompatible_roles"


R = Right
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({R.SEE}),
    Role.CLERK: frozenset(
        {R.SEE, R.EXPORT, R.CHANGE_REQUEST, R.MOVE_MONEY, R.WORK_TASKS, R.SEND_AGAIN, R.CLOSE_DAY}
    ),
    Role.APPROVER: frozenset({R.SEE, R.EXPORT, R.APPROVE, R.SEE_SETTINGS}),
    Role.CASHIER: frozenset({R.SEE, R.TAKE_CASH}),
    Role.TENANT_ADMIN: frozenset({R.SEE_SETTINGS, R.CHANGE_SETTINGS, R.GRANT, R.SEE_AUDIT}),
    Role.AUDITOR: frozenset({R.SEE, R.EXPORT, R.SEE_SETTINGS, R.SEE_AUDIT}),
    Role.OPERATOR: frozenset({R.SEND_AGAIN, R.SEE_SETTINGS, R.SEE_AUDIT}),
}
INCOMPATIBLE: frozenset[frozenset[Role]] = frozenset(
    {
        frozenset({Role.CASHIER, Role.APPROVER}),
        frozenset({Role.TENANT_ADMIN, Role.APPROVER}),
        frozenset({Role.OPERATOR, Role.APPROVER}),
    }
)
# Rights that a role has for its unit or kind only; the others are the whole town's.
OF_REQUESTS = frozenset({R.SEE, R.EXPORT, R.CHANGE_REQUEST, R.MOVE_MONEY, R.APPROVE, R.TAKE_CASH})


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody has; ``None`` is every unit, every kind."""

    role: Role
    unit: str | None = None
    kind: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it holds for the whole town."""
        return self.unit is None and self.kind is None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a right goes: over the whole town, or over some (unit, kind) of it."""

    whole: bool
    parts: frozenset[tuple[str | None, str | None]] = frozenset()

    def covers(self, unit: str | None, kind: str) -> bool:
        """Whether it goes as far as a request of this unit and kind."""
        return self.whole or any(
            of_unit in {None, unit} and of_kind in {None, kind} for of_unit, of_kind in self.parts
        )


def may(grants: Iterable[Grant], right: Right) -> bool:
    """Whether one of the roles has the right, be it for a part of the town only.

    What belongs to no request asks for a role of the whole town: see ``reach``.
    """
    of_requests = right in OF_REQUESTS
    return any(right in RIGHTS[grant.role] and (of_requests or grant.whole) for grant in grants)


def reach(grants: Iterable[Grant], right: Right) -> Reach:
    """Over which requests the right goes."""
    having = [grant for grant in grants if right in RIGHTS[grant.role]]
    whole = any(grant.whole for grant in having)
    return Reach(whole, frozenset() if whole else frozenset((g.unit, g.kind) for g in having))


def check_compatible(had: Collection[Role], wanted: Role) -> None:
    """Raise ``IncompatibleRoles`` when one person may not have ``wanted`` beside the others."""
    for role in had:
        if frozenset({role, wanted}) in INCOMPATIBLE:
            raise IncompatibleRoles(f"Nobody may be {role} and {wanted} at the same time.")
