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
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.capabilities import ListsSettlements
from portal.providers.protocol import Account, ProviderDown, UnknownWord
from portal.settlements import settle, staff, unbooked
from portal.tenants import Tenant

log = logging.getLogger(__name__)

AFTER = time_of_day(3)  # in the town: by then most providers have made the day's report
OVERLAP = timedelta(days=10)  # a report may be made late, and be listed under its own day
NEW_ACCOUNT = timedelta(days=30)
TRY_AGAIN_AFTER = timedelta(hours=1)
LONGEST_ROUND = 20.0  # seconds


class SettlementFetch(Base):
    """When an account was first and last asked for its settlement reports, when it last listed them
    and all were tried, and when all were booked; since when it does not list them, and when that
    was told.
    """

    __tablename__ = "settlement_fetches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    tried_at: Mapped[datetime]
    listed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    told_at: Mapped[datetime | None]


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
        if not isinstance(registry.get(provider), ListsSettlements):
            raise settle.NoSettlements("This provider does not list its settlement reports.")
        begins = since or _since(session, row, _asked(session, row))
    listed = _listed(account, provider, begins)
    found = _book(keyring, account, listed, ends)
    if found.over:
        with transaction() as session:
            _note_listed(session, account, done=not found.failed)
    return found


def _listed(account: Account, provider: str, begins: datetime) -> list[str]:
    """What the provider lists, and what it told of before and could not be booked, first."""
    adapter = registry.get(provider)
    assert isinstance(adapter, ListsSettlements)  # noqa: S101 -- looked at before
    try:
        listed = adapter.settlements(account, begins)
    except (ProviderDown, UnknownWord) as error:
        cause = "unknown_word" if isinstance(error, UnknownWord) else settle.NoSettlements.code
        with transaction() as session:
            _note_failing(session, account, cause)
        raise settle.NoSettlements("The provider does not list its reports.") from None
    with transaction() as session:
        waiting = unbooked.of_account(session, account.tenant_id, account.id)
    return [each for each in dict.fromkeys((*waiting, *listed)) if waiting.get(each, True)]


def _book(keyring: Keyring, account: Account, listed: list[str], ends: float | None) -> Fetched:
    booked, failed = 0, list[str]()
    for settlement in listed:
        if ends is not None and time.monotonic() > ends:
            return Fetched(booked, tuple(failed), over=False)
        try:
            booked += settle.settle(keyring, account.tenant_id, account.id, settlement)
        except Exception as error:  # one bad report must not stop the others
            failed.append(settlement)
            log.warning(
                "settlement_not_booked",
                extra={"account": account.id, "error": type(error).__name__},
                exc_info=not isinstance(error, PortalError),
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


def _since(session: Session, row: ProviderAccount, asked: SettlementFetch) -> datetime:
    """From when on reports are asked for: the last one that it told; where none was booked yet, a
    month before it last listed all it had, or was first asked. What was listed is remembered.
    """
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
    return max(_began(row, zone), (asked.listed_at or asked.began_at) - NEW_ACCOUNT)


def _asked(session: Session, row: ProviderAccount) -> SettlementFetch:
    """Write down that an account is asked, before the call: a crash is a try, too."""
    key, now = {"tenant_id": row.tenant_id, "account_id": row.id}, clock.now()
    first = insert(SettlementFetch).values(**key, began_at=now, tried_at=now)
    session.execute(first.on_conflict_do_update(index_elements=list(key), set_={"tried_at": now}))
    return session.get_one(SettlementFetch, tuple(key.values()), populate_existing=True)


def _note_listed(session: Session, account: Account, *, done: bool) -> None:
    row = session.get_one(SettlementFetch, (account.tenant_id, account.id))
    row.listed_at, row.failing_since, row.told_at = clock.now(), None, None
    row.done_at = row.listed_at if done else row.done_at
    staff.settlements_there(session, account.tenant_id, account.id)


def _note_failing(session: Session, account: Account, cause: str) -> None:
    """An account that does not list its reports for a day is a task, once."""
    row = session.get_one(SettlementFetch, (account.tenant_id, account.id))
    now = clock.now()
    row.failing_since = row.failing_since or now
    if row.told_at is None and row.failing_since <= now - unbooked.SILENT_FOR:
        place = account.tenant_id, account.id
        staff.settlements_missing(session, *place, cause, row.failing_since)
        row.told_at = now
