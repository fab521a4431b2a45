"""PayPal: Orders v2 with capture, refunds, signed webhooks, settlement by its reports.

An order is captured by us when it is to be collected: until then no money moves, however long ago
the payer agreed. Orders and payments: developer.paypal.com/docs/api/orders/v2 and …/payments/v2.
Credentials are told in ``paypal_wire``. The payer's name, e-mail and address end here.
"""

import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from portal.money import Money
from portal.providers import paypal_events, paypal_settlement
from portal.providers.paypal_order import handover, order_body, unit_of
from portal.providers.paypal_reading import CAPTURE_STATUS, best, capture_report, refund_report
from portal.providers.paypal_webhook import verified
from portal.providers.paypal_wire import (
    LIVE_AT,
    base_url,
    call,
    child,
    is_here,
    is_live,
    maybe,
    money,
    part,
    rows,
    written,
)
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    Handover,
    Heard,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    Settlement,
    Unwilling,
)
from portal.providers.wire import Told, mapped, sensibly, text

# fmt: off
ORDER_STATUS = {
    "CREATED":               Outcome.STARTED,
    "SAVED":                 Outcome.STARTED,
    "PAYER_ACTION_REQUIRED": Outcome.STARTED,
    "APPROVED":              Outcome.AGREED,     # not captured yet: see CAPTURE_ISSUE
    "VOIDED":                Outcome.CANCELLED,
    "COMPLETED":             Outcome.SUCCEEDED,  # only with a capture that is: see CAPTURE_STATUS
}
# Why an approved order was not captured, and what the payment is then. The payer is led back to
# PayPal's page by the same address. Other issues say nothing sure: it is asked again later.
CAPTURE_ISSUE = {
    "INSTRUMENT_DECLINED":                   Outcome.STARTED,
    "PAYER_ACTION_REQUIRED":                 Outcome.STARTED,
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING":  Outcome.STARTED,
    "ORDER_NOT_APPROVED":                    Outcome.STARTED,
    "COMPLIANCE_VIOLATION":                  Outcome.FAILED,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": Outcome.FAILED,
    "PAYEE_BLOCKED_TRANSACTION":             Outcome.FAILED,
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED":        Outcome.FAILED,
    "PAYER_ACCOUNT_RESTRICTED":              Outcome.FAILED,
    "PAYER_CANNOT_PAY":                      Outcome.FAILED,
    "TRANSACTION_BLOCKED_BY_PAYEE":          Outcome.FAILED,
    "TRANSACTION_LIMIT_EXCEEDED":            Outcome.FAILED,
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED":  Outcome.FAILED,
    "TRANSACTION_REFUSED":                   Outcome.FAILED,
}
# fmt: on
ALREADY_CAPTURED = "ORDER_ALREADY_CAPTURED"
# A refund of this invoice id is there already, or on its way: what became of it is asked later.
REFUND_ALREADY_THERE = {"DUPLICATE_INVOICE_ID", "PREVIOUS_REQUEST_IN_PROGRESS"}
NOTHING_LEFT = {"CAPTURE_FULLY_REFUNDED", "REFUND_AMOUNT_EXCEEDED"}  # by whose refund is not said

