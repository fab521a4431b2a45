"""What a provider itself says it has taken for a town: its figure against ours.

Asked of those that can tell (``Sums``); the last word for a day counts. What a provider cannot
say stays unknown: our own rows are never taken for its word.
"""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from secrets import SystemRandom
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, transaction
from portal.keys import Keyring
from portal.money import Money
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.providers import registry
from portal.providers.capabilities import Sums
from portal.providers.protocol import Account, ProviderDown, UnknownWord
from portal.tenants import Tenant

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=5)  # after midnight, for what is being booked there
DAYS_BACK = 3
LONGEST_ROUND = 20.0  # seconds


class ProviderFigure(Base):
    """What a provider said on one asking: all that it has taken up to the end of a day."""

    __tablename__ = "provider_figures"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        Index(None, "tenant_id", "day"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[str]
    day: Mapped[date]
    currency: Mapped[str]
    taken_cents: Mapped[int] = mapped_column(BigInteger)
    told_at: Mapped[datetime]


def ask(keyring: Keyring, tenant_id: str, day: date) -> int:
    """Ask all providers of a town for their figures of a day; how many accounts answered."""
    with transaction() as session:
        query = select(ProviderAccount.id).where(ProviderAccount.tenant_id == tenant_id)
        asked = session.scalars(query).all()
    return sum(_answered(keyring, (tenant_id, account_id), day) for account_id in asked)


def ask_due(keyring: Keyring) -> int:
    """Ask for yesterday, once an account; how many answered. The towns' days end in their zones.

    One that is down is asked again in the next round, for three days. A round ends after 20 seconds
    and takes the accounts in any order, so that slow ones do not keep the others from their turn.
    """
    ends, answered = time.monotonic() + LONGEST_ROUND, 0
    with transaction() as session:
        due = [one for tenant in session.scalars(select(Tenant)) for one in _due(session, tenant)]
    SystemRandom().shuffle(due)
    silent: set[tuple[str, str]] = set()
    for place, day in due:
        if time.monotonic() > ends:
            break
        if place in silent:
            continue
        if _answers(keyring, place, day):
            answered += 1
        else:
            silent.add(place)
    return answered


def _due(session: Session, tenant: Tenant) -> Iterator[tuple[tuple[str, str], date]]:
    """Accounts and past days of which nothing was told since the day was over."""
    newest = (clock.now() - GRACE).astimezone(ZoneInfo(tenant.time_zone)).date() - timedelta(days=1)
    days = [newest - timedelta(days=back) for back in range(DAYS_BACK)]
    query = select(ProviderFigure).where(
        ProviderFigure.tenant_id == tenant.id, ProviderFigure.day.in_(days)
    )
    told = {
        (row.account_id, row.day)
        for row in session.scalars(query)
        if row.told_at >= _end(row.day, tenant)
    }
    rows = select(ProviderAccount).where(ProviderAccount.tenant_id == tenant.id)
    for row in session.scalars(rows):
        for day in days:
            if row.valid_from <= day and (row.id, day) not in told:
                yield (tenant.id, row.id), day


def _answers(keyring: Keyring, place: tuple[str, str], day: date) -> bool:
    try:
        return _answered(keyring, place, day)
    except Exception as error:  # one that cannot be asked must not stop the others
        log.exception("not_asked", extra={"account": place[1], "error": type(error).__name__})
        return False


def _answered(keyring: Keyring, place: tuple[str, str], day: date) -> bool:
    """Ask for one account and write its word down; whether there was one."""
    tenant_id, account_id = place
    with transaction() as session:
        end = _end(day, session.get_one(Tenant, tenant_id))
        row = accounts.get(session, tenant_id, account_id)
        provider, account = row.provider, accounts.unsealed(keyring, row)
    sums = _call(provider, account, end)
    with transaction() as session:
        for taken in sums:
            figure = ProviderFigure(
                tenant_id=tenant_id,
                account_id=account_id,
                day=day,
                currency=taken.currency,
                taken_cents=taken.cents,
                told_at=clock.now(),
            )
            session.add(figure)
    return bool(sums)


def _call(provider: str, account: Account, end: datetime) -> tuple[Money, ...]:
    """A sum a currency; none when the provider cannot say, or not now."""
    adapter = registry.get(provider)
    if not isinstance(adapter, Sums):
        return ()
    try:
        return adapter.taken(account, end)
    except (ProviderDown, UnknownWord) as error:
        log.warning("no_figures", extra={"account": account.id, "error": type(error).__name__})
        return ()


def _end(day: date, tenant: Tenant) -> datetime:
    """The end of a business day of the town."""
    zone = ZoneInfo(tenant.time_zone)
    return datetime.combine(day + timedelta(days=1), time_of_day(), zone).astimezone(UTC)
