"""Words of the daily reconciliation: where a row stands, and what an entry books."""

from collections.abc import Mapping

from portal.words import N_

# Where a row behind a figure stands.
SOURCES: Mapping[str, str] = {
    "allocations": N_("Allocation of a payment"),
    "approvals": N_("Closing by order"),
    "custody_items": N_("Custody item"),
    "custody_moves": N_("Movement of a custody item"),
    "custody_returns": N_("Money sent back"),
    "ledger_postings": N_("Line of an entry"),
    "paid_elsewhere": N_("Report of the finance system"),
    "payment_requests": N_("Payment request"),
    "payments": N_("Payment"),
    "payout_arrivals": N_("Pay-out on the bank"),
    "provider_figures": N_("Word of the provider"),
    "refunds": N_("Refund"),
    "request_versions": N_("Version of a payment request"),
    "reversals": N_("Reversal"),
    "settlement_lines": N_("Line of a settlement report"),
    "settlements": N_("Settlement report"),
    "suspense_items": N_("Suspense item"),
}
# By their reasons (portal/ledger/entries.py).
REASONS: Mapping[str, str] = {
    "payment_succeeded": N_("Payment succeeded"),
    "unclear_report": N_("Report that fits no payment"),
    "unclear_taken_back": N_("Unclear money has found its place"),
    "settlement": N_("Settlement report"),
    "settlement_undone": N_("Settlement report undone"),
    "custody_assigned": N_("Custody item given to a request"),
    "custody_returned": N_("Unclear money sent back"),
    "custody_return_failed": N_("Unclear money came back"),
    "refund": N_("Refund"),
    "refund_failed": N_("Refund failed"),
    "reversal": N_("Reversal"),
    "reversal_won": N_("Dispute won"),
    "reversal_corrected": N_("Reversal put right"),
    "payout_arrived": N_("Pay-out on the bank"),
    "paid_elsewhere": N_("Paid elsewhere"),
    "paid_elsewhere_undone": N_("Paid elsewhere, undone"),
    "suspense_closed": N_("Suspense item closed by order"),
    "reserve_closed": N_("Reserve closed by order"),
    "custody_kept": N_("Custody item kept by order"),
    "lowered": N_("New version below what was paid"),
    "replaced": N_("Replaced by a newer letter"),
    "kind_changed": N_("New version of another kind"),
}
