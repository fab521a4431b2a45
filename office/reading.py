"""What the office's page shows: claims, books and events, read only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from office.models import (
    Booking,
    BookingLine,
    Claim,
    ClaimState,
    Debtor,
    EventState,
    ItemState,
    Payout,
    SuspenseItem,
    TakenEvent,
)
from portal.money import Money

PAGE = 50  # rows
LAST = 100  # settled items, pay-outs and bookings that are shown
TO_DO = (EventState.BY_HAND, EventState.UNKNOWN, EventState.UNREADABLE, EventState.WAITING)


@dataclass(frozen=True, slots=True)
class Sums:
    """The office's claims in three figures, and how many."""

    claims: int
    asked: Money
    cleared: Money
    in_suspense: Money
    to_do: int
    still_payable: Sequence[str]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of claims."""

    claims: Sequence[Claim]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True, slots=True)
class Balance:
    """An account: debit positive."""

    account: str
    balance: Money


def sums(session: Session) -> Sums:
    """The figures at the top of the page."""
    count, asked, cleared = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Claim.cents), 0),
            func.coalesce(func.sum(Claim.cleared_cents), 0),
        )
    ).one()
    still_open = SuspenseItem.cents - SuspenseItem.settled_cents
    open_items = select(func.coalesce(func.sum(still_open), 0)).where(
        SuspenseItem.state == ItemState.OPEN
    )
    to_do = select(func.count()).where(TakenEvent.state.in_(TO_DO))
    return Sums(
        count, Money(int(asked)), Money(int(cleared)),
        Money(int(session.scalar(open_items) or 0)), session.scalar(to_do) or 0,
        still_payable(session),
    )  # fmt: skip


def still_payable(session: Session) -> Sequence[str]:
    """Claims that turned to direct debit when the portal had them: who pays online pays twice."""
    withdrawn = select(TakenEvent.reference).where(
        TakenEvent.type == "request.withdrawn", TakenEvent.reference.is_not(None)
    )
    found = (
        select(Claim.reference)
        .join(Claim.link)
        .where(Claim.debit, Claim.state != ClaimState.CLEARED, Claim.reference.not_in(withdrawn))
    )
    return session.scalars(found.order_by(Claim.reference)).all()


def claims(session: Session, search: str, state: str, page: int) -> Found:
    """Claims whose document number, payment sign or name holds ``search``."""
    wanted = select(Claim).join(Claim.debtor)
    if search:
        columns = (Claim.reference, Claim.payment_sign, Debtor.name)
        wanted = wanted.where(or_(*(c.icontains(search, autoescape=True) for c in columns)))
    if state:
        wanted = wanted.where(Claim.state == state)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    page = min(max(page, 1), max(1, -(-total // PAGE)))
    rows = wanted.order_by(Claim.line, Claim.reference).offset((page - 1) * PAGE).limit(PAGE)
    return Found(session.scalars(rows).all(), total, page)


def balances(session: Session) -> list[Balance]:
    """Every account that was booked on."""
    rows = select(BookingLine.account, func.sum(BookingLine.cents)).group_by(BookingLine.account)
    found = session.execute(rows.order_by(BookingLine.account))
    return [Balance(account, Money(int(cents))) for account, cents in found]


def suspense_items(session: Session) -> Sequence[SuspenseItem]:
    """Open ones first, then the last settled ones."""
    newest = (SuspenseItem.state, SuspenseItem.opened_at.desc(), SuspenseItem.item)
    return session.scalars(select(SuspenseItem).order_by(*newest).limit(LAST)).all()


def payouts(session: Session) -> Sequence[Payout]:
    """Pay-outs, those on their way first."""
    return session.scalars(select(Payout).order_by(Payout.state, Payout.payout).limit(LAST)).all()


def bookings(session: Session, reference: str | None = None) -> Sequence[Booking]:
    """The last bookings, of one claim or of all."""
    wanted = select(Booking).order_by(Booking.id.desc()).limit(LAST)
    if reference is not None:
        wanted = wanted.join(TakenEvent, TakenEvent.id == Booking.event_id)
        wanted = wanted.where(TakenEvent.reference == reference)
    return session.scalars(wanted).all()


def events(session: Session, reference: str | None = None) -> Sequence[TakenEvent]:
    """The last events, of one claim or of all; what a person must look at comes first."""
    wanted = select(TakenEvent).limit(LAST)
    if reference is not None:
        wanted = wanted.where(TakenEvent.reference == reference)
    order = (TakenEvent.state.in_(TO_DO).desc(), TakenEvent.position.desc())
    return session.scalars(wanted.order_by(*order)).all()
