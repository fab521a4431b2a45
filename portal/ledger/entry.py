"""What an entry is: balanced by construction."""

from dataclasses import dataclass

from portal.money import Money


class Unbalanced(ValueError):
    """Debits and credits differ: a fault of the program, never of a user."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line: debit positive, credit negative."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced entry. ``reference`` is unique: what is heard twice is posted once."""

    reason: str
    reference: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        currencies = {posting.amount.currency for posting in self.postings}
        if len(currencies) != 1 or sum(posting.amount.cents for posting in self.postings) != 0:
            raise Unbalanced(self.reference)


def entry(reason: str, reference: str, *lines: tuple[str, Money]) -> Entry:
    """An entry of its lines; those of nothing are left out."""
    return Entry(reason, reference, tuple(Posting(name, money) for name, money in lines if money))


def reverse(booked: Entry, reason: str, reference: str) -> Entry:
    """The entry that takes another one back."""
    turned = tuple(Posting(posting.account, -posting.amount) for posting in booked.postings)
    return Entry(reason, reference, turned)
