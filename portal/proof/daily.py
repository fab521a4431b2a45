"""The daily mail: numbers, and no person, for the town's own mailboxes, once a day from an hour on.

Off until a mailbox is set. A mailbox is written down as told before the mail leaves, and put back
when the mail server does not answer: at most one a day gets through.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from email.headerregistry import Address
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal import audit, clock, mail, tenants
from portal.db import lock, transaction
from portal.errors import Invalid, PortalError, Unavailable
from portal.finance.models import Delivery
from portal.mail import Post, Words
from portal.proof import closing, reconciling
from portal.proof.models import DailyMail, DayClosing
from portal.tenants import Tenant
from portal.worklist import reading

MOST = 10  # mailboxes of a town
HOURS = range(24)
NOT_TAKEN = ("waiting", "parked")

log = logging.getLogger(__name__)


class TooManyMailboxes(Invalid):
    """Ten are enough."""

    code = "too_many_mailboxes"


class NoHour(Invalid):
    """An hour from 0 to 23."""

    code = "no_hour"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the mail tells: of the whole town, and of the business day before."""

    day: date
    tasks: int
    undelivered: int
    broken: int  # equations of the day before that do not hold
    closed: bool  # whether that day is closed
    unexplained: int  # closed days whose difference nobody has explained


Write = Callable[[str, Numbers], Words]
Key = tuple[str, str]


def put(tenant_id: str, mailboxes: Iterable[str], hour: int, by: str) -> None:
    """Set who gets the daily mail, and from which hour on; nobody turns it off. A whole act.

    Raises ``mail.NoAddress``, ``TooManyMailboxes``, ``NoHour``.
    """
    wanted = list(dict.fromkeys(mail.address(each) for each in mailboxes))
    if len(wanted) > MOST:
        raise TooManyMailboxes(f"At most {MOST} mailboxes.")
    if hour not in HOURS:
        raise NoHour("An hour from 0 to 23.")
    with transaction() as session:
        lock(session, Tenant, tenant_id)
        had = {row.address: row.sent_on for row in set_for(session, tenant_id)}
        session.execute(delete(DailyMail).where(DailyMail.tenant_id == tenant_id))
        session.add_all(
            DailyMail(tenant_id=tenant_id, address=each, hour=hour, sent_on=had.get(each))
            for each in wanted
        )
        detail = {"mailboxes": len(wanted), "hour": hour}
        audit.note(session, tenant_id, by, "daily_mail.set", tenant_id, detail)


def set_for(session: Session, tenant_id: str) -> Sequence[DailyMail]:
    """The mailboxes of a town."""
    query = select(DailyMail).where(DailyMail.tenant_id == tenant_id)
    return session.scalars(query.order_by(DailyMail.address)).all()


def numbers(tenant_id: str) -> Numbers:
    """What there is to tell of a town now. Two acts: the day is read in its own snapshot."""
    with transaction() as session:
        yesterday = clock.today(session.get_one(Tenant, tenant_id).time_zone) - timedelta(days=1)
    found = reconciling.at(tenant_id, yesterday)
    with transaction() as session:
        of_town = (Delivery.tenant_id == tenant_id) & Delivery.state.in_(NOT_TAKEN)
        waiting = session.scalar(select(func.count()).select_from(Delivery).where(of_town))
        return Numbers(
            day=yesterday,
            tasks=sum(reading.count(session, tenant_id).values()),
            undelivered=int(waiting or 0),
            broken=len(found.broken),
            closed=session.get(DayClosing, (tenant_id, yesterday)) is not None,
            unexplained=len(closing.unexplained(session, tenant_id)),
        )


def send_due(way: Post, write: Write) -> int:
    """Send what is due; how many the mail server took. ``write`` puts a town's numbers in words."""
    due: dict[str, list[str]] = {}
    for tenant_id, address in _due():
        due.setdefault(tenant_id, []).append(address)

    def act(tenant_id: str) -> int:
        words = write(tenant_id, numbers(tenant_id))
        return sum(_send(way, words, (tenant_id, address)) for address in due[tenant_id])

    return sum(tenants.each(act, due))


def _send(way: Post, words: Words, key: Key) -> bool:
    """Send a mailbox its mail, unless another worker does; whether the mail server took it."""
    tenant_id, address = key
    before = _begun(key)
    if before is None:
        return False
    try:
        mail.send(way, mail.message(Address(addr_spec=way.sender), "", address, words))
    except Unavailable as error:
        _put_back(key, before.sent_on)
        _log("daily_mail_waits", tenant_id, error)
        return False
    except PortalError as error:
        _log("daily_mail_refused", tenant_id, error)
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Before:
    sent_on: date | None


def _due() -> list[Key]:
    with transaction() as session:
        rows = session.execute(
            select(DailyMail, Tenant.time_zone)
            .join(Tenant, Tenant.id == DailyMail.tenant_id)
            .order_by(DailyMail.tenant_id, DailyMail.address)
        )
        return list(_keys_due((row, zone) for row, zone in rows))


def _keys_due(rows: Iterable[tuple[DailyMail, str]]) -> Iterator[Key]:
    for row, zone in rows:
        if _is_due(row, zone):
            yield row.tenant_id, row.address


def _is_due(row: DailyMail, zone: str) -> bool:
    local = clock.now().astimezone(ZoneInfo(zone))
    return local.hour >= row.hour and row.sent_on != local.date()


def _begun(key: Key) -> _Before | None:
    """Write down that this mailbox is told today; none when another did."""
    with transaction() as session:
        row = lock(session, DailyMail, *key)
        zone = session.get_one(Tenant, key[0]).time_zone
        if row is None or not _is_due(row, zone):
            return None
        before, row.sent_on = _Before(row.sent_on), clock.today(zone)
        return before


def _put_back(key: Key, sent_on: date | None) -> None:
    with transaction() as session:
        if row := lock(session, DailyMail, *key):
            row.sent_on = sent_on


def _log(event: str, tenant_id: str, error: PortalError) -> None:
    log.warning(event, extra={"tenant": tenant_id, "error": str(error)})
