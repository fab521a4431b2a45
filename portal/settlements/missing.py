"""Settlement reports that are missing: said to whoever runs the portal. All take a session."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.settlements.fetching import SettlementFetch
from portal.settlements.unbooked import UnbookedSettlement


def sentences(session: Session) -> Iterator[tuple[str, str]]:
    """Town and account, and what of its reports was told to staff and is not mended."""
    fetch, report = SettlementFetch, UnbookedSettlement
    silent = select(fetch).where(fetch.told_at.is_not(None), fetch.failing_since.is_not(None))
    for row in session.scalars(silent.order_by(fetch.tenant_id, fetch.account_id)):
        since = f"{row.failing_since:%Y-%m-%d %H:%M} UTC"
        yield f"{row.tenant_id}/{row.account_id}", f"its reports cannot be listed since {since}"
    told = select(report).where(report.told_at.is_not(None))
    for each in session.scalars(told.order_by(report.tenant_id, report.since)):
        said = f"the report {each.settlement} cannot be booked ({each.cause})"
        yield f"{each.tenant_id}/{each.account_id}", said
