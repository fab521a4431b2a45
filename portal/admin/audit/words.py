"""Acts of the audit in plain words, for its page and for the time line of a request."""

from collections.abc import Mapping

from portal.admin.approvals import second_person
from portal.web.language import gettext
from portal.words import N_

# fmt: off
ACTS: Mapping[str, str] = {
    "account.asked":            N_("Paused provider account asked"),
    "account.end":              N_("Provider account ended"),
    "account.paused":           N_("Provider account paused"),
    "account.put":              N_("Provider account set"),
    "account.resumed":          N_("Provider account in use again"),
    "account.approved":         N_("Provider account, agreed to"),
    "client.key_ended":         N_("Key of an API client ended"),
    "client.key_made":          N_("Key of an API client made"),
    "client.made":              N_("API client made"),
    "client.revoked":           N_("API client revoked"),
    "endpoint.set":             N_("Address of the finance system set"),
    "endpoint.try":             N_("Finance system tried"),
    "event.booked_by_hand":     N_("Event noted as booked by hand"),
    "list.exported":            N_("List taken out as a file"),
    "payment.asked":            N_("Provider asked about a payment"),
    "staff.directory_failed":   N_("Directory did not answer"),
    "staff.directory_off":      N_("Directory switched off"),
    "staff.directory_set":      N_("Directory set"),
    "staff.networks":           N_("Networks of the administration set"),
    "task.end":                 N_("Task ended"),
    "tenant.kind":              N_("Kind of request set"),
    "citizen.asks":             N_("Question about a letter"),
    "citizen.says_paid":        N_("Note: paid already"),
    "custody.assigned":         N_("Custody item given to a request"),
    "daily_mail.set":           N_("Daily mail set"),
    "database.restored":        N_("Database restored from a backup"),
    "day.closed":               N_("Day closed"),
    "day.explained":            N_("Difference of a day explained"),
    "event.acknowledge":        N_("Event acknowledged"),
    "event.release":            N_("Event released"),
    "event.resend":             N_("Event sent again"),
    "event.skip":               N_("Event skipped"),
    "events.acknowledge":       N_("Events acknowledged up to a position"),
    "events.resend":            N_("Events sent again"),
    "events.resend_refused":    N_("All events sent again that were refused"),
    "link.revoked":             N_("Link revoked with its key"),
    "payout.arrived":           N_("Pay-out on the bank"),
    "request.close_rest":       N_("Small rest closed"),
    "request.new_link":         N_("New link made"),
    "request.new_tan":          N_("New TAN made"),
    "request.paid_elsewhere":   N_("Paid elsewhere"),
    "request.paid_elsewhere_undone": N_("Paid elsewhere, undone"),
    "request.put":              N_("Payment request taken"),
    "request.restore":          N_("Payment request payable online again"),
    "request.unlock":           N_("TAN unlocked"),
    "request.withdraw":         N_("Payment request no longer payable online"),
    "retention.accounts":       N_("Annual accounts noted"),
    "retention.hold":           N_("Deletion held"),
    "retention.purge":          N_("Deleted after its time"),
    "retention.release":        N_("Hold of a deletion released"),
    "rule.end":                 N_("Rule ended"),
    "rule.put":                 N_("Rule set"),
    "settlement.asked":         N_("Settlement reports fetched"),
    "settlement.imported":      N_("Settlement file imported"),
    "settlement.undone":        N_("Settlement report undone"),
    "staff.added":              N_("Account of a colleague made"),
    "staff.ended":              N_("Account of a colleague ended"),
    "staff.new_keys":           N_("New password and authenticator secret"),
    "staff.password_changed":   N_("Password changed"),
    "staff.password_refused":   N_("Own password refused before its change"),
    "staff.proof_refused":      N_("Code refused before an act"),
    "staff.refused":            N_("Refused: not this person’s right"),
    "staff.role_given":         N_("Role given"),
    "staff.role_taken_back":    N_("Role taken back"),
    "staff.roles_changed":      N_("Other roles by the directory"),
    "staff.sign_in_refused":    N_("Signing in refused"),
    "staff.signed_in":          N_("Signed in"),
    "staff.signed_out":         N_("Signed out"),
    "tenant.colour":            N_("Colour of the pages set"),
    "tenant.crest":             N_("Crest set"),
    "tenant.easy":              N_("Page in easy language shown or hidden"),
    "tenant.languages":         N_("Languages of the pages set"),
    "tenant.deadlines":         N_("Deadlines of tasks set"),
    "tenant.set":               N_("Text of the town set"),
}
# What a second person decides: the title of the act, then its state.
STATES: Mapping[str, str] = {
    "asked":    N_("%(act)s: asked for"),
    "approved": N_("%(act)s: approved"),
    "refused":  N_("%(act)s: refused or taken back"),
    "expired":  N_("%(act)s: ran out after seven days"),
    "one_was_enough": N_("%(act)s: one person was enough"),
}
# fmt: on


def act_name(act: str) -> str:
    """An act in plain words; one that nobody has named yet stands for itself."""
    if act in ACTS:
        return gettext(ACTS[act])
    asked, _, state = act.rpartition(".")
    if asked in second_person.ACTS and state in STATES:
        return gettext(STATES[state], act=gettext(second_person.ACTS[asked].title))
    return act
