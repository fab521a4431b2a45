"""What money that a bank took back takes of a payment, now and later. All take a session.

A refund that is on its way, or another reversal, may stand before a reversal: then it is a loss.
When that comes to nothing the money is there after all, and the reversal takes it: a correction.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.finance.messages import Back
from portal.ledger import book, entries, items
from portal.ledger.entries import TakenBack
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import booking, staff
from portal.payments.booking import Came
from portal.payments.models import Payment
from portal.payments.returned import Reversal, ReversalWin
from portal.returns import left

TAKEN, WON, CORRECTED = "taken", "won", "corrected"


def take(session: Session, payment: Payment, row: Reversal, fee: Money) -> TakenBack:
    """What it takes of a payment; never what went back before, or is on its way back."""
    counted = Money(min(row.amount_cents, _there(session, payment)), row.currency)
    row.counted_cents = counted.cents
    taken = left.take(session, payment, counted, fee)
    payment.reversed_cents += counted.cents
    return TakenBack(taken.surplus, taken.claim, taken.loss + row.amount - counted, fee)


def take_unclear(session: Session, row: Reversal, provider_reference: str, fee: Money) -> TakenBack:
    """What it takes of unclear money, which a bank has surely got now, whoever is promised it.

    The part stands in the row as its surplus: without a payment there is no other.
    """
    nothing = Money(0, row.currency)
    place = Place(row.tenant_id, row.account_id, f"unclear:{row.account_id}:{provider_reference}")
    item = items.unclear(session, place)
    if item is None or item.currency != row.currency:
        return TakenBack(nothing, nothing, row.amount, fee)
    there = Money(min(row.amount_cents, item.open_cents), row.currency)
    if there:
        items.lower(item, there.cents, "returned", "reversed")
        account = entries.suspense(row.account_id)
        kept = messages.Kept(item.id, there, "unclear", account, None, provider_reference)
        outbox.put(session, row.tenant_id, messages.custody_returned(None, kept, None))
        staff.custody_ended(session, item, staff.BY_ITSELF)
    return TakenBack(there, nothing, row.amount - there, fee)


def won(session: Session, row: Reversal, amount: Money, fee: Money) -> ReversalWin:
    """Write down that so much came back, and so much of its fee."""
    before = wins(session, row)
    win = ReversalWin(
        tenant_id=row.tenant_id,
        reversal_id=row.id,
        number=len(before) + 1,
        amount_cents=amount.cents,
        fee_cents=fee.cents,
        won_at=clock.now(),
    )
    session.add(win)
    return win


def wins(session: Session, row: Reversal) -> Sequence[ReversalWin]:
    """What came back of a reversal, in order."""
    query = select(ReversalWin).where(
        ReversalWin.tenant_id == row.tenant_id, ReversalWin.reversal_id == row.id
    )
    return session.scalars(query.order_by(ReversalWin.number)).all()


def taken_place(row: Reversal) -> Place:
    """Where what the provider will hold back is kept."""
    return Place(row.tenant_id, row.account_id, f"reversal:{name(row)}")


def won_place(row: Reversal, win: ReversalWin) -> Place:
    """Where the money that came back is kept."""
    return Place(row.tenant_id, row.account_id, f"reversal-won{win.which}:{name(row)}")


def give_up(row: Reversal, amount: Money, fee: Money) -> tuple[int, TakenBack]:
    """What a reversal takes no more: the reverse of the order in which it took, the loss first.

    Of the loss that goes first which counted against no payment. How much of it did count, and the
    parts.
    """
    beyond = row.away.cents - row.counted_cents
    loss = min(amount.cents, row.loss_cents)
    claim = min(amount.cents - loss, row.claim_cents)
    surplus = amount.cents - loss - claim
    counted = max(0, amount.cents - beyond)
    row.loss_cents -= loss
    row.claim_cents -= claim
    row.surplus_cents -= surplus
    row.counted_cents -= counted
    row.back_cents += amount.cents
    row.fee_back_cents += fee.cents
    row.state, row.won_at = TAKEN if row.away else WON, clock.now()
    parts = [Money(cents, row.currency) for cents in (surplus, claim, loss)]
    return counted, TakenBack(parts[0], parts[1], parts[2], fee)


def give_unclear(session: Session, row: Reversal, given: TakenBack, win: ReversalWin) -> None:
    """What it took of unclear money is there again, and as unclear as it was."""
    if not given.surplus:
        return
    place = won_place(row, win)
    reference = row.provider_reference
    item = booking.keep(session, place, "unclear", given.surplus, Came(None, None, reference))
    if item is not None:
        staff.custody_unclear(session, place, item, given.surplus, reference)


def take_anew(session: Session, payment: Payment) -> None:
    """What a refund or another reversal has left after all goes to the reversals that stand.

    Else the claim would stay cleared by money that a bank took, and it could be sent back again.
    """
    short = select(Reversal).where(
        Reversal.tenant_id == payment.tenant_id,
        Reversal.payment_id == payment.id,
        Reversal.state == TAKEN,
        Reversal.counted_cents < Reversal.amount_cents - Reversal.back_cents,
    )
    for row in session.scalars(short.order_by(Reversal.id)).all():
        more = min(row.away.cents - row.counted_cents, _there(session, payment))
        if more:
            _correct(session, payment, row, Money(more, row.currency))


def tell(
    session: Session, row: Reversal, reference: str | None, taken: TakenBack, reason: str
) -> None:
    """Tell the finance system what was taken, was won, or is corrected (then the sum is zero)."""
    told = messages.Taken(
        reversal=row.provider_reference,
        payment=row.payment_id,
        reason=reason,
        suspense_account=entries.suspense(row.account_id),
        back=Back(taken.amount, taken.surplus, taken.claim, taken.loss),
        fee=taken.fee,
    )
    outbox.put(session, row.tenant_id, messages.payment_reversed(reference, told))


def name(row: Reversal) -> str:
    """Unique in the tenant, as references of entries and items are."""
    return f"{row.account_id}:{row.provider_reference}"


def _there(session: Session, payment: Payment) -> int:
    """Cents of a payment that did not go back, are not on their way, and were not given away."""
    return max(0, left.not_gone(session, payment) - left.submitted(session, payment))


def _correct(session: Session, payment: Payment, row: Reversal, more: Money) -> None:
    nothing = Money(0, row.currency)
    taken = left.take(session, payment, more, nothing)
    payment.reversed_cents += more.cents
    row.counted_cents += more.cents
    moved = TakenBack(taken.surplus, taken.claim, -(taken.surplus + taken.claim), nothing)
    if not moved.loss:
        return
    row.surplus_cents += moved.surplus.cents
    row.claim_cents += moved.claim.cents
    row.loss_cents += moved.loss.cents
    request = left.in_force(session, payment)
    # What of a reversal counts, or came back, only grows: it tells the corrections apart.
    correction = f"{row.counted_cents + row.back_cents}:{name(row)}"
    entry = entries.reversal_corrected(correction, row.account_id, request.kind, moved)
    book.post(session, row.tenant_id, entry)
    tell(session, row, request.reference, moved, CORRECTED)
