"""What PayPal's webhooks say (developer.paypal.com/api/rest/webhooks/event-names).

They name no mode: which one it is follows from the certificate and the account's address. A body is
signed by its CRC-32 only, so whoever has one genuine letter can write another with the same sum: it
must make sense, but what counts is what PayPal says of the thing when it is asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from portal import clock
from portal.money import Money
from portal.providers.paypal_reading import capture_report, refund_report
from portal.providers.paypal_report import SECOND, search
from portal.providers.paypal_wire import call, child, is_live, maybe, money, part, rows
from portal.providers.protocol import (
    Account,
    BadNotification,
    Heard,
    Moved,
    ProviderDown,
    RefundReport,
    ReversalReport,
)
from portal.providers.wire import Told, mapped, moment, sensibly, text

# fmt: off
# Whether money is away: in an inquiry payer and town only talk.
STAGE: Mapping[str, bool | None] = {
    "INQUIRY":         None,
    "CHARGEBACK":      False,
    "PRE_ARBITRATION": False,
    "ARBITRATION":     False,
}
# Whether the town won. Where PayPal may have paid either side, its report tells.
OUTCOME: Mapping[str, bool | None] = {
    "RESOLVED_SELLER_FAVOUR": True,
    "CANCELED_BY_BUYER":      True,
    "DENIED":                 True,
    "RESOLVED_BUYER_FAVOUR":  False,
    "ACCEPTED":               False,
    "RESOLVED_WITH_PAYOUT":   None,
    "NONE":                   None,
}
REASON = {
    "EXTERNAL": "chargeback",  # at the card's bank
    "INTERNAL": "other",       # at PayPal (buyer protection)
    "ALERT":    "chargeback",
}
# What the town is charged for a dispute, or gets back of it; the rest is the money itself.
FEE = {
    "DISPUTE_FEE":            True,
    "CHARGEBACK_FEE":         True,
    "DISPUTE_SETTLEMENT_FEE": True,
    "DISPUTE_SETTLEMENT":     False,
}
COMES_BACK = {"DEBIT": False, "CREDIT": True}
# Genuine, and nothing to us: either it comes again in another event, or it is no money of ours.
OF_NO_INTEREST = {
    "CHECKOUT.ORDER.COMPLETED", "CHECKOUT.ORDER.PROCESSED", "CHECKOUT.ORDER.SAVED",
    "CHECKOUT.ORDER.VOIDED", "CHECKOUT.CHECKOUT.BUYER-APPROVED",
    "PAYMENT.AUTHORIZATION.CREATED", "PAYMENT.AUTHORIZATION.VOIDED",
    "PAYMENT.ORDER.CREATED", "PAYMENT.ORDER.CANCELLED",
}
# fmt: on
NEAR = timedelta(days=1)  # the transactions of a reversal stand so close to it
_CAPTURE = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,24})$")


def heard(account: Account, event: Told) -> tuple[Heard, ...]:
    """What a genuine event says; raises ``BadNotification``, ``UnknownWord``, ``ProviderDown``."""
    try:
        event_id, name = text(event, "id"), text(event, "event_type")
        if name in OF_NO_INTEREST:
            return ()
        return mapped(EVENTS, name)(account, child(event, "resource"), event_id)
    except (ValueError, KeyError, TypeError):
        raise BadNotification("it is not readable") from None


def case(account: Account, capture: str, at: datetime) -> Told | None:
    """The dispute about a capture, the last that was begun by then; none for other reversals.

    One name for a reversal, however it was told (developer.paypal.com/docs/api/customer-disputes).
    """
    told = call(account, "GET", f"/v1/customer/disputes?disputed_transaction_id={part(capture)}")
    items = sensibly(lambda: rows(told, "items"))
    begun = sensibly(lambda: [(moment(row, "create_time"), row) for row in items])
    before = sorted((when, text(row, "dispute_id")) for when, row in begun if when <= at)
    if not before:
        return None
    return call(account, "GET", f"/v1/customer/disputes/{part(before[-1][1])}")


def reason(dispute: Told) -> str:
    """Our word for why money was taken back."""
    channel = maybe(dispute, "dispute_channel")
    return mapped(REASON, channel) if channel else "other"


def captured(account: Account, capture: str) -> Told:
    """A capture: whose payment it is, of which order, for which merchant."""
    return call(account, "GET", f"/v2/payments/captures/{part(capture)}")


def refunded(account: Account, refund: str) -> RefundReport:
    """What became of a refund of PayPal's name."""
    told = call(account, "GET", f"/v2/payments/refunds/{part(refund)}")
    merchant = sensibly(lambda: maybe(child(told, "payer"), "merchant_id")) or account.merchant
    return sensibly(lambda: refund_report(account, told, merchant))


def _approved(account: Account, told: Told, event_id: str) -> tuple[Heard, ...]:
    """The payer agreed: no money yet. Asked about it, we collect it if it is still asked for."""
    (unit,) = rows(told, "purchase_units")
    merchant = text(child(unit, "payee"), "merchant_id")
    payment, order = maybe(unit, "custom_id"), text(told, "id")
    return (Moved(payment, order, merchant, is_live(account), event_id),)


def _captured(account: Account, told: Told, event_id: str) -> tuple[Heard, ...]:
    """A capture. One that was not ordered by us, at a till or by another shop of the town, names no
    payment.
    """
    name = text(told, "id")
    capture_report(account, told, maybe(told, "custom_id"), name, account.merchant)
    asked = captured(account, name)
    payment, order, merchant = sensibly(lambda: whose_is(asked))
    report = sensibly(lambda: capture_report(account, asked, payment, order or name, merchant))
    return (replace(report, event_id=event_id),)


