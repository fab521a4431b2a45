"""Taking the portal's events into the books: each once, in whatever order and however often.

What an event means is decided by one function each (``TAKERS``); none of them trusts that another
event came before it. An event that cannot be booked is kept and shown, never lost and never in
the way of the next one.
"""

from collections.abc import Callable, Mapping

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office import entries
from office.db import one_after_the_other, transaction
from office.entries import Entry
from office.facts import Custody, Event, Succeeded
from office.facts import Payout as PayoutFact
from office.models import (
    Booking,
    BookingLine,
    Claim,
    EventState,
    Feed,
    ItemState,
    Payout,
    PayoutLine,
    PayoutState,
    SuspenseItem,
    TakenEvent,
)
from portal import clock
from portal.db import lock
from portal.failpoints import at

CURRENCY = "EUR"
SURPLUS = "surplus"

Outcome = EventState | Entry


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


def take_waiting() -> int:
    """Try the events again that waited for their claim; how many are booked now."""
    with transaction() as session:
        one_after_the_other(session)
        waiting = select(TakenEvent).where(TakenEvent.state == EventState.WAITING)
        rows = session.scalars(waiting.order_by(TakenEvent.position)).all()
        for row in rows:
            event = Event.model_validate(row, from_attributes=True)
            row.state = _booked(session, event, _outcome(session, event))
        return sum(row.state != EventState.WAITING for row in rows)


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
    return EventState(row.state)


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
        BookingLine(number=number, account=account, cents=cents, currency=CURRENCY)
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
    claim = lock(session, Claim, event.reference) if event.reference else None
    if claim is None:
        return EventState.WAITING
    if _booked_before(session, "paid", fact.payment):
        return EventState.BY_HAND
    claim.clear(fact.claim_cents)
    suspense = entries.suspense_account(fact.suspense_account)
    _open_item(session, event, fact.payment, suspense, fact.amount_cents)
    return entries.paid(fact.payment, suspense, claim.kind, fact.claim_cents, fact.surplus_cents)


def _custody(session: Session, event: Event) -> Outcome:
    fact = Custody.model_validate(event.data)
    if fact.cause == SURPLUS:
        return EventState.NOTED  # its money is booked with the payment that brought it
    if _booked_before(session, "unclear", fact.item):
        return EventState.BY_HAND
    suspense = entries.suspense_account(fact.suspense_account)
    _open_item(session, event, f"custody {fact.item}", suspense, fact.amount_cents)
    return entries.unclear(fact.item, suspense, fact.amount_cents)


def _announced(session: Session, event: Event) -> Outcome:
    fact = PayoutFact.model_validate(event.data)
    if _booked_before(session, "paid_out", fact.subject):
        return EventState.BY_HAND
    _know_payout(session, fact, PayoutState.ANNOUNCED)
    for number, line in enumerate(fact.lines, 1):
        if line.payment is None:
            continue
        session.add(
            PayoutLine(
                account=fact.account,
                payout=fact.payout,
                number=number,
                payment=line.payment,
                gross_cents=line.gross_cents,
                fee_cents=line.fee_cents,
            )
        )
        if item := lock(session, SuspenseItem, line.payment):
            _settle(item, fact.payout)
    return entries.paid_out(
        fact.subject, fact.account, fact.gross_cents, fact.fee_cents, fact.net_cents
    )


def _arrived(session: Session, event: Event) -> Outcome:
    fact = PayoutFact.model_validate(event.data)
    if _booked_before(session, "arrived", fact.subject):
        return EventState.BY_HAND
    _know_payout(session, fact, PayoutState.ARRIVED)
    return entries.arrived(fact.subject, fact.account, fact.net_cents)


def _booked_before(session: Session, reason: str, subject: str) -> bool:
    """Whether another event has booked this already: then a person must look."""
    booked = select(Booking.id).where(Booking.reason == reason, Booking.subject == subject)
    return session.scalar(booked) is not None


def _open_item(session: Session, event: Event, payment: str, account: str, cents: int) -> None:
    """Open a suspense item, or settle it at once when its pay-out was told before it."""
    item = SuspenseItem(
        payment=payment,
        reference=event.reference,
        account=account,
        cents=cents,
        currency=CURRENCY,
        state=ItemState.OPEN,
        opened_at=event.occurred_at,
    )
    session.add(item)
    early = select(PayoutLine.payout).where(PayoutLine.payment == payment)
    if payout := session.scalar(early):
        _settle(item, payout)


def _settle(item: SuspenseItem, payout: str) -> None:
    item.state, item.payout, item.settled_at = ItemState.SETTLED, payout, clock.now()


def _know_payout(session: Session, fact: PayoutFact, state: PayoutState) -> None:
    """Write the pay-out down; one that has arrived stays so, whatever comes late."""
    row = session.get(Payout, (fact.account, fact.payout))
    if row is None:
        told = fact.model_dump(exclude={"lines"})
        session.add(Payout(**told, state=state))
    elif state is PayoutState.ARRIVED:
        row.state = state


# fmt: off
TAKERS: Mapping[str, Callable[[Session, Event], Outcome]] = {
    "payment.succeeded": _succeeded,
    "custody.opened":    _custody,
    "payout.announced":  _announced,
    "payout.arrived":    _arrived,
}
UNBOOKED: Mapping[str, EventState] = {
    "payment.pending":     EventState.NOTED,
    "payment.reversed":    EventState.BY_HAND,
    "refund.succeeded":    EventState.BY_HAND,
    "refund.failed":       EventState.NOTED,
    "custody.assigned":    EventState.BY_HAND,
    "custody.returned":    EventState.BY_HAND,
    "request.changed":     EventState.NOTED,
    "request.withdrawn":   EventState.NOTED,
    "request.restored":    EventState.NOTED,
    "request.expired":     EventState.NOTED,
    "request.replaced":    EventState.NOTED,
    "request.rest_closed": EventState.NOTED,
    "citizen.says_paid":   EventState.NOTED,
    "citizen.asks":        EventState.NOTED,
}
# fmt: on
