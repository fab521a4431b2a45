"""The register: finding a request, locking it, and covering what it asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.errors import NotFound
from portal.money import Money
from portal.requests.models import PaymentRequest, RequestVersion
from portal.requests.states import CLEARS, Event, State, coverage, step
from portal.tenants import Kind


class NoSuchRequest(NotFound):
    """Not there, or another tenant's: both answer alike."""

    code = "request_not_found"


@dataclass(frozen=True, slots=True)
class Share:
    """How an amount that came is split: what clears the claim, and what is surplus."""

    claim: Money
    surplus: Money


class Standing(NamedTuple):
    """How a request stands in its version in force: all that an answer is made of."""

    tenant_id: str
    reference: str
    version: int
    state: str
    amount_cents: int
    covered_cents: int
    closed_cents: int
    currency: str
    tan_required: bool
    key_id: str
    link_version: int
    tan_version: int
    created_at: datetime
    updated_at: datetime

    @property
    def open_cents(self) -> int:
        """What is still asked, as ``PaymentRequest.open_cents`` says."""
        return max(0, self.amount_cents - self.closed_cents - self.covered_cents)


_STANDING = attrgetter(*Standing._fields)


def standing(request: PaymentRequest) -> Standing:
    """How a request stands at this moment, kept beyond its session."""
    return Standing._make(_STANDING(request))


def by_reference(session: Session, tenant_id: str, reference: str) -> PaymentRequest:
    """The request; raises ``NoSuchRequest``."""
    query = select(PaymentRequest).where(
        PaymentRequest.tenant_id == tenant_id, PaymentRequest.reference == reference
    )
    found = session.scalar(query)
    if found is None:
        raise NoSuchRequest("There is no such payment request.")
    return found


def get(session: Session, tenant_id: str, request_id: int) -> PaymentRequest:
    """The request, not locked; raises ``NoSuchRequest``."""
    found = session.get(PaymentRequest, (tenant_id, request_id))
    if found is None:
        raise NoSuchRequest("There is no such payment request.")
    return found


def locked(session: Session, tenant_id: str, request_id: int) -> PaymentRequest:
    """The request, locked and read afresh; raises ``NoSuchRequest``."""
    found = lock(session, PaymentRequest, tenant_id, request_id)
    if found is None:
        raise NoSuchRequest("There is no such payment request.")
    return found


def line(session: Session, request: PaymentRequest) -> list[PaymentRequest]:
    """The request, the one that took its place, and so on to the one in force."""
    found = [request]
    while found[-1].replaced_by is not None and found[-1].state == State.REPLACED:
        found.append(get(session, request.tenant_id, found[-1].replaced_by))
    return found


def ending_at(session: Session, request: PaymentRequest) -> list[PaymentRequest]:
    """The request, those whose place it took, and so on: all whose ``line`` leads here."""
    found = [request]
    for newer in found:
        found += _replaced_by(session, newer)
    return found


def _replaced_by(session: Session, newer: PaymentRequest) -> Sequence[PaymentRequest]:
    # Any version may have named them, a later one need not: by name there is an index.
    named = select(func.jsonb_array_elements_text(RequestVersion.content["replaces"])).where(
        RequestVersion.tenant_id == newer.tenant_id, RequestVersion.request_id == newer.id
    )
    query = select(PaymentRequest).where(
        PaymentRequest.tenant_id == newer.tenant_id,
        PaymentRequest.reference.in_(named),
        PaymentRequest.replaced_by == newer.id,
        PaymentRequest.state == State.REPLACED,
    )
    return session.scalars(query).all()


def locked_line(session: Session, tenant_id: str, reference: str) -> list[PaymentRequest]:
    """The line of a request, all of it locked, in the order in which record locks it (by id)."""
    asked = by_reference(session, tenant_id, reference)
    found = line(session, asked)
    while True:
        for request_id in sorted(request.id for request in found):
            locked(session, tenant_id, request_id)
        before, found = found, line(session, asked)
        if found == before:  # nothing was replaced while we waited
            return found


def move_on(line: Sequence[PaymentRequest]) -> None:
    """Note that money paid on the first of a locked line counts for the last.

    From now on none of those between may be restored: its money stands elsewhere.
    """
    for request in line[:-1]:
        request.money_moved_on = True


def note_paid_online(request: PaymentRequest) -> None:
    """A payment of a locked request has succeeded, wherever its money counts."""
    request.paid_online = True


def share(session: Session, request: PaymentRequest, amount: Money, paid_on: date) -> Share:
    """Split money paid on a day for a locked request, by what it still asks at this moment."""
    still = request.open if _still_clears(session, request, paid_on) else Money(0, request.currency)
    claim = Money(min(amount.cents, still.cents), amount.currency)
    return Share(claim, amount - claim)


def closes_on(session: Session, request: PaymentRequest) -> date | None:
    """The last day for money of a kind that closes; ``None`` for every other.

    A warning fine takes effect only when paid in time (§ 56(2) OWiG): later money is custody.
    """
    kind = session.get_one(Kind, (request.tenant_id, request.kind))
    return request.payable_until if kind.closes_after_payable_until else None


def cover(request: PaymentRequest, claim: Money) -> None:
    """So much more of a locked request is covered (or less, when negative)."""
    request.covered_cents += claim.cents
    _advance(request, coverage(request.due_cents, request.covered_cents))


def close_rest(request: PaymentRequest, rest: Money) -> None:
    """So much less of a locked request's amount is asked: the finance system waives it."""
    request.closed_cents += rest.cents
    _advance(request, coverage(request.due_cents, request.covered_cents))


def withdraw(request: PaymentRequest, reason: str) -> None:
    """A locked request can no longer be paid online; in another's place it stays replaced."""
    _advance(request, Event.WITHDRAWN)
    request.withdrawn_reason = reason if request.state == State.WITHDRAWN else None


def restore(request: PaymentRequest, payable_until: date | None) -> None:
    """A locked request that had ended can be paid online again, as far as it is not covered."""
    _advance(request, Event.RESTORED)
    request.payable_until = payable_until
    request.withdrawn_reason, request.replaced_by = None, None
    _advance(request, coverage(request.due_cents, request.covered_cents))


def expire(request: PaymentRequest) -> bool:
    """A locked request's last day is over; ``False`` when there is nothing to end any more."""
    if request.state not in {State.OPEN, State.PARTLY_PAID}:
        return False
    _advance(request, Event.RUN_OUT)
    return True


def _advance(request: PaymentRequest, event: Event) -> None:
    request.state = step(State(request.state), event)
    request.updated_at = clock.now()


def _still_clears(session: Session, request: PaymentRequest, paid_on: date) -> bool:
    last = closes_on(session, request)
    return State(request.state) in CLEARS and (last is None or paid_on <= last)
