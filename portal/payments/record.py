"""Recording what a provider says of a payment: the heart of the flow.

Notification, return and sweep all end here. In ONE transaction: the payment's state, its
allocation, the ledger entry, the items, the request's state and the event for the finance system.
Safe to call as often as one likes with the same report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock, failpoints
from portal.db import lock, transaction
from portal.errors import LostRace
from portal.payments import accounts, booking, misfits, names, staff
from portal.payments.misfits import Expected, Heard, Misfit
from portal.payments.models import Payment, PaymentStep, ProviderReport
from portal.payments.states import Event, State, step
from portal.providers.protocol import Outcome, Report
from portal.requests import register

Done = TypeVar("Done")

MOST_RACES = 5

EVENT_FOR: Mapping[Outcome, Event] = {
    Outcome.STARTED: Event.STILL_OPEN,
    Outcome.AGREED: Event.STILL_OPEN,
    Outcome.PENDING: Event.PENDING,
    Outcome.SUCCEEDED: Event.SUCCEEDED,
    Outcome.FAILED: Event.FAILED,
    Outcome.CANCELLED: Event.CANCELLED,
    Outcome.EXPIRED: Event.EXPIRED,
    Outcome.NOT_FOUND: Event.NEVER_ARRIVED,
}


class Verdict(StrEnum):
    """What a report did."""

    MOVED = "moved"
    REPEATED = "repeated"
    MISFIT = "misfit"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a report came from: whose account, which way, and the SHA-256 of what was sent."""

    tenant_id: str
    account_id: str
    way: str
    body_sha256: bytes | None = None


def record(report: Report, source: Source) -> Verdict:
    """Record a report, whatever it says. Raises ``LostRace`` when it could not be told apart."""
    kept = names.clean(report)
    return again(lambda session: _record(session, kept, source))


def again(act: Callable[[Session], Done]) -> Done:
    """Run a whole act, and begin it anew when it lost a race; the fifth time raises it."""
    for _ in range(MOST_RACES):
        try:
            with transaction() as session:
                return act(session)
        except LostRace:
            continue
    raise LostRace("The payment changed under our hands five times.")


def _record(session: Session, report: Report, source: Source) -> Verdict:
    account = accounts.get(session, source.tenant_id, source.account_id)
    payment = locked_in_line(session, source.tenant_id, report.payment)
    ours = None
    if payment is not None:
        expected = expected_reference(session, payment, report.provider_reference)
        ours = Expected(payment.account_id, expected, payment.amount)
    heard = Heard(account.id, account.merchant, account.live)
    misfit = misfits.judge(report, heard, ours)
    if misfit is not None:
        _note(session, report, source, Verdict.MISFIT, misfit)
        _keep_misfit(session, report, source, payment, misfit)
        return Verdict.MISFIT
    assert payment is not None  # noqa: S101 -- an unknown payment is a misfit
    if payment.provider_reference is None and report.provider_reference:
        payment.provider_reference = report.provider_reference
    if _has_moved_on(session, payment, report):
        _note(session, report, source, Verdict.MISFIT, Misfit.MOVED_ON)
        _leave_to_a_person(session, payment, source)
        return Verdict.MISFIT
    happened_at = _happened_at(payment, report)
    if not advance(session, payment, EVENT_FOR[report.outcome], source.way, happened_at):
        return Verdict.REPEATED
    _note(session, report, source, Verdict.MOVED, None)
    return Verdict.MOVED


def _has_moved_on(session: Session, payment: Payment, report: Report) -> bool:
    new = report.outcome is Outcome.SUCCEEDED and payment.state != State.SUCCEEDED
    return new and booking.has_moved_on(session, payment)


def _leave_to_a_person(session: Session, payment: Payment, source: Source) -> None:
    """Nothing is booked, nobody is asked to pay again, and the provider is not asked any more."""
    advance(session, payment, Event.DOES_NOT_FIT, source.way)
    staff.payment_unknown(session, payment, clock.now())
    payment.ask_at = None


def _happened_at(payment: Payment, report: Report) -> datetime:
    """When the provider says it happened; never before the payment began, never in the future."""
    now = clock.now()
    return min(max(report.happened_at or now, payment.started_at), now)


def locked_in_line(session: Session, tenant_id: str, payment_id: str) -> Payment | None:
    """The payment under its request's lock: the request first, always. Raises ``LostRace``."""
    known = session.get(Payment, (tenant_id, payment_id))
    if known is None:
        return None
    # Money for a request that was replaced counts for the one in its place: both are locked.
    asked = register.get(session, tenant_id, known.request_id)
    before = [request.id for request in register.line(session, asked)]
    for request_id in sorted(before):
        register.locked(session, tenant_id, request_id)
    if [request.id for request in register.line(session, asked)] != before:
        raise LostRace("The request was replaced meanwhile.")
    return lock(session, Payment, tenant_id, payment_id)


