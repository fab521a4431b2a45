"""Reversals: a bank takes money back (Rückbelastung, Rücklastschrift), and disputes that are won.

Surplus goes first, then what had cleared the claim, which is open again; what is beyond that is a
loss. The provider nets amount and fee from a pay-out. Once per the provider's own name for it.
"""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.keys import Keyring
from portal.ledger import book, entries, items
from portal.ledger.entries import TakenBack
from portal.ledger.items import Place
from portal.money import Money
from portal.payments import accounts, names, staff, sweep
from portal.payments.models import Payment, ProviderAccount
from portal.payments.record import again, locked_in_line
from portal.payments.returned import Reversal
from portal.payments.states import State as PaymentState
from portal.payments.sweep import ProviderSilent
from portal.providers.protocol import ReversalReport
from portal.returns import left, reversal_booking
from portal.returns.reversal_booking import TAKEN, WON

log = logging.getLogger(__name__)


def record_reversal(
    keyring: Keyring, tenant_id: str, account_id: str, report: ReversalReport
) -> bool:
    """Record that money was taken back, or won back; ``False`` when it was heard before.

    A payment whose success was never heard is asked about first. Raises ``Misdirected``,
    ``ProviderSilent``.
    """
    report = names.clean(report)
    unheard = _unheard(tenant_id, account_id, report)
    if unheard and sweep.ask(keyring, tenant_id, unheard, "reversal") is None:
        raise ProviderSilent("The provider does not say what became of the payment.")
    return again(lambda session: _record(session, tenant_id, account_id, report))


