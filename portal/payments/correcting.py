"""Correcting an unknown payment: two people take it out of the way when no provider ever will.

Its money, if any came, is in custody and stays there; what comes later is booked as ever.
"""

from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.db import transaction
from portal.errors import Conflict
from portal.payments.models import Payment
from portal.payments.record import advance, again, locked_in_line
from portal.payments.start import NoSuchPayment
from portal.payments.states import Event, State

ACT = "payment.correct"
MOST_AT_ONCE = 200


class NotCorrectable(Conflict):
    """Its end is known (any more): only an unknown payment is corrected, never a success."""

    code = "payment_not_unknown"


def ask(tenant_id: str, payment_id: str, order: str, by: str) -> None:
    """Ask for an unknown payment to be called failed; ``order`` is the order or the reason.

    Raises ``NoSuchPayment``, ``NotCorrectable``, ``NotAPerson``, ``NoOrder``, ``AskedBefore``.
    """

    def act(session: Session) -> None:
        if not deciding.is_person(by):
            raise deciding.NotAPerson("Only a person may ask for this.")
        payment = _unknown(session, tenant_id, payment_id)
        wanted = deciding.Wanted(ACT, payment_id, order, _facts(payment), payment.amount)
        if deciding.ask(session, tenant_id, wanted, by).alone:
            _correct(session, payment)

    again(act)


def approve(tenant_id: str, payment_id: str, by: str, number: int | None = None) -> None:
    """The second person approves, and the request can be paid again. Raises as
    ``deciding.approve``, and ``NotCorrectable``.
    """

    def act(session: Session) -> None:
        payment = _unknown(session, tenant_id, payment_id)
        deciding.approve(session, tenant_id, ACT, payment_id, by, number)
        _correct(session, payment)

    again(act)


def refuse(
    tenant_id: str, payment_id: str, by: str, why: str = "", number: int | None = None
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, payment_id, by, why, number)


def run_out() -> int:
    """End what nobody approved within seven days; how many."""
    with transaction() as session:
        over = deciding.over(session, frozenset({ACT}), MOST_AT_ONCE)
        for tenant_id, act, subject in over:
            deciding.run_out(session, tenant_id, act, subject)
    return len(over)


def _correct(session: Session, payment: Payment) -> None:
    advance(session, payment, Event.CORRECTED, "correction")
    payment.current, payment.ask_at = False, None


def _unknown(session: Session, tenant_id: str, payment_id: str) -> Payment:
    payment = locked_in_line(session, tenant_id, payment_id)
    if payment is None:
        raise NoSuchPayment("There is no such payment.")
    if payment.state != State.UNKNOWN:
        raise NotCorrectable(f"The payment is {payment.state}.")
    return payment


def _facts(payment: Payment) -> dict[str, object]:
    return {
        "payment": payment.id,
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
    }
