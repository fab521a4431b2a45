"""Offers: which providers may be used for an amount, and for each other one why not. Pure.

Rules are rows of the tenant; an amount limit is inclusive on both ends: "up to 800 EUR" still
offers at 800.00 EUR and no longer at 800.01 EUR. Rules under one label are one choice: the first of
them by position that may be used stands for it, and the next steps in when that one may not, or
when its method has ended.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from portal.money import Money
from portal.words import N_

CHANNELS = ("web",)  # where a citizen may be when he pays


class Reason(StrEnum):
    """Why a provider is not offered."""

    ABOVE_MAXIMUM = "above_maximum"
    BELOW_MINIMUM = "below_minimum"
    OTHER_CURRENCY = "other_currency"
    OTHER_KIND = "other_kind"
    OTHER_CHANNEL = "other_channel"
    NOT_YET = "not_yet"
    NO_LONGER = "no_longer"
    ACCOUNT_CLOSED = "account_closed"
    PAUSED = "paused"


SENTENCES: Mapping[Reason, str] = {
    Reason.ABOVE_MAXIMUM: N_("Only up to %(limit)s."),
    Reason.BELOW_MINIMUM: N_("Only from %(limit)s."),
    Reason.OTHER_CURRENCY: N_("Not for this currency."),
    Reason.OTHER_KIND: N_("Not for this kind of payment."),
    Reason.OTHER_CHANNEL: N_("Not on this device."),
    Reason.NOT_YET: N_("Not available yet."),
    Reason.NO_LONGER: N_("No longer available."),
    Reason.ACCOUNT_CLOSED: N_("Not available at the moment."),
    Reason.PAUSED: N_(
        "%(method)s does not answer at the moment. "
        "Please choose another payment method or try again later."
    ),
}


class Rule(Protocol):
    """What a rule says; the row ``ProviderRule`` does."""

    @property
    def id(self) -> int: ...
    @property
    def account_id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def minimum_cents(self) -> int | None: ...
    @property
    def maximum_cents(self) -> int | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...
    @property
    def position(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Situation:
    """What is to be paid, where and when; which accounts are open that day, which of them are
    paused because their provider does not answer, and the rules whose method has ended.
    """

    amount: Money
    kind: str
    channel: str
    day: date
    accounts: frozenset[str]
    paused: frozenset[str] = frozenset()
    ended: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that may be used now."""

    rule: int
    account: str
    label: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider that may not, with the reason and, for amounts, the limit."""

    rule: int
    label: str
    reason: Reason
    limit: Money | None = None


@dataclass(frozen=True, slots=True)
class Offers:
    """What may be used, in the tenant's order, and what may not: each label once."""

    offered: tuple[Offer, ...]
    refused: tuple[Refusal, ...]

    def under(self, label: str) -> Offer | None:
        """What stands for a label now."""
        return next((offer for offer in self.offered if offer.label == label), None)

    def against(self, label: str) -> Refusal | None:
        """What stands against a label now."""
        return next((refusal for refusal in self.refused if refusal.label == label), None)


# What is said to somebody who had chosen it a moment ago.
NOT_ANY_MORE = N_("This payment method is no longer available. Please choose another one.")
SINCE: Mapping[Reason, str] = {
    **dict.fromkeys((Reason.ABOVE_MAXIMUM, Reason.BELOW_MINIMUM), N_(
        "This payment method cannot be used for this amount any more. Please choose another one."
    )),
    Reason.PAUSED: SENTENCES[Reason.PAUSED],
}  # fmt: skip

Check = Callable[[Rule, Situation], bool]

# The first that is true is the reason: what can never be helped comes before the amount, and what
# helps itself comes last.
# fmt: off
REFUSED_WHEN: tuple[tuple[Reason, Check], ...] = (
    (Reason.ACCOUNT_CLOSED, lambda rule, now: rule.account_id not in now.accounts),
    (Reason.NOT_YET,        lambda rule, now: now.day < rule.valid_from),
    (Reason.NO_LONGER,      lambda rule, now: rule.valid_until is not None
                                              and now.day > rule.valid_until),
    (Reason.OTHER_CURRENCY, lambda rule, now: rule.currency != now.amount.currency),
    (Reason.OTHER_KIND,     lambda rule, now: rule.kind not in {None, now.kind}),
    (Reason.OTHER_CHANNEL,  lambda rule, now: rule.channel not in {None, now.channel}),
    (Reason.BELOW_MINIMUM,  lambda rule, now: rule.minimum_cents is not None
                                              and now.amount.cents < rule.minimum_cents),
    (Reason.ABOVE_MAXIMUM,  lambda rule, now: rule.maximum_cents is not None
                                              and now.amount.cents > rule.maximum_cents),
    (Reason.PAUSED,         lambda rule, now: rule.account_id in now.paused),
)
# fmt: on
STEPS = {reason: step for step, (reason, _) in enumerate(REFUSED_WHEN)}


def offers(rules: Iterable[Rule], now: Situation) -> Offers:
    """Judge every rule. Of the rules under one label the first that may be used is offered, one
    whose method has ended only where no other may; if none may, the one that came nearest to it
    says why.
    """
    chosen: dict[str, Rule] = {}
    refused: dict[str, list[Refusal]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.position, rule.id)):
        reason = next((reason for reason, holds in REFUSED_WHEN if holds(rule, now)), None)
        if reason is None:
            before = chosen.get(rule.label, rule)
            chosen[rule.label] = min(before, rule, key=lambda each: each.id in now.ended)
        else:
            refusal = Refusal(rule.id, rule.label, reason, _limit(rule, reason))
            refused.setdefault(rule.label, []).append(refusal)
    offered = (Offer(rule.id, rule.account_id, rule.label) for rule in chosen.values())
    why_not = (max(each, key=_nearness) for label, each in refused.items() if label not in chosen)
    return Offers(tuple(offered), tuple(why_not))


def _limit(rule: Rule, reason: Reason) -> Money | None:
    cents = {
        Reason.ABOVE_MAXIMUM: rule.maximum_cents,
        Reason.BELOW_MINIMUM: rule.minimum_cents,
    }.get(reason)
    return None if cents is None else Money(cents, rule.currency)


def _nearness(refusal: Refusal) -> tuple[int, int]:
    """The later its reason, or the wider its limit, the nearer a rule came to being offered."""
    limit = refusal.limit.cents if refusal.limit is not None else 0
    return STEPS[refusal.reason], -limit if refusal.reason is Reason.BELOW_MINIMUM else limit
