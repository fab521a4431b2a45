"""What a task can be about. Codes are kept in rows and never renamed."""

from enum import StrEnum


class Kind(StrEnum):
    """The sort of a task; each says who mends it and when it is over."""

    EVENT_REFUSED = "event_refused"  # the finance system could not book an event
    EVENT_PARKED = "event_parked"  # an event was refused so often that it is not sent any more
    EVENT_NOT_ACKNOWLEDGED = "event_not_acknowledged"  # taken, and no word of it for a day
    ENDPOINT_SILENT = "endpoint_silent"  # the finance system does not answer
    CUSTODY_UNCLEAR = "custody_unclear"  # money that fits no payment of ours
    SUSPENSE_OVERDUE = "suspense_overdue"  # a provider has our money for longer than it should
    PAYMENT_UNKNOWN = "payment_unknown"  # the provider cannot say what became of a payment
    REFUND_FAILED = "refund_failed"  # money that should have gone back did not
    REFUND_PROPOSED = "refund_proposed"  # surplus that may go back: somebody decides
    SETTLEMENT_DIFFERENCE = "settlement_difference"  # a report and our books do not agree
    SETTLEMENTS_MISSING = "settlements_missing"  # an account's reports cannot be had, or stay away
    ACCOUNT_PAUSED = "account_paused"  # a provider does not answer for one of the town's accounts
    METHOD_ENDS = "method_ends"  # an account or a rule ends soon and nothing follows it
    LAST_METHOD_ENDS = "last_method_ends"  # the same, and something cannot be paid online any more
    TANS_GUESSED = "tans_guessed"  # many wrong TANs within an hour, on whatever letters
    BOOKS_BROKEN = "books_broken"  # a rule of the books is broken
    CITIZEN_NOTE = "citizen_note"  # a citizen says or asks something
