"""What is booked, before it touches a database: one constructor of an entry per business event.

Debit is positive, credit negative. P is a provider account, K a kind of request:
``suspense:P`` what the provider has of ours, ``claims:K`` what was cleared, ``custody:surplus``
and ``custody:unclear`` what is nobody's yet, ``transit:P`` what is on its way to the bank,
``reserves:P`` what the provider holds back, ``fees:P``, ``losses:P`` and ``differences:P``;
``bank``, ``elsewhere`` (paid on the town's own account) and ``income:surplus``. Intake posts
nothing: the claim lives in the finance system.
"""

from dataclasses import dataclass

from portal.ledger.entry import Entry, Posting, entry, reverse
from portal.money import Money


def suspense(account: str) -> str:
    """The suspense account of a provider account."""
    return f"suspense:{account}"


def payment_succeeded(
    payment: str, account: str, kind: str, amount: Money, surplus: Money
) -> Entry:
    """The provider has our money: it clears what the request asks, the rest is surplus."""
    return entry(
        "payment_succeeded",
        f"payment:{payment}",
        (suspense(account), amount),
        (f"claims:{kind}", surplus - amount),
        ("custody:surplus", -surplus),
    )


def unclear_report(report: str, account: str, amount: Money) -> Entry:
    """A report of success that fits no payment of ours: the money is there, its place is not."""
    return entry(
        "unclear_report",
        f"unclear:{report}",
        (suspense(account), amount),
        ("custody:unclear", -amount),
    )


def unclear_taken_back(report: str, account: str, amount: Money) -> Entry:
    """The place of unclear money was found: the reverse of its entry."""
    booked = unclear_report(report, account, amount)
    return reverse(booked, "unclear_taken_back", f"unclear-taken-back:{report}")


@dataclass(frozen=True, slots=True)
class PaidOut:
    """The sums of a settlement report: ``gross`` of the items that it settles, below zero if more
    went back than came; ``held`` back in reserve, below zero if it is let go again.
    """

    gross: Money
    fee: Money
    held: Money
    net: Money

    @property
    def difference(self) -> Money:
        """What does not add up."""
        return self.gross - self.fee - self.held - self.net

    def __bool__(self) -> bool:
        return any((self.gross, self.fee, self.held, self.net))


def settlement(settlement_id: str, account: str, sums: PaidOut) -> Entry:
    """A settlement report: suspense becomes transit; what does not add up is a difference."""
    return entry(
        "settlement",
        f"settlement:{account}:{settlement_id}",
        (f"transit:{account}", sums.net),
        (f"fees:{account}", sums.fee),
        (f"reserves:{account}", sums.held),
        (suspense(account), -sums.gross),
        (f"differences:{account}", sums.difference),
    )


def settlement_undone(settlement_id: str, account: str, sums: PaidOut) -> Entry:
    """A settlement report was booked wrongly: the reverse."""
    booked = settlement(settlement_id, account, sums)
    return reverse(booked, "settlement_undone", f"settlement-undone:{account}:{settlement_id}")


def custody_assigned(assignment: str, cause: str, kind: str, amount: Money) -> Entry:
    """Money that was nobody's is given to a request."""
    return entry(
        "custody_assigned",
        f"assigned:{assignment}",
        (f"custody:{cause}", amount),
        (f"claims:{kind}", -amount),
    )


def custody_returned(return_id: str, account: str, amount: Money, lost: Money) -> Entry:
    """Unclear money goes back to where it came from.

    Lost is what found its place while the provider was at it.
    """
    return entry(
        "custody_returned",
        f"returned:{return_id}",
        ("custody:unclear", amount - lost),
        (f"losses:{account}", lost),
        (suspense(account), -amount),
    )


