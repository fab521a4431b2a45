"""What of a payment can still go back, and taking it: surplus first, then of the claim.

The rule, for the cash office. The money of a payment is always in one of four places:

1. **Gone**: sent back by a refund, or taken back by a bank.
2. **Its own surplus**: what came when nothing was asked any more, open in custody under its name.
3. **Given away**: of that surplus, what was given to another request or kept by order. It never
   comes back to the payment: if a bank takes it all the same, that is a loss.
4. **With the claim**: all the rest. It covers the request in force, together with what other
   payments and the finance system brought; what a lower version left of it is surplus of the
   letter, and of no payment in particular. It may go back by each payment of that letter, and of
   the letters that it replaced.

So never more of a payment goes back than is not gone, not given away and not promised by another
refund of it. And each cent goes back once: what refunds that are not decided will take is set
aside (``setting_aside``), also that of other payments whose letters share the claim. A payment's
own surplus is nobody else's, and no promise of others stands before it.

When the money goes, surplus goes first and then the claim. For the reason *surplus* nothing but
surplus is promised, and what is promised so is left alone: by other refunds always; by a bank only
where the provider may be sending it already, for a bank asks nobody. What is found nowhere is a
loss. What was taken of the claim is asked again, unless the claim was cancelled.

What comes back (a refund that failed, a dispute that was won) is judged by the day on which it was
paid: it clears what is still asked, and the rest is the payment's own surplus.

All take a session, and a payment that is locked with the requests of its line: all that share a
claim share the request in force, and wait for each other there.
"""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.ledger import entries, items
from portal.ledger.entries import TakenBack
from portal.ledger.items import Place
from portal.ledger.models import CustodyItem, CustodyMove
from portal.money import Money
from portal.payments import booking, staff
from portal.payments.models import Payment
from portal.payments.refund_states import UNDECIDED, State
from portal.payments.returned import Reason, Refund, Reversal, ReversalWin
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.returns import replaced
from portal.returns.setting_aside import Left, Stake, Standing, after_all, after_surplus
from portal.tenants import Tenant

ON_ITS_WAY = frozenset({State.SUBMITTED})
GIVEN = ("assigned", "kept_by_order")  # why a move gave surplus away


def in_force(session: Session, payment: Payment) -> PaymentRequest:
    """The request for which a payment counts now: its own, or the one in its place."""
    return _line(session, payment)[-1]


def free(session: Session, payment: Payment, reason: str, but: str | None = None) -> Money:
    """The most that may be refunded now for a reason; other undecided refunds are set aside.

    ``but`` is the refund that asks for itself.
    """
    standing = _standing(session, payment, UNDECIDED, but)
    mine, rest = standing.mine, after_all(standing)
    most = min(
        rest.surplus(mine.letters) + rest.covered,
        not_gone(session, payment) - mine.surplus - mine.other,
    )
    if reason == Reason.SURPLUS:
        most = min(most, after_surplus(standing).surplus(mine.letters))
    return Money(max(0, most), payment.currency)


def not_gone(session: Session, payment: Payment) -> int:
    """Cents of a payment that did not go back and were not given away."""
    away = _given(session, payment, _is_own(payment.tenant_id, payment.id))
    return payment.amount_cents - payment.refunded_cents - payment.reversed_cents - away


def given_away(session: Session, payment: Payment) -> Money:
    """What was given away of its surplus, and of what lower versions of its letters left."""
    letters = [request.reference for request in _line(session, payment)]
    of_it = _is_own(payment.tenant_id, payment.id) | _is_lowered(letters)
    return Money(_given(session, payment, of_it), payment.currency)


