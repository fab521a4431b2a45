"""Proposing refunds: surplus that came by a provider and may go back waits for a decision.

A proposal is a task, and no order: a person asks for the refund on an order, a second one approves.
Or the surplus is given to another request, or kept by order; then the task is over by itself.

Much surplus cannot be proposed for as long as it lies there, as where no provider sends it back.
So what is older than an hour is looked at once an hour, in the minute of its number.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from portal import clock
from portal.db import Json, transaction
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import accounts, staff
from portal.payments.models import Payment
from portal.payments.record import again, locked_in_line
from portal.payments.returned import Reason, Refund
from portal.payments.states import State
from portal.providers import registry
from portal.requests import register
from portal.returns import left, replaced
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
LONGEST_ROUND = 20.0  # seconds
NEW = timedelta(hours=1)
TURNS = 60  # minutes of an hour


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a surplus may go back by this payment."""

    payment: str
    amount: Money


def look(minute: int | None = None) -> int:
    """Propose what is not proposed yet, and end what is over; how many new proposals.

    The newest is first, and a round ends after 20 seconds. In a minute of the hour only what is
    new is looked at, and older surplus whose turn it is; without one, all.
    """
    ends, opened = time.monotonic() + LONGEST_ROUND, 0
    for place in _due(minute):
        if time.monotonic() > ends:
            break
        opened += _proposed(place)
    _end_over()
    return opened


def parts(session: Session, item: CustodyItem) -> list[Part]:
    """By which payments how much of a surplus may go back now, newest payment first.

    The payments are locked with the requests of their line.
    """
    rest, found = item.open_cents, list[Part]()
    for payment_id in _payments(session, item):
        payment = locked_in_line(session, item.tenant_id, payment_id)
        if payment is None or not _sends_back(session, payment):
            continue
        cents = min(rest, left.free(session, payment, Reason.SURPLUS).cents)
        if cents:
            found.append(Part(payment.id, Money(cents, item.currency)))
            rest -= cents
    return found


def renew(tenant_id: str, item_id: int) -> None:
    """Look again at what was proposed of an item: some of it may be gone. A whole act."""

    def act(session: Session) -> None:
        item = session.get_one(CustodyItem, (tenant_id, item_id))
        staff.refund_proposed_anew(session, item, _told(parts(session, item)))

    again(act)


def _proposed(place: tuple[str, int]) -> bool:
    try:
        return again(partial(_propose, place=place))
    except Exception as error:  # one that cannot be looked at must not stop the others
        log.exception("not_proposed", extra={"item": place[1], "error": type(error).__name__})
        return False


def _propose(session: Session, place: tuple[str, int]) -> bool:
    item = session.get(CustodyItem, place)
    assert item is not None  # noqa: S101 -- never deleted
    told = _told(parts(session, item))
    if told:
        staff.refund_proposed(session, item, told)
    return bool(told)


def _told(found: list[Part]) -> list[Json]:
    return [{"payment": one.payment, "amount_cents": one.amount.cents} for one in found]


def _due(minute: int | None) -> Iterator[tuple[str, int]]:
    page = _page(None, minute)
    while page:
        yield from page
        page = _page(page[-1][1], minute)


def _page(before: int | None, minute: int | None) -> Sequence[tuple[str, int]]:
    """Open surplus before a number that is not proposed, and was not decided by a person."""
    task = aliased(StaffTask)
    known = select(task.number).where(
        task.tenant_id == CustodyItem.tenant_id,
        task.kind == Kind.REFUND_PROPOSED,
        task.subject == staff.proposal(CustodyItem.id),
        or_(task.ended_at.is_(None), task.reason != staff.ASKED),
    )
    query: Select[str, int] = (
        select(CustodyItem.tenant_id, CustodyItem.id)
        .where(CustodyItem.state == "open", CustodyItem.cause == "surplus", ~known.exists())
        .order_by(CustodyItem.id.desc())
        .limit(MOST_AT_ONCE)
    )
    if before is not None:
        query = query.where(CustodyItem.id < before)
    if minute is not None:
        is_new = CustodyItem.opened_at > clock.now() - NEW
        query = query.where(or_(is_new, CustodyItem.id % TURNS == minute))
    with transaction() as session:
        return [(tenant_id, item_id) for tenant_id, item_id in session.execute(query)]


def _end_over() -> None:
    """What other rooms gave away, as when a payment elsewhere is undone, is proposed no longer."""
    query = select(CustodyItem).join(
        StaffTask,
        (StaffTask.tenant_id == CustodyItem.tenant_id)
        & (StaffTask.kind == Kind.REFUND_PROPOSED)
        & (StaffTask.subject == staff.proposal(CustodyItem.id))
        & StaffTask.ended_at.is_(None),
    )
    with transaction() as session:
        for item in session.scalars(query.where(CustodyItem.state != "open")).all():
            staff.custody_ended(session, item, staff.BY_ITSELF)


def _payments(session: Session, item: CustodyItem) -> list[str]:
    """The payment that a surplus came by, or all that had paid on a letter that asks less now,
    or on those that it replaced.
    """
    sort, _, rest = item.reference.partition(":")
    if sort == "payment":
        return [rest.partition(":")[0]]
    if item.request_reference is None:
        return []
    asked = register.by_reference(session, item.tenant_id, item.request_reference)
    letters = replaced.with_older(session, item.tenant_id, [asked.id])
    query = select(Payment.id).where(
        Payment.tenant_id == item.tenant_id,
        Payment.request_id.in_(letters),
        Payment.state == State.SUCCEEDED,
    )
    return list(session.scalars(query.order_by(Payment.confirmed_at.desc(), Payment.id)))


def _sends_back(session: Session, payment: Payment) -> bool:
    """Whether its provider sends money back, and no refund of it waits for a person already."""
    account = accounts.get(session, payment.tenant_id, payment.account_id)
    failed = (
        select(StaffTask.number)
        .join(
            Refund,
            (Refund.tenant_id == StaffTask.tenant_id) & (Refund.id == StaffTask.subject),
        )
        .where(
            StaffTask.tenant_id == payment.tenant_id,
            StaffTask.kind == Kind.REFUND_FAILED,
            StaffTask.ended_at.is_(None),
            Refund.payment_id == payment.id,
        )
    )
    waits = session.scalar(failed.limit(1)) is not None
    known = account.provider in registry.PROVIDERS  # one adapter that is gone stops no others
    return known and registry.sends_back(account.provider, payment.method) and not waits
