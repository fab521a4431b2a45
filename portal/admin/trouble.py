"""What a clerk reads when a core refuses: a sentence for each code."""

from collections.abc import Mapping

from portal.errors import PortalError
from portal.web.language import gettext
from portal.words import N_

# fmt: off
SENTENCES: Mapping[str, str] = {
    "same_person":         N_("You asked for this yourself: another person must approve it."),
    "already_decided":     N_("This has been decided meanwhile. Please look at it again."),
    "approval_expired":    N_("Seven days are over. It must be asked for anew."),
    "approval_waits":      N_("The same is waiting for its second person already."),
    "approval_not_found":  N_("Nobody is asking for this any more."),
    "order_missing":       N_("Please enter the number of the order: 1 to 64 letters, digits,"
                              " blanks and . / _ -"),
    "item_changed":        N_("The item has changed since it was asked for. Please refuse this and"
                              " ask anew."),
    "custody_promised":    N_("A refund of this money is not decided yet. Please decide that"
                              " first."),
    "payment_not_unknown": N_("It is known by now what became of this payment. Nothing is left to"
                              " correct."),
    "payment_not_found":   N_("This payment is not there."),
    "not_refundable":      N_("So much of this payment cannot go back for this reason."),
    "refunds_not_offered": N_("This provider sends nothing back. Please pay it from the town's own"
                              " account."),
    "order_used":          N_("This order stands for another refund of the payment already."),
    "not_returnable":      N_("Nothing of it is open, or the provider gave it no name."),
    "has_role":            N_("The person has this role already. Please refuse this."),
    "incompatible_roles":  N_("The two roles do not go together: nobody may both book and approve,"
                              " or hold cash and approve."),
    "account_ended":       N_("The account of this person has ended."),
    "rule_stands":         N_("The rule is so already."),
    "always_two":          N_("This always takes two people."),
    "day_is_over":         N_("This day is past. Please enter a later one, or none."),
    "money_moved_on":      N_("What was paid on it counts for the newer request. That one must be"
                              " replaced first."),
    "illegal_step":        N_("The request does not stand so any more. Please look at it again."),
    "reference_used":      N_("The details of this request have been deleted after their time."),
    "only_a_new_tan":      N_("All tries of this TAN are used up. Only a new TAN helps."),
    "of_the_directory":    N_("Roles and keys of this person are the directory's."),
    "nothing_changes":     N_("It is so already."),
    "changed_since":       N_("It was changed since it was asked for. Please ask for it anew."),
    "day_closed":          N_("This day was closed already."),
    "day_changed":         N_("The differences have changed since it was asked for. Please refuse"
                              " this and ask anew."),
    "not_held":            N_("So much is not held back any more."),
    "reason_missing":      N_("Please say why, in 1 to 140 characters."),
    "personal_data":       N_("Please leave out names, account numbers, addresses and telephone"
                              " numbers: this note is kept for years."),
    "no_endpoint":         N_("The finance system fetches its events itself. Nothing can be sent to"
                              " it."),
    "event_not_found":     N_("This event is not there."),
}
# fmt: on
OTHERWISE = N_("This cannot be done as things stand. Please look at it again.")


def said(error: PortalError) -> str:
    """The sentence for a clerk."""
    return gettext(SENTENCES.get(error.code, OTHERWISE))
