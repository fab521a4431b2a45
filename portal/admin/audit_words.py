"""Acts of the audit in plain words. One that is missing here is shown by its code."""

from collections.abc import Mapping

from portal.words import N_

# fmt: off
ACTS: Mapping[str, str] = {
    "account.end":              N_("Provider account ended"),
    "account.paused":           N_("Provider account paused"),
    "account.put":              N_("Provider account set"),
    "account.resumed":          N_("Provider account in use again"),
    "citizen.asks":             N_("A citizen asks something"),
    "citizen.says_paid":        N_("A citizen says that it is paid"),
    "custody.assigned":         N_("Custody given to a claim"),
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
    "link.revoked":             N_("Link revoked with its key"),
    "payout.arrived":           N_("Pay-out on the bank"),
    "request.close_rest":       N_("Small rest waived"),
    "request.new_link":         N_("New link made"),
    "request.new_tan":          N_("New TAN made"),
    "request.paid_elsewhere":   N_("Paid elsewhere"),
    "request.paid_elsewhere_undone": N_("Paid elsewhere, undone"),
    "request.put":              N_("Payment request taken"),
    "request.restore":          N_("Payment request restored"),
    "request.unlock":           N_("TAN unlocked"),
    "request.withdraw":         N_("Payment request withdrawn"),
    "retention.accounts":       N_("Annual accounts noted"),
    "retention.hold":           N_("Deletion held"),
    "retention.purge":          N_("Deleted after its time"),
    "retention.release":        N_("Hold of a deletion released"),
    "rule.end":                 N_("Rule ended"),
    "rule.put":                 N_("Rule set"),
    "settlement.imported":      N_("Settlement file imported"),
    "settlement.undone":        N_("Settlement report undone"),
    "staff.added":              N_("Account of a colleague made"),
    "staff.ended":              N_("Account of a colleague ended"),
    "staff.new_keys":           N_("New password and authenticator secret"),
    "staff.password_changed":   N_("Password changed"),
    "staff.proof_refused":      N_("Code refused before an act"),
    "staff.refused":            N_("Refused: not this person’s right"),
    "staff.role_given":         N_("Role given"),
    "staff.role_taken_back":    N_("Role taken back"),
    "staff.sign_in_refused":    N_("Signing in refused"),
    "staff.signed_in":          N_("Signed in"),
    "staff.signed_out":         N_("Signed out"),
    "tenant.colour":            N_("Colour of the pages set"),
    "tenant.crest":             N_("Crest set"),
    "tenant.easy":              N_("Page in easy language shown or hidden"),
    "tenant.set":               N_("Text of the town set"),
}
# What is asked for and decided by a second person: the act, then its state.
ASKED: Mapping[str, str] = {
    "refund":          N_("Refund"),
    "suspense.close":  N_("Closing of a suspense item by order"),
    "custody.keep":    N_("Keeping of custody by order"),
    "custody.return":  N_("Sending back of unclear money"),
    "payment.correct": N_("Correction of an unknown payment"),
    "staff.grant":     N_("Role of a colleague"),
    "day.close":       N_("Closing of a day with a difference"),
}
STATES: Mapping[str, str] = {
    "asked":    N_("%(act)s: asked for"),
    "approved": N_("%(act)s: approved"),
    "refused":  N_("%(act)s: refused or taken back"),
    "expired":  N_("%(act)s: ran out after seven days"),
}
# fmt: on