MERCHANT = re.compile("[2-9A-HJ-NP-Z]{13}")
_NO_ORDER = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_NO_REFUND = _NO_ORDER | {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
_NEEDED = ("base_url", "client_id", "secret", "webhook_id")


class PayPal:
    """Checks, starts, fetches, collects, notifies, refunds and says what became of refunds,
    settles, lists settlements.

    It does not cancel: an order has no end but time, and no money moves before our capture.
    """

    name = "paypal"

    def checked(self, account: Account) -> None:
        """Credentials of its own mode: play money is never taken for money, nor the reverse."""
        missing = [name for name in _NEEDED if not account.credentials.get(name)]
        if missing:
            raise AccountUnfit(f"Missing: {', '.join(missing)}.")
        if not MERCHANT.fullmatch(account.merchant):
            raise AccountUnfit("The merchant must be the merchant id at PayPal, of 13 characters.")
        url = base_url(account)
        if is_here(account) and account.credentials.get("ca"):
            return
        if account.credentials.get("ca"):
            raise AccountUnfit("ca is for a practice PayPal on this machine only.")
        if LIVE_AT.get(url) is not account.live:
            right = next(base for base, live in LIVE_AT.items() if live is account.live)
            mode = "live" if account.live else "test"
            raise AccountUnfit(f"base_url of a {mode} account must be {right}.")

    def start(self, account: Account, order: Order) -> Handover:
        """Take the citizen to PayPal's page."""
        body = order_body(order)
        try:
            told = call(account, "POST", "/v2/checkout/orders", body, key=order.payment)
        except Unwilling as no:
            if no.status not in _NO_ORDER:
                raise
            raise OrderRefused(f"PayPal takes no such order: {no.issue}") from None
        return sensibly(lambda: handover(told, order))

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What became of an order.

        Orders are found by PayPal's name alone. One whose name never reached us was never shown to
        anybody, and nothing can be captured of it without us: it is not there. PayPal is asked for
        an order of our name, which it cannot have: who is silent says nothing about payments.
        """
        told = _order(account, provider_reference or payment.upper())
        if told is None or not provider_reference:
            return _not_found(account, payment)
        return sensibly(lambda: _report(account, told))

    def collect(self, account: Account, payment: str, provider_reference: str) -> Report:
        """Capture an order that the payer has approved."""
        told = _order(account, provider_reference) if provider_reference else None
        if told is None:
            return self.fetch(account, payment, provider_reference)
        if not _is_approved(account, payment, told):
            return sensibly(lambda: _report(account, told))
        return self._capture(account, payment, told)

    def read_notification(
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Heard, ...]:
        """The signature and its certificate first, and only then what it says.

        Raises ``ProviderDown``, too, when PayPal's certificate cannot be had: it shall come again.
        """
        return paypal_events.heard(account, verified(account, headers, body, now))

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Send money back. The order is asked first: PayPal forgets our key after six hours.

        Money without an order has the name of its capture, which tells of no refunds: there only
        our invoice id keeps PayPal from sending it twice.
        """
        unit, capture = _came_by(account, order.provider_reference)
        if capture is None or mapped(CAPTURE_STATUS, str(capture["status"])) in _NOT_TAKEN:
            return _no_refund(account, order)
        merchant = sensibly(lambda: text(child(unit, "payee"), "merchant_id"))
        for known in sensibly(lambda: rows(child(unit, "payments"), "refunds")):
            if known.get("invoice_id") == order.refund:
                return sensibly(lambda found=known: refund_report(account, found, merchant))  # type: ignore[misc]
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

    def fetch_refund(
        self,
        account: Account,
        order: RefundOrder,  # noqa: ARG002 -- PayPal knows its names by themselves
        provider_reference: str,
    ) -> RefundReport | None:
        """What became of a refund (developer.paypal.com/docs/api/payments/v2, refunds/get)."""
        try:
            return paypal_events.refunded(account, provider_reference)
        except Unwilling as no:
            if no.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def settlement(self, account: Account, settlement: str) -> Settlement:
        """One transfer between the PayPal balance and the town's bank account."""
        return paypal_settlement.settlement(account, settlement)

    def settlements(self, account: Account, since: datetime) -> tuple[str, ...]:
        """The transfers since a moment of which the report is complete."""
        return paypal_settlement.settlements(account, since)

    def _capture(self, account: Account, payment: str, approved: Told) -> Report:
        """Take the money. The key is of this approval: after another one it is another capture, or
        PayPal might answer for hours with the means that was declined. None is captured twice.
        """
        reference, at = (sensibly(lambda: text(approved, "id")), maybe(approved, "update_time"))
        path, refused = f"/v2/checkout/orders/{part(reference)}/capture", None
        key = f"{payment}-capture-{zlib.crc32(at.encode())}"
        try:
            told: Told | None = call(account, "POST", path, {}, key=key)
        except Unwilling as no:
            if no.issue != ALREADY_CAPTURED and no.issue not in CAPTURE_ISSUE:
                raise
            refused, told = CAPTURE_ISSUE.get(no.issue), _order(account, reference)
        if told is None:
            return _not_found(account, payment)
        report = sensibly(lambda: _report(account, told, refused))
        if refused is None and report.outcome in {Outcome.STARTED, Outcome.AGREED}:
            raise ProviderDown("it neither captured the order nor says why")
        return report


_NOT_TAKEN = {Outcome.PENDING, Outcome.FAILED}


def _order(account: Account, reference: str) -> Told | None:
    """The order of PayPal's name; ``None`` when it has none, or no longer."""
    return _found(account, f"/v2/checkout/orders/{part(reference)}")


def _came_by(account: Account, reference: str) -> tuple[Told, Told | None]:
    """Whose money came by an order or, without one, by a capture; and the capture, if there is one
    that may have taken any.
    """
    told = _order(account, reference)
    if told is not None:
        unit = sensibly(lambda: unit_of(told))
        return unit, sensibly(lambda: best(unit))
    alone = _found(account, f"/v2/payments/captures/{part(reference)}")
    if alone is not None:
        sensibly(lambda: text(alone, "status"))
    return alone or {}, alone


def _found(account: Account, path: str) -> Told | None:
    """What stands at a path; ``None`` when PayPal says that nothing does."""
    try:
        return call(account, "GET", path)
    except Unwilling as no:
        if no.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _is_approved(account: Account, payment: str, told: Told) -> bool:
    """Whether this is our approved order; another's is only reported, never captured."""
    unit = sensibly(lambda: unit_of(told))
    ours = unit.get("custom_id"), sensibly(lambda: child(unit, "payee")).get("merchant_id")
    return told.get("status") == "APPROVED" and ours == (payment, account.merchant)


def _report(account: Account, told: Told, refused: Outcome | None = None) -> Report:
    """An order in our words; ``refused`` is what it is when it was approved but not captured."""
    unit, reference = unit_of(told), text(told, "id")
    merchant = text(child(unit, "payee"), "merchant_id")
    outcome = mapped(ORDER_STATUS, text(told, "status"))
    capture = best(unit)
    if capture is not None:
        payment = text(unit, "custom_id")
        return capture_report(account, capture, payment, reference, merchant)
    if outcome is Outcome.SUCCEEDED:
        raise ValueError("completed without a capture")
    return Report(
        payment=text(unit, "custom_id"),
        provider_reference=reference,
        merchant=merchant,
        outcome=refused if refused and told.get("status") == "APPROVED" else outcome,
        amount=money(unit, "amount"),
        live=is_live(account),
    )


def _not_found(account: Account, payment: str) -> Report:
    return Report(payment, "", account.merchant, Outcome.NOT_FOUND, Money(0), account.live)


def _no_refund(account: Account, order: RefundOrder) -> RefundReport:
    failed = Outcome.FAILED
    return RefundReport(order.refund, "", failed, order.amount, account.merchant, account.live)
