"""Closing by order (auf Anordnung ausgebucht): an item ends without money, by two people.

A suspense item whose money will not come is a loss; a custody item that nobody claims is kept.
The second person approves what the first one saw: if the item has changed, it is asked for anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.db import transaction
from portal.errors import Conflict
from portal.ledger import book, entries, items
from portal.ledger.entry import Entry
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments import staff
from portal.payments.record import again
from portal.returns import custody

SUSPENSE, CUSTODY = "suspense.close", "custody.keep"
MOST_AT_ONCE = 200


class ItemChanged(Conflict):
    """The item is not any more what was asked to be closed."""

    code = "item_changed"


def ask(tenant_id: str, act: str, item_id: int, order: str, by: str) -> None:
    """Ask for an item to be closed: ``act`` is ``SUSPENSE`` or ``CUSTODY``.

    Raises ``NoSuchItem``, ``ItemChanged``, ``NoOrder``, ``AskedBefore``, ``Promised``.
    """

    def whole(session: Session) -> None:
        closer = CLOSERS[act]
        item = closer.locked(session, tenant_id, item_id)
        if not item.open_cents:
            raise ItemChanged("Nothing of the item is open.")
        amount = Money(closer.counts(item), item.currency)
        wanted = deciding.Wanted(act, str(item_id), order, _facts(item), amount)
        approval = deciding.ask(session, tenant_id, wanted, by)
        if approval.alone:
            _close(session, approval, item, by)

    again(whole)


def approve(tenant_id: str, act: str, item_id: int, by: str, number: int | None = None) -> None:
    """The second person approves, and the item is closed. Raises as ``deciding.approve``, too:

    ``ItemChanged``, ``Promised``.
    """

    def whole(session: Session) -> None:
        item = CLOSERS[act].locked(session, tenant_id, item_id)
        approval = deciding.approve(session, tenant_id, act, str(item_id), by, number)
        if approval.facts != _facts(item):
            raise ItemChanged("The item has changed since it was asked for.")
        _close(session, approval, item, by)

    again(whole)


def refuse(
    tenant_id: str, act: str, item_id: int, by: str, why: str = "", number: int | None = None
) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, act, str(item_id), by, why, number)


def run_out() -> int:
    """End what nobody approved within seven days; how many."""
    with transaction() as session:
        over = deciding.over(session, frozenset(CLOSERS), MOST_AT_ONCE)
        for tenant_id, act, subject in over:
            deciding.run_out(session, tenant_id, act, subject)
    return len(over)


def _close(
    session: Session, approval: Approval, item: "SuspenseItem | CustodyItem", by: str
) -> None:
    closer = CLOSERS[approval.act]
    amount = Money(item.open_cents, item.currency)
    # An order may close many items: the item's own name makes the entry's unique.
    name = f"{approval.order_number}:{item.id}"
    book.post(session, item.tenant_id, closer.entry(name, item, amount))
    items.lower(item, amount.cents, closer.ends_as)
    staff.custody_ended(session, item, by)


@dataclass(frozen=True, slots=True)
class _Closer:
    locked: Callable[[Session, str, int], "SuspenseItem | CustodyItem"]
    entry: Callable[[str, "SuspenseItem | CustodyItem", Money], Entry]
    ends_as: str
    counts: Callable[["SuspenseItem | CustodyItem"], int]  # cents that a town's rule is asked for


def _suspense(session: Session, tenant_id: str, item_id: int) -> SuspenseItem:
    return items.locked(session, SuspenseItem, tenant_id, item_id)


def _closed(name: str, item: SuspenseItem | CustodyItem, amount: Money) -> Entry:
    return entries.suspense_closed(name, item.account or "", amount)


def _kept(name: str, item: SuspenseItem | CustodyItem, amount: Money) -> Entry:
    cause = item.cause if isinstance(item, CustodyItem) else ""
    return entries.custody_kept(name, cause, amount)


def _facts(item: SuspenseItem | CustodyItem) -> dict[str, object]:
    return {
        "item": item.reference,
        "open_cents": item.open_cents,
        "currency": item.currency,
    }


CLOSERS: Mapping[str, _Closer] = {
    SUSPENSE: _Closer(_suspense, _closed, "closed_by_order", lambda item: item.open_cents),
    # What went out of it before may have been one person's act, too: all of it counts.
    CUSTODY: _Closer(custody.locked, _kept, "kept_by_order", lambda item: item.amount_cents),
}
