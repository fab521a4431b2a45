"""Orders: what the finance system, or a person of the town, decides about a request.

It withdraws and restores, wants a new link or TAN, and waives a small rest. All take a session,
lock the request, note who ordered it and tell it in the feed. What is ordered again and is so
already changes nothing and is not told again.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Json
from portal.errors import Conflict, Invalid
from portal.finance import messages, outbox
from portal.finance.messages import Message
from portal.keys import Keyring
from portal.money import Money
from portal.requests import links, purged, register, tan
from portal.requests.models import ClosedRest, PaymentRequest
from portal.requests.ordered import Rest, Why
from portal.requests.states import State
from portal.tenants import Tenant

NOT_ENDED = frozenset({State.OPEN, State.PARTLY_PAID, State.PAID})


class MoneyMovedOn(Conflict):
    """The money of a replaced request counts for the newer one: that one must be replaced first."""

    code = "money_moved_on"


class DayIsOver(Invalid):
    """The last day is past: the request would end again at once."""

    code = "day_is_over"


class NothingPaid(Invalid):
    """There is no rest where nothing was paid; the request can be withdrawn."""

    code = "nothing_paid"


class NotTheRest(Invalid):
    """The amount is not what is open."""

    code = "not_the_rest"


class OrderReused(Conflict):
    """The same order was given with other words."""

    code = "order_reused"


@dataclass(frozen=True, slots=True)
class Subject:
    """Which request, and who orders (as audit names it); ``why`` is a person's own note of it."""

    tenant_id: str
    reference: str
    actor: str
    why: str = ""

    def locked(self, session: Session) -> PaymentRequest:
        """The request, locked; raises ``NoSuchRequest``."""
        known = register.by_reference(session, self.tenant_id, self.reference)
        return register.locked(session, self.tenant_id, known.id)

    def note(self, session: Session, act: str, detail: Json | None = None) -> None:
        """Write down what was ordered."""
        told = {**(detail or {}), **({"why": self.why} if self.why else {})}
        audit.note(session, self.tenant_id, self.actor, act, self.reference, told)

    def tell(self, session: Session, message: Message) -> None:
        """Tell it in the feed."""
        outbox.put(session, self.tenant_id, message)


def withdraw(session: Session, subject: Subject, reason: Why) -> PaymentRequest:
    """No longer payable online; money that is under way and arrives is surplus.

    A fact: it is always taken. A request in whose place a newer one stands stays replaced.
    """
    request = subject.locked(session)
    if request.state == State.WITHDRAWN and request.withdrawn_reason == reason:
        return request
    register.withdraw(request, reason)
    subject.note(session, "request.withdraw", {"reason": reason.value})
    if request.state == State.WITHDRAWN:
        message = messages.request_withdrawn(request.reference, request.version, reason.value)
        subject.tell(session, message)
    return request


def restore(session: Session, subject: Subject, payable_until: date | None) -> PaymentRequest:
    """Payable online again, as far as it is not covered.

    Raises ``DayIsOver``, ``ReferenceUsed``, ``MoneyMovedOn``, and ``IllegalStep`` for a request
    that has not ended.
    """
    request = subject.locked(session)
    purged.refuse(request)
    today = clock.today(session.get_one(Tenant, subject.tenant_id).time_zone)
    if payable_until is not None and payable_until < today:
        raise DayIsOver("payable_until is a day that is over.")
    if request.state in NOT_ENDED and request.payable_until == payable_until:
        return request
    ended = request.state
    if request.money_moved_on:
        raise MoneyMovedOn("What was paid on it counts for the newer request.")
    register.restore(request, payable_until)
    detail = {"payable_until": payable_until.isoformat() if payable_until else None}
    subject.note(session, "request.restore", detail)
    message = messages.request_restored(request.reference, request.version, ended)
    subject.tell(session, message)
    return request


def new_link(session: Session, keyring: Keyring, subject: Subject) -> PaymentRequest:
    """Another personal link; the old one opens nothing any more, the TAN stays.

    Raises ``ReferenceUsed``.
    """
    request = subject.locked(session)
    purged.refuse(request)
    links.renew(session, keyring.get(request.key_id), request)
    return _renewed(session, subject, request, "new_link")


def new_tan(session: Session, subject: Subject) -> PaymentRequest:
    """Another TAN, and all tries again; the link stays. Raises ``ReferenceUsed``."""
    request = subject.locked(session)
    purged.refuse(request)
    tan.renew(session, request)
    return _renewed(session, subject, request, "new_tan")


def close_rest(session: Session, subject: Subject, rest: Rest) -> PaymentRequest:
    """Waive what is still open; the same order again changes nothing.

    Raises ``NothingPaid``, ``NotTheRest``, ``OrderReused``.
    """
    request = subject.locked(session)
    known = session.get(ClosedRest, (subject.tenant_id, request.id, rest.order))
    if known is not None:
        if (known.amount_cents, known.reason) != (rest.amount_cents, rest.reason):
            raise OrderReused("This order has closed a rest with another amount or reason.")
        return request
    if request.covered_cents == 0:
        raise NothingPaid("Nothing was paid on this request. Withdraw it instead.")
    if request.open.cents != rest.amount_cents:
        raise NotTheRest(f"{request.open.cents} cents are open.")
    register.close_rest(request, request.open)
    session.add(
        ClosedRest(
            tenant_id=subject.tenant_id,
            request_id=request.id,
            order_number=rest.order,
            amount_cents=rest.amount_cents,
            reason=rest.reason,
        )
    )
    closed = Money(rest.amount_cents, request.currency)
    detail = {"amount_cents": closed.cents, "order": rest.order}
    subject.note(session, "request.close_rest", detail)
    message = messages.request_rest_closed(
        request.reference, request.version, rest.reason, closed, rest.order
    )
    subject.tell(session, message)
    return request


def _renewed(
    session: Session, subject: Subject, request: PaymentRequest, what: str
) -> PaymentRequest:
    request.updated_at = clock.now()
    versions = {"link_version": request.link_version, "tan_version": request.tan_version}
    subject.note(session, f"request.{what}", versions)
    message = messages.request_changed(request.reference, request.version, what)
    subject.tell(session, message)
    return request
