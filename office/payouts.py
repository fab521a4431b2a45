"""Taking what the portal tells of pay-outs: announced, withdrawn, arrived. All take a session."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from office import entries, settling
from office.entries import Entry, PaidOut
from office.facts import EURO, Event
from office.facts import Payout as PayoutFact
from office.models import Booking, EventState, Payout, PayoutLine, PayoutState
from portal.db import lock

Outcome = EventState | Entry


def announced(session: Session, event: Event) -> Outcome:
    """A settlement report: what its lines settle leaves suspense."""
    fact = PayoutFact.model_validate(event.data)
    if fact.currency != EURO or booked_before(session, "paid_out", fact.subject):
        return EventState.BY_HAND
    _know_payout(session, fact, PayoutState.ANNOUNCED)
    lines = [
        PayoutLine(
            account=fact.account,
            payout=fact.name,
            number=number,
            payment=line.payment,
            provider_reference=line.provider_reference,
            gross_cents=line.gross_cents,
            fee_cents=line.fee_cents,
        )
        for number, line in enumerate(fact.lines, 1)
        if line.is_payment
    ]
    session.add_all(lines)
    session.flush()
    fitting = settling.settle(session, entries.suspense_account(fact.account), lines)
    return entries.paid_out(fact.subject, fact.account, _sums(fact, fitting))


def withdrawn(session: Session, event: Event) -> Outcome:
    """It was announced wrongly: what its lines had settled is open again."""
    fact = PayoutFact.model_validate(event.data)
    if fact.currency != EURO:
        return EventState.BY_HAND
    row = lock(session, Payout, fact.account, fact.name)
    if row is None:
        return EventState.WAITING
    if row.state != PayoutState.ANNOUNCED:
        return EventState.BY_HAND
    row.state = PayoutState.WITHDRAWN
    session.flush()
    of_it = (PayoutLine.account == fact.account) & (PayoutLine.payout == fact.name)
    lines = session.scalars(select(PayoutLine).where(of_it)).all()
    again = -settling.settle(session, entries.suspense_account(fact.account), lines)
    return entries.withdrawn(fact.subject, fact.account, _sums(fact, again))


def _sums(fact: PayoutFact, fitting: int) -> PaidOut:
    return PaidOut(fitting, fact.fee_cents, fact.reserve_cents, fact.net_cents)


def arrived(session: Session, event: Event) -> Outcome:
    """It stands on the town's bank account."""
    fact = PayoutFact.model_validate(event.data)
    if fact.currency != EURO or booked_before(session, "arrived", fact.subject):
        return EventState.BY_HAND
    known = session.get(Payout, (fact.account, fact.name))
    if known is not None and known.state == PayoutState.WITHDRAWN:
        return EventState.BY_HAND
    _know_payout(session, fact, PayoutState.ARRIVED)
    return entries.arrived(fact.subject, fact.account, fact.net_cents)


def booked_before(session: Session, reason: str, subject: str) -> bool:
    """Whether another event has booked this already: then a person must look."""
    booked = select(Booking.id).where(Booking.reason == reason, Booking.subject == subject)
    return session.scalar(booked) is not None


def _know_payout(session: Session, fact: PayoutFact, state: PayoutState) -> None:
    """Write the pay-out down; one that has arrived stays so, whatever comes late."""
    row = session.get(Payout, (fact.account, fact.name))
    if row is None:
        told = fact.model_dump(exclude={"lines", "currency", "version", "reserve_cents"})
        session.add(Payout(**(told | {"payout": fact.name}), state=state))
        session.flush()
    elif state is PayoutState.ARRIVED:
        row.state = state
