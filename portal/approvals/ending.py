"""The end of what nobody agreed to within seven days, for acts that need nothing else done."""

from portal.approvals import deciding, sealed
from portal.db import transaction

MOST_AT_ONCE = 100


def run_out(acts: frozenset[str]) -> None:
    """End what waited for too long, and forget the secrets beside it. Whole acts, one for each."""
    with transaction() as session:
        over = deciding.over(session, acts, MOST_AT_ONCE)
        sealed.forget(session)
    for tenant_id, act, subject in over:
        with transaction() as session:
            deciding.run_out(session, tenant_id, act, subject)
