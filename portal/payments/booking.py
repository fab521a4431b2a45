"""What a payment's success means in the books: clear, keep, open items, tell. All take a session.

Called by ``record`` only, under the request's lock and inside its one transaction.
"""

from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.ledger import book, entries, items
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import accounts, allocations
from portal.payments.models import Allocation, Payment, ProviderAccount
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.tenants import Tenant


def pending(session: Session, payment: Payment) -> None:
    """Money is under way: tell it, so that no reminder is sent."""
    request = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    account = accounts.get(session, payment.tenant_id, payment.account_id)
    message = messages.payment_pending(
        request.reference, payment.id, account.provider, payment.amount
    )
    outbox.put(session, payment.tenant_id, message)


def success(session: Session, payment: Payment) -> None:
    """The provider has the money: clear what the request still asks, keep the rest for someone."""
    request = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    account = accounts.get(session, payment.tenant_id, payment.account_id)
    payment.confirmed_at, payment.ask_at = clock.now(), None
    share = register.share(session, request, payment.amount)
    given = _allocate(session, request, payment, share)
    register.cover(request, share.claim)
    entry = entries.payment_succeeded(
        payment.id, account.id, request.kind, payment.amount, share.surplus
    )
    if not book.post(session, payment.tenant_id, entry):
        raise AssertionError(f"payment {payment.id} was booked before it succeeded")
    place = Place(payment.tenant_id, account.id, f"payment:{payment.id}")
    items.open_suspense(session, place, payment.amount)
    paid = _paid(session, payment, account, share, given)
    outbox.put(session, payment.tenant_id, messages.payment_succeeded(request.reference, paid))
    if share.surplus:
        _keep(session, place, "surplus", share.surplus, request.reference)


def unclear(
    session: Session, tenant_id: str, account_id: str, provider_reference: str, amount: Money
) -> None:
    """Money that a provider has of ours and that fits no payment; booked once per reference."""
    name = f"{account_id}:{provider_reference}"
    if not book.post(session, tenant_id, entries.unclear_report(name, account_id, amount)):
        return
    place = Place(tenant_id, account_id, f"unclear:{name}")
    items.open_suspense(session, place, amount)
    _keep(session, place, "unclear", amount, None)


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
    session: Session,
    payment: Payment,
    account: ProviderAccount,
    share: register.Share,
    given: tuple[tuple[str | None, int], ...],
) -> messages.Paid:
    confirmed = payment.confirmed_at or clock.now()
    zone = ZoneInfo(session.get_one(Tenant, payment.tenant_id).time_zone)
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
        effective_on=confirmed.astimezone(zone).date(),
    )


def _keep(session: Session, place: Place, cause: str, amount: Money, reference: str | None) -> None:
    item = items.open_custody(session, place, cause, amount, reference)
    if item is not None:
        message = messages.custody_opened(
            reference, item, amount, cause, entries.suspense(place.account)
        )
        outbox.put(session, place.tenant_id, message)
