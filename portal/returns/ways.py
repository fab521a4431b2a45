"""What can be sent back: a payment's money (a refund), or unclear money; how the two differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from portal.ledger.models import CustodyItem
from portal.payments.models import Payment
from portal.payments.refund_states import Event
from portal.payments.returned import CustodyReturn, Refund
from portal.providers.protocol import RefundOrder, SettlementLine
from portal.returns import custody_returns, refund_booking, refunds, return_booking
from portal.returns.refunds import NoSuchRefund, NotRefundable

Row = Refund | CustodyReturn


@dataclass(frozen=True, slots=True)
class Way:
    """One sort of money that goes back, and what it comes from: a payment, or a custody item.

    ``words`` begin the names of its suspense items: when it was sent, when it came back.
    """

    act: str
    row: type[Row]
    words: tuple[str, str]
    locked: Callable[[Session, str, str], tuple[Any, Any]]
    account: Callable[[Any], str]
    order: Callable[[Any, Any], RefundOrder]
    is_left: Callable[[Session, Any, Any], bool]
    by_reference: Callable[[Session, str, str, str], Row | None]
    succeeded: Callable[[Session, Any, Any], None]
    failed: Callable[[Session, Any, Any, Event], None]


def found(session: Session, tenant_id: str, refund_id: str) -> tuple[Way, Row]:
    """What we send back, or have sent, by our id; raises ``NoSuchRefund``."""
    for way in WAYS:
        row: Any = session.get(way.row, (tenant_id, refund_id))
        if row is not None:
            return way, row
    raise NoSuchRefund("There is no such refund.")


def by_reference(
    session: Session, tenant_id: str, account_id: str, provider_reference: str
) -> tuple[Way, Row] | None:
    """What we sent back under the provider's name."""
    for way in WAYS:
        row = way.by_reference(session, tenant_id, account_id, provider_reference)
        if row is not None:
            return way, row
    return None


def of_line(
    session: Session, tenant_id: str, account_id: str, line: SettlementLine
) -> tuple[Way, Row] | None:
    """What a line of a settlement report is about, by the provider's name or by our own."""
    known = by_reference(session, tenant_id, account_id, line.provider_reference)
    if known is not None or not line.refund:
        return known
    try:
        way, row = found(session, tenant_id, line.refund)
    except NoSuchRefund:
        return None
    ours = account_of(session, row) == account_id
    fits = ours and row.provider_reference in {None, line.provider_reference}
    return (way, row) if fits else None


def source(session: Session, row: Row) -> Any:
    """What it comes from, not locked: a payment, or a custody item."""
    if isinstance(row, CustodyReturn):
        return session.get_one(CustodyItem, (row.tenant_id, row.item_id))
    return session.get_one(Payment, (row.tenant_id, row.payment_id))


def account_of(session: Session, row: Row) -> str:
    """By which account it goes back."""
    return row.account_id if isinstance(row, CustodyReturn) else source(session, row).account_id


def _order(payment: Payment, refund: Refund) -> RefundOrder:
    return RefundOrder(refund.id, payment.id, payment.provider_reference or "", refund.amount)


def _return_order(_: CustodyItem, row: CustodyReturn) -> RefundOrder:
    return RefundOrder(row.id, row.payment, row.payment_reference, row.amount)


def _is_left(session: Session, payment: Payment, refund: Refund) -> bool:
    try:
        refunds.check_left(session, payment, refund.amount, refund.reason, but=refund.id)
    except NotRefundable:
        return False
    return True


def _is_open(_: Session, item: CustodyItem, row: CustodyReturn) -> bool:
    return item.open_cents == row.amount_cents


def _account(payment: Payment) -> str:
    return payment.account_id


def _account_of_item(item: CustodyItem) -> str:
    return item.account or ""


# fmt: off
WAYS = (
    Way(refunds.ACT, Refund, ("refund", "refund-failed"), refunds.locked, _account, _order,
        _is_left, refunds.by_reference, refund_booking.succeeded, refund_booking.failed),
    Way(custody_returns.ACT, CustodyReturn, ("returned", "return-failed"), custody_returns.locked,
        _account_of_item, _return_order, _is_open, custody_returns.by_reference,
        return_booking.succeeded, return_booking.failed),
)
# fmt: on
