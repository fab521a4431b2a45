"""Refunds: one asks, another approves; ``sending`` has the provider send them.

What is asked for is set aside at once, so that the same money is never promised twice.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.approvals import deciding
from portal.db import lock
from portal.errors import Conflict, NotFound
from portal.money import Money
from portal.payments import accounts, staff
from portal.payments.models import Payment
from portal.payments.record import again, locked_in_line
from portal.payments.refund_states import Event, State, step
from portal.payments.returned import Reason, Refund
from portal.payments.start import NoSuchPayment
from portal.payments.states import State as PaymentState
from portal.providers import registry
from portal.returns import left, refund_booking

ACT = "refund"


class NoSuchRefund(NotFound):
    """Not there, or another tenant's."""

    code = "refund_not_found"


class NotRefundable(Conflict):
    """So much is not left of the payment, or not for this reason."""

    code = "not_refundable"


class NoRefunds(Conflict):
    """This provider sends nothing back; the town does it from its own account."""

    code = "refunds_not_offered"


class OrderUsed(Conflict):
    """The order stands for another refund of this payment."""

    code = "order_used"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to go back, why, on which order, and who asks (``staff:…`` or ``client:…``)."""

    tenant_id: str
    payment: str
    amount: Money
    reason: Reason
    order: str
    by: str


def ask(asked: Asked) -> str:
    """Ask for a refund; its id. The same order with the same words is the same refund.

    Raises ``NoSuchPayment``, ``NotRefundable``, ``NoRefunds``, ``OrderUsed``, ``NoOrder``.
    """
    return again(lambda session: enter(session, asked)[0].id)


def enter(session: Session, asked: Asked) -> tuple[Refund, bool]:
    """As ``ask``, in the caller's transaction: the refund, and whether it is new."""
    payment = locked_in_line(session, asked.tenant_id, asked.payment)
    if payment is None:
        raise NoSuchPayment("There is no such payment.")
    known = _by_order(session, asked)
    if known is not None:
        return known, False
    account = accounts.get(session, asked.tenant_id, payment.account_id)
    if not registry.sends_back(account.provider, payment.method):
        raise NoRefunds("This provider sends nothing back that came by this method.")
    check_left(session, payment, asked.amount, asked.reason)
    refund = _written(session, payment, asked)
    staff.ordered_anew(session, refund)
    if not left.free(session, payment, Reason.SURPLUS):
        staff.refund_asked(session, left.surplus_items(session, payment), asked.by)
    return refund, True


def approve(tenant_id: str, refund_id: str, by: str, number: int | None = None) -> None:
    """The second person approves; ``sending.submit`` sends it. Raises as ``deciding.approve``, and

    ``NotRefundable`` when so much is not left any more.
    """

    def act(session: Session) -> None:
        payment, refund = locked(session, tenant_id, refund_id)
        deciding.approve(session, tenant_id, ACT, refund_id, by, number)
        check_left(session, payment, refund.amount, refund.reason, but=refund.id)
        refund.approved_by = by
        _approved(refund)

    again(act)


def refuse(
    tenant_id: str, refund_id: str, by: str, why: str = "", number: int | None = None
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""

    def act(session: Session) -> None:
        payment, refund = locked(session, tenant_id, refund_id)
        deciding.refuse(session, tenant_id, ACT, refund_id, by, why, number)
        fail(session, payment, refund, Event.REFUSED)

    again(act)


def by_reference(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> Refund | None:
    """Our refund of the provider's name."""
    return session.scalar(
        select(Refund)
        .join(Payment, (Payment.tenant_id == Refund.tenant_id) & (Payment.id == Refund.payment_id))
        .where(
            Refund.tenant_id == tenant_id,
            Refund.provider_reference == provider_reference,
            Payment.account_id == account_id,
        )
    )


def _approved(refund: Refund) -> None:
    refund.approved_at, refund.ask_at = clock.now(), clock.now()
    refund.state = step(State(refund.state), Event.APPROVED)


def _written(session: Session, payment: Payment, asked: Asked) -> Refund:
    before = _sent_so_far(session, payment) + left.given_away(session, payment)
    refund = Refund(
        tenant_id=asked.tenant_id,
        id=_name(session, asked),
        payment_id=payment.id,
        amount_cents=asked.amount.cents,
        currency=asked.amount.currency,
        reason=asked.reason,
        order_number=asked.order,
        asked_by=asked.by,
        asked_at=clock.now(),
        state=State.REQUESTED,
    )
    session.add(refund)
    facts = {
        "payment": payment.id,
        "amount_cents": asked.amount.cents,
        "currency": asked.amount.currency,
        "reason": str(asked.reason),
    }
    # What goes back in parts, or was given away, counts together: no rule is gone round by it.
    wanted = deciding.Wanted(ACT, refund.id, asked.order, facts, asked.amount + before)
    if deciding.ask(session, asked.tenant_id, wanted, asked.by).alone:
        _approved(refund)
    return refund


def _sent_so_far(session: Session, payment: Payment) -> Money:
    query = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.tenant_id == payment.tenant_id,
        Refund.payment_id == payment.id,
        Refund.state != State.FAILED,
    )
    return Money(int(session.scalar(query) or 0), payment.currency)


def _name(session: Session, asked: Asked) -> str:
    """What the provider knows the refund by: the same for the same order, also after a restore, so
    that it finds again what it has sent back already. Each one that failed makes the next another.
    """
    mine = (Refund.tenant_id == asked.tenant_id) & (Refund.payment_id == asked.payment)
    failed = select(func.count()).where(mine, Refund.order_number == asked.order)
    told = "\0".join((asked.payment, asked.order, str(session.scalar(failed))))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _by_order(session: Session, asked: Asked) -> Refund | None:
    """The refund of this payment that the same order stands for; raises ``OrderUsed``."""
    known = session.scalar(
        select(Refund).where(
            Refund.tenant_id == asked.tenant_id,
            Refund.payment_id == asked.payment,
            Refund.order_number == asked.order,
            Refund.state != State.FAILED,
        )
    )
    if known is None:
        return None
    if (known.amount, known.reason) != (asked.amount, asked.reason):
        raise OrderUsed("This order stands for another refund of this payment.")
    return known


def check_left(
    session: Session, payment: Payment, amount: Money, reason: str, but: str | None = None
) -> None:
    """Raise ``NotRefundable`` when so much is not left; ``but`` is the refund that asks itself."""
    if payment.state != PaymentState.SUCCEEDED or payment.currency != amount.currency:
        raise NotRefundable("Nothing was paid in this currency.")
    free = left.free(session, payment, reason, but)
    if not 0 < amount.cents <= free.cents:
        raise NotRefundable(f"{free.cents} cents may go back for this reason.")


def fail(session: Session, payment: Payment, refund: Refund, by: Event) -> None:
    """A locked refund ends without success, by an event that may do so."""
    step(State(refund.state), by)
    refund_booking.failed(session, payment, refund, by)


def locked(session: Session, tenant_id: str, refund_id: str) -> tuple[Payment, Refund]:
    """A refund and its payment: the requests of its line are locked first, then both."""
    known = session.get(Refund, (tenant_id, refund_id))
    if known is None:
        raise NoSuchRefund("There is no such refund.")
    payment = locked_in_line(session, tenant_id, known.payment_id)
    refund = lock(session, Refund, tenant_id, refund_id)
    assert payment is not None and refund is not None  # noqa: PT018, S101 -- never deleted
    return payment, refund