def take(
    session: Session, payment: Payment, amount: Money, fee: Money, refund: str | None = None
) -> TakenBack:
    """Take an amount from what is left: of surplus, then of the claim; the rest is a loss.

    ``refund`` is the one that takes it; without one it is a bank.
    """
    standing = _standing(session, payment, UNDECIDED if refund else ON_ITS_WAY, refund)
    with_claim = not_gone(session, payment) - standing.mine.own
    rest = after_surplus(standing)
    own, lowered = _return_surplus(session, payment, amount.cents, rest, refund)
    request = in_force(session, payment)
    still = amount.cents - own - lowered
    claim = Money(max(0, min(still, with_claim - lowered, request.covered_cents)), amount.currency)
    if claim:
        register.cover(request, -claim)
    surplus = Money(own + lowered, amount.currency)
    return TakenBack(surplus, claim, amount - surplus - claim, fee)


def give(session: Session, payment: Payment, taken: TakenBack, name: str) -> TakenBack:
    """What was taken comes back: it clears again what is still asked, the rest is surplus.

    Returns how it was given; sum, loss and fee are the same.
    """
    line = _line(session, payment)
    request = line[-1]
    register.move_on(line)
    today = clock.today(session.get_one(Tenant, payment.tenant_id).time_zone)
    share = register.share(session, request, taken.claim, payment.effective_on or today)
    surplus = taken.surplus + share.surplus
    if share.claim:
        register.cover(request, share.claim)
    if surplus:
        by = booking.Came(request.reference, payment.id, payment.provider_reference)
        place = Place(payment.tenant_id, payment.account_id, f"payment:{payment.id}:{name}")
        booking.keep(session, place, "surplus", surplus, by)
    return TakenBack(surplus, share.claim, taken.loss, taken.fee)


def surplus_items(session: Session, payment: Payment) -> list[CustodyItem]:
    """Open surplus that came by this payment, then what lower versions of its letters left.

    The nearest letter first; all locked.
    """
    nearest = [request.reference for request in _line(session, payment)]
    query = select(CustodyItem.id).where(
        CustodyItem.tenant_id == payment.tenant_id,
        CustodyItem.currency == payment.currency,
        _is_open(),
        or_(_is_own(payment.tenant_id, payment.id), _is_lowered(nearest)),
    )
    found = [
        items.locked(session, CustodyItem, payment.tenant_id, item_id)
        for item_id in session.scalars(query.order_by(CustodyItem.id)).all()
    ]
    places = {reference: place for place, reference in enumerate(nearest)}
    return sorted(found, key=lambda item: places[_letter(item)] if _letter(item) else -1)


def submitted(session: Session, payment: Payment) -> int:
    """Cents that the provider may be sending back just now."""
    query = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.tenant_id == payment.tenant_id,
        Refund.payment_id == payment.id,
        Refund.state == State.SUBMITTED,
    )
    return int(session.scalar(query) or 0)


def _return_surplus(
    session: Session, payment: Payment, cents: int, rest: Left, refund: str | None
) -> tuple[int, int]:
    """Take of what is left of surplus; how much of the payment's own, and of its letters'."""
    most, taken = {"": rest.own, **rest.lowered}, {"": 0, "lowered": 0}
    for item in surplus_items(session, payment):
        letter = _letter(item)
        part = min(item.open_cents, cents, most.get(letter, 0))
        if part:
            cents -= part
            most[letter] -= part
            taken["lowered" if letter else ""] += part
            _return_item(session, payment, item, Money(part, item.currency), refund)
    return taken[""], taken["lowered"]


def _return_item(
    session: Session, payment: Payment, item: CustodyItem, part: Money, refund: str | None
) -> None:
    items.lower(item, part.cents, "returned")
    staff.custody_ended(session, item, staff.BY_ITSELF)
    kept = messages.Kept(
        item.id,
        part,
        item.cause,
        entries.suspense(payment.account_id),
        payment.id,
        payment.provider_reference,
    )
    returned = messages.custody_returned(item.request_reference, kept, refund)
    outbox.put(session, payment.tenant_id, returned)


