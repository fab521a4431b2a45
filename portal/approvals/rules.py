"""Changing a town's rule about one or two people; that always takes two."""

from portal import clock
from portal.approvals import deciding
from portal.approvals.models import ApprovalRule
from portal.approvals.people import ONE_MAY_BE_ENOUGH
from portal.approvals.standing import in_force
from portal.db import transaction
from portal.errors import Conflict, Invalid
from portal.money import Money

ACT = "approvals.rule"
MOST_AT_ONCE = 100


class AlwaysTwo(Invalid):
    """This act always needs two people."""

    code = "always_two"


class RuleStands(Conflict):
    """The rule is so already."""

    code = "rule_stands"


def ask(tenant_id: str, act: str, up_to: Money | None, by: str) -> None:
    """Ask for one person to be enough up to an amount, or for two always (``None``). A whole act.

    Raises ``AlwaysTwo``, ``RuleStands`` and what ``deciding.ask`` raises.
    """
    if not ONE_MAY_BE_ENOUGH.get(act, False):
        raise AlwaysTwo(f"{act} always needs two people.")
    if not deciding.is_person(by):
        raise deciding.NotAPerson("Only a person may ask for this.")
    with transaction() as session:
        standing = {rule.act: rule.up_to for rule in in_force(session, tenant_id)}
        if standing.get(act) == up_to:
            raise RuleStands("The rule is so already.")
        facts = {
            "act": act,
            "up_to_cents": up_to.cents if up_to else None,
            "currency": up_to.currency if up_to else None,
        }
        deciding.ask(session, tenant_id, deciding.Wanted(ACT, act, None, facts), by)


def approve(tenant_id: str, subject: str, by: str, number: int | None = None) -> None:
    """The second person agrees, and the rule counts from now on. Raises as ``deciding.approve``."""
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ACT, subject, by, number)
        row = ApprovalRule(
            tenant_id=tenant_id,
            act=approval.facts["act"],
            up_to_cents=approval.facts["up_to_cents"],
            currency=approval.facts["currency"] or "",
            given_by=f"{approval.first} {by}",
            given_at=clock.now(),
        )
        session.add(row)


def refuse(tenant_id: str, subject: str, by: str, why: str = "", number: int | None = None) -> None:
    """It stays as it is. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, subject, by, why, number)


def run_out() -> int:
    """End what nobody approved within seven days; how many."""
    with transaction() as session:
        over = deciding.over(session, frozenset({ACT}), MOST_AT_ONCE)
        for tenant_id, act, subject in over:
            deciding.run_out(session, tenant_id, act, subject)
    return len(over)