def custody_return_failed(return_id: str, account: str, amount: Money, lost: Money) -> Entry:
    """Unclear money that had gone back came again: the reverse."""
    booked = custody_returned(return_id, account, amount, lost)
    return reverse(booked, "custody_return_failed", f"return-failed:{return_id}")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What money that goes back takes: surplus first, then of the claim, the rest is a loss.

    Only a reversal has a fee.
    """

    surplus: Money
    claim: Money
    loss: Money
    fee: Money

    @property
    def amount(self) -> Money:
        """What goes back, without the fee."""
        return self.surplus + self.claim + self.loss


def refund(refund_id: str, account: str, kind: str, taken: TakenBack) -> Entry:
    """Money goes back: first what was surplus, then what had cleared the claim.

    A loss it is only when both had gone elsewhere while the provider was at it.
    """
    return _gone_back("refund", f"refund:{refund_id}", account, kind, taken)


def refund_failed(refund_id: str, account: str, kind: str, taken: TakenBack) -> Entry:
    """A refund that was booked came back: the reverse, by what the claim asks now."""
    booked = refund(refund_id, account, kind, taken)
    return reverse(booked, "refund_failed", f"refund-failed:{refund_id}")


def reversal(
    reversal_id: str, account: str, kind: str, taken: TakenBack, cause: str = "surplus"
) -> Entry:
    """The payer's bank took the money back (Rückbelastung, Rücklastschrift), for a fee.

    ``cause`` is ``unclear`` where it takes money that fits no payment.
    """
    return _gone_back("reversal", f"reversal:{reversal_id}", account, kind, taken, cause)


def reversal_won(
    reversal_id: str,
    account: str,
    kind: str,
    taken: TakenBack,
    cause: str = "surplus",
    which: str = "",
) -> Entry:
    """The dispute was won, or a part of it: the reverse of so much, by what the claim asks now.

    ``which`` tells further parts from the first: ``-2`` and so on.
    """
    booked = reversal(reversal_id, account, kind, taken, cause)
    return reverse(booked, "reversal_won", f"reversal-won{which}:{reversal_id}")


def reversal_corrected(correction: str, account: str, kind: str, taken: TakenBack) -> Entry:
    """What was lost by a reversal is there after all: a refund on its way came to nothing.

    ``taken`` is what it takes now, its loss below zero; the sum is zero.
    """
    reference = f"reversal-corrected:{correction}"
    return _gone_back("reversal_corrected", reference, account, kind, taken)


def _gone_back(
    reason: str, reference: str, account: str, kind: str, taken: TakenBack, cause: str = "surplus"
) -> Entry:
    return entry(
        reason,
        reference,
        (f"custody:{cause}", taken.surplus),
        (f"claims:{kind}", taken.claim),
        (f"losses:{account}", taken.loss),
        (f"fees:{account}", taken.fee),
        (suspense(account), -taken.amount - taken.fee),
    )


def payout_arrived(payout: str, account: str, net: Money) -> Entry:
    """The provider's pay-out stands on the town's bank account."""
    return entry(
        "payout_arrived",
        f"arrived:{account}:{payout}",
        ("bank", net),
        (f"transit:{account}", -net),
    )


def paid_elsewhere(fact: str, kind: str, amount: Money) -> Entry:
    """Money came on the town's own account; ``fact`` names request and the finance system's id."""
    return entry(
        "paid_elsewhere",
        f"elsewhere:{fact}",
        ("elsewhere", amount),
        (f"claims:{kind}", -amount),
    )


def paid_elsewhere_undone(fact: str, kind: str, amount: Money) -> Entry:
    """It did not come after all (wrong booking, returned transfer)."""
    booked = paid_elsewhere(fact, kind, amount)
    return reverse(booked, "paid_elsewhere_undone", f"elsewhere-undone:{fact}")


def suspense_closed(order: str, account: str, amount: Money) -> Entry:
    """A suspense item is closed by order (auf Anordnung ausgebucht)."""
    return entry(
        "suspense_closed",
        f"closed:{order}",
        (f"losses:{account}", amount),
        (suspense(account), -amount),
    )


def reserve_closed(closing: str, account: str, amount: Money) -> Entry:
    """What a provider holds back in reserve, and will not let go, is closed by order."""
    return entry(
        "reserve_closed",
        f"reserve-closed:{closing}",
        (f"losses:{account}", amount),
        (f"reserves:{account}", -amount),
    )


def custody_kept(order: str, cause: str, amount: Money) -> Entry:
    """Money that is nobody's is kept by order."""
    return entry(
        "custody_kept",
        f"kept:{order}",
        (f"custody:{cause}", amount),
        ("income:surplus", -amount),
    )


def lowered(request: str, version: int, kind: str, surplus: Money) -> Entry:
    """A new version asks less than was paid: the rest is surplus."""
    return entry(
        "lowered",
        f"lowered:{request}:{version}",
        (f"claims:{kind}", surplus),
        ("custody:surplus", -surplus),
    )


def replaced(old: str, new: str, kind: str, new_kind: str, version: int, paid: Money) -> Entry:
    """What was paid on the old request goes to the one that replaces it."""
    return Entry(
        "replaced",
        f"replaced:{old}:{version}:{new}",
        (Posting(f"claims:{kind}", paid), Posting(f"claims:{new_kind}", -paid)),
    )


def kind_changed(request: str, version: int, kind: str, new_kind: str, paid: Money) -> Entry:
    """A new version is of another kind: what was paid goes with it."""
    return Entry(
        "kind_changed",
        f"kind:{request}:{version}",
        (Posting(f"claims:{kind}", paid), Posting(f"claims:{new_kind}", -paid)),
    )
