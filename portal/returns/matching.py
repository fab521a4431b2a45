"""Matching: which request a custody item's money may be meant for, and why one thinks so. Pure.

Each reason has a weight; what names a request outweighs what merely fits it. Two that fit are
worth as much as one that names, so that neither a common amount nor a stray number leads alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from portal.money import Money

MOST = 10
NEAR = timedelta(days=14)  # of a due day
SHORTEST_NAME = 4  # signs of a reference; shorter ones stand in any text


class Why(StrEnum):
    """Why a request is proposed."""

    PAYMENT_NAMED = "payment_named"  # the provider named a payment of this request
    REFERENCE_NAMED = "reference_named"
    SIGN_NAMED = "sign_named"
    OWN_LETTER = "own_letter"  # the money came by this very request, and it asks again
    SAME_SIGN = "same_sign"  # as that of the letter that the money came by
    SAME_DEBTOR = "same_debtor"  # the same pseudonym as that letter
    SAME_AMOUNT = "same_amount"  # just so much is open
    PRINTED_AMOUNT = "printed_amount"  # just so much was printed once
    BEGUN_THEN = "begun_then"  # a payment of it was begun that day on the same account
    DUE_THEN = "due_then"


@dataclass(frozen=True, slots=True)
class Found:
    """The money: how much, what the provider wrote of it, and by which letter it came, if by one.

    ``day`` is when a provider took it, in the town's time.
    """

    amount: Money
    texts: tuple[str, ...]
    day: date
    account: str | None
    reference: str | None = None
    payment_sign: str | None = None
    debtor: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that still asks for something.

    ``begun`` are the town's days and accounts of its payments, ``payments`` their ids and the
    provider's names.
    """

    reference: str
    open: Money
    payment_sign: str | None
    debtor: str | None
    due_on: date | None
    printed: frozenset[int] = frozenset()
    begun: frozenset[tuple[date, str]] = frozenset()
    payments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A request, how much of the money it could take, and why; the weightiest reason first."""

    candidate: Candidate
    amount: Money
    reasons: tuple[Why, ...] = field(default=())

    @property
    def weight(self) -> int:
        return sum(WEIGHTS[reason] for reason in self.reasons)


Check = Callable[[Found, Candidate], bool]


def proposals(item: Found, candidates: Iterable[Candidate]) -> list[Proposal]:
    """The likeliest requests first, at most ten; what nothing speaks for is left out.

    Of equals the one whose open amount is nearest comes first, then by reference.
    """
    found = [
        Proposal(each, min(item.amount, each.open, key=lambda money: money.cents), reasons)
        for each in candidates
        if each.open.currency == item.amount.currency
        and each.open.cents > 0
        and (reasons := _reasons(item, each))
    ]
    return sorted(found, key=lambda one: _rank(item, one))[:MOST]


def _reasons(item: Found, candidate: Candidate) -> tuple[Why, ...]:
    holds = [why for why, check in CHECKS.items() if check(item, candidate)]
    if Why.SAME_AMOUNT in holds and Why.PRINTED_AMOUNT in holds:
        holds.remove(Why.PRINTED_AMOUNT)
    return tuple(sorted(holds, key=lambda why: -WEIGHTS[why]))


def _rank(item: Found, proposal: Proposal) -> tuple[int, int, str]:
    distance = abs(proposal.candidate.open.cents - item.amount.cents)
    return -proposal.weight, distance, proposal.candidate.reference


def _names(item: Found, name: str | None) -> bool:
    """Whether a text of the provider holds the name, however it is spaced and dotted."""
    wanted = bare(name or "")
    return len(wanted) >= SHORTEST_NAME and any(wanted in bare(text) for text in item.texts)


def bare(text: str) -> str:
    """A text by its letters and digits only."""
    return re.sub(r"[^0-9A-ZÄÖÜ]", "", text.upper())


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _is_due_then(item: Found, candidate: Candidate) -> bool:
    return candidate.due_on is not None and abs(candidate.due_on - item.day) <= NEAR


# fmt: off
CHECKS: Mapping[Why, Check] = {
    Why.PAYMENT_NAMED:   lambda item, one: bool(one.payments & set(item.texts)),
    Why.REFERENCE_NAMED: lambda item, one: _names(item, one.reference),
    Why.SIGN_NAMED:      lambda item, one: _names(item, one.payment_sign),
    Why.OWN_LETTER:      lambda item, one: _same(item.reference, one.reference),
    Why.SAME_SIGN:       lambda item, one: _same(item.payment_sign, one.payment_sign),
    Why.SAME_DEBTOR:     lambda item, one: _same(item.debtor, one.debtor),
    Why.SAME_AMOUNT:     lambda item, one: one.open == item.amount,
    Why.PRINTED_AMOUNT:  lambda item, one: item.amount.cents in one.printed,
    Why.BEGUN_THEN:      lambda item, one: (item.day, item.account) in one.begun,
    Why.DUE_THEN:        _is_due_then,
}
WEIGHTS: Mapping[Why, int] = {
    Why.PAYMENT_NAMED: 60, Why.REFERENCE_NAMED: 50, Why.SIGN_NAMED: 40, Why.OWN_LETTER: 35,
    Why.SAME_SIGN: 30, Why.SAME_DEBTOR: 30,
    Why.SAME_AMOUNT: 20, Why.BEGUN_THEN: 20, Why.PRINTED_AMOUNT: 10, Why.DUE_THEN: 2,
}
# fmt: on
