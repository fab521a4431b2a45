"""What a payment's success means in the books: clear, keep, open items, tell. All take a session.

Called by ``record`` only, under the request's lock and inside its one transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.ledger import book, entries, items
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import accounts, allocations, staff
from portal.payments.models import Allocation, Payment, ProviderAccount
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Came:
    """By what money came that is kept: request, payment, the provider's name, as far as known.

    ``taken_on`` is the provider's day of money that fits no payment.
    """

    reference: str | None
    payment: str | None
    provider_reference: str | None
    taken_on: date | None = None


def pending(session: Session, payment: Payment, _: datetime) -> None:
    """Money is under way: tell it, so that no reminder is sent."""
    request = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    account = accounts.get(session, payment.tenant_id, payment.account_id)
    message = messages.payment_pending(
        request.reference, payment.id, account.provider, payment.amount
    )
    outbox.put(session, payment.tenant_id, message)


def success(session: Session, payment: Payment, happened_at: datetime) -> None:
    """The provider has the money: clear what the request still asks, keep the rest for someone."""
    asked = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    line = register.line(session, asked)
    request = line[-1]
    register.move_on(line)
    register.note_paid_online(asked)
    account = accounts.get(session, payment.tenant_id, payment.account_id)
    payment.confirmed_at, payment.ask_at = clock.now(), None
    zone = ZoneInfo(session.get_one(Tenant, payment.tenant_id).time_zone)
    payment.effective_on = happened_at.astimezone(zone).date()
    _take_back_unclear(session, payment)
    share = register.share(session, request, payment.amount, payment.effective_on)
    given = _allocate(session, request, payment, share)
    register.cover(request, share.claim)
    entry = entries.payment_succeeded(
        payment.id, account.id, request.kind, payment.amount, share.surplus
    )
    if not book.post(session, payment.tenant_id, entry):
        raise AssertionError(f"payment {payment.id} was booked before it succeeded")
    place = Place(payment.tenant_id, account.id, f"payment:{payment.id}")
    items.open_suspense(session, place, payment.amount)
    items.set_off(session, place, _taken_back(payment))
    paid = _paid(payment, account, share, given)
    outbox.put(session, payment.tenant_id, messages.payment_succeeded(request.reference, paid))
    if share.surplus:
        by = Came(request.reference, payment.id, payment.provider_reference)
        keep(session, place, "surplus", share.surplus, by)


def unclear(
    session: Session,
    tenant_id: str,
    account_id: str,
    provider_reference: str,
    amount: Money,
    happened_at: datetime,
) -> None:
    """Money that a provider has of ours and that fits no payment; booked once per reference."""
    name = f"{account_id}:{provider_reference}"
    zone = ZoneInfo(session.get_one(Tenant, tenant_id).time_zone)
    if not book.post(session, tenant_id, entries.unclear_report(name, account_id, amount)):
        return
    place = Place(tenant_id, account_id, f"unclear:{name}")
    items.open_suspense(session, place, amount)
    by = Came(None, None, provider_reference, happened_at.astimezone(zone).date())
    item = keep(session, place, "unclear", amount, by)
    if item is not None:
        staff.custody_unclear(session, place, item, amount, provider_reference)


def has_moved_on(session: Session, payment: Payment) -> bool:
    """Whether this payment's money came as unclear before, and somebody has got of it since.

    It was booked then; booked anew it would be there twice.
    """
    return items.unclear_has_moved(session, _unclear(payment))


def _provider_name(payment: Payment) -> str:
    return f"{payment.account_id}:{payment.provider_reference}"


def _unclear(payment: Payment) -> Place:
    place = f"unclear:{_provider_name(payment)}"
    return Place(payment.tenant_id, payment.account_id, place)


def _taken_back(payment: Payment) -> Place:
    place = f"unclear-taken-back:{_provider_name(payment)}"
    return Place(payment.tenant_id, payment.account_id, place)


def _take_back_unclear(session: Session, payment: Payment) -> None:
    """Money that was booked as unclear under this payment's name is this payment's money.

    The provider first named another amount and then the right one: it holds it once, or has paid
    it out by now.
    """
    name = _provider_name(payment)
    item = items.take_back_unclear(session, _unclear(payment), _taken_back(payment))
    if item is None:
        return
    amount = Money(item.amount_cents, item.currency)
    book.post(
        session, payment.tenant_id, entries.unclear_taken_back(name, payment.account_id, amount)
    )
    kept = messages.Kept(
        item.id,
        amount,
        "unclear",
        entries.suspense(payment.account_id),
        payment.id,
        payment.provider_reference,
    )
    outbox.put(session, payment.tenant_id, messages.custody_assigned(None, kept))
    staff.custody_ended(session, item, "payments")


def _allocate(
    session: Session, request: PaymentRequest, payment: Payment, share: register.Share
) -> tuple[tuple[str | None, int], ...]:
    earlier = session.execute(
        select(Allocation.claim, func.sum(Allocation.cents))
        .where(
            Allocation.tenant_id == request.tenant_id,
            Allocation.request_id == request.id,
            Allocation.surplus.is_(False),
        )
        .group_by(Allocation.claim)
    )
    before = {claim: int(cents) for claim, cents in earlier}
    asked = allocations.parts(request.content, request.amount_cents)
    # What was paid elsewhere, or on a letter that this one replaces, was given to no claim.
    otherwise = request.covered_cents - sum(before.values())
    before = allocations.without(asked, before, -otherwise)  # what went back is asked again
    for claim, cents in allocations.allocate(asked, before, max(0, otherwise)):
        before[claim] = before.get(claim, 0) + cents
    given = allocations.allocate(asked, before, share.claim.cents)
    lines = [(claim, False, cents) for claim, cents in given]
    if share.surplus:
        lines.append((None, True, share.surplus.cents))
    for claim, surplus, cents in lines:
        session.add(
            Allocation(
                tenant_id=request.tenant_id,
                payment_id=payment.id,
                request_id=request.id,
                claim=claim,
                surplus=surplus,
                cents=cents,
            )
        )
    return given


def _paid(
    payment: Payment,
    account: ProviderAccount,
    share: register.Share,
    given: tuple[tuple[str | None, int], ...],
) -> messages.Paid:
    confirmed = payment.confirmed_at or clock.now()
    return messages.Paid(
        payment=payment.id,
        provider=account.provider,
        provider_reference=payment.provider_reference or "",
        amount=payment.amount,
        claim=share.claim,
        surplus=share.surplus,
        allocations=given,
        suspense_account=entries.suspense(account.id),
        started_at=payment.started_at,
        confirmed_at=confirmed,
        effective_on=payment.effective_on or confirmed.date(),
    )


def keep(session: Session, place: Place, cause: str, amount: Money, by: Came) -> int | None:
    """We have money that is nobody's: open its item once and tell it; ``None`` the second time."""
    item = items.open_custody(session, place, cause, amount, by.reference, by.taken_on)
    if item is not None:
        account = entries.suspense(place.account) if place.account else None
        kept = messages.Kept(item, amount, cause, account, by.payment, by.provider_reference)
        outbox.put(session, place.tenant_id, messages.custody_opened(by.reference, kept))
    return item
