"""What is set aside for refunds that are not decided, and what that leaves. Pure; all in cents.

A promise is set aside where it will be taken: of its payment's own surplus, then of what lower
versions left, its own letter's before that of the letters in its place, so that what several
payments share is left as long as it may be. Who was promised money for another reason than
surplus takes of the claim what no surplus is left for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stake:
    """A payment: its own open surplus, and what of it is promised as surplus, or otherwise.

    ``letters`` are the references of its request and of those in its place, that in force last.
    """

    letters: tuple[str, ...]
    own: int
    surplus: int
    other: int


@dataclass(frozen=True, slots=True)
class Left:
    """What is there of a payment's own surplus, of what each letter left, and of the claim."""

    own: int
    lowered: Mapping[str, int]
    covered: int

    def surplus(self, letters: Sequence[str]) -> int:
        """The payment's own, and what these letters left."""
        return self.own + sum(self.lowered.get(letter, 0) for letter in letters)


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment beside the others that share its claim, and all that is there."""

    mine: Stake
    others: Sequence[Stake]
    there: Left


def after_surplus(standing: Standing) -> Left:
    """What is left when all have got what they were promised as surplus."""
    mine, there = standing.mine, standing.there
    lowered = dict(there.lowered)
    for each in (mine, *standing.others):
        _draw(lowered, each.letters, each.surplus - each.own)
    return Left(max(0, there.own - mine.surplus), lowered, there.covered)


def after_all(standing: Standing) -> Left:
    """What is left when all have got what they were promised."""
    mine, before = standing.mine, after_surplus(standing)
    lowered, covered = dict(before.lowered), before.covered
    for each in (mine, *standing.others):
        still = each.other - max(0, each.own - each.surplus)
        covered -= min(covered, _draw(lowered, each.letters, still))
    return Left(max(0, before.own - mine.other), lowered, covered)


def _draw(lowered: dict[str, int], letters: Sequence[str], cents: int) -> int:
    """Take cents of what letters left, the nearest first; what is still wanted then."""
    still = max(0, cents)
    for letter in letters:
        drawn = min(still, lowered.get(letter, 0))
        if drawn:
            lowered[letter] -= drawn
            still -= drawn
    return still