def _refunded(account: Account, told: Told, event_id: str) -> tuple[Heard, ...]:
    refund_report(account, told, account.merchant)
    return (replace(refunded(account, text(told, "id")), event_id=event_id),)


def _reversed(account: Account, told: Told, event_id: str) -> tuple[Heard, ...]:
    """PayPal or a bank took money back: a refund in form, with the capture in its links."""
    found = (_CAPTURE.search(str(row.get("href", ""))) for row in rows(told, "links"))
    capture = next((match[1] for match in found if match), None)
    if capture is None:
        raise ValueError("links")
    at = moment(told, "create_time")
    money(told, "amount", 1)
    dispute = case(account, capture, at)
    if dispute is not None:
        amount = sensibly(lambda: money(dispute, "dispute_amount", 1))
    else:
        amount = _taken_back(account, capture, at)
    named = dispute or {"dispute_id": capture}
    return (_reversal(account, capture, named, amount, won=False, event_id=event_id),)


def _taken_back(account: Account, capture: str, at: datetime) -> Money:
    """What the transaction search says was taken of a capture without a dispute.

    It is some hours behind: raises ``ProviderDown`` until then, and PayPal tells again for three
    days. What it does not tell by then the settlement report does.
    """
    found = search(account, at - NEAR, min(at + NEAR, clock.now() + SECOND))
    mine = [
        one
        for one in found.movements
        if one.kind == "reversal" and one.about == capture and one.counts
    ]
    taken = -sum(one.amount.cents for one in mine)
    if taken <= 0 or len({one.amount.currency for one in mine}) > 1:
        raise ProviderDown("its report does not tell of this reversal yet")
    return Money(taken, mine[0].amount.currency)


def _disputed(account: Account, told: Told, event_id: str) -> tuple[Heard, ...]:
    _stands(told)
    asked = call(account, "GET", f"/v1/customer/disputes/{part(text(told, 'dispute_id'))}")
    capture, amount, won = sensibly(lambda: _stands(asked))
    if won is None:
        return ()
    return (_reversal(account, capture, asked, amount, won=won, event_id=event_id),)


def _stands(dispute: Told) -> tuple[str, Money, bool | None]:
    """The capture that a dispute is about, for how much, and whether it is won; ``None``: no money
    is away, or its end is told by a report.
    """
    amount = money(dispute, "dispute_amount", 1)
    (disputed,) = rows(dispute, "disputed_transactions")
    reason(dispute)
    fees(dispute, amount.currency, come_back=False)
    if dispute.get("status") == "RESOLVED":
        won = mapped(OUTCOME, text(child(dispute, "dispute_outcome"), "outcome_code"))
    else:
        won = mapped(STAGE, text(dispute, "dispute_life_cycle_stage"))
    return text(disputed, "seller_transaction_id"), amount, won


def _reversal(
    account: Account, capture: str, dispute: Told, amount: Money, *, won: bool, event_id: str
) -> ReversalReport:
    """A reversal, with what the capture says of itself and the dispute of its fees."""
    name, why = sensibly(lambda: text(dispute, "dispute_id")), reason(dispute)
    fee = sensibly(lambda: fees(dispute, amount.currency, come_back=won))
    whole = captured(account, capture)
    payment, order, merchant = sensibly(lambda: whose_is(whole))
    return ReversalReport(
        name, payment, merchant, amount, fee, is_live(account), why, won, order, event_id
    )


def fees(dispute: Told, currency: str, *, come_back: bool) -> Money:
    """What the town was charged for a dispute, or what of it came back."""
    cents = 0
    for row in rows(dispute, "money_movements"):
        if row.get("affected_party") == "SELLER" and mapped(FEE, text(row, "reason")):
            charged = money(row, "amount")
            if charged.currency != currency:
                raise ValueError("money_movements")
            back = mapped(COMES_BACK, text(row, "type"))
            cents += charged.cents if back is come_back else 0
    return Money(cents, currency)


def whose_is(capture: Told) -> tuple[str, str, str]:
    """Our id of a capture's payment, and its order's, as far as they are; its merchant."""
    order = maybe(child(capture, "supplementary_data", "related_ids"), "order_id")
    return maybe(capture, "custom_id"), order, text(child(capture, "payee"), "merchant_id")


_Reader = Callable[[Account, Told, str], tuple[Heard, ...]]
EVENTS: Mapping[str, _Reader] = {
    "CHECKOUT.ORDER.APPROVED": _approved,
    "PAYMENT.CAPTURE.COMPLETED": _captured,
    "PAYMENT.CAPTURE.PENDING": _captured,
    "PAYMENT.CAPTURE.DENIED": _captured,
    "PAYMENT.CAPTURE.DECLINED": _captured,
    "PAYMENT.CAPTURE.REFUNDED": _refunded,
    "PAYMENT.REFUND.PENDING": _refunded,
    "PAYMENT.REFUND.FAILED": _refunded,
    "PAYMENT.CAPTURE.REVERSED": _reversed,
    "CUSTOMER.DISPUTE.CREATED": _disputed,
    "CUSTOMER.DISPUTE.UPDATED": _disputed,
    "CUSTOMER.DISPUTE.RESOLVED": _disputed,
}
