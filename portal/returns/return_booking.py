"""What the end of a return of unclear money means in the books. All take a session, the item and
the return locked.
"""

from sqlalchemy.orm import Session

from portal import clock
from portal.finance import messages, outbox
from portal.ledger import book, entries, items
from portal.ledger.items import Place
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import booking, staff
from portal.payments.booking import Came
from portal.payments.refund_states import Event, State
from portal.payments.returned import CustodyReturn


def succeeded(session: Session, item: CustodyItem, row: CustodyReturn) -> None:
    """The money went back. What found its place while the provider was at it is a loss."""
    there = Money(min(row.amount_cents, item.open_cents), row.currency)
    lost = row.amount - there
    book.post(
        session,
        row.tenant_id,
        entries.custody_returned(row.id, row.account_id, row.amount, lost),
    )
    items.open_suspense(session, _place(row, "returned"), -row.amount)
    items.lower(item, there.cents, "returned")
    _end(row, State.SUCCEEDED, lost)
    account = entries.suspense(row.account_id)
    reference = row.payment_reference
    kept = messages.Kept(item.id, row.amount, "unclear", account, provider_reference=reference)
    outbox.put(session, row.tenant_id, messages.custody_returned(None, kept, row.id))
    staff.custody_ended(session, item, staff.BY_ITSELF)
    if lost:
        staff.returned_in_vain(session, row, lost)


def failed(session: Session, item: CustodyItem, row: CustodyReturn, by: Event) -> None:
    """The money did not go back. Where it was booked as gone, it is in custody again."""
    if row.state == State.SUCCEEDED:
        _come_back(session, row)
    row.failed_by = by
    _end(row, State.FAILED, Money(0, row.currency))
    staff.return_failed(session, item, row)


def _come_back(session: Session, row: CustodyReturn) -> None:
    lost = Money(row.lost_cents, row.currency)
    entry = entries.custody_return_failed(row.id, row.account_id, row.amount, lost)
    book.post(session, row.tenant_id, entry)
    place = _place(row, "return-failed")
    items.open_suspense(session, place, row.amount)
    kept = row.amount - lost
    if not kept:
        return
    reference = row.payment_reference
    item = booking.keep(session, place, "unclear", kept, Came(None, None, reference))
    if item is not None:
        staff.custody_unclear(session, place, item, kept, reference)


def _end(row: CustodyReturn, state: State, lost: Money) -> None:
    row.state, row.ended_at, row.ask_at = state, clock.now(), None
    row.lost_cents = lost.cents


def _place(row: CustodyReturn, word: str) -> Place:
    return Place(row.tenant_id, row.account_id, f"{word}:{row.id}")
