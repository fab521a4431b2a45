"""Reversals: a bank takes money back (Rückbelastung, Rücklastschrift), and disputes that are won.

Surplus goes first, then what had cleared the claim, which is open again; what is beyond that is a
loss. What comes back, all of it or a part, goes the reverse way: to the loss, the claim, the
surplus. The provider nets amount and fee from a pay-out. A report tells all that was taken and came
back under the provider's name; only what of that is not booked yet is booked.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.keys import Keyring
from portal.ledger import book, entries, items
from portal.ledger.entries import TakenBack
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
    """Record that money was taken back, or came back; ``False`` when it was heard before.

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
    """The reversals of the provider's name, in order: what was won may be taken again under it, or
    more may be taken, and is kept as ``name~2`` then.
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
    known = of_name(session, tenant_id, account_id, report.reversal)
    if not known and report.back == report.amount:
        _remember(session, account, payment, report)
        return True
    more = _more(report, known)
    if more is not None:
        known.append(_enter(session, account, payment, more))
    given = _give_back(session, report, known)
    return more is not None or given


def _more(report: ReversalReport, known: Sequence[Reversal]) -> ReversalReport | None:
    """What was taken that is not known yet, with what it cost: under a name of its own if some is.

    None when it was heard before, or is in another currency than was known under this name.
    """
    if not known:
        return report
    if {row.currency for row in known} != {report.amount.currency}:
        return None
    amount = report.amount.cents - sum(row.amount_cents for row in known)
    fee = report.fee.cents - sum(row.fee_cents for row in known)
    if amount <= 0:
        return None
    currency = report.amount.currency
    return replace(
        report,
        reversal=f"{report.reversal}~{len(known) + 1}",
        amount=Money(amount, currency),
        fee=Money(max(0, fee), currency),
    )


def _give_back(session: Session, report: ReversalReport, known: Sequence[Reversal]) -> bool:
    """What came back and is not known yet goes to what was taken last, then to what was before."""
    if {row.currency for row in known} != {report.back.currency}:
        return False
    cents = report.back.cents - sum(row.back_cents for row in known)
    fee = report.fee_back.cents - sum(row.fee_back_cents for row in known)
    given = False
    for row in reversed(known):
        part = min(cents, row.away.cents)
        if part > 0:
            fee_part = max(0, min(fee, row.fee_cents - row.fee_back_cents))
            came = Money(part, row.currency), Money(fee_part, row.currency)
            _win(session, _payment_of(session, row), row, *came)
            cents, fee, given = cents - part, fee - fee_part, True
    return given


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


def _row(account: ProviderAccount, payment: Payment | None, report: ReversalReport) -> Reversal:
    return Reversal(
        tenant_id=account.tenant_id,
        account_id=account.id,
        provider_reference=report.reversal,
        payment_id=payment.id if payment else None,
        reason=report.reason,
        state=TAKEN,
        amount_cents=report.amount.cents,
        fee_cents=report.fee.cents,
        currency=report.amount.currency,
        heard_at=clock.now(),
    )


def _remember(
    session: Session, account: ProviderAccount, payment: Payment | None, report: ReversalReport
) -> None:
    """One that was won before it was heard of moved nothing, but is known from now on."""
    row = _row(account, payment, report)
    row.state, row.back_cents, row.won_at = WON, row.amount_cents, clock.now()
    session.add(row)


def _enter(
    session: Session, account: ProviderAccount, payment: Payment | None, report: ReversalReport
) -> Reversal:
    """Write down and book what was taken."""
    row = _row(account, payment, report)
    taken = _take(session, payment, row, report)
    row.surplus_cents, row.claim_cents = taken.surplus.cents, taken.claim.cents
    row.loss_cents = taken.loss.cents
    session.add(row)
    session.flush()
    name = reversal_booking.name(row)
    kind, reference = _request_of(session, payment)
    entry = entries.reversal(name, row.account_id, kind, taken, _cause(row))
    book.post(session, row.tenant_id, entry)
    taken_place = reversal_booking.taken_place(row)
    items.open_suspense(session, taken_place, -taken.amount - taken.fee)
    reversal_booking.tell(session, row, reference, taken, row.reason)
    if payment is None and taken.loss:
        staff.reversal_of_nobody(session, row)
    return row


def _take(
    session: Session, payment: Payment | None, row: Reversal, report: ReversalReport
) -> TakenBack:
    if payment is not None:
        return reversal_booking.take(session, payment, row, report.fee)
    named = _provider_name(session, row, report)
    return reversal_booking.take_unclear(session, row, named, report.fee)


def _win(
    session: Session, payment: Payment | None, row: Reversal, amount: Money, fee: Money
) -> None:
    """So much comes back, with so much of its fee: the reverse, by what the claim asks now."""
    win = reversal_booking.won(session, row, amount, fee)
    counted, given = reversal_booking.give_up(row, amount, fee)
    name = reversal_booking.name(row)
    if payment is not None:
        given = left.give(session, payment, given, f"reversal{win.which}:{name}")
        payment.reversed_cents -= counted
    else:
        reversal_booking.give_unclear(session, row, given, win)
    kind, reference = _request_of(session, payment)
    entry = entries.reversal_won(name, row.account_id, kind, given, _cause(row), win.which)
    book.post(session, row.tenant_id, entry)
    items.open_suspense(session, reversal_booking.won_place(row, win), amount + fee)
    back = TakenBack(-given.surplus, -given.claim, -given.loss, -given.fee)
    reversal_booking.tell(session, row, reference, back, WON)
    if row.state == WON:
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
