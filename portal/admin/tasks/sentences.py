"""The sentences of tasks: for each kind, or each variant of it, what happened and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.returns.matching import Why
from portal.words import N_
from portal.worklist.kinds import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """One kind, or one variant of it."""

    happened: str
    to_do: str


TITLES: Mapping[Kind, str] = {
    Kind.EVENT_REFUSED: N_("Event that was not booked"),
    Kind.EVENT_PARKED: N_("Event that is stuck"),
    Kind.EVENT_NOT_ACKNOWLEDGED: N_("Events without an answer"),
    Kind.ENDPOINT_SILENT: N_("Finance system does not answer"),
    Kind.CUSTODY_UNCLEAR: N_("Unclear money"),
    Kind.SUSPENSE_OVERDUE: N_("Overdue suspense item"),
    Kind.PAYMENT_UNKNOWN: N_("Payment with an unknown end"),
    Kind.REFUND_FAILED: N_("Refund that failed"),
    Kind.REFUND_PROPOSED: N_("Proposed refund"),
    Kind.SETTLEMENT_DIFFERENCE: N_("Difference"),
    Kind.SETTLEMENTS_MISSING: N_("Missing settlement reports"),
    Kind.ACCOUNT_PAUSED: N_("Paused provider account"),
    Kind.METHOD_ENDS: N_("Payment method that ends"),
    Kind.LAST_METHOD_ENDS: N_("Last payment method that ends"),
    Kind.TANS_GUESSED: N_("Many wrong TANs"),
    Kind.BOOKS_BROKEN: N_("A rule of the books is broken"),
    Kind.CITIZEN_NOTE: N_("Note from a citizen"),
}

SETTLED_ELSEWHERE = N_(
    "Compare it with the provider's own pages. When it is explained, end the task and say how."
)
WORDS: Mapping[str, Words] = {
    "event_refused": Words(
        N_("The finance system took event %(position)s (%(event)s) and could not book it."),
        N_(
            "Have the reason mended there, then send the event again. If it was booked there by"
            " hand, note the document: that ends the task."
        ),
    ),
    "event_parked": Words(
        N_(
            "Event %(position)s (%(event)s) was refused 20 times and is not sent any more. Later"
            " events of the same request wait behind it."
        ),
        N_(
            "Ask who looks after the finance system what is wrong with it, then try again. If it"
            " must never arrive there, skip it by order."
        ),
    ),
    "event_not_acknowledged": Words(
        N_(
            "The finance system took events and has said nothing of them for a day. The first is"
            " event %(position)s."
        ),
        N_("Ask whether the take-over runs there. The task ends by itself with its answer."),
    ),
    "endpoint_silent": Words(
        N_("The finance system has not answered since %(since)s. Its events wait here."),
        N_(
            "Test the connection, and tell who looks after the finance system. Nothing is lost:"
            " all events are handed over as soon as it answers."
        ),
    ),
    "custody_unclear": Words(
        N_("%(amount)s came by %(account)s that fit no payment of ours."),
        N_(
            "Give it to the request that it is meant for, or to several; send it back to where it"
            " came from; or have it kept by order."
        ),
    ),
    "suspense_overdue": Words(
        N_("%(account)s has had %(amount)s of ours since %(since)s, and paid nothing out for it."),
        N_(
            "Ask the provider for the settlement report and have it fetched. If the money will"
            " never come, have the item closed by order."
        ),
    ),
    "suspense_overdue.owed": Words(
        N_(
            "Since %(since)s %(account)s should have held back %(amount)s from a pay-out, for money"
            " that went back, and has not."
        ),
        N_(
            "Ask the provider for the settlement report and have it fetched. If it will never hold"
            " it back, have the item closed by order."
        ),
    ),
    "payment_unknown": Words(
        N_("A payment of %(amount)s by %(account)s was begun, and nobody can say how it ended."),
        N_(
            "Ask the provider now. If it will never know, have the payment corrected: two people"
            " call it failed, and the request can be paid again."
        ),
    ),
    "refund_failed": Words(
        N_("The provider could not send %(amount)s back."),
        N_(
            "Ask for it anew on an order. Or send it from the town's own account, and end the task"
            " with that reason."
        ),
    ),
    "refund_failed.not_left": Words(
        N_("%(amount)s should have gone back, and so much was not left any more."),
        N_("Look at the payment: a bank may have taken it back already. Then end the task."),
    ),
    "refund_failed.silent": Words(
        N_("The provider was told to send %(amount)s back, and never answered."),
        N_(
            "It is asked about every day, and the task ends by itself with the provider's word. If"
            " none comes, look it up on the provider's own pages and note whether it was made."
            " Never send it by another way before: it could be sent twice."
        ),
    ),
    "refund_failed.not_asked": Words(
        N_(
            "The provider was told to send %(amount)s back, and never answered. It cannot be asked"
            " what became of it."
        ),
        N_(
            "Look it up on the provider's own pages and note whether it was made. Never send it by"
            " another way before: it could be sent twice."
        ),
    ),
    "refund_failed.never_arrived": Words(
        N_(
            "The provider was told to send %(amount)s back, did not answer, and knows of no such"
            " refund."
        ),
        N_(
            "It was not sent. Ask for it anew on an order. Or send it from the town's own account,"
            " and end the task with that reason."
        ),
    ),
    "refund_failed.found_not_made": Words(
        N_("%(amount)s should have gone back. It was looked up: it did not."),
        N_(
            "Ask for it anew on an order. Or send it from the town's own account, and end the task"
            " with that reason."
        ),
    ),
    "refund_failed.pending": Words(
        N_("The provider has been sending %(amount)s back for a week, and does not say how far."),
        N_(
            "It is asked about every day for a month, and the task ends by itself with the"
            " provider's word. If none comes, look it up on the provider's own pages and note"
            " whether it was made. Never send it by another way before: it could be sent twice."
        ),
    ),
    "refund_proposed": Words(
        N_("%(amount)s was paid too much and can go back."),
        N_(
            "Ask for the refund on an order; another person approves it. Or give the money to"
            " another request, or have it kept by order."
        ),
    ),
    "settlement_difference": Words(
        N_(
            "The settlement report %(settlement)s of %(account)s pays out %(net)s. By our books it"
            " should be %(expected)s."
        ),
        N_(
            "Compare it with the provider's own pages. If the report itself was wrong, undo it."
            " When the difference is explained, end the task and say how."
        ),
    ),
    "settlement_difference.refused": Words(
        N_("The settlement report %(settlement)s of %(account)s cannot be booked (%(cause)s)."),
        N_(
            "Have the reports fetched again. If it will never fit, end the task and say why: it is"
            " not tried any more then."
        ),
    ),
    "settlement_difference.refund": Words(
        N_("%(account)s sent %(amount)s back that nobody here has ordered so."),
        SETTLED_ELSEWHERE,
    ),
    "settlement_difference.reversal": Words(
        N_(
            "A bank took %(amount)s back at %(account)s that fits no payment of ours. It is booked"
            " as a loss."
        ),
        SETTLED_ELSEWHERE,
    ),
    "settlement_difference.returned": Words(
        N_(
            "%(amount)s of unclear money went back although it had found its request meanwhile. It"
            " is booked as a loss."
        ),
        SETTLED_ELSEWHERE,
    ),
    "settlements_missing": Words(
        N_("%(account)s has not listed its settlement reports since %(since)s (%(cause)s)."),
        N_("Have them fetched again. The task ends by itself when they are listed."),
    ),
    "settlements_missing.quiet": Words(
        N_("Our money waits at %(account)s, and no settlement report has come since %(since)s."),
        N_("Ask the provider for its reports, have them fetched, or read in the file."),
    ),
    "account_paused": Words(
        N_(
            "%(account)s has not answered since %(since)s. Citizens are offered other payment"
            " methods."
        ),
        N_("It is asked every few minutes and comes back by itself. You can ask at once."),
    ),
    "account_paused.key_refused": Words(
        N_("%(account)s takes our key no more since %(since)s. Nobody can pay by it."),
        N_("Have new credentials set. Then ask at once; the task ends by itself with an answer."),
    ),
    "method_ends": Words(
        N_("%(labels)s ends on %(last_day)s, and nothing follows."),
        N_("Have a successor set, or the day moved. If it shall end, end the task."),
    ),
    "last_method_ends": Words(
        N_(
            "%(labels)s ends on %(last_day)s, and after that some requests cannot be paid online"
            " any more: %(gaps)s."
        ),
        N_("Have a successor set, or the day moved. If it shall end, end the task."),
    ),
    "tans_guessed": Words(
        N_("%(wrong)s wrong TANs were typed within an hour, on %(letters)s letters."),
        N_(
            "If the TANs of a print run cannot be read, print the letters anew. Otherwise nothing"
            " is to be done: each letter locks itself. The task ends after a quiet day."
        ),
    ),
    "books_broken": Words(
        N_("The nightly proof found a broken rule: %(subject)s. Places: %(rows)s."),
        N_(
            "Tell who runs the portal at once, and book nothing by hand. The task ends by itself"
            " when the rule holds again."
        ),
    ),
    "citizen_note": Words(
        N_("A citizen has a question: %(topic)s."),
        N_("Look at the request, clear it, and end the task with what came of it."),
    ),
    "citizen_note.says_paid": Words(
        N_("A citizen says to have paid on %(paid_on)s: %(how)s."),
        N_(
            "Look for the money in the finance system. If it came, have it told as paid elsewhere;"
            " then end the task with what came of it."
        ),
    ),
}
TOPICS: Mapping[str, str] = {
    "purpose": N_("What is this for?"),
    "amount": N_("Is the amount right?"),
    "address": N_("This is not for me"),
    "instalments": N_("I cannot pay all of it at once"),
    "twice": N_("I have paid twice"),
    "other": N_("something else"),
}
CAUSES: Mapping[str, str] = {
    "no_report": N_("no report came"),
    "no_settlement": N_("the provider does not tell it"),
    "wrong_merchant": N_("it is another merchant's"),
    "mixed_currencies": N_("it mixes currencies"),
    "fault": N_("the portal cannot read it"),
    "unknown_word": N_("the provider says something unknown"),
}

WHY: Mapping[Why, str] = {
    Why.PAYMENT_NAMED: N_("the provider names a payment of this request"),
    Why.REFERENCE_NAMED: N_("the provider names its reference"),
    Why.SIGN_NAMED: N_("the provider names its payment sign"),
    Why.OWN_LETTER: N_("the money came by this request, and it asks again"),
    Why.SAME_SIGN: N_("the same payment sign as the letter that the money came by"),
    Why.SAME_DEBTOR: N_("the same debtor's pseudonym as the letter that the money came by"),
    Why.SAME_AMOUNT: N_("just this amount is open"),
    Why.PRINTED_AMOUNT: N_("just this amount was printed once"),
    Why.BEGUN_THEN: N_("a payment of it was begun that day at the same provider"),
    Why.DUE_THEN: N_("it was due about then"),
}
