"""Fetching settlement reports each night: a notification that was lost is no lost report.

Every account whose provider can list its reports is asked for those since the last one, and what is
missing is booked. The same report, notified and listed at once, is booked once.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKeyConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, transaction
from portal.errors import PortalError
from portal.keys import Keyring
from portal.ledger.models import SettlementRow
from portal.payments import accounts, staff
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.capabilities import ListsSettlements
from portal.providers.protocol import Account, ProviderDown, UnknownWord
from portal.settlements import settle
from portal.tenants import Tenant

log = logging.getLogger(__name__)

AFTER = time_of_day(3)  # in the town: by then most providers have made the day's report
OVERLAP = timedelta(days=10)  # a report may be made late, and be listed under its own day
NEW_ACCOUNT = timedelta(days=30)
TRY_AGAIN_AFTER = timedelta(hours=1)
LONGEST_ROUND = 20.0  # seconds


class SettlementFetch(Base):
    """When an account was last asked for its settlement reports, and when all were booked."""

    __tablename__ = "settlement_fetches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    tried_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of asking an account: how many reports were booked, and which could not be."""

    booked: int
    failed: tuple[str, ...]
    over: bool  # there was time for all of them


def fetch_due(keyring: Keyring) -> int:
    """Ask all accounts that were not asked since the night; how many reports were booked.

    A round ends after 20 seconds. Who was tried longest ago is first, so that a slow or silent
    account stands behind all others in the next round; it is tried again every hour.
    """
    ends, booked = time.monotonic() + LONGEST_ROUND, 0
    with transaction() as session:
        due = [
            place for tenant in session.scalars(select(Tenant)) for place in _due(session, tenant)
        ]
    for _, tenant_id, account_id in sorted(due):
        if time.monotonic() > ends:
            break
        try:
            booked += fetch(keyring, tenant_id, account_id, ends=ends).booked
        except Exception as error:  # one that cannot be asked must not stop the others
            log.exception(
                "settlements_not_listed",
                extra={"account": account_id, "error": type(error).__name__},
            )
    return booked


def fetch(
    keyring: Keyring,
    tenant_id: str,
    account_id: str,
    since: datetime | None = None,
    *,
    ends: float | None = None,
) -> Fetched:
    """Ask one account for its reports since a moment (the last one, less some days) and book them.

    ``ends`` is when there is no more time, on the monotonic clock. Raises ``NoSettlements``.
    """
    with transaction() as session:
        row = accounts.get(session, tenant_id, account_id)
        account, provider = accounts.unsealed(keyring, row), row.provider
        begins = since or _since(session, row)
        _note(session, account, done=False)  # before the call: a crash is a try, too
    adapter = registry.get(provider)
    if not isinstance(adapter, ListsSettlements):
        raise settle.NoSettlements("This provider does not list its settlement reports.")
    try:
        listed = adapter.settlements(account, begins)
    except (ProviderDown, UnknownWord):
        raise settle.NoSettlements("The provider does not answer.") from None
    found = _book(keyring, account, listed, ends)
    if found.over and not found.failed:
        with transaction() as session:
            _note(session, account, done=True)
    return found


def _book(
    keyring: Keyring, account: Account, listed: tuple[str, ...], ends: float | None
) -> Fetched:
    booked, failed = 0, list[str]()
    for settlement in listed:
        if ends is not None and time.monotonic() > ends:
            return Fetched(booked, tuple(failed), over=False)
        try:
            booked += settle.settle(keyring, account.tenant_id, account.id, settlement)
        except (PortalError, UnknownWord) as error:  # one bad report must not stop the others
            failed.append(settlement)
            if isinstance(error, settle.WrongMerchant | settle.MixedCurrencies):
                with transaction() as session:
                    staff.settlement_refused(session, account, settlement, error.code)
            log.warning(
                "settlement_not_booked",
                extra={"account": account.id, "error": type(error).__name__},
            )
    return Fetched(booked, tuple(failed), over=True)


def _due(session: Session, tenant: Tenant) -> list[tuple[datetime, str, str]]:
    """Accounts that were not done since the night, and not tried within the hour; when tried."""
    now, zone = clock.now(), ZoneInfo(tenant.time_zone)
    night = datetime.combine(now.astimezone(zone).date(), AFTER, zone)
    night = night if night <= now else night - timedelta(days=1)
    rows = session.scalars(select(ProviderAccount).where(ProviderAccount.tenant_id == tenant.id))
    found = []
    for row in rows:
        known = session.get(SettlementFetch, (tenant.id, row.id))
        tried = known.tried_at if known else _began(row, zone)
        done = known is not None and known.done_at is not None and known.done_at >= night
        again = known is None or tried <= now - TRY_AGAIN_AFTER
        lists = isinstance(registry.PROVIDERS.get(row.provider), ListsSettlements)
        if lists and not done and again and _began(row, zone) <= now:
            found.append((tried, tenant.id, row.id))
    return found


def _began(row: ProviderAccount, zone: ZoneInfo) -> datetime:
    """The beginning of the first day on which the account was used."""
    return datetime.combine(row.valid_from, time_of_day(), zone)


def _since(session: Session, row: ProviderAccount) -> datetime:
    """From when on reports are asked for: the last one that it told, or the account's beginning."""
    made_at = func.max(func.coalesce(SettlementRow.made_at, SettlementRow.booked_at))
    last = session.scalar(
        select(made_at).where(
            SettlementRow.tenant_id == row.tenant_id,
            SettlementRow.account == row.id,
            SettlementRow.file_id.is_(None),
        )
    )
    if last is not None:
        return last - OVERLAP
    zone = ZoneInfo(session.get_one(Tenant, row.tenant_id).time_zone)
    return max(_began(row, zone), clock.now() - NEW_ACCOUNT)


def _note(session: Session, account: Account, *, done: bool) -> None:
    now = clock.now()
    told = {"tried_at": now} | ({"done_at": now} if done else {})
    values = {"tenant_id": account.tenant_id, "account_id": account.id, **told}
    statement = insert(SettlementFetch).values(values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "account_id"], set_=told)
    )
