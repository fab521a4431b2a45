"""The retention classes (Löschklassen): what is kept, from when it counts, how long. Pure.

The same table, with the law behind each line, stands in ``docs/loeschkonzept.md``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Name(StrEnum):
    """A retention class; audit names what went by it."""

    DETAILS = "details"
    UNPAID = "unpaid"
    BOOKS = "books"
    VOUCHERS = "vouchers"
    YEAR = "year"
    TASKS = "tasks"
    GRANTS = "grants"
    ANSWERS = "answers"
    JOBS = "jobs"
    MAILS = "mails"
    SITTINGS = "sittings"
    SECRETS = "secrets"


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One line of the table; ``kept`` names the tenant's setting where it has one."""

    name: Name
    holds: str
    counts_from: str
    kept: str
    remains: str


# fmt: off
CLASSES = (
    RetentionClass(Name.DETAILS, "purpose, items, pseudonym, payment sign, link, TAN tries",
                   "last movement of a request that has ended", "retention_days",
                   "reference, amounts, states, days"),
    RetentionClass(Name.UNPAID, "the reference of a request that never had money, its events",
                   "last movement of the request", "retention_days",
                   "amounts of nobody, an HMAC of the reference"),
    RetentionClass(Name.BOOKS, "the reference of a request that had money, its payments' names, "
                   "allocations, events",
                   "1 January after the accounts of the year were adopted", "books_years",
                   "amounts of nobody, an HMAC of the reference"),
    RetentionClass(Name.VOUCHERS, "what providers reported: their names of payments, SHA-256",
                   "1 January after the accounts of the year were adopted", "voucher_years",
                   "outcome, amount, day"),
    RetentionClass(Name.YEAR, "notes of the audit, approvals, names of staff, "
                   "references in the book",
                   "1 January after the accounts of the year were adopted", "books_years",
                   "entries, accounts, days; the hashes of the notes"),
    RetentionClass(Name.TASKS, "what a staff task was about, and who ended it",
                   "end of the task", "400 days", "number, kind, days"),
    RetentionClass(Name.GRANTS, "a right TAN's grant", "its end, at most 12 hours",
                   "1 hour", "nothing"),
    RetentionClass(Name.ANSWERS, "answers kept under an Idempotency-Key", "the answer",
                   "24 hours", "nothing"),
    RetentionClass(Name.JOBS, "jobs of the board", "their end", "24 hours; good ones at once",
                   "nothing"),
    RetentionClass(Name.MAILS, "a confirmation by e-mail with its address, sealed", "its order",
                   "until the mail server has it, 23 hours at most",
                   "that there was one, until the details go"),
    RetentionClass(Name.SITTINGS, "who of the staff was signed in, by a hash", "its beginning",
                   "32 hours", "that somebody signed in, in the audit"),
    RetentionClass(Name.SECRETS, "a secret beside an approval, sealed", "its order",
                   "until it is used or shown, 7 days at most", "who asked and who agreed"),
)
# fmt: on
