"""What an entry is, before it touches a database: one constructor per business event.

Debit is positive, credit negative. P is a provider account, K a kind of request:
``suspense:P`` what the provider has of ours, ``claims:K`` what was cleared, ``custody:surplus``
and ``custody:unclear`` what is nobody's yet, ``transit:P`` what is on its way to the bank,
``fees:P`` and ``differences:P``. Intake posts nothing: the claim lives in the finance system.
"""

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


def suspense(account: str) -> str:
    """The suspense account of a provider account."""
    return f"suspense:{account}"


def _entry(reason: str, reference: str, *lines: tuple[str, Money]) -> Entry:
    return Entry(reason, reference, tuple(Posting(name, money) for name, money in lines if money))


def payment_succeeded(
    payment: str, account: str, kind: str, amount: Money, surplus: Money
) -> Entry:
    """The provider has our money: it clears what the request asks, the rest is surplus."""
    return _entry(
        "payment_succeeded",
        f"payment:{payment}",
        (suspense(account), amount),
        (f"claims:{kind}", surplus - amount),
        ("custody:surplus", -surplus),
    )


def unclear_report(report: str, account: str, amount: Money) -> Entry:
    """A report of success that fits no payment of ours: the money is there, its place is not."""
    return _entry(
        "unclear_report",
        f"unclear:{report}",
        (suspense(account), amount),
        ("custody:unclear", -amount),
    )


def settlement(settlement_id: str, account: str, gross: Money, fee: Money, net: Money) -> Entry:
    """A settlement report: suspense becomes transit; what does not add up is a difference."""
    return _entry(
        "settlement",
        f"settlement:{account}:{settlement_id}",
        (f"transit:{account}", net),
        (f"fees:{account}", fee),
        (suspense(account), -gross),
        (f"differences:{account}", gross - fee - net),
    )