def of_name(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> list[Reversal]:
    """The reversals of the provider's name, in order: what was won may be taken again under it, and
    is kept as ``name~2`` then.
    """
    told = Reversal.provider_reference
    again = told.startswith(f"{provider_reference}~", autoescape=True)
    query = select(Reversal).where(
        Reversal.tenant_id == tenant_id,
        Reversal.account_id == account_id,
        (told == provider_reference) | again,
    )
    return list(session.scalars(query.order_by(Reversal.id)))


def _unheard(tenant_id: str, account_id: str, report: ReversalReport) -> str | None:
    def act(session: Session) -> str | None:
        accounts.check(accounts.get(session, tenant_id, account_id), report.merchant, report.live)
        named = sweep.named(session, tenant_id, account_id, report)
        payment = session.get(Payment, (tenant_id, named))
        if payment is None or payment.account_id != account_id:
            return None
        return None if payment.state == PaymentState.SUCCEEDED else payment.id

    return again(act)


def _record(session: Session, tenant_id: str, account_id: str, report: ReversalReport) -> bool:
    payment = _fitting(session, tenant_id, account_id, report)
    # Two reports of one reversal that fits no payment wait for each other here.
    account = lock(session, ProviderAccount, tenant_id, account_id)
    if account is None:
        raise accounts.NoSuchAccount("There is no such provider account.")
    accounts.check(account, report.merchant, report.live)
    known = next(reversed(of_name(session, tenant_id, account_id, report.reversal)), None)
    if known is None:
        _enter(session, tenant_id, account_id, payment, report)
        return True
    if report.won and known.state == TAKEN:
        _win(session, _payment_of(session, known), known, report.fee)
        return True
    return False


def _fitting(
    session: Session, tenant_id: str, account_id: str, report: ReversalReport
) -> Payment | None:
    """The payment that the report names, locked, if its money was booked on this account."""
    named = sweep.named(session, tenant_id, account_id, report)
    payment = locked_in_line(session, tenant_id, named)
    if payment is None or payment.state != PaymentState.SUCCEEDED:
        return None
    if report.provider_reference not in {"", payment.provider_reference}:
        return None
    if (payment.account_id, payment.currency) != (account_id, report.amount.currency):
        return None
    return payment


def _payment_of(session: Session, reversal: Reversal) -> Payment | None:
    if reversal.payment_id is None:
        return None
    return locked_in_line(session, reversal.tenant_id, reversal.payment_id)


def _enter(
    session: Session,
    tenant_id: str,
    account_id: str,
    payment: Payment | None,
    report: ReversalReport,
) -> None:
    """Write a new reversal down. One that is won before it was heard of moved nothing."""
    row = Reversal(
        tenant_id=tenant_id,
        account_id=account_id,
        provider_reference=report.reversal,
        payment_id=payment.id if payment else None,
        reason=report.reason,
        state=WON if report.won else TAKEN,
        amount_cents=report.amount.cents,
        fee_cents=report.fee.cents,
        currency=report.amount.currency,
        heard_at=clock.now(),
    )
    if report.won:
        row.won_at = clock.now()
        session.add(row)
        return
    taken = _take(session, payment, row, report)
    row.surplus_cents, row.claim_cents = taken.surplus.cents, taken.claim.cents
    row.loss_cents = taken.loss.cents
    session.add(row)
    session.flush()
    name = reversal_booking.name(row)
    kind, reference = _request_of(session, payment)
    book.post(session, tenant_id, entries.reversal(name, account_id, kind, taken, _cause(row)))
    place = Place(tenant_id, account_id, f"reversal:{name}")
    items.open_suspense(session, place, -taken.amount - taken.fee)
    reversal_booking.tell(session, row, reference, taken, row.reason)
    if payment is None and taken.loss:
        staff.reversal_of_nobody(session, row)


def _take(
    session: Session, payment: Payment | None, row: Reversal, report: ReversalReport
) -> TakenBack:
    if payment is not None:
        return reversal_booking.take(session, payment, row, report.fee)
    named = _provider_name(session, row, report)
    return reversal_booking.take_unclear(session, row, named, report.fee)


def _win(session: Session, payment: Payment | None, row: Reversal, fee: Money) -> None:
    """The money comes back, with as much of its fee: the reverse, by what the claim asks now."""
    row.fee_back_cents = min(fee.cents, row.fee_cents)
    parts = (row.surplus_cents, row.claim_cents, row.loss_cents, row.fee_back_cents)
    given = TakenBack(*(Money(cents, row.currency) for cents in parts))
    name = reversal_booking.name(row)
    if payment is not None:
        given = left.give(session, payment, given, f"reversal:{name}")
        payment.reversed_cents -= row.counted_cents
    else:
        reversal_booking.give_unclear(session, row, given)
    kind, reference = _request_of(session, payment)
    entry = entries.reversal_won(name, row.account_id, kind, given, _cause(row))
    book.post(session, row.tenant_id, entry)
    place = Place(row.tenant_id, row.account_id, f"reversal-won:{name}")
    items.open_suspense(session, place, given.amount + given.fee)
    row.state, row.won_at, row.counted_cents = WON, clock.now(), 0
    row.surplus_cents = row.claim_cents = row.loss_cents = 0
    back = TakenBack(-given.surplus, -given.claim, -given.loss, -given.fee)
    reversal_booking.tell(session, row, reference, back, WON)
    staff.reversal_won(session, row)
    if payment is not None:
        reversal_booking.take_anew(session, payment)


def _cause(row: Reversal) -> str:
    """Of which custody it takes: of a payment's surplus, or of what fits no payment."""
    return "unclear" if row.payment_id is None else "surplus"


def _provider_name(session: Session, row: Reversal, report: ReversalReport) -> str:
    """The provider's name of what it takes back; unclear money is kept under it."""
    if report.provider_reference:
        return report.provider_reference
    payment = session.get(Payment, (row.tenant_id, report.payment))
    mine = payment is not None and payment.account_id == row.account_id
    return (payment.provider_reference if payment and mine else None) or report.payment


def _request_of(session: Session, payment: Payment | None) -> tuple[str, str | None]:
    """Kind and reference of the request; without one nothing is booked on a kind."""
    if payment is None:
        return "", None
    request = left.in_force(session, payment)
    return request.kind, request.reference
