"""Settlement reports that are missing: found, told to staff, and to whoever runs the portal.

An account may be silent in its own reports: it lists none, nobody imports a file, and meanwhile its
money waits. That is nobody's error message, so it is looked for.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock, tenants
from portal.db import transaction
from portal.ledger.models import SettlementRow, SuspenseItem
from portal.settlements import staff
from portal.settlements.fetching import SettlementFetch
from portal.settlements.unbooked import UnbookedSettlement
from portal.tenants import Tenant

PATIENCE = timedelta(days=14)
LOOKS_BACK = timedelta(days=120)  # so far the rhythm of pay-outs is looked at


def look_all() -> int:
    """Tell of the accounts whose money waits and of which no report comes; how many there are."""

    def act(tenant_id: str) -> int:
        with transaction() as session:
            silent = dict(quiet(session, tenant_id))
            staff.reports_stay_away(session, tenant_id, silent)
            return len(silent)

    return sum(tenants.each(act))


def quiet(session: Session, tenant_id: str) -> Iterator[tuple[str, datetime]]:
    """Accounts whose provider has had money of ours for longer than it takes to pay out, and since
    when no report came: two weeks, or twice as long as it has ever taken lately.
    """
    item = SuspenseItem
    query = (
        select(item.account, func.min(item.opened_at))
        .where(item.tenant_id == tenant_id, item.open_cents > 0, item.account.is_not(None))
        .group_by(item.account)
        .order_by(item.account)
    )
    now = clock.now()
    for account_id, oldest in session.execute(query).all():
        booked = _booked(session, tenant_id, account_id, now)
        distance = max((after - before for before, after in pairwise(booked)), default=PATIENCE / 2)
        since = max([oldest, *booked[-1:]])
        if now - since > max(PATIENCE, 2 * distance):
            yield account_id, since


def sentences(session: Session) -> Iterator[tuple[str, str]]:
    """Town and account, and what of its reports is not as it should be."""
    fetch, report = SettlementFetch, UnbookedSettlement
    silent = select(fetch).where(fetch.told_at.is_not(None), fetch.failing_since.is_not(None))
    for row in session.scalars(silent.order_by(fetch.tenant_id, fetch.account_id)):
        since = f"{row.failing_since:%Y-%m-%d %H:%M} UTC"
        yield f"{row.tenant_id}/{row.account_id}", f"its reports cannot be listed since {since}"
    told = select(report).where(report.told_at.is_not(None))
    for each in session.scalars(told.order_by(report.tenant_id, report.since)):
        said = f"the report {each.settlement} cannot be booked ({each.cause})"
        yield f"{each.tenant_id}/{each.account_id}", said
    for tenant_id in session.scalars(select(Tenant.id).order_by(Tenant.id)).all():
        for account_id, at in quiet(session, tenant_id):
            said = f"its money waits and no report came since {at:%Y-%m-%d}"
            yield f"{tenant_id}/{account_id}", said


def _booked(session: Session, tenant_id: str, account_id: str, now: datetime) -> list[datetime]:
    """When its reports were booked lately, in order."""
    query = select(SettlementRow.booked_at).where(
        SettlementRow.tenant_id == tenant_id,
        SettlementRow.account == account_id,
        SettlementRow.booked_at > now - LOOKS_BACK,
    )
    return list(session.scalars(query.order_by(SettlementRow.booked_at)))
