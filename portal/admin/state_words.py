"""States and codes in the words of the town hall, each with the tone of its badge."""

from collections.abc import Mapping

from portal.admin.lists.columns import Word
from portal.words import N_

REQUEST: Mapping[str, Word] = {
    "open": Word(N_("open"), "wait"),
    "partly_paid": Word(N_("partly paid"), "wait"),
    "paid": Word(N_("paid"), "good"),
    "withdrawn": Word(N_("no longer payable online")),
    "expired": Word(N_("expired")),
    "replaced": Word(N_("replaced")),
}
PAYMENT: Mapping[str, Word] = {
    "created": Word(N_("begun"), "wait"),
    "started": Word(N_("at the provider"), "wait"),
    "pending": Word(N_("under way"), "wait"),
    "unknown": Word(N_("unknown"), "bad"),
    "succeeded": Word(N_("paid"), "good"),
    "failed": Word(N_("failed"), "bad"),
    "cancelled": Word(N_("cancelled")),
    "expired": Word(N_("run out")),
}
SUSPENSE: Mapping[str, Word] = {
    "open": Word(N_("open"), "wait"),
    "settled": Word(N_("settled"), "good"),
    "reversed": Word(N_("reversed")),
    "closed_by_order": Word(N_("closed by order")),
}
CUSTODY: Mapping[str, Word] = {
    "open": Word(N_("open"), "wait"),
    "assigned": Word(N_("assigned"), "good"),
    "returned": Word(N_("sent back")),
    "kept_by_order": Word(N_("kept by order")),
}
CAUSE: Mapping[str, Word] = {
    "surplus": Word(N_("surplus")),
    "unclear": Word(N_("unclear receipt")),
}
REFUND: Mapping[str, Word] = {
    "requested": Word(N_("waits for the second person"), "wait"),
    "approved": Word(N_("approved"), "wait"),
    "submitted": Word(N_("at the provider"), "wait"),
    "succeeded": Word(N_("refunded"), "good"),
    "failed": Word(N_("did not come about"), "bad"),
}
REASON: Mapping[str, Word] = {
    "surplus": Word(N_("surplus")),
    "claim_cancelled": Word(N_("the claim is void")),
    "wrong_payer": Word(N_("paid by mistake")),
}
DELIVERY: Mapping[str, Word] = {
    "waiting": Word(N_("waits"), "wait"),
    "parked": Word(N_("set aside"), "bad"),
    "refused": Word(N_("refused"), "bad"),
    "taken": Word(N_("taken over"), "good"),
    "booked": Word(N_("booked"), "good"),
    "skipped": Word(N_("skipped by order")),
    "in_feed": Word(N_("to be fetched")),
}
PAYOUT: Mapping[str, Word] = {
    "announced": Word(N_("announced"), "wait"),
    "arrived": Word(N_("on the bank account"), "good"),
    "undone": Word(N_("undone")),
}
EVENT: Mapping[str, Word] = {
    "payment.pending": Word(N_("payment under way")),
    "payment.succeeded": Word(N_("payment confirmed")),
    "payment.reversed": Word(N_("payment taken back by the bank")),
    "refund.succeeded": Word(N_("payment refunded")),
    "refund.failed": Word(N_("refund came back")),
    "request.changed": Word(N_("request changed")),
    "request.replaced": Word(N_("request replaced")),
    "request.expired": Word(N_("request expired")),
    "request.withdrawn": Word(N_("request withdrawn")),
    "request.restored": Word(N_("request restored")),
    "request.rest_closed": Word(N_("small rest waived")),
    "custody.opened": Word(N_("money taken into custody")),
    "custody.assigned": Word(N_("money in custody assigned")),
    "custody.returned": Word(N_("money in custody sent back")),
    "payout.announced": Word(N_("pay-out announced")),
    "payout.arrived": Word(N_("pay-out on the bank account")),
    "payout.withdrawn": Word(N_("pay-out withdrawn")),
    "citizen.says_paid": Word(N_("citizen says that it is paid")),
    "citizen.asks": Word(N_("citizen has a question")),
}
