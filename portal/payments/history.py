"""What became of a request's money: paid here, paid elsewhere, sent back, taken back, too much.

All take a session and only read. The facts belong to the request that was asked for; what an older
letter got counts for the newer one as ``covered_cents`` and is listed with the older.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.collecting import is_let_go
from portal.payments.models import Payment
from portal.payments.refund_states import State as RefundState
from portal.payments.returned import Refund, Reversal
from portal.payments.standing import PENDING_AFTER, Situation
from portal.payments.states import State as PaymentState
from portal.payments.sweep import waits_for_a_person
from portal.requests.models import PaidElsewhere, PaymentRequest
from portal.requests.states import State
from portal.tenants import Tenant

# Before a second person has approved it, nothing is promised.
UNDER_WAY = frozenset({RefundState.APPROVED, RefundState.SUBMITTED})


@dataclass(frozen=True, slots=True)
class History:
    """Rows of one request, oldest first; ``surplus`` is what nobody has decided about yet."""

    payments: tuple[Payment, ...]  # confirmed by the provider
    elsewhere: tuple[PaidElsewhere, ...]
    refunds: tuple[Refund, ...]  # approved, submitted or succeeded
    reversals: tuple[Reversal, ...]  # not won back, or not wholly
    surplus: Money

    @property
    def returning(self) -> tuple[Refund, ...]:
        """What is on its way back."""
        return tuple(refund for refund in self.refunds if refund.state in UNDER_WAY)

    @property
    def refunded(self) -> tuple[Refund, ...]:
        """What the provider has sent back."""
        return tuple(refund for refund in self.refunds if refund.state == RefundState.SUCCEEDED)


NOTHING = History((), (), (), (), Money(0))


def of(session: Session, request: PaymentRequest) -> History:
    """The history of a request's money."""
    payments = session.scalars(
        select(Payment)
        .where(
            Payment.tenant_id == request.tenant_id,
            Payment.request_id == request.id,
            Payment.state == PaymentState.SUCCEEDED,
        )
        .order_by(Payment.confirmed_at, Payment.id)
    ).all()
    elsewhere = session.scalars(
        select(PaidElsewhere)
        .where(
            PaidElsewhere.tenant_id == request.tenant_id,
            PaidElsewhere.request_id == request.id,
            PaidElsewhere.undone_at.is_(None),
        )
        .order_by(PaidElsewhere.paid_on, PaidElsewhere.id)
    ).all()
    ids = [payment.id for payment in payments]
    if not payments and not elsewhere and not request.covered_cents:
        return History((), (), (), (), Money(0, request.currency))
    return History(
        tuple(payments),
        tuple(elsewhere),
        _refunds(session, request.tenant_id, ids),
        _reversals(session, request.tenant_id, ids),
        _surplus(session, request),
    )


def situation(
    session: Session, request: PaymentRequest, payment: Payment | None, known: History
) -> Situation:
    """The facts that decide about a request's page, or about that of one of its payments."""
    now = clock.now()
    today = clock.today(session.get_one(Tenant, request.tenant_id).time_zone)
    return Situation(
        State(request.state),
        PaymentState(payment.state) if payment else None,
        held=payment is not None and waits_for_a_person(session, payment),
        let_go=payment is not None and is_let_go(session, payment),
        pending_long=payment is not None and payment.started_at < now - PENDING_AFTER,
        over=request.is_over(today),
        online=bool(known.payments),
        covered=request.covered_cents > 0,
        surplus=bool(known.surplus),
        returning=bool(known.returning),
        refunded=bool(known.refunded),
        taken_back=bool(known.reversals),
    )


def _refunds(session: Session, tenant_id: str, payments: list[str]) -> tuple[Refund, ...]:
    query = (
        select(Refund)
        .where(
            Refund.tenant_id == tenant_id,
            Refund.payment_id.in_(payments),
            Refund.state.in_({*UNDER_WAY, RefundState.SUCCEEDED}),
        )
        .order_by(Refund.asked_at, Refund.id)
    )
    return tuple(session.scalars(query))


def _reversals(session: Session, tenant_id: str, payments: list[str]) -> tuple[Reversal, ...]:
    query = (
        select(Reversal)
        .where(
            Reversal.tenant_id == tenant_id,
            Reversal.payment_id.in_(payments),
            Reversal.back_cents < Reversal.amount_cents,
        )
        .order_by(Reversal.heard_at, Reversal.id)
    )
    return tuple(session.scalars(query))


def _surplus(session: Session, request: PaymentRequest) -> Money:
    query = select(func.coalesce(func.sum(CustodyItem.open_cents), 0)).where(
        CustodyItem.tenant_id == request.tenant_id,
        CustodyItem.request_reference == request.reference,
        CustodyItem.cause == "surplus",
        CustodyItem.state == "open",  # of these there is an index
        CustodyItem.currency == request.currency,
    )
    return Money(int(session.scalar(query) or 0), request.currency)
