"""PayPal's refunds: sent once, asked about by PayPal's name, found by ours
(developer.paypal.com/docs/api/payments/v2).
"""

from http import HTTPStatus

from portal.providers import paypal_events
from portal.providers.paypal_order import order_of, unit_of
from portal.providers.paypal_reading import CAPTURE_STATUS, best, refund_report
from portal.providers.paypal_wire import call, child, find, maybe, part, rows, written
from portal.providers.protocol import (
    Account,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Unwilling,
)
from portal.providers.wire import Told, mapped, sensibly, text

# A refund of this invoice id is there already, or on its way: what became of it is asked later.
REFUND_ALREADY_THERE = {"DUPLICATE_INVOICE_ID", "PREVIOUS_REQUEST_IN_PROGRESS"}
NOTHING_LEFT = {"CAPTURE_FULLY_REFUNDED", "REFUND_AMOUNT_EXCEEDED"}  # by whose refund is not said
_NO_REFUND = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
}
_NOT_TAKEN = {Outcome.PENDING, Outcome.FAILED}


def refund(account: Account, order: RefundOrder) -> RefundReport:
    """Send money back. The order is asked first: PayPal forgets our key after six hours.

    Money without an order has the name of its capture, which tells of no refunds: there only
    our invoice id keeps PayPal from sending it twice.
    """
    unit, capture = _came_by(account, order.provider_reference)
    if capture is None or mapped(CAPTURE_STATUS, str(capture["status"])) in _NOT_TAKEN:
        return _no_refund(account, order)
    merchant = sensibly(lambda: text(child(unit, "payee"), "merchant_id"))
    if known := _ordered(account, unit, order, merchant):
        return known
    body = {"amount": written(order.amount), "invoice_id": order.refund}
    if payment := sensibly(lambda: maybe(unit, "custom_id")) or order.payment:
        body["custom_id"] = payment
    path = f"/v2/payments/captures/{part(str(capture['id']))}/refund"
    try:
        made = call(account, "POST", path, body, key=order.refund)
    except Unwilling as no:
        unsure = REFUND_ALREADY_THERE | (NOTHING_LEFT if unit is capture else set())
        if no.status not in _NO_REFUND or no.issue in unsure:
            raise
        return _no_refund(account, order)
    return sensibly(lambda: refund_report(account, made, merchant))


def named(account: Account, refund: str) -> RefundReport | None:
    """What became of a refund of PayPal's name (refunds/get)."""
    try:
        return paypal_events.refunded(account, refund)
    except Unwilling as no:
        if no.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def ours(account: Account, order: RefundOrder) -> RefundReport | None:
    """Among the refunds of its order. A capture without one tells of none."""
    unit, capture = _came_by(account, order.provider_reference)
    if capture is None or unit is capture:
        raise ProviderDown("it does not say what went back of this payment")
    merchant = sensibly(lambda: text(child(unit, "payee"), "merchant_id"))
    return _ordered(account, unit, order, merchant)


def _came_by(account: Account, reference: str) -> tuple[Told, Told | None]:
    """Whose money came by an order or, without one, by a capture; and the capture, if there is one
    that may have taken any.
    """
    told = order_of(account, reference)
    if told is not None:
        unit = sensibly(lambda: unit_of(told))
        return unit, sensibly(lambda: best(unit))
    alone = find(account, f"/v2/payments/captures/{part(reference)}")
    if alone is not None:
        sensibly(lambda: text(alone, "status"))
    return alone or {}, alone


def _ordered(
    account: Account, unit: Told, order: RefundOrder, merchant: str
) -> RefundReport | None:
    """The refund of our name among those of an order, if it was ordered before."""
    for known in sensibly(lambda: rows(child(unit, "payments"), "refunds")):
        if known.get("invoice_id") == order.refund:
            return sensibly(lambda found=known: refund_report(account, found, merchant))  # type: ignore[misc]
    return None


def _no_refund(account: Account, order: RefundOrder) -> RefundReport:
    failed = Outcome.FAILED
    return RefundReport(order.refund, "", failed, order.amount, account.merchant, account.live)
