"""A town's rules about one or two people, as they stand."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.approvals.models import ApprovalRule
from portal.approvals.people import Rule
from portal.money import Money


def in_force(session: Session, tenant_id: str) -> list[Rule]:
    """The town's rules as they stand: the last word on each act."""
    query = select(ApprovalRule).where(ApprovalRule.tenant_id == tenant_id)
    last = {row.act: row for row in session.scalars(query.order_by(ApprovalRule.id))}
    return [
        Rule(row.act, Money(row.up_to_cents, row.currency))
        for row in last.values()
        if row.up_to_cents is not None
    ]
