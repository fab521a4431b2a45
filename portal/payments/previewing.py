"""Previewing a change of rules: who gains and who loses a method by it. Pure.

What can be offered changes only where a rule's limit lies. So all open requests of a kind whose
amount lies in one stretch between two limits are judged at once, by the stretch's least amount.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from portal.money import Money
from portal.payments.offers import Rule, Situation, offers

NEW = 2**62  # the number of a rule that has none yet: it stands behind its equals


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as it is, or as it would be."""

    id: int
    account_id: str
    label: str
    kind: str | None
    channel: str | None
    minimum_cents: int | None
    maximum_cents: int | None
    currency: str
    position: int
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Group:
    """Open requests of a kind with amounts in one stretch: its number, how many, and their sum."""

    kind: str
    currency: str
    stretch: int
    many: int
    cents: int


@dataclass(frozen=True, slots=True)
class Change:
    """So many open requests, of so much together, gain or lose a method (``None``: their last)."""

    label: str | None
    gains: bool
    many: int
    amount: Money


def draft(rule: Rule) -> Draft:
    """A row as a value."""
    return Draft(**{name: getattr(rule, name) for name in Draft.__dataclass_fields__})


def limits(rules: Iterable[Rule]) -> list[int]:
    """The amounts in cents at which what is offered may change; the first stretch is below all."""
    found = {1}
    for rule in rules:
        found |= {rule.minimum_cents} if rule.minimum_cents else set()
        found |= {rule.maximum_cents + 1} if rule.maximum_cents is not None else set()
    return sorted(found)


def changes(
    before: Sequence[Rule],
    after: Sequence[Rule],
    groups: Iterable[Group],
    now: Situation,
) -> list[Change]:
    """What the open requests gain and lose, by method; what loses its last method comes first.

    ``now`` says channel, day and accounts; amount and kind are each group's.
    """
    least = limits([*before, *after])
    found: dict[tuple[str | None, bool, str], list[int]] = defaultdict(lambda: [0, 0])
    for group in groups:
        amount = Money(least[max(0, group.stretch - 1)], group.currency)
        case = replace(now, amount=amount, kind=group.kind)
        had, has = _labels(before, case), _labels(after, case)
        told: list[tuple[str | None, bool]] = [(label, True) for label in has - had]
        told += [(label, False) for label in had - has]
        told += [(None, not had)] if bool(had) != bool(has) else []
        for label, gains in told:
            sums = found[label, gains, group.currency]
            sums[0] += group.many
            sums[1] += group.cents
    rows = [
        Change(label, gains, many, Money(cents, currency))
        for (label, gains, currency), (many, cents) in found.items()
    ]
    return sorted(rows, key=lambda row: (row.label is not None, row.gains, row.label or ""))


def stretch(least: Sequence[int], cents: int) -> int:
    """In which stretch an amount lies: the number of limits that it has reached, from 1 on."""
    return bisect_right(least, cents)


def _labels(rules: Sequence[Rule], case: Situation) -> set[str]:
    return {offer.label for offer in offers(rules, case).offered}
