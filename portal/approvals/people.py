"""How many people an act needs: two, unless the town has said that one is enough up to an amount.

Pure. What this table does not name always needs two: so do bank details, retention and the
credentials of a provider, whichever room asks for them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.money import Money

# fmt: off
ONE_MAY_BE_ENOUGH: Mapping[str, bool] = {
    "refund":          True,
    "refund.made":     True,
    "refund.not_made": True,
    "custody.assign":  True,
    "custody.return":  True,
    "custody.keep":    True,
    "suspense.close":  True,
    "payment.correct": True,
    "staff.grant":     False,
    "approvals.rule":  False,  # else one person could make himself the only one
}
# fmt: on
TOWNS_CHOICE = tuple(act for act, may_be in ONE_MAY_BE_ENOUGH.items() if may_be)


@dataclass(frozen=True, slots=True)
class Rule:
    """For an act one person is enough up to this amount, inclusive."""

    act: str
    up_to: Money


def people_needed(act: str, amount: Money | None, rules: Iterable[Rule]) -> int:
    """One or two. An act without an amount, or in another currency than the rule's, needs two.

    An amount below zero (of what a provider will hold back) is as large as one above.
    """
    if amount is None or not ONE_MAY_BE_ENOUGH.get(act, False):
        return 2
    enough = any(
        (rule.act, rule.up_to.currency) == (act, amount.currency)
        and abs(amount.cents) <= rule.up_to.cents
        for rule in rules
    )
    return 1 if enough else 2
