"""Taking what a payer has agreed to, at providers where no money moves before (``Collects``).

An agreement may be hours old. By then the claim may be withdrawn or paid, the citizen may have
begun anew: then nothing is taken, and the agreement runs out there. That we take is written down
before, so that nobody lets go of the payment meanwhile and pays by another.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.payments import accounts, continuing
from portal.payments.models import Payment
from portal.payments.record import again, came_otherwise, locked_in_line
from portal.payments.start import locked
from portal.payments.states import UNDECIDED, State
from portal.providers import registry
from portal.providers.capabilities import Collects
from portal.requests import register
from portal.requests.models import PaymentRequest

log = logging.getLogger(__name__)

# The money is not under way yet: the payer did not pay, or nobody knows whether he did.
OPEN = UNDECIDED - {State.PENDING}
LONGEST = timedelta(minutes=2)  # that a call takes, with all that it asks


def begin(tenant_id: str, payment_id: str) -> datetime | None:
    """Write down that a payment's money is taken now; when. ``None``: it must not be taken.

    A whole act.
    """
    return again(lambda session: _begin(session, tenant_id, payment_id))


def end(tenant_id: str, payment_id: str, began: datetime) -> None:
    """The provider has said how it ended, and its word is recorded. A whole act."""
    with transaction() as session:
        payment = locked(session, tenant_id, payment_id)
        if payment.collecting_at == began:
            payment.collecting_at = None


def is_under_way(payment: Payment) -> bool:
    """Whether we began to take the money of a payment and do not know how that ended."""
    return payment.collecting_at is not None and payment.state in OPEN


def is_let_go(session: Session, payment: Payment) -> bool:
    """Whether a begun payment is at a provider where no money moves before we take it, and we shall
    not take it: nothing was taken, whatever the payer agrees to.
    """
    if payment.state not in {State.CREATED, State.STARTED} or payment.collecting_at is not None:
        return False
    provider = accounts.get(session, payment.tenant_id, payment.account_id).provider
    collects = isinstance(registry.get(provider), Collects)
    return collects and not _is_asked(session, payment)


def forget(payment: Payment) -> None:
    """The provider, asked just now, still calls a locked payment open: no earlier try took it.

    One that may still be on its way to the provider is not forgotten.
    """
    if payment.collecting_at is not None and payment.collecting_at < clock.now() - LONGEST:
        payment.collecting_at = None


def _begin(session: Session, tenant_id: str, payment_id: str) -> datetime | None:
    payment = locked_in_line(session, tenant_id, payment_id)
    if payment is None or not _is_asked(session, payment):
        log.warning("not_collected", extra={"payment": payment_id})
        return None
    payment.collecting_at = clock.now()
    return payment.collecting_at


def _is_asked(session: Session, payment: Payment) -> bool:
    """Whether the citizen means this payment, and the request in force asks for all of it."""
    if not payment.current or payment.state not in OPEN or came_otherwise(session, payment):
        return False
    asked = register.get(session, payment.tenant_id, payment.request_id)
    line = register.line(session, asked)
    return _is_payable(session, line[-1], payment) and not _is_paid_otherwise(
        session, payment, line
    )


def _is_payable(session: Session, request: PaymentRequest, payment: Payment) -> bool:
    return continuing.is_asked(session, request) and not continuing.is_too_much(request, payment)


def _is_paid_otherwise(session: Session, payment: Payment, line: list[PaymentRequest]) -> bool:
    """Whether another payment of the same claim is under way, or came since this one was begun.

    One that came before was another part. What was left at another provider's page counts for
    nothing, nor what was only begun on an older letter: who left it means this one.
    """
    together = register.ending_at(session, line[-1])
    onward = [request.id for request in line]
    query = select(Payment.id).where(
        Payment.tenant_id == payment.tenant_id,
        Payment.request_id.in_([request.id for request in together]),
        Payment.id != payment.id,
        or_(
            Payment.state == State.PENDING,
            and_(Payment.request_id.in_(onward), Payment.current, Payment.state.in_(UNDECIDED)),
            and_(Payment.state == State.SUCCEEDED, Payment.confirmed_at >= payment.started_at),
        ),
    )
    return session.scalar(query.limit(1)) is not None
