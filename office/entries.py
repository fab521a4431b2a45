"""What is booked for an event: one constructor per business event, balanced or not built.

Debit is positive, credit negative. P is a provider account, K a kind: ``claims:K`` is the
clearing account (what was cleared), ``suspense:P`` what the provider has of ours, ``transit:P``
what is on its way to ``bank``, ``reserves:P`` what the provider holds back, ``custody:…`` what is
nobody's yet.
"""

from dataclasses import dataclass

SUSPENSE = "suspense:"


@dataclass(frozen=True, slots=True)
class Entry:
    """Lines (account, cents) that sum to zero; ``subject`` is what they are about."""

    reason: str
    subject: str
    lines: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        if sum(cents for _, cents in self.lines):
            raise ValueError(f"{self.reason} {self.subject} does not balance")


def suspense_account(name: str) -> str:
    """The suspense account of a provider account, however it is named."""
    return name if name.startswith(SUSPENSE) else f"{SUSPENSE}{name}"


def _entry(reason: str, subject: str, *lines: tuple[str, int]) -> Entry:
    return Entry(reason, subject, tuple(line for line in lines if line[1]))


def provider_account(suspense: str) -> str:
    """The provider account of a suspense account."""
    return suspense.removeprefix(SUSPENSE)


def _settled(suspense: str, cents: int) -> tuple[tuple[str, int], ...]:
    """A pay-out was told before: what it held of this money leaves suspense at once."""
    return (suspense, -cents), (f"differences:{provider_account(suspense)}", cents)


@dataclass(frozen=True, slots=True)
class Held:
    """Money of ours at a provider: its suspense account, and how much a pay-out held already."""

    suspense: str
    settled: int = 0


def paid(payment: str, held: Held, kind: str, claim: int, surplus: int) -> Entry:
    """A payment clears the claim; what is more than asked goes to custody."""
    return _entry(
        "paid",
        payment,
        (held.suspense, claim + surplus),
        (f"claims:{kind}", -claim),
        ("custody:surplus", -surplus),
        *_settled(held.suspense, held.settled),
    )


def unclear(item: str, held: Held, amount: int) -> Entry:
    """A provider has money for us that belongs to no claim."""
    return _entry(
        "unclear",
        item,
        (held.suspense, amount),
        ("custody:unclear", -amount),
        *_settled(held.suspense, held.settled),
    )


def unclear_taken_back(item: str, held: Held, amount: int) -> Entry:
    """Unclear money turned out to be a payment's, which is booked by itself: the reverse."""
    return _entry(
        "unclear_taken_back",
        item,
        (held.suspense, -amount),
        ("custody:unclear", amount),
        *_settled(held.suspense, held.settled),
    )


@dataclass(frozen=True, slots=True)
class PaidOut:
    """What a pay-out holds: ``fitting`` items of ours, fees, what is held back, and its net."""

    fitting: int
    fee: int
    reserve: int
    net: int


def paid_out(payout: str, account: str, sums: PaidOut) -> Entry:
    """The provider has settled: what fits an item of ours leaves suspense for transit and fees.

    What does not add up, because it fits no item or was counted wrongly, is a difference.
    """
    return _entry(
        "paid_out",
        payout,
        (f"transit:{account}", sums.net),
        (f"fees:{account}", sums.fee),
        (f"reserves:{account}", sums.reserve),
        (suspense_account(account), -sums.fitting),
        (f"differences:{account}", sums.fitting - sums.fee - sums.reserve - sums.net),
    )


def withdrawn(payout: str, account: str, sums: PaidOut) -> Entry:
    """A pay-out was announced wrongly: the reverse, by what is open again now."""
    booked = paid_out(payout, account, sums)
    turned = tuple((name, -cents) for name, cents in booked.lines)
    return Entry("withdrawn", payout, turned)


def arrived(payout: str, account: str, net: int) -> Entry:
    """A pay-out is on the town's bank account."""
    return _entry("arrived", payout, ("bank", net), (f"transit:{account}", -net))
