"""Whether a citizen may be led back to a payment that was begun: only while all of it is asked.

A page of the provider that was left stays open there for hours. Meanwhile the letter may be paid
otherwise, withdrawn, replaced, over or lowered, and who pays there pays too much.
"""

from sqlalchemy.orm import Session

from portal import clock
from portal.payments.models import Payment
from portal.payments.states import State
from portal.payments.under_way import undecided
from portal.requests.models import PaymentRequest
from portal.requests.states import PAYABLE
from portal.tenants import Tenant


def is_asked(session: Session, letter: PaymentRequest) -> bool:
    """Whether a letter can be paid online today."""
    today = clock.today(session.get_one(Tenant, letter.tenant_id).time_zone)
    return letter.state in PAYABLE and not letter.is_over(today)


def is_begun(payment: Payment) -> bool:
    """Whether a payment waits at its provider for the citizen."""
    return payment.state in {State.STARTED, State.CREATED} and bool(payment.redirect_url)


def is_too_much(letter: PaymentRequest, payment: Payment) -> bool:
    """Whether a payment would pay more than is open."""
    asked, begun = letter.open, payment.amount
    return asked.currency != begun.currency or asked < begun


def may_go_on(session: Session, letter: PaymentRequest, payment: Payment) -> bool:
    """Whether a citizen may be led to a payment: the letter's current one, and no other money is
    under way for it.
    """
    begun = is_begun(payment) and undecided(session, letter) is payment
    return begun and is_asked(session, letter) and not is_too_much(letter, payment)
