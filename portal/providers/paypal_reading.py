"""PayPal's captures and refunds in our words, however they were told: asked or by webhook."""

from portal.providers.paypal_wire import child, is_live, maybe, money, rows
from portal.providers.protocol import Account, Outcome, RefundReport, Report
from portal.providers.wire import Told, mapped, moment, text

# fmt: off
CAPTURE_STATUS = {
    "COMPLETED":          Outcome.SUCCEEDED,
    "PARTIALLY_REFUNDED": Outcome.SUCCEEDED,  # it was paid; what went back is told on its own
    "REFUNDED":           Outcome.SUCCEEDED,
    "PENDING":            Outcome.PENDING,
    "DECLINED":           Outcome.FAILED,
    "FAILED":             Outcome.FAILED,
}
REFUND_STATUS = {
    "COMPLETED": Outcome.SUCCEEDED,
    "PENDING":   Outcome.PENDING,
    "FAILED":    Outcome.FAILED,
    "CANCELLED": Outcome.FAILED,
}
# fmt: on
_BEST = (Outcome.SUCCEEDED, Outcome.PENDING, Outcome.FAILED)
_CHANGED_LATER = {"PARTIALLY_REFUNDED", "REFUNDED"}


def best(unit: Told) -> Told | None:
    """Of several captures the one that took money, or may; ``None`` where there is none."""
    captures = rows(child(unit, "payments"), "captures")
    ranks = [_BEST.index(mapped(CAPTURE_STATUS, text(row, "status"))) for row in captures]
    return captures[ranks.index(min(ranks))] if captures else None


def capture_report(
    account: Account, capture: Told, payment: str, reference: str, merchant: str
) -> Report:
    """A capture: its own amount counts, and when it came to its status."""
    status = text(capture, "status")
    refunded = status in _CHANGED_LATER
    return Report(
        payment=payment,
        provider_reference=reference,
        merchant=merchant,
        outcome=mapped(CAPTURE_STATUS, status),
        amount=money(capture, "amount"),
        live=is_live(account),
        happened_at=moment(capture, "create_time" if refunded else "update_time"),
    )


def refund_report(account: Account, refund: Told, merchant: str) -> RefundReport:
    """A refund. What was ordered at PayPal itself carries no id of ours, but the payment's."""
    payment, ours = maybe(refund, "custom_id"), maybe(refund, "invoice_id")
    return RefundReport(
        refund="" if ours == payment else ours,
        provider_reference=text(refund, "id"),
        outcome=mapped(REFUND_STATUS, text(refund, "status")),
        amount=money(refund, "amount", 1),
        merchant=merchant,
        live=is_live(account),
        payment=payment,
    )
