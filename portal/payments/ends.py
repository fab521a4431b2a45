"""Ends: which accounts and rules end, what follows them, and what cannot be paid then. Pure.

What can be paid changes only where a rule's limit lies. So a day is known in full by asking the
offers once for each kind, channel, currency and stretch between two limits: a *case*.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Protocol

from portal.money import Money
from portal.payments.offers import CHANNELS, Rule, Situation, offers
from portal.providers.ended import end_of

ONE_DAY = timedelta(days=1)


class Account(Protocol):
    """What is asked of an account; the row ``ProviderAccount`` has it."""

    @property
    def id(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...


class MethodRule(Rule, Protocol):
    """A rule with the provider's word for its method."""

    @property
    def method(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Lasting:
    """A rule as long as its method lasts."""

    id: int
    account_id: str
    label: str
    kind: str | None
    channel: str | None
    minimum_cents: int | None
    maximum_cents: int | None
    currency: str
    valid_from: date
    valid_until: date | None
    position: int


@dataclass(frozen=True, slots=True)
class Case:
    """What may be asked for: kinds that the rules treat alike, and a stretch of amounts.

    Both ends are inclusive; ``most`` may be open.
    """

    kinds: tuple[str, ...]
    channel: str
    currency: str
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Ending:
    """An account or a rule that ends, with the labels that nothing follows.

    ``name`` is the account's, or the rule's number. ``gaps`` is what cannot be paid online then.
    """

    what: str  # account, rule
    name: str
    labels: tuple[str, ...]
    last_day: date
    gaps: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A town's accounts and rules with their days, and the kinds that it asks for."""

    accounts: tuple[Account, ...]
    rules: tuple[Lasting, ...]
    kinds: frozenset[str]

    def open_on(self, day: date) -> frozenset[str]:
        """The accounts that may be used on a day."""
        return frozenset(
            each.id
            for each in self.accounts
            if each.valid_from <= day and (each.valid_until is None or day <= each.valid_until)
        )

    def labels(self, case: Case, day: date, rules: Iterable[Rule] | None = None) -> set[str]:
        """What is offered in a case on a day, by all rules or some."""
        amount = Money(case.least, case.currency)
        now = Situation(amount, case.kinds[0], case.channel, day, self.open_on(day))
        found = offers(self.rules if rules is None else rules, now)
        return {offer.label for offer in found.offered}

    def cases(self) -> Iterator[Case]:
        """Every case that the rules tell apart."""
        named = {rule.kind for rule in self.rules if rule.kind}
        others = tuple(sorted(self.kinds - named))
        kinds = [*((kind,) for kind in sorted(named)), *([others] if others else [])]
        channels = {*CHANNELS} | {rule.channel for rule in self.rules if rule.channel}
        for currency in sorted({rule.currency for rule in self.rules}):
            limits = list(self._limits(currency))
            for least, above in zip(limits, [*limits[1:], None], strict=True):
                most = None if above is None else above - 1
                for alike, channel in product(kinds, sorted(channels)):
                    yield Case(alike, channel, currency, least, most)

    def _limits(self, currency: str) -> Iterable[int]:
        """The least amount of each stretch, in order."""
        mine = [rule for rule in self.rules if rule.currency == currency]
        least = {rule.minimum_cents for rule in mine if rule.minimum_cents}
        above = {rule.maximum_cents + 1 for rule in mine if rule.maximum_cents is not None}
        return sorted({1} | least | above)


def calendar(
    accounts: Iterable[Account], rules: Iterable[MethodRule], kinds: Iterable[str]
) -> Calendar:
    """A town's calendar; a rule lasts no longer than its method."""
    accounts = tuple(accounts)
    providers = {each.id: each.provider for each in accounts}
    lasting = (_lasting(rule, providers[rule.account_id]) for rule in rules)
    return Calendar(accounts, tuple(lasting), frozenset(kinds))


def endings(town: Calendar, first: date, last: date, today: date) -> list[Ending]:
    """The ends between two days that nothing follows, the first ones first.

    An end is followed when all that could be paid with it on its last day can be paid under the
    same label on the day after, or, where that is over, today.
    """
    ends = {each.id: each.valid_until or date.max for each in town.accounts}
    which = [
        ("account", name, day, [rule for rule in town.rules if rule.account_id == name])
        for name, day in ends.items()
    ]
    which += [
        ("rule", str(rule.id), rule.valid_until, [rule])
        for rule in town.rules
        if rule.valid_until and rule.valid_until < ends[rule.account_id]  # else it is the account's
    ]
    found = [
        _ending(town, what, name, day, mine, max(day + ONE_DAY, today))
        for what, name, day, mine in which
        if first <= day <= last
    ]
    return sorted(filter(None, found), key=lambda each: (each.last_day, each.what, each.name))


def without_any(town: Calendar, day: date) -> list[str]:
    """The kinds for which nothing at all can be paid online on a day."""
    able = {kind for case in town.cases() if town.labels(case, day) for kind in case.kinds}
    return sorted(town.kinds - able)


def _ending(
    town: Calendar, what: str, name: str, last_day: date, mine: list[Lasting], after: date
) -> Ending | None:
    lost: set[str] = set()
    gaps: list[Case] = []
    for case in town.cases():
        could = town.labels(case, last_day, mine)
        can = town.labels(case, after) if could else set()
        lost |= could - can
        gaps += [case] if could and not can else []
    return Ending(what, name, tuple(sorted(lost)), last_day, _joined(gaps)) if lost else None


def _joined(gaps: list[Case]) -> tuple[Case, ...]:
    """The same with stretches of amounts that meet made one, and kinds of one stretch together."""
    stretches: list[Case] = []
    for case in sorted(gaps, key=lambda case: (_place(case), case.least)):
        before = stretches[-1] if stretches else None
        if before and before.most == case.least - 1 and _place(before) == _place(case):
            stretches[-1] = replace(before, most=case.most)
        else:
            stretches.append(case)
    found: dict[Case, tuple[str, ...]] = {}
    for case in stretches:
        of_any = replace(case, kinds=())
        found[of_any] = (*found.get(of_any, ()), *case.kinds)
    return tuple(replace(case, kinds=tuple(sorted(kinds))) for case, kinds in found.items())


def _place(case: Case) -> tuple[tuple[str, ...], str, str]:
    return case.kinds, case.channel, case.currency


def _lasting(rule: MethodRule, provider: str) -> Lasting:
    ended = end_of(provider, rule.method)
    days = [day for day in (rule.valid_until, ended and ended.last_day) if day]
    return Lasting(
        id=rule.id,
        account_id=rule.account_id,
        label=rule.label,
        kind=rule.kind,
        channel=rule.channel,
        minimum_cents=rule.minimum_cents,
        maximum_cents=rule.maximum_cents,
        currency=rule.currency,
        valid_from=rule.valid_from,
        valid_until=min(days, default=None),
        position=rule.position,
    )
