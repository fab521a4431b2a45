"""Allocations: which part of a payment goes to which claim of a request. Pure.

A request may ask for several claims (a reminder lists several and its fee). They are filled in
the order of their rank, then in the order in which they stand; what earlier payments gave counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One claim of a request; ``claim`` is ``None`` where the finance system named none."""

    claim: str | None
    cents: int
    rank: int


def parts(content: Mapping[str, object], amount_cents: int) -> tuple[Part, ...]:
    """The claims of a stored request, in the order in which they are filled."""
    items = content.get("items")
    if not isinstance(items, list) or not items:
        return (Part(None, amount_cents, 1),)
    found = [Part(item.get("claim"), item["amount_cents"], item.get("rank", 1)) for item in items]
    return tuple(sorted(found, key=lambda part: part.rank))


def allocate(
    asked: Sequence[Part], given: Mapping[str | None, int], cents: int
) -> tuple[tuple[str | None, int], ...]:
    """Divide ``cents`` that clear a request among its claims.

    ``given`` holds what earlier payments gave each claim. What no claim asks any more (a version
    lowered one below what it got) goes to the last one, so that no cent is left out.
    """
    taken: dict[str | None, int] = {}
    credit = dict(given)
    for part in asked:
        covered = min(credit.get(part.claim, 0), part.cents)
        credit[part.claim] = credit.get(part.claim, 0) - covered
        now = min(part.cents - covered, cents)
        if now > 0:
            taken[part.claim] = taken.get(part.claim, 0) + now
            cents -= now
    if cents > 0:
        last = asked[-1].claim
        taken[last] = taken.get(last, 0) + cents
    return tuple(taken.items())


def without(
    asked: Sequence[Part], given: Mapping[str | None, int], cents: int
) -> dict[str | None, int]:
    """What each claim still has when ``cents`` of it went back: the last filled gives first."""
    left = dict(given)
    unasked = [claim for claim in left if claim not in {part.claim for part in asked}]
    for claim in [*unasked, *(part.claim for part in reversed(asked))]:
        back = min(left.get(claim, 0), max(0, cents))
        if back:
            left[claim] -= back
            cents -= back
    return left
