"""Closing a reserve by order (auf Anordnung ausgebucht): what a provider held back and will never
let go is a loss, by two people.

A reserve is a balance and consists of no items: the order names an amount. At most so much is
closed as is held when the second person approves.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.db import transaction
from portal.errors import Conflict
from portal.finance import outbox, payout_messages
from portal.finance.messages import Message
from portal.ledger import book, entries, settlements
from portal.ledger.models import PostingRow
from portal.money import Money
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.settlements import booking

ACT = "reserve.close"
RESERVES = "reserves:"  # and the account of the provider
MOST_AT_ONCE = 200


class NotHeld(Conflict):
    """So much is not held back, or not any more."""

    code = "not_held"


def all_held(session: Session, tenant_id: str) -> list[tuple[str, Money]]:
    """What each account holds back now, by its name; accounts that hold nothing are left out."""
    mine = select(ProviderAccount.id).where(ProviderAccount.tenant_id == tenant_id)
    names = [f"{RESERVES}{account_id}" for account_id in session.scalars(mine)]
    query = (
        select(PostingRow.account, PostingRow.currency, func.sum(PostingRow.cents))
        .where(PostingRow.tenant_id == tenant_id, PostingRow.account.in_(names))
        .group_by(PostingRow.account, PostingRow.currency)
        .having(func.sum(PostingRow.cents) != 0)
        .order_by(PostingRow.account, PostingRow.currency)
    )
    return [
        (account.removeprefix(RESERVES), Money(int(cents), currency))
        for account, currency, cents in session.execute(query)
    ]


def ask(tenant_id: str, account_id: str, amount: Money, order: str, by: str) -> None:
    """Ask for so much of an account's reserve to be closed.

    Raises ``NoSuchAccount``, ``NotHeld``, ``NoOrder``, ``AskedBefore``.
    """
    with transaction() as session:
        account = _locked(session, tenant_id, account_id)
        _check(session, account, amount)
        facts = {
            "account": account_id,
            "amount_cents": amount.cents,
            "currency": amount.currency,
        }
        wanted = deciding.Wanted(ACT, _subject(account_id, amount.currency), order, facts)
        deciding.ask(session, tenant_id, wanted, by)


def approve(
    tenant_id: str, account_id: str, currency: str, by: str, number: int | None = None
) -> None:
    """The second person approves, and it is closed. Raises as ``deciding.approve``, and
    ``NoSuchAccount``, ``NotHeld``.
    """
    with transaction() as session:
        account = _locked(session, tenant_id, account_id)
        subject = _subject(account_id, currency)
        approval = deciding.approve(session, tenant_id, ACT, subject, by, number)
        amount = Money(approval.facts["amount_cents"], currency)
        _check(session, account, amount)
        closed = entries.reserve_closed(str(approval.id), account_id, amount)
        book.post(session, tenant_id, closed)
        outbox.put(session, tenant_id, _told(account, approval, amount))


def refuse(
    tenant_id: str,
    account_id: str,
    currency: str,
    by: str,
    why: str = "",
    number: int | None = None,
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""
    with transaction() as session:
        subject = _subject(account_id, currency)
        deciding.refuse(session, tenant_id, ACT, subject, by, why, number)


def run_out() -> int:
    """End what nobody approved within seven days; how many."""
    with transaction() as session:
        over = deciding.over(session, frozenset({ACT}), MOST_AT_ONCE)
        for tenant_id, act, subject in over:
            deciding.run_out(session, tenant_id, act, subject)
    return len(over)


def _locked(session: Session, tenant_id: str, account_id: str) -> ProviderAccount:
    """The account, when nobody else moves its reserve."""
    account = accounts.get(session, tenant_id, account_id)
    settlements.one_at_a_time(session, tenant_id, account_id)
    return account


def _check(session: Session, account: ProviderAccount, amount: Money) -> None:
    held = booking.held(session, account.tenant_id, account.id, amount.currency)
    if not 0 < amount.cents <= held.cents:
        raise NotHeld(f"{held.cents} cents are held back in reserve.")


def _told(account: ProviderAccount, approval: Approval, amount: Money) -> Message:
    order = approval.order_number
    closed = payout_messages.ReserveClosed(account.provider, account.id, approval.id, amount, order)
    return payout_messages.reserve_closed(closed)


def _subject(account_id: str, currency: str) -> str:
    return f"{account_id}:{currency}"
