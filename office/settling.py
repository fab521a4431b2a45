"""Which pay-out lines settle which suspense items.

Decided afresh, from all that is known, whenever an item or a line is new: so the result is the
same in whatever order events come. A line settles items of its own account alone, first the one
that bears its payment and its provider's reference, then one with this reference, then one of
this payment. What fits no item is not taken out of suspense.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from office import entries
from office.models import ItemState, Payout, PayoutLine, PayoutState, SuspenseItem

Named = SuspenseItem | PayoutLine
Key = Callable[[Named], Hashable]

RULES: Sequence[Key] = (
    lambda one: one.payment and one.provider_reference and (one.payment, one.provider_reference),
    lambda one: one.provider_reference,
    lambda one: one.payment,
)


@dataclass(slots=True)
class Settled:
    """How much of an item is settled, and by which pay-out last."""

    cents: int = 0
    payout: str | None = None


def match(items: Iterable[SuspenseItem], lines: Iterable[PayoutLine]) -> dict[str, Settled]:
    """How far each item is settled. Pure; the order of the arguments does not matter."""
    items = sorted((i for i in items if i.state != ItemState.REVERSED), key=lambda i: i.item)
    lines = sorted(lines, key=lambda line: (line.payout, line.number))
    left = [max(line.gross_cents, 0) for line in lines]
    settled = {item.item: Settled() for item in items}
    for rule in RULES:
        alike = _by(rule, items)
        for at, line in enumerate(lines):
            for item in alike[rule(line)]:
                one = settled[item.item]
                moved = min(left[at], item.cents - one.cents)
                if moved:
                    left[at] -= moved
                    one.cents, one.payout = one.cents + moved, line.payout
    return settled


def settle(session: Session, account: str, names: Iterable[Named]) -> int:
    """Settle anew what hangs together with ``names``: cents that leave suspense by it.

    ``account`` is a suspense account. Below zero when money that was settled is open again.
    """
    items, lines = _related(session, account, names)
    settled, moved = match(items, lines), 0
    for item in items:
        one = settled.get(item.item, Settled())
        moved += one.cents - item.settled_cents
        item.settled_cents, item.payout = one.cents, one.payout
        if item.state != ItemState.REVERSED:
            item.state = ItemState.OPEN if item.open_cents else ItemState.SETTLED
    session.flush()
    return moved


def _by(rule: Key, items: Iterable[SuspenseItem]) -> dict[Hashable, list[SuspenseItem]]:
    found: dict[Hashable, list[SuspenseItem]] = defaultdict(list)
    for item in items:
        if key := rule(item):
            found[key].append(item)
    return found


def _related(
    session: Session, account: str, names: Iterable[Named]
) -> tuple[Sequence[SuspenseItem], Sequence[PayoutLine]]:
    """All items and lines of an account that share a payment or a reference, over however many.

    Lines of a pay-out that was withdrawn settle nothing.
    """
    payments, references = _names(names)
    while True:
        items = session.scalars(
            select(SuspenseItem).where(
                SuspenseItem.account == account,
                or_(
                    SuspenseItem.payment.in_(payments),
                    SuspenseItem.provider_reference.in_(references),
                ),
            )
        ).all()
        lines = session.scalars(
            select(PayoutLine)
            .join(
                Payout,
                (Payout.account == PayoutLine.account) & (Payout.payout == PayoutLine.payout),
            )
            .where(
                Payout.state != PayoutState.WITHDRAWN,
                PayoutLine.account == entries.provider_account(account),
                or_(
                    PayoutLine.payment.in_(payments),
                    PayoutLine.provider_reference.in_(references),
                ),
            )
        ).all()
        more_payments, more_references = _names([*items, *lines])
        if more_payments <= payments and more_references <= references:
            return items, lines
        payments |= more_payments
        references |= more_references


def _names(rows: Iterable[Named]) -> tuple[set[str], set[str]]:
    found = list(rows)
    return (
        {row.payment for row in found if row.payment},
        {row.provider_reference for row in found if row.provider_reference},
    )
