"""Taking the portal's events into the books: each once, in whatever order and however often.

What an event means is decided by one function each (``TAKERS``); none of them trusts that another
event came before it. An event that cannot be booked is kept and shown, never lost and never in
the way of the next one.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office import entries, payouts, settling, standing
from office.db import one_after_the_other, transaction
from office.entries import Held
from office.facts import EURO, Custody, Event, Succeeded, storable
from office.models import (
    Booking,
    BookingLine,
    Claim,
    EventState,
    Feed,
    ItemState,
    SuspenseItem,
    TakenEvent,
)
from office.payouts import Outcome, booked_before
from portal import clock
from portal.db import lock
from portal.failpoints import at

SURPLUS, UNCLEAR = "surplus", "unclear"
UNREADABLE = "unreadable"


def take(event: Event, *, from_feed: bool = False) -> EventState | None:
    """Take one event; ``None`` when it was taken before.

    ``from_feed`` moves our place in the feed behind it. Returns only after the commit.
    """
    with transaction() as session:
        one_after_the_other(session)
        state = _take_new(session, event)
        if from_feed:
            _move_on(session, event.position)
        at("office.event.taken")
    return state


def take_waiting() -> Counter[EventState]:
    """Try the events again that waited for their claim; what became of those that wait no more."""
    with transaction() as session:
        one_after_the_other(session)
        return try_waiting(session)


def keep_unreadable(told: Any, place: int) -> EventState | None:
    """Keep what stood at ``place`` of the feed and cannot be taken; move our place behind it."""
    with transaction() as session:
        one_after_the_other(session)
        name = f"unreadable:{place}"
        known = session.get(TakenEvent, name) is not None
        if not known:
            now = clock.now()
            row = TakenEvent(id=name, position=place, type=UNREADABLE, occurred_at=now)
            row.data, row.state, row.taken_at = {"told": storable(told)}, EventState.UNREADABLE, now
            session.add(row)
        _move_on(session, place)
    return None if known else EventState.UNREADABLE


def go_back(place: int) -> None:
    """Read the feed again from behind this place; what was taken is known by its id."""
    with transaction() as session:
        one_after_the_other(session)
        _move_on(session, place)


def position(session: Session) -> int:
    """How far the feed was read."""
    feed = session.get(Feed, 1)
    return feed.position if feed else 0


def _take_new(session: Session, event: Event) -> EventState | None:
    if session.get(TakenEvent, event.id):
        return None
    row = TakenEvent(**event.model_dump(), state=EventState.NOTED, taken_at=clock.now())
    session.add(row)
    session.flush()
    row.state = _booked(session, event, _outcome(session, event))
    standing.ask_anew(session, event)
    if event.type in AWAITED:
        try_waiting(session)
    return EventState(row.state)


def try_waiting(session: Session) -> Counter[EventState]:
    """``take_waiting`` for who holds the books."""
    waiting = select(TakenEvent).where(TakenEvent.state == EventState.WAITING)
    rows = session.scalars(waiting.order_by(TakenEvent.position)).all()
    for row in rows:
        event = Event.model_validate(row, from_attributes=True)
        row.state = _booked(session, event, _outcome(session, event))
    return Counter(EventState(row.state) for row in rows if row.state != EventState.WAITING)


def _move_on(session: Session, behind: int) -> None:
    statement = insert(Feed).values(id=1, position=behind)
    session.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"position": behind})
    )


def _outcome(session: Session, event: Event) -> Outcome:
    taker = TAKERS.get(event.type)
    if taker is None:
        return UNBOOKED.get(event.type, EventState.UNKNOWN)
    try:
        return taker(session, event)
    except ValidationError:
        return EventState.UNREADABLE


def _booked(session: Session, event: Event, outcome: Outcome) -> EventState:
    if isinstance(outcome, EventState):
        return outcome
    if not outcome.lines:
        return EventState.NOTED
    lines = [
        BookingLine(number=number, account=account, cents=cents, currency=EURO)
        for number, (account, cents) in enumerate(outcome.lines, 1)
    ]
    booking = Booking(
        event_id=event.id, reason=outcome.reason, subject=outcome.subject, booked_at=clock.now()
    )
    booking.lines = lines
    session.add(booking)
    session.flush()
    return EventState.BOOKED


def _succeeded(session: Session, event: Event) -> Outcome:
    fact = Succeeded.model_validate(event.data)
    if fact.claim_cents + fact.surplus_cents != fact.amount_cents:
        return EventState.UNREADABLE
    if fact.currency != EURO:
        return EventState.BY_HAND
    claim = lock(session, Claim, event.reference) if event.reference else None
    if claim is None:
        return EventState.WAITING
    if booked_before(session, "paid", fact.payment):
        return EventState.BY_HAND
    claim.clear(fact.claim_cents)
    item = SuspenseItem(
        item=f"payment:{fact.payment}",
        payment=fact.payment,
        provider_reference=fact.provider_reference,
        cents=fact.amount_cents,
    )
    held = _open_item(session, event, item, fact.suspense_account)
    return entries.paid(fact.payment, held, claim.kind, fact.claim_cents, fact.surplus_cents)


def _custody_opened(session: Session, event: Event) -> Outcome:
    fact = Custody.model_validate(event.data)
    if fact.cause == SURPLUS:
        # Its money is booked with the payment that brought it. Without one the claim was lowered
        # after it was paid: a person books that, as what becomes of the surplus.
        return EventState.NOTED if fact.payment else EventState.BY_HAND
    if (fact.cause, fact.currency) != (UNCLEAR, EURO) or fact.suspense_account is None:
        return EventState.BY_HAND
    if booked_before(session, "unclear", fact.item):
        return EventState.BY_HAND
    item = SuspenseItem(
        item=f"custody:{fact.item}",
        payment=fact.payment,
        provider_reference=fact.provider_reference,
        cents=fact.amount_cents,
    )
    held = _open_item(session, event, item, fact.suspense_account)
    return entries.unclear(fact.item, held, fact.amount_cents)


def _custody_assigned(session: Session, event: Event) -> Outcome:
    """Unclear money is a payment's, which tells of it by itself. All else is a person's act."""
    fact = Custody.model_validate(event.data)
    if (fact.cause, fact.currency, event.reference) != (UNCLEAR, EURO, None):
        return EventState.BY_HAND
    item = lock(session, SuspenseItem, f"custody:{fact.item}")
    if item is None:
        return EventState.WAITING
    if item.state == ItemState.REVERSED or item.cents != fact.amount_cents:
        return EventState.BY_HAND
    item.state = ItemState.REVERSED
    held = Held(item.account, settling.settle(session, item.account, [item]))
    return entries.unclear_taken_back(fact.item, held, item.cents)


def _open_item(session: Session, event: Event, item: SuspenseItem, account: str) -> Held:
    """Open a suspense item; what a pay-out told of it before settles it at once."""
    item.account = entries.suspense_account(account)
    item.reference, item.opened_at = event.reference, event.occurred_at
    item.currency, item.state, item.settled_cents = EURO, ItemState.OPEN, 0
    session.add(item)
    session.flush()
    return Held(item.account, settling.settle(session, item.account, [item]))


# fmt: off
TAKERS: Mapping[str, Callable[[Session, Event], Outcome]] = {
    "payment.succeeded": _succeeded,
    "custody.opened":    _custody_opened,
    "custody.assigned":  _custody_assigned,
    "payout.announced":  payouts.announced,
    "payout.withdrawn":  payouts.withdrawn,
    "payout.arrived":    payouts.arrived,
    "request.replaced":  standing.replaced,
}
AWAITED = {"custody.opened", "payout.announced"}  # others may have come before and wait for it
UNBOOKED: Mapping[str, EventState] = {
    "payment.pending":     EventState.NOTED,
    "payment.reversed":    EventState.BY_HAND,
    "refund.succeeded":    EventState.BY_HAND,
    "refund.failed":       EventState.NOTED,
    "custody.returned":    EventState.BY_HAND,
    "reserve.closed":      EventState.BY_HAND,
    "request.changed":     EventState.NOTED,
    "request.withdrawn":   EventState.NOTED,
    "request.restored":    EventState.NOTED,
    "request.expired":     EventState.NOTED,
    "request.rest_closed": EventState.NOTED,
    "citizen.says_paid":   EventState.NOTED,
    "citizen.asks":        EventState.NOTED,
    "audit.anchored":      EventState.NOTED,
}
# fmt: on
