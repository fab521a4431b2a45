"""Parts: what of a request may be paid now: all, what is due, or an amount of one's own. Pure.

The finance system decides what may be split: it sends instalments, or the least amount of a part,
and the kind says whether parts are allowed. A warning fine is paid as a whole or has no effect
(section 56(2) OWiG), whatever was sent with it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate

from portal.errors import Conflict
from portal.money import Money
from portal.tenants import Kind, Law

LONGEST_TYPED = 24

# One sign parts the thousands, another the cents; blanks and apostrophes only the thousands.
_TYPED = re.compile(
    r"(?P<euros>\d{1,3}(?P<sign>[.,' ])\d{3}(?:(?P=sign)\d{3})*|\d+)"
    r"(?:(?!(?P=sign))[.,](?P<cents>\d{1,2}))?"
)
_OTHER_SIGNS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'",
                              "\u066b": ",", "\u066c": "."})  # fmt: skip
_UNIT = re.compile(r"EUR|€", re.IGNORECASE)


class Which(StrEnum):
    """What of the open amount is paid."""

    WHOLE = "whole"
    DUE = "due"
    AMOUNT = "amount"


class Wrong(StrEnum):
    """Why an amount cannot be paid as a part."""

    NO_PARTS = "no_parts"
    ABOVE = "above"
    BELOW = "below"
    REST = "rest"


class NotAPart(Conflict):
    """So much cannot be paid of this request now."""

    code = "not_a_part"


@dataclass(frozen=True, slots=True)
class Due:
    """What is due up to ``on``, less what is paid; ``later``: nothing is yet, this is the next."""

    amount: Money
    on: date
    later: bool


@dataclass(frozen=True, slots=True)
class Payable:
    """What may be paid now. ``due`` only where it is less than all; ``least`` of a free amount."""

    whole: Money
    due: Due | None = None
    least: Money | None = None

    @property
    def has_parts(self) -> bool:
        """Whether there is anything to choose."""
        return self.due is not None or self.least is not None

    @property
    def most(self) -> Money:
        """The largest free amount below all: what then stays open can be paid as a part, too."""
        return self.whole - (self.least or self.whole)


@dataclass(frozen=True, slots=True)
class Part:
    """What was chosen, and how much it is."""

    which: Which
    amount: Money


# The first that is true is the reason.
# fmt: off
WRONG_WHEN: tuple[tuple[Wrong, Callable[[Payable, int, int], bool]], ...] = (
    (Wrong.NO_PARTS, lambda now, least, cents: not least and cents != now.whole.cents),
    (Wrong.ABOVE,    lambda now, least, cents: cents > now.whole.cents),
    (Wrong.BELOW,    lambda now, least, cents: cents < min(least, now.whole.cents)),
    (Wrong.REST,     lambda now, least, cents: 0 < now.whole.cents - cents < least),
)
# fmt: on


def payable(
    whole: Money, covered_cents: int, content: Mapping[str, object], kind: Kind, day: date
) -> Payable:
    """What may be paid on ``day`` of a stored request that still asks ``whole``."""
    if kind.law == Law.WARNING or kind.closes_after_payable_until:
        return Payable(whole)
    partial = content.get("partial") if kind.parts_allowed else None
    least = Money(partial["minimum_cents"], whole.currency) if isinstance(partial, dict) else None
    if least is not None and whole.cents < 2 * least.cents:
        least = None  # no part leaves a rest that is large enough
    return Payable(whole, _due(whole, covered_cents, content.get("instalments"), day), least)


def wrong(now: Payable, cents: int) -> Wrong | None:
    """Why a free amount cannot be paid; ``None`` when it can."""
    least = now.least.cents if now.least else 0
    return next((reason for reason, holds in WRONG_WHEN if holds(now, least, cents)), None)


def chosen(now: Payable, which: Which, cents: int) -> Part:
    """The part of this name, which the page showed as ``cents``; raises ``NotAPart``."""
    if which is Which.DUE:
        fits = now.due is not None and cents == now.due.amount.cents
    elif which is Which.AMOUNT:
        fits = cents > 0 and wrong(now, cents) is None
    else:
        fits = cents == now.whole.cents
    if not fits:
        raise NotAPart(f"{cents} cents are no part that can be paid now.")
    return Part(which, Money(cents, now.whole.currency))


def like(now: Payable, cents: int) -> Part:
    """The part that ``cents`` are now, as when a payment failed; all where they are none."""
    for which in (Which.DUE, Which.AMOUNT):
        try:
            return chosen(now, which, cents)
        except NotAPart:
            continue
    return Part(Which.WHOLE, now.whole)


def read(typed: str) -> int | None:
    """``148,50``, ``148.50``, ``1.234,50 €`` or ``148`` as cents; ``None`` for anything else."""
    text = _UNIT.sub("", typed.translate(_OTHER_SIGNS)).strip()
    found = _TYPED.fullmatch(text)
    if found is None or len(typed) > LONGEST_TYPED:
        return None
    euros = re.sub(r"\D", "", found["euros"])
    return int(euros) * 100 + int((found["cents"] or "0").ljust(2, "0"))


def _due(whole: Money, covered_cents: int, instalments: object, day: date) -> Due | None:
    owed = list(_owed(instalments))
    up_to_now = [each for each in owed if each[0] <= day][-1:]
    coming = [each for each in owed if each[0] > day]
    for on, cents in (*up_to_now, *coming):
        amount = Money(cents - covered_cents, whole.currency)
        if amount.cents > 0:
            return Due(amount, on, later=on > day) if amount < whole else None
    return None


def _owed(instalments: object) -> Iterator[tuple[date, int]]:
    """By each day what is due up to it, in cents."""
    if not isinstance(instalments, list):
        return
    by_day: dict[date, int] = {}
    for each in instalments:
        on = date.fromisoformat(each["due_on"])
        by_day[on] = by_day.get(on, 0) + each["amount_cents"]
    days = sorted(by_day)
    yield from zip(days, accumulate(by_day[on] for on in days), strict=True)
