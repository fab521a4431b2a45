"""What the end of a refund means in the books. All take a session, under the request's lock.

The state is set together with the parts: the database holds one against the other.
"""

from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.finance.messages import Back, Sent
from portal.ledger import book, entries, items
from portal.ledger.entries import TakenBack
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import staff
from portal.payments.models import Payment
from portal.payments.refund_states import Event, State
from portal.payments.returned import Reason, Refund
from portal.requests import register
from portal.requests.models import ClosedRest, PaymentRequest
from portal.returns import left, reversal_booking


def succeeded(session: Session, payment: Payment, refund: Refund) -> None:
    """The money went back. What it took of the claim is asked again, unless that was cancelled."""
    taken = left.take(session, payment, refund.amount, Money(0, refund.currency), refund.id)
    request = left.in_force(session, payment)
    if taken.claim and refund.reason == Reason.CLAIM_CANCELLED:
        _close(session, request, refund, taken.claim)
    entry = entries.refund(refund.id, payment.account_id, request.kind, taken)
    book.post(session, payment.tenant_id, entry)
    items.open_suspense(session, _place(payment, f"refund:{refund.id}"), -refund.amount)
    payment.refunded_cents += refund.amount_cents
    _end(refund, State.SUCCEEDED, taken)
    sent = _sent(payment, refund, taken)
    outbox.put(session, payment.tenant_id, messages.refund_succeeded(request.reference, sent))


def failed(session: Session, payment: Payment, refund: Refund, by: Event) -> None:
    """The money did not go back. Where it was booked as gone, it is booked as come back."""
    nothing = Money(0, refund.currency)
    given = TakenBack(nothing, nothing, nothing, nothing)
    if refund.state == State.SUCCEEDED:
        given = _come_back(session, payment, refund)
    refund.failed_by = by
    _end(refund, State.FAILED, TakenBack(nothing, nothing, nothing, nothing))
    reference = left.in_force(session, payment).reference
    message = messages.refund_failed(reference, _sent(payment, refund, given), by)
    outbox.put(session, payment.tenant_id, message)
    staff.refund_failed(session, refund, reference)
    # A bank may have taken the same money back while it was on its way.
    reversal_booking.take_anew(session, payment)


def _close(session: Session, request: PaymentRequest, refund: Refund, claim: Money) -> None:
    """What went back of the claim is not asked any more; the refund is its order."""
    register.close_rest(request, claim)
    row = ClosedRest(
        tenant_id=request.tenant_id,
        request_id=request.id,
        order_number=f"refund:{refund.id}",
        amount_cents=claim.cents,
        reason=refund.reason,
    )
    session.add(row)


def _come_back(session: Session, payment: Payment, refund: Refund) -> TakenBack:
    parts = (refund.surplus_cents, refund.claim_cents, refund.loss_cents, 0)
    taken = TakenBack(*(Money(cents, refund.currency) for cents in parts))
    given = left.give(session, payment, taken, f"refund:{refund.id}")
    kind = left.in_force(session, payment).kind
    entry = entries.refund_failed(refund.id, payment.account_id, kind, given)
    book.post(session, payment.tenant_id, entry)
    # Never the old item again: what went and what came are two movements, in reports, too.
    items.open_suspense(session, _place(payment, f"refund-failed:{refund.id}"), refund.amount)
    payment.refunded_cents -= refund.amount_cents
    return given


def _end(refund: Refund, state: State, taken: TakenBack) -> None:
    refund.state, refund.ended_at, refund.ask_at = state, clock.now(), None
    refund.surplus_cents = taken.surplus.cents
    refund.claim_cents = taken.claim.cents
    refund.loss_cents = taken.loss.cents


def _sent(payment: Payment, refund: Refund, taken: TakenBack) -> Sent:
    succeeded = refund.state == State.SUCCEEDED
    return Sent(
        refund=refund.id,
        payment=payment.id,
        reason=refund.reason,
        order=refund.order_number,
        suspense_account=entries.suspense(payment.account_id),
        back=Back(refund.amount, taken.surplus, taken.claim, taken.loss),
        reopens=succeeded and bool(taken.claim) and refund.reason != Reason.CLAIM_CANCELLED,
    )


def _place(payment: Payment, name: str) -> Place:
    return Place(payment.tenant_id, payment.account_id, name)
