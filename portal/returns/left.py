"""What of a payment can still go back, and taking it: surplus first, then of the claim.

All take a session, and a payment that is locked with the requests of its line.
"""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.ledger import entries, items
from portal.ledger.entries import TakenBack
from portal.ledger.items import Place
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import booking, staff
from portal.payments.models import Allocation, Payment
from portal.payments.refund_states import UNDECIDED, State
from portal.payments.returned import Reason, Refund, Reversal
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.tenants import Tenant


def in_force(session: Session, payment: Payment) -> PaymentRequest:
    """The request for which a payment counts now: its own, or the one in its place."""
    return _line(session, payment)[-1]


def free(session: Session, payment: Payment, reason: str, but: str | None = None) -> Money:
    """The most that may be refunded now for a reason; other undecided refunds are set aside.

    ``but`` is the refund that asks for itself.
    """
    mine = _promised(session, payment.tenant_id, Refund.payment_id == payment.id, but)
    whole = payment.amount_cents - payment.refunded_cents - payment.reversed_cents - mine
    surplus = sum(item.open_cents for item in surplus_items(session, payment))
    if reason == Reason.SURPLUS:
        # What a lower version made surplus belongs to all payments of the request.
        line = [request.id for request in _line(session, payment)]
        of_line = select(Payment.id).where(
            Payment.tenant_id == payment.tenant_id, Payment.request_id.in_(line)
        )
        promised = _promised(session, payment.tenant_id, Refund.payment_id.in_(of_line), but)
        there = surplus - promised
    else:
        there = surplus + _claim_left(session, payment) - mine
    return Money(max(0, min(whole, there)), payment.currency)


def take(session: Session, payment: Payment, amount: Money, fee: Money) -> TakenBack:
    """Take an amount from what is left: of surplus, then of the claim; the rest is a loss."""
    surplus = _return_surplus(session, payment, amount)
    still = (amount - surplus).cents
    claim = Money(min(still, _claim_left(session, payment)), amount.currency)
    if claim:
        register.cover(in_force(session, payment), -claim)
    return TakenBack(surplus, claim, amount - surplus - claim, fee)


def give(session: Session, payment: Payment, taken: TakenBack, name: str) -> TakenBack:
    """What was taken comes back: it clears again what is still asked, the rest is surplus.

    Returns how it was given; sum, loss and fee are the same.
    """
    request = in_force(session, payment)
    today = clock.today(session.get_one(Tenant, payment.tenant_id).time_zone)
    share = register.share(session, request, taken.claim, today)
    surplus = taken.surplus + share.surplus
    if share.claim:
        register.cover(request, share.claim)
    if surplus:
        by = booking.Came(request.reference, payment.id, payment.provider_reference)
        place = Place(payment.tenant_id, payment.account_id, f"payment:{payment.id}:{name}")
        booking.keep(session, place, "surplus", surplus, by)
    return TakenBack(surplus, share.claim, taken.loss, taken.fee)


def surplus_items(session: Session, payment: Payment) -> list[CustodyItem]:
    """Open surplus that came by this payment, then what lower versions made of it; locked."""
    own = f"payment:{payment.id}"
    named = [CustodyItem.reference == own, CustodyItem.reference.startswith(f"{own}:")]
    named += [
        CustodyItem.reference.startswith(f"lowered:{request.reference}:", autoescape=True)
        for request in _line(session, payment)
    ]
    query = (
        select(CustodyItem.id)
        .where(
            CustodyItem.tenant_id == payment.tenant_id,
            CustodyItem.cause == "surplus",
            CustodyItem.currency == payment.currency,
            CustodyItem.open_cents > 0,
            or_(*named),
        )
        .order_by(CustodyItem.reference.startswith("lowered:"), CustodyItem.id)
    )
    return [
        items.locked(session, CustodyItem, payment.tenant_id, item_id)
        for item_id in session.scalars(query).all()
    ]


def submitted(session: Session, payment: Payment) -> int:
    """Cents that the provider may be sending back just now."""
    query = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.tenant_id == payment.tenant_id,
        Refund.payment_id == payment.id,
        Refund.state == State.SUBMITTED,
    )
    return int(session.scalar(query) or 0)


def _return_surplus(session: Session, payment: Payment, amount: Money) -> Money:
    rest = amount.cents
    for item in surplus_items(session, payment):
        cents = min(item.open_cents, rest)
        if not cents:
            break
        items.lower(item, cents, "returned")
        staff.custody_ended(session, item, staff.BY_ITSELF)
        rest -= cents
        kept = messages.Kept(
            item.id,
            Money(cents, item.currency),
            item.cause,
            entries.suspense(payment.account_id),
            payment.id,
            payment.provider_reference,
        )
        returned = messages.custody_returned(item.request_reference, kept)
        outbox.put(session, payment.tenant_id, returned)
    return amount - Money(rest, amount.currency)


def _claim_left(session: Session, payment: Payment) -> int:
    """What of the claim this payment still covers, in cents."""
    sums = (
        select(func.sum(Allocation.cents)).where(
            Allocation.tenant_id == payment.tenant_id,
            Allocation.payment_id == payment.id,
            Allocation.surplus.is_(False),
        ),
        select(-func.sum(Refund.claim_cents)).where(
            Refund.tenant_id == payment.tenant_id, Refund.payment_id == payment.id
        ),
        select(-func.sum(Reversal.claim_cents)).where(
            Reversal.tenant_id == payment.tenant_id, Reversal.payment_id == payment.id
        ),
    )
    left = sum(int(session.scalar(query) or 0) for query in sums)
    return max(0, min(left, in_force(session, payment).covered_cents))


def _promised(session: Session, tenant_id: str, which: object, but: str | None) -> int:
    query = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.tenant_id == tenant_id,
        Refund.state.in_(UNDECIDED),
        which,  # type: ignore[arg-type]
    )
    if but is not None:
        query = query.where(Refund.id != but)
    return int(session.scalar(query) or 0)


def _line(session: Session, payment: Payment) -> list[PaymentRequest]:
    asked = register.get(session, payment.tenant_id, payment.request_id)
    return register.line(session, asked)
