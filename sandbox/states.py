"""What may become of a payment here. The words are this provider's own.

Decided on the payment page only while ``open``. That money may still come after everything was
over (the last three lines) is what happens at real providers, and so it can be practised.
"""

from collections.abc import Mapping

# fmt: off
EDGES = {
    ("open",         "pay"):     "paid",
    ("open",         "pend"):    "authorising",
    ("open",         "decline"): "refused",
    ("open",         "cancel"):  "aborted",
    ("open",         "expire"):  "timed_out",
    ("authorising",  "pay"):     "paid",
    ("authorising",  "decline"): "refused",
    ("refused",      "pay"):     "paid",
    ("aborted",      "pay"):     "paid",
    ("timed_out",    "pay"):     "paid",
}

# A refund that was sent still comes back from a closed account; a dispute may be won.
REFUND_EDGES = {
    ("under_way", "send"):   "sent",
    ("under_way", "bounce"): "bounced",
    ("sent",      "bounce"): "bounced",
}
REVERSAL_EDGES = {
    ("taken", "win"): "won",
}
# fmt: on

STATUSES = ("open", "authorising", "paid", "refused", "aborted", "timed_out")
REFUND_STATUSES = ("under_way", "sent", "bounced")
REVERSAL_STATUSES = ("taken", "won")
REASONS = ("chargeback", "returned_debit", "other")  # why a bank takes money back
VERBS = tuple(dict.fromkeys(verb for _, verb in EDGES))
REFUND_VERBS = tuple(dict.fromkeys(verb for _, verb in REFUND_EDGES))
REVERSAL_VERBS = tuple(dict.fromkeys(verb for _, verb in REVERSAL_EDGES))


def verbs_from(status: str, edges: Mapping[tuple[str, str], str] = EDGES) -> tuple[str, ...]:
    """What can be done to a payment (or by its own edges a refund, a reversal)."""
    return tuple(verb for old, verb in edges if old == status)
