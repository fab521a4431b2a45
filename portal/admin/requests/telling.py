"""The words of the time line: what happened to a request, and who caused it."""

from collections.abc import Mapping

from portal.web.language import gettext
from portal.words import N_

# By whom a step of a payment came about.
SOURCES: Mapping[str, str] = {
    "start": N_("the payer"),
    "citizen": N_("the payer"),
    "return": N_("the provider, asked when the payer came back"),
    "notification": N_("the provider, by a notification"),
    "sweep": N_("the provider, asked by the portal"),
    "staff": N_("the provider, asked by a colleague"),
    "settlement": N_("the provider's settlement report"),
    "correction": N_("the staff, by a correction"),
}
ORDERS: Mapping[str, str] = {
    "request.withdraw": N_("The request can no longer be paid online"),
    "request.restore": N_("The request can be paid online again"),
    "request.new_link": N_("A new link was ordered; the old one opens nothing any more"),
    "request.new_tan": N_("A new TAN was ordered; the old one counts no more"),
    "request.unlock": N_("The tries of this hour were unlocked"),
    "request.close_rest": N_("The rest was waived"),
    "link.revoked": N_("The link was revoked with its key"),
    "payment.asked": N_("The provider was asked what became of a payment"),
    "custody.assigned": N_("A custody item was given to a request"),
    "event.resend": N_("An event is sent again"),
    "event.release": N_("A parked event is sent again"),
    "event.skip": N_("An event is skipped by order"),
    "citizen.says_paid": N_("The payer says that it was paid"),
    "citizen.asks": N_("The payer asks something"),
}
DECISIONS: Mapping[str, str] = {
    "asked": N_("%(act)s: asked for"),
    "approved": N_("%(act)s: approved"),
    "refused": N_("%(act)s: refused or taken back"),
    "expired": N_("%(act)s: ran out after seven days"),
    "one_was_enough": N_("%(act)s: one person was enough, as the town's rule says"),
}
EVENTS: Mapping[str, str] = {
    "payment.pending": N_("money is under way"),
    "payment.succeeded": N_("payment received"),
    "payment.reversed": N_("payment taken back by the bank"),
    "custody.opened": N_("custody item opened"),
    "custody.assigned": N_("custody item given to a request"),
    "custody.returned": N_("custody item sent back"),
    "request.changed": N_("request changed"),
    "request.replaced": N_("request replaced"),
    "request.expired": N_("last day for paying is over"),
    "request.withdrawn": N_("no longer payable online"),
    "request.restored": N_("payable online again"),
    "request.rest_closed": N_("rest waived"),
    "refund.succeeded": N_("refund sent"),
    "refund.failed": N_("refund failed"),
    "citizen.says_paid": N_("the payer says that it was paid"),
    "citizen.asks": N_("the payer asks something"),
}
DELIVERIES: Mapping[str, str] = {
    "waiting": N_("waits for its delivery"),
    "taken": N_("taken"),
    "skipped": N_("skipped by order"),
    "parked": N_("parked: refused too often"),
    "feed": N_("in the feed, to be fetched"),
    "booked": N_("booked"),
    "refused": N_("refused"),
}
MOVES: Mapping[str, str] = {
    "opened": N_("opened"),
    "settled": N_("settled by the provider's report"),
    "reversed": N_("taken back"),
    "closed_by_order": N_("closed by order"),
    "assigned": N_("given to a request"),
    "returned": N_("sent back"),
    "kept_by_order": N_("kept by order"),
    "taken_back": N_("its place was found"),
    "unsettled": N_("the settlement report was undone"),
}
ACCOUNTS: Mapping[str, str] = {
    "suspense": N_("suspense %(name)s"),
    "claims": N_("claims %(name)s"),
    "custody": N_("custody %(name)s"),
    "transit": N_("on the way to the bank %(name)s"),
    "reserves": N_("held back %(name)s"),
    "fees": N_("fees %(name)s"),
    "losses": N_("losses %(name)s"),
    "differences": N_("differences %(name)s"),
    "bank": N_("bank"),
    "elsewhere": N_("paid elsewhere"),
    "income": N_("income from surplus"),
}
CUSTODY: Mapping[str, str] = {"surplus": N_("surplus"), "unclear": N_("unclear")}
TASKS: Mapping[str, str] = {
    "event_refused": N_("the finance system refused an event"),
    "event_parked": N_("an event is not sent any more"),
    "event_not_acknowledged": N_("an event was not acknowledged"),
    "endpoint_silent": N_("the finance system does not answer"),
    "custody_unclear": N_("unclear money"),
    "payment_unknown": N_("unknown payment"),
    "refund_failed": N_("a refund failed"),
    "refund_proposed": N_("surplus may go back"),
    "settlement_difference": N_("a settlement report does not agree"),
    "citizen_note": N_("a note of the payer"),
}
HOW: Mapping[str, str] = {
    "transfer": N_("by bank transfer"),
    "cash": N_("in cash"),
    "debit": N_("by direct debit"),
    "offset": N_("by offsetting"),
    "other": N_("otherwise"),
}


def account(name: str) -> str:
    """An account of the book: ``suspense:card`` is the suspense of the account card."""
    sort, _, rest = name.partition(":")
    if sort == "custody":
        rest = gettext(CUSTODY.get(rest, rest))
    return gettext(ACCOUNTS[sort], name=rest) if sort in ACCOUNTS else name
