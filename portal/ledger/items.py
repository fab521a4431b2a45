"""Items: what a suspense or custody account consists of, one row a thing that can be named."""

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, object_session

from portal import clock
from portal.db import lock
from portal.errors import NotFound
from portal.ledger import book
from portal.ledger.models import CustodyItem, CustodyMove, SuspenseItem, SuspenseMove
from portal.money import Money

Item = TypeVar("Item", SuspenseItem, CustodyItem)


class NoSuchItem(NotFound):
    """Not there, or another tenant's."""

    code = "item_not_found"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item belongs: its tenant, the provider account and its own unique reference."""

    tenant_id: str
    account: str | None
    reference: str


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a suspense item was settled."""

    item: int
    amount: Money


def open_suspense(session: Session, place: Place, amount: Money) -> None:
    """The provider has this much of ours for one thing (a payment, an unclear report).

    Below zero it will hold so much back of a pay-out (a refund, a reversal).
    """
    item_id = session.scalar(
        insert(SuspenseItem)
        .values(
            tenant_id=place.tenant_id,
            account=place.account,
            reference=place.reference,
            amount_cents=amount.cents,
            open_cents=amount.cents,
            currency=amount.currency,
            state="open",
            opened_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
        .returning(SuspenseItem.id)
    )
    if item_id is not None:
        _move(session, SuspenseMove, (place.tenant_id, item_id), "opened", amount.cents)


def settle(session: Session, place: Place, gross: Money) -> Part | None:
    """Take what a report settles off an open item; what fitted (up to what is open), if any.

    What is paid out settles items above zero, what is held back items below it.
    """
    item = _locked(session, SuspenseItem, place)
    if item is None or (item.account, item.currency) != (place.account, gross.currency):
        return None
    if gross.cents * item.open_cents <= 0:
        return None
    fitting = min(gross.cents, item.open_cents, key=abs)
    lower(item, fitting, "settled")
    return Part(item.id, Money(fitting, gross.currency))


def left(session: Session, place: Place) -> int | None:
    """Cents of a suspense item that are open; ``None`` when there is no such item."""
    query = select(SuspenseItem.open_cents).where(
        SuspenseItem.tenant_id == place.tenant_id, SuspenseItem.reference == place.reference
    )
    return session.scalar(query)


def unsettle(item: SuspenseItem, cents: int) -> None:
    """What a report had settled of a locked item was settled wrongly: it is open again."""
    item.state, item.closed_at = "open", None
    lower(item, -cents, "open", "unsettled")


def lower(
    item: SuspenseItem | CustodyItem, cents: int, ended_as: str, reason: str | None = None
) -> None:
    """So much less of a locked item is open; it ends in ``ended_as`` when nothing is.

    The move is written down with the item, with ``ended_as`` as its reason unless told another.
    """
    if not cents:
        return
    item.open_cents -= cents
    if item.open_cents == 0:
        item.state, item.closed_at = ended_as, clock.now()
    session = object_session(item)
    assert session is not None  # noqa: S101 -- it is locked in one
    moves = SuspenseMove if isinstance(item, SuspenseItem) else CustodyMove
    _move(session, moves, (item.tenant_id, item.id), reason or ended_as, -cents)


def locked(session: Session, model: type[Item], tenant_id: str, item_id: int) -> Item:
    """An item, locked and read afresh; raises ``NoSuchItem``."""
    item = lock(session, model, tenant_id, item_id)
    if item is None:
        raise NoSuchItem("There is no such item.")
    return item


def unclear(session: Session, place: Place) -> CustodyItem | None:
    """The custody item of an unclear report, locked."""
    return _locked(session, CustodyItem, place)


def unclear_has_moved(session: Session, place: Place) -> bool:
    """Whether money of an unclear report was given to somebody, sent back, or kept already."""
    custody = _locked(session, CustodyItem, place)
    return custody is not None and custody.open_cents != custody.amount_cents


def take_back_unclear(session: Session, place: Place, back: Place) -> CustodyItem | None:
    """Close both items of an unclear report whose place was found; ``None`` if there are none.

    What was paid out of it is an item below zero at ``back``, to be set against the new one.
    """
    suspense = _locked(session, SuspenseItem, place)
    custody = _locked(session, CustodyItem, place)
    if suspense is None or custody is None or custody.open_cents != custody.amount_cents:
        return None
    still = suspense.open_cents
    if still != suspense.amount_cents:
        open_suspense(session, back, Money(-suspense.amount_cents, suspense.currency))
        _lower_at(session, back, -still)
    lower(suspense, still, "reversed", "taken_back")
    lower(custody, custody.open_cents, "assigned", "taken_back")
    session.flush()
    return custody


def set_off(session: Session, place: Place, back: Place) -> None:
    """What was paid out under another name was paid out: so much of both items is settled."""
    mine, below = _locked(session, SuspenseItem, place), _locked(session, SuspenseItem, back)
    if mine is not None and below is not None:
        cents = min(mine.open_cents, -below.open_cents)
        _lower_at(session, place, cents)
        _lower_at(session, back, -cents)


def _lower_at(session: Session, place: Place, cents: int) -> None:
    item = _locked(session, SuspenseItem, place)
    if item is not None:
        lower(item, cents, "settled", "taken_back")


def _locked(session: Session, model: type[Item], place: Place) -> Item | None:
    query = select(model.id).where(
        model.tenant_id == place.tenant_id, model.reference == place.reference
    )
    item_id = session.scalar(query)
    return lock(session, model, place.tenant_id, item_id) if item_id is not None else None


def open_custody(
    session: Session,
    place: Place,
    cause: str,
    amount: Money,
    request_reference: str | None,
    taken_on: date | None = None,
) -> int | None:
    """We have this much that is nobody's yet (``surplus`` or ``unclear``); the item's id.

    ``taken_on`` is the town's day on which a provider took what is unclear.
    ``None`` when the item was opened before.
    """
    item_id = session.scalar(
        insert(CustodyItem)
        .values(
            tenant_id=place.tenant_id,
            account=place.account,
            reference=place.reference,
            cause=cause,
            request_reference=request_reference,
            taken_on=taken_on,
            amount_cents=amount.cents,
            open_cents=amount.cents,
            currency=amount.currency,
            state="open",
            opened_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
        .returning(CustodyItem.id)
    )
    if item_id is not None:
        _move(session, CustodyMove, (place.tenant_id, item_id), "opened", amount.cents)
    return item_id


def _move(
    session: Session,
    moves: type[SuspenseMove | CustodyMove],
    item: tuple[str, int],
    reason: str,
    cents: int,
) -> None:
    tenant_id, item_id = item
    session.add(
        moves(
            tenant_id=tenant_id,
            item_id=item_id,
            booked_on=book.day(session, tenant_id),
            at=clock.now(),
            reason=reason,
            cents=cents,
        )
    )
