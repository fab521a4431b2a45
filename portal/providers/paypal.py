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
from portal.providers import paypal_events, paypal_refund, paypal_settlement
from portal.providers.paypal_order import handover, order_body, order_of, unit_of
from portal.providers.paypal_reading import best, capture_report
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

MERCHANT = re.compile("[2-9A-HJ-NP-Z]{13}")
_NO_ORDER = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
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
        told = order_of(account, provider_reference or payment.upper())
        if told is None or not provider_reference:
            return _not_found(account, payment)
        return sensibly(lambda: _report(account, told))

    def collect(self, account: Account, payment: str, provider_reference: str) -> Report:
        """Capture an order that the payer has approved."""
        told = order_of(account, provider_reference) if provider_reference else None
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
        """Send money back, once."""
        return paypal_refund.refund(account, order)

    def fetch_refund(
        self,
        account: Account,
        order: RefundOrder,  # noqa: ARG002 -- PayPal knows its names by themselves
        provider_reference: str,
    ) -> RefundReport | None:
        """What became of a refund."""
        return paypal_refund.named(account, provider_reference)

    def find_refund(self, account: Account, order: RefundOrder) -> RefundReport | None:
        """What became of one whose name never reached us."""
        return paypal_refund.ours(account, order)

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
            refused, told = CAPTURE_ISSUE.get(no.issue), order_of(account, reference)
        if told is None:
            return _not_found(account, payment)
        report = sensibly(lambda: _report(account, told, refused))
        if refused is None and report.outcome in {Outcome.STARTED, Outcome.AGREED}:
            raise ProviderDown("it neither captured the order nor says why")
        return report


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
