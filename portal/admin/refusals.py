"""What a clerk reads when a core refuses: one sentence for each code, on every page."""

from collections.abc import Mapping

from portal.errors import PortalError
from portal.web.language import gettext
from portal.words import N_

# fmt: off
SENTENCES: Mapping[str, str] = {
    # Two people
    "same_person":         N_("You asked for this yourself: another person must approve it."),
    "already_decided":     N_("This has been decided meanwhile. Please look at it again."),
    "approval_expired":    N_("Seven days are over. It must be asked for anew."),
    "approval_waits":      N_("The same is waiting for its second person already."),
    "approval_not_found":  N_("Nobody is asking for this any more."),
    "order_missing":       N_("Please enter the number of the order: 1 to 64 letters, digits,"
                              " blanks and . / _ -"),
    "reason_missing":      N_("Please give a reason: it is missing, or too long."),
    "personal_data":       N_("Please leave out names, account numbers, addresses and telephone"
                              " numbers: this note is kept for years."),
    "nothing_changes":     N_("It is so already."),
    "rule_stands":         N_("It is so already."),
    "changed_since":       N_("It was changed since it was asked for. Please ask for it anew."),
    "address_taken":       N_("Another town has taken one of these addresses meanwhile. Please"
                              " refuse this and ask anew."),
    "always_two":          N_("This always takes two people."),
    # Money
    "item_changed":        N_("The item has changed meanwhile. Please look at it again."),
    "item_not_found":      N_("This item is not there."),
    "custody_promised":    N_("A refund of this money is not decided yet. Please decide that"
                              " first."),
    "request_replaced":    N_("A request was replaced by another one meanwhile. Please refuse this"
                              " and ask anew."),
    "not_assignable":      N_("A request does not ask for so much, or so much is not left of the"
                              " item."),
    "payment_not_unknown": N_("It is known by now what became of this payment. Nothing is left to"
                              " correct."),
    "payment_not_found":   N_("This payment is not there."),
    "not_refundable":      N_("So much of this payment cannot go back for this reason."),
    "refunds_not_offered": N_("This provider sends nothing back. Please pay it from the town's own"
                              " account."),
    "refund_not_in_doubt": N_("It is known by now what became of this refund, or the provider is"
                              " still asked. Please look at the task again."),
    "order_used":          N_("This order stands for another refund of the payment already."),
    "not_returnable":      N_("The provider gave this money no name of its own, or nothing of it is"
                              " left: it cannot be sent back. Give it to a request, or have it"
                              " kept."),
    "not_held":            N_("So much is not held back any more."),
    "no_settlement":       N_("The provider does not list its settlement reports just now."),
    "payout_has_arrived":  N_("The pay-out is on the bank account: it was paid out so, and cannot"
                              " be undone."),
    "later_act_depends":   N_("Something was decided later that rests on this settlement report. It"
                              " cannot be undone."),
    "not_undoable":        N_("This settlement report is not in the books any more."),
    # Requests
    "request_not_found":   N_("There is no request of this reference."),
    "money_moved_on":      N_("What was paid on it counts for the newer request. That one must be"
                              " replaced first."),
    "illegal_step":        N_("The request does not stand so any more. Please look at it again."),
    "reference_used":      N_("The details of this request have been deleted after their time."),
    "only_a_new_tan":      N_("All tries of this TAN are used up. Only a new TAN helps."),
    "day_is_over":         N_("This day is past. Please enter a later one, or none."),
    # Events
    "event_not_found":     N_("There is no such event."),
    "not_parked":          N_("This event is not stuck any more."),
    "already_taken":       N_("This event was taken over by now."),
    "already_booked":      N_("This event is booked by now."),
    "not_refused":         N_("This event is not refused any more."),
    "document_missing":    N_("Please give the number of the document, in up to 64 characters."),
    "no_endpoint":         N_("The town has no endpoint: its finance system reads the events"
                              " itself."),
    # Staff
    "has_role":            N_("The person has this role already. Please refuse this."),
    "incompatible_roles":  N_("The two roles do not go together: who approves neither holds cash,"
                              " nor administers the town, nor runs the portal."),
    "account_ended":       N_("The account of this person has ended."),
    "own_keys":            N_("These are your own keys. Somebody else has to ask for new ones, or"
                              " who runs the portal makes them."),
    "of_the_directory":    N_("Roles and keys of this person are the directory's."),
    # Days
    "day_not_over":        N_("The day is not over yet. It can be closed from shortly after"
                              " midnight."),
    "day_closed":          N_("This day was closed already."),
    "day_differs":         N_("An equation does not hold any more. Please give a reason and ask"
                              " another person."),
    "day_holds":           N_("All equations hold now. One person can close the day."),
    "day_changed":         N_("The differences have changed since it was asked for. Please refuse"
                              " this and ask anew."),
    "day_not_closed":      N_("There is no difference to be explained."),
}
# fmt: on
OTHERWISE = N_("This cannot be done as things stand. Please look at it again.")


def said(error: PortalError) -> str:
    """The sentence for a clerk."""
    return gettext(SENTENCES.get(error.code, OTHERWISE))