def expected_reference(session: Session, payment: Payment, told: str) -> str | None:
    """The provider's name for a payment; none yet, unless the name told is another payment's."""
    if payment.provider_reference is not None or not told:
        return payment.provider_reference
    another = select(Payment.id).where(
        Payment.tenant_id == payment.tenant_id,
        Payment.account_id == payment.account_id,
        Payment.provider_reference == told,
    )
    return None if session.scalar(another) is None else ""


def advance(
    session: Session,
    payment: Payment,
    event: Event,
    way: str,
    happened_at: datetime | None = None,
) -> bool:
    """Move a payment, locked under its request, one step; ``False`` when it stays where it is."""
    old = State(payment.state)
    new = step(old, event)
    if new is old:
        return False
    failpoints.at("record.before_swap")
    _swap(session, payment, old, new)
    session.add(
        PaymentStep(
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            at=clock.now(),
            event=event,
            source=way,
            old=old,
            new=new,
        )
    )
    for effect in (ON_LEAVE.get(old), ON_ENTER.get(new)):
        if effect is not None:
            effect(session, payment, happened_at or clock.now())
    failpoints.at("record.before_commit")
    return True


def _swap(session: Session, payment: Payment, old: State, new: State) -> None:
    """Set the state if it is still the old one; raises ``LostRace``."""
    session.flush()
    mine = (Payment.tenant_id == payment.tenant_id) & (Payment.id == payment.id)
    swapped = session.execute(
        update(Payment)
        .where(mine, Payment.state == old)
        .values(state=new)
        .returning(Payment.id)
        .execution_options(synchronize_session="evaluate")
    ).first()
    if swapped is None:
        raise LostRace("The payment has moved meanwhile.")


def _keep_misfit(
    session: Session, report: Report, source: Source, payment: Payment | None, misfit: Misfit
) -> None:
    """Money that is really there is booked, even when nobody knows whose it is.

    A payment whose report does not fit becomes *unknown*: nobody is asked to pay again before a
    person has looked. A report on money that is booked already adds none.
    """
    if report.outcome is not Outcome.SUCCEEDED or misfit is Misfit.OTHER_MODE:
        return
    if _is_booked(session, source, report):
        return
    if payment is not None and misfit is not Misfit.OTHER_ACCOUNT:
        advance(session, payment, Event.DOES_NOT_FIT, source.way)
    if report.amount:
        name = report.provider_reference or report.payment or report.event_id
        when = min(report.happened_at or clock.now(), clock.now())
        booking.unclear(session, source.tenant_id, source.account_id, name, report.amount, when)


def _is_booked(session: Session, source: Source, report: Report) -> bool:
    """Whether the money that this report names was booked as a payment's success already."""
    return None is not session.scalar(
        select(Payment.id).where(
            Payment.tenant_id == source.tenant_id,
            Payment.account_id == source.account_id,
            Payment.provider_reference == report.provider_reference,
            Payment.state == State.SUCCEEDED,
        )
    )


def came_otherwise(session: Session, payment: Payment) -> bool:
    """Whether money was reported for a payment that did not fit it."""
    query = select(ProviderReport.id).where(
        ProviderReport.tenant_id == payment.tenant_id,
        ProviderReport.payment == payment.id,
        ProviderReport.verdict == Verdict.MISFIT,
        ProviderReport.outcome == Outcome.SUCCEEDED,
    )
    return session.scalar(query.limit(1)) is not None


def _note(
    session: Session, report: Report, source: Source, verdict: Verdict, misfit: Misfit | None
) -> None:
    session.add(
        ProviderReport(
            tenant_id=source.tenant_id,
            account_id=source.account_id,
            payment=report.payment,
            provider_reference=report.provider_reference,
            outcome=report.outcome,
            amount_cents=report.amount.cents,
            currency=report.amount.currency,
            source=source.way,
            verdict=verdict,
            misfit=misfit,
            body_sha256=source.body_sha256,
            heard_at=clock.now(),
        )
    )


ON_ENTER = {
    State.SUCCEEDED: booking.success,
    State.PENDING: booking.pending,
    State.UNKNOWN: staff.payment_unknown,
}
ON_LEAVE = {State.UNKNOWN: staff.payment_known}
