"""What may become of a payment here. The words are this provider's own.

Decided on the payment page only while ``open``. That money may still come after everything was
over (the last three lines) is what happens at real providers, and so it can be practised.
"""

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
# fmt: on

STATUSES = ("open", "authorising", "paid", "refused", "aborted", "timed_out")
REFUND_STATUSES = ("sent", "bounced")
VERBS = tuple(dict.fromkeys(verb for _, verb in EDGES))


def verbs_from(status: str) -> tuple[str, ...]:
    """What can be done to a payment that is ``status``."""
    return tuple(verb for verb in VERBS if (status, verb) in EDGES)