def _standing(
    session: Session, payment: Payment, states: Collection[State], but: str | None
) -> Standing:
    """This payment beside all that share the claim with it and have refunds in these states."""
    request = in_force(session, payment)
    letters = replaced.with_older(session, payment.tenant_id, [request.id])
    whose, promised = {payment.id: payment.request_id}, Counter[tuple[str, bool]]()
    for payment_id, request_id, reason, cents in session.execute(
        select(Payment.id, Payment.request_id, Refund.reason, Refund.amount_cents)
        .join(Refund, (Refund.tenant_id == Payment.tenant_id) & (Refund.payment_id == Payment.id))
        .where(
            Payment.tenant_id == payment.tenant_id,
            Payment.request_id.in_(letters),
            Refund.state.in_(states),
            Refund.id != (but or ""),
        )
    ):
        whose[payment_id] = request_id
        promised[payment_id, reason == Reason.SURPLUS] += cents
    mine, *others = (
        Stake(
            replaced.line(letters, request_id),
            _own(session, payment.tenant_id, name),
            promised[name, True],
            promised[name, False],
        )
        for name, request_id in whose.items()
    )
    lowered = _lowered(session, payment, [letter.reference for letter in letters.values()])
    return Standing(mine, others, Left(mine.own, lowered, request.covered_cents))


def _lowered(session: Session, payment: Payment, references: Collection[str]) -> dict[str, int]:
    """Cents that lower versions of letters left open, by letter."""
    query = (
        select(CustodyItem.request_reference, func.sum(CustodyItem.open_cents))
        .where(CustodyItem.tenant_id == payment.tenant_id, _is_open(), _is_lowered(references))
        .group_by(CustodyItem.request_reference)
    )
    return {str(reference): int(cents) for reference, cents in session.execute(query)}


def _given(session: Session, payment: Payment, which: ColumnElement[bool]) -> int:
    """Cents of these items that were given to requests or kept by order."""
    query = (
        select(func.coalesce(-func.sum(CustodyMove.cents), 0))
        .join(
            CustodyItem,
            (CustodyItem.tenant_id == CustodyMove.tenant_id)
            & (CustodyItem.id == CustodyMove.item_id),
        )
        .where(CustodyItem.tenant_id == payment.tenant_id, which, CustodyMove.reason.in_(GIVEN))
    )
    return int(session.scalar(query) or 0)


def _own(session: Session, tenant_id: str, payment_id: str) -> int:
    """Cents that are open of a payment's own surplus."""
    query = select(func.coalesce(func.sum(CustodyItem.open_cents), 0)).where(
        CustodyItem.tenant_id == tenant_id, _is_own(tenant_id, payment_id)
    )
    return int(session.scalar(query) or 0)


def _is_own(tenant_id: str, payment_id: str) -> ColumnElement[bool]:
    """By their whole names, as ``success`` and ``give`` make them: of these there is an index."""
    own = f"payment:{payment_id}"
    refunds = select(literal(f"{own}:refund:") + Refund.id).where(
        Refund.tenant_id == tenant_id, Refund.payment_id == payment_id
    )
    name = Reversal.account_id + ":" + Reversal.provider_reference
    which = case((ReversalWin.number > 1, "-" + cast(ReversalWin.number, String)), else_="")
    won = (
        select(literal(f"{own}:reversal") + which + ":" + name)
        .join(
            ReversalWin,
            (ReversalWin.tenant_id == Reversal.tenant_id)
            & (ReversalWin.reversal_id == Reversal.id),
        )
        .where(Reversal.tenant_id == tenant_id, Reversal.payment_id == payment_id)
    )
    return CustodyItem.reference.in_(union_all(select(literal(own)), refunds, won))


def _is_open() -> ColumnElement[bool]:
    """Open surplus, in the words by which there is an index of it."""
    return (CustodyItem.state == "open") & (CustodyItem.cause == "surplus")


def _is_lowered(references: Collection[str]) -> ColumnElement[bool]:
    return CustodyItem.reference.startswith("lowered:") & CustodyItem.request_reference.in_(
        references
    )


def _letter(item: CustodyItem) -> str:
    """The letter whose lower version left it; none where it is a payment's own."""
    return str(item.request_reference) if item.reference.startswith("lowered:") else ""


def _line(session: Session, payment: Payment) -> list[PaymentRequest]:
    asked = register.get(session, payment.tenant_id, payment.request_id)
    return register.line(session, asked)
