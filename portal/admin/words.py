"""States and codes in the words of the town hall: one word for one thing, on every page.

Each has the tone of its badge. What only one page says stands beside that page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.web.language import gettext
from portal.words import N_


@dataclass(frozen=True, slots=True)
class Word:
    """A code in words. ``tone``: good, wait, bad or plain."""

    text: str
    tone: str = "plain"


Words = Mapping[str, Word] | Mapping[str, str]

REQUEST: Mapping[str, Word] = {
    "open": Word(N_("open"), "wait"),
    "partly_paid": Word(N_("partly paid"), "wait"),
    "paid": Word(N_("paid"), "good"),
    "withdrawn": Word(N_("no longer payable online")),
    "expired": Word(N_("expired")),
    "replaced": Word(N_("replaced")),
}
WITHDRAWN: Mapping[str, Word] = {
    "cancelled": Word(N_("the claim is cancelled")),
    "paid": Word(N_("it was paid otherwise")),
    "deferred": Word(N_("it is deferred")),
    "debit": Word(N_("it is collected by direct debit")),
    "enforcement": Word(N_("it is with the enforcement office")),
    "other": Word(N_("another reason")),
}
PAYMENT: Mapping[str, Word] = {
    "created": Word(N_("begun"), "wait"),
    "started": Word(N_("at the provider"), "wait"),
    "pending": Word(N_("under way"), "wait"),
    "unknown": Word(N_("end unknown"), "bad"),
    "succeeded": Word(N_("paid"), "good"),
    "failed": Word(N_("failed"), "bad"),
    "cancelled": Word(N_("cancelled")),
    "expired": Word(N_("expired")),
}
HOW: Mapping[str, Word] = {
    "transfer": Word(N_("by bank transfer")),
    "cash": Word(N_("in cash")),
    "debit": Word(N_("by direct debit")),
    "offset": Word(N_("by offsetting")),
    "other": Word(N_("otherwise")),
}
APPROVAL: Mapping[str, Word] = {
    "asked": Word(N_("waits for the second person"), "wait"),
    "approved": Word(N_("approved"), "good"),
    "refused": Word(N_("refused"), "bad"),
    "expired": Word(N_("expired"), "wait"),
}
REFUND: Mapping[str, Word] = {
    "requested": Word(N_("waits for the second person"), "wait"),
    "approved": Word(N_("approved"), "wait"),
    "submitted": Word(N_("at the provider"), "wait"),
    "succeeded": Word(N_("refunded"), "good"),
    "failed": Word(N_("failed"), "bad"),
}
REASON: Mapping[str, Word] = {
    "surplus": Word(N_("surplus: more was paid than asked")),
    "claim_cancelled": Word(N_("claim cancelled: it is not asked again")),
    "wrong_payer": Word(N_("paid by mistake: the claim is open again")),
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
# What happened to an item, where it is not the name of its state.
MOVE: Mapping[str, Word] = {
    **SUSPENSE,
    **CUSTODY,
    "opened": Word(N_("opened")),
    "taken_back": Word(N_("its place was found")),
    "unsettled": Word(N_("the settlement report was undone")),
}
CAUSE: Mapping[str, Word] = {
    "surplus": Word(N_("surplus")),
    "unclear": Word(N_("unclear receipt")),
}
PAYOUT: Mapping[str, Word] = {
    "announced": Word(N_("announced"), "wait"),
    "arrived": Word(N_("on the bank account"), "good"),
    "undone": Word(N_("undone")),
}
DELIVERY: Mapping[str, Word] = {
    "waiting": Word(N_("waits"), "wait"),
    "parked": Word(N_("stuck"), "bad"),
    "refused": Word(N_("refused"), "bad"),
    "taken": Word(N_("taken over"), "good"),
    "booked": Word(N_("booked"), "good"),
    "skipped": Word(N_("skipped by order")),
    "in_feed": Word(N_("to be fetched")),
}
EVENT: Mapping[str, Word] = {
    "payment.pending": Word(N_("payment under way")),
    "payment.succeeded": Word(N_("payment confirmed")),
    "payment.reversed": Word(N_("payment taken back by the bank")),
    "refund.succeeded": Word(N_("refund sent")),
    "refund.failed": Word(N_("refund failed")),
    "request.changed": Word(N_("request changed")),
    "request.replaced": Word(N_("request replaced")),
    "request.expired": Word(N_("request expired")),
    "request.withdrawn": Word(N_("request no longer payable online")),
    "request.restored": Word(N_("request payable online again")),
    "request.rest_closed": Word(N_("small rest closed")),
    "custody.opened": Word(N_("custody item opened")),
    "custody.assigned": Word(N_("custody item assigned")),
    "custody.returned": Word(N_("custody item sent back")),
    "payout.announced": Word(N_("pay-out announced")),
    "payout.arrived": Word(N_("pay-out on the bank account")),
    "payout.withdrawn": Word(N_("settlement report undone")),
    "citizen.says_paid": Word(N_("note: paid already")),
    "citizen.asks": Word(N_("question about a letter")),
    "reserve.closed": Word(N_("reserve closed by order")),
    "audit.anchored": Word(N_("end of the audit chain")),
}

# What an access of a finance system may do.
SCOPES: Mapping[str, str] = {
    "requests:write": N_("push requests and get their links"),
    "requests:read": N_("read requests"),
    "events:read": N_("read events"),
    "events:ack": N_("acknowledge events"),
}


def said(table: Words, code: str) -> str:
    """A code in words; one that the table does not name stands for itself."""
    if code not in table:
        return code
    found = table[code]
    return gettext(found.text if isinstance(found, Word) else found)


def tone(table: Mapping[str, Word], code: str) -> str:
    """The tone of its badge."""
    return table[code].tone if code in table else "plain"


def choices(table: Mapping[str, Word]) -> list[tuple[str, str]]:
    """The codes to choose from, after a line that chooses none."""
    return [("", "–"), *((code, gettext(word.text)) for code, word in table.items())]
