"""Values that no single person changes: one asks, another sees old and new and agrees.

Which values these are, and whether they can be taken, says the room whose row it is. Every function
writes in the caller's transaction.
"""

from typing import Any

from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.approvals.deciding import Wanted
from portal.approvals.models import Approval
from portal.db import Json
from portal.errors import Conflict


class NothingChanges(Conflict):
    """All values are so already."""

    code = "nothing_changes"


class ChangedSince(Conflict):
    """What the second person saw as old is not what stands there now."""

    code = "changed_since"


def ask(session: Session, wanted: Wanted, row: Any, becomes: Json, by: str) -> Approval:
    """Ask for other values of a row of a tenant; ``facts`` of ``wanted`` stand beside them."""
    was = {name: getattr(row, name) for name in becomes}
    if was == becomes and not wanted.facts:
        raise NothingChanges("It is so already.")
    facts = {"was": was, "becomes": becomes, **wanted.facts}
    tenant_id = row.id if not hasattr(row, "tenant_id") else row.tenant_id
    return deciding.ask(session, tenant_id, Wanted(wanted.act, wanted.subject, None, facts), by)


def approve(
    session: Session, act: str, subject: str, row: Any, by: str, number: int | None = None
) -> Approval:
    """Agree: the row has the new values. Raises as ``deciding.approve``, and ``ChangedSince``."""
    tenant_id = row.id if not hasattr(row, "tenant_id") else row.tenant_id
    approval = deciding.approve(session, tenant_id, act, subject, by, number)
    facts = approval.facts
    if {name: getattr(row, name) for name in facts["was"]} != facts["was"]:
        raise ChangedSince("It was changed since it was asked for.")
    for name, value in facts["becomes"].items():
        setattr(row, name, value)
    session.flush()
    return approval
