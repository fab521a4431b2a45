"""What bars another payment of a letter: money that is under way, or a payment that was begun.

Money is under way whichever payment carries it: one that was left for another, or one of a letter
that this one replaces.
"""

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from portal.payments.models import Payment
from portal.payments.states import UNDECIDED, State
from portal.requests import register
from portal.requests.models import PaymentRequest


def undecided(session: Session, letter: PaymentRequest) -> Payment | None:
    """The payment that must be decided before another is begun; what is pending first.

    What was only begun counts while it is the letter's current one: it may have been left.
    """
    together = [request.id for request in register.ending_at(session, letter)]
    begun = and_(Payment.request_id == letter.id, Payment.current, Payment.state.in_(UNDECIDED))
    query = (
        select(Payment)
        .where(
            Payment.tenant_id == letter.tenant_id,
            Payment.request_id.in_(together),
            or_(Payment.state == State.PENDING, begun),
        )
        .order_by((Payment.state == State.PENDING).desc(), Payment.started_at)
    )
    return session.scalar(query.limit(1))
