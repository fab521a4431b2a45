"""What PayPal's webhooks say (developer.paypal.com/api/rest/webhooks/event-names).

They name no mode: which one it is follows from the certificate and the account's address. A body is
signed by its CRC-32 only, so whoever has one genuine letter can write another with the same sum: it
must make sense, but what counts is what PayPal says of the thing when it is asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
# Whether a dispute takes money: in an inquiry payer and town only talk, and it may end by a refund,
# which is told as one.
STAGE = {
    "INQUIRY":         False,
    "CHARGEBACK":      True,
    "PRE_ARBITRATION": True,
    "ARBITRATION":     True,
}
# Whether what the payer got was the town's. PayPal may have paid either side out of its own.
OUTCOME = {
    "RESOLVED_SELLER_FAVOUR": False,
    "CANCELED_BY_BUYER":      False,
    "DENIED":                 False,
    "RESOLVED_BUYER_FAVOUR":  True,
    "ACCEPTED":               True,
    "RESOLVED_WITH_PAYOUT":   False,
    "NONE":                   False,
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
NOTHING_SENT_BACK = "COMPLETED"  # the status of such a capture
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
    sums = sensibly(lambda: _sums(dispute)) if dispute is not None else None
    if sums is None:
        sums = _only(_taken_back(account, capture, at))
    named = dispute or {"dispute_id": capture}
    whole = captured(account, capture)
    return (_reversal(account, whole, named, sums, event_id),)


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
    """A dispute as it stands. While nothing says for sure how much left by it, its report tells."""
    _about(told), _sums(told)
    asked = call(account, "GET", f"/v1/customer/disputes/{part(text(told, 'dispute_id'))}")
    capture, sums, paid_back = sensibly(lambda: (_about(asked), _sums(asked), _paid_back(asked)))
    if sums is None and not paid_back:
        return ()
    whole = captured(account, capture)
    if sums is None and sensibly(lambda: text(whole, "status")) != NOTHING_SENT_BACK:
        return ()
    return (_reversal(account, whole, asked, sums or _only(paid_back), event_id),)


def _about(dispute: Told) -> str:
    """The capture that a dispute is about."""
    (disputed,) = rows(dispute, "disputed_transactions")
    return text(disputed, "seller_transaction_id")


@dataclass(frozen=True, slots=True)
class _Sums:
    """What was taken of the town and given back to it, and of its fees."""

    taken: Money
    back: Money
    fee: Money
    fee_back: Money


def _only(taken: Money) -> _Sums:
    nothing = Money(0, taken.currency)
    return _Sums(taken, nothing, nothing, nothing)


def _sums(dispute: Told) -> _Sums | None:
    """What a dispute moved, by its money movements; ``None`` where it tells of nothing taken."""
    currency = money(dispute, "dispute_amount", 1).currency
    reason(dispute)
    cents = dict.fromkeys(((False, False), (False, True), (True, False), (True, True)), 0)
    for row in rows(dispute, "money_movements"):
        if row.get("affected_party") == "SELLER":
            moved, is_fee = money(row, "amount"), mapped(FEE, text(row, "reason"))
            if moved.currency != currency:
                raise ValueError("money_movements")
            cents[is_fee, mapped(COMES_BACK, text(row, "type"))] += moved.cents
    stage = maybe(dispute, "dispute_life_cycle_stage")
    sums = _Sums(*(Money(each, currency) for each in cents.values()))
    if not sums.taken or (stage and not mapped(STAGE, stage)):
        return None
    return replace(sums, back=min(sums.back, sums.taken))


def _paid_back(dispute: Told) -> Money:
    """What the payer got by the end of a dispute, if it was the town's: PayPal's or its refund."""
    currency = money(dispute, "dispute_amount", 1).currency
    stage, outcome = maybe(dispute, "dispute_life_cycle_stage"), child(dispute, "dispute_outcome")
    takes = bool(stage) and mapped(STAGE, stage)
    ended = dispute.get("status") == "RESOLVED"
    if not ended or not mapped(OUTCOME, text(outcome, "outcome_code")) or not takes:
        return Money(0, currency)
    got = money(outcome, "amount_refunded") if "amount_refunded" in outcome else Money(0, currency)
    if got.currency != currency:
        raise ValueError("amount_refunded")
    return got


def _reversal(
    account: Account, capture: Told, dispute: Told, sums: _Sums, event_id: str
) -> ReversalReport:
    """A reversal, with what the capture says of itself."""
    name, why = sensibly(lambda: text(dispute, "dispute_id")), reason(dispute)
    payment, order, merchant = sensibly(lambda: whose_is(capture))
    return ReversalReport(
        reversal=name,
        payment=payment,
        merchant=merchant,
        amount=sums.taken,
        back=sums.back,
        fee=sums.fee,
        fee_back=sums.fee_back,
        live=is_live(account),
        reason=why,
        provider_reference=order,
        event_id=event_id,
    )


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
