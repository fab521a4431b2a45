"""Undoing settlement reports: all of a file, or one that the provider told, as one unit.

The entries are reversed and the items are open again; the report may be booked anew. What was heard
by its lines (a payment's success, a refund, a reversal) stays: that has happened.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import deciding
from portal.db import transaction
from portal.errors import Conflict, Invalid
from portal.finance import feed, outbox, payout_messages
from portal.ledger import book, entries, items, settlements
from portal.ledger.models import PayoutArrival, SettlementRow, SuspenseItem
from portal.ledger.settlements import SettlementFile, SettlementUndoing
from portal.requests import persons
from portal.settlements import booking, staff
from portal.settlements.files import NoSuchFile

LONGEST_REASON = 200
LET_GO = "What it held back in reserve was let go by a later report, or closed by order since."


class PayoutHasArrived(Conflict):
    """The pay-out stands on the bank account: it was paid out so, and cannot be undone."""

    code = "payout_has_arrived"


class LaterActDepends(Conflict):
    """Something was decided later that would be wrong without the report."""

    code = "later_act_depends"


class NotUndoable(Conflict):
    """It is not in the books, or belongs to a file that is undone as a whole."""

    code = "not_undoable"


class NoReason(Invalid):
    """A reason of 1 to 200 characters is needed."""

    code = "reason_missing"


class NamesAPerson(NoReason):
    """It is kept for years and names nobody."""

    code = "personal_data"


def undo_file(tenant_id: str, file_id: int, reason: str, by: str) -> int:
    """Undo all reports of a file that are in force; how many.

    Raises ``NoSuchFile``, ``NotUndoable``, ``PayoutHasArrived``, ``LaterActDepends``, ``NoReason``,
    ``NamesAPerson``, ``NotAPerson``.
    """
    _check_words(reason, by)
    with transaction() as session:
        file = session.get(SettlementFile, (tenant_id, file_id))
        if file is None:
            raise NoSuchFile("There is no such file.")
        settlements.one_at_a_time(session, tenant_id, file.account)
        query = settlements.in_force().where(
            SettlementRow.tenant_id == tenant_id, SettlementRow.file_id == file_id
        )
        rows = session.scalars(query.order_by(SettlementRow.settlement)).all()
        if not rows:
            raise NotUndoable("The file was undone before.")
        _undo(session, rows, reason, by)
        return len(rows)


def undo_report(tenant_id: str, account_id: str, settlement: str, reason: str, by: str) -> None:
    """Undo a report that the provider told. Raises as ``undo_file``."""
    _check_words(reason, by)
    with transaction() as session:
        settlements.one_at_a_time(session, tenant_id, account_id)
        row = booking.last(session, tenant_id, account_id, settlement)
        if row is None or booking.is_undone(session, row):
            raise NotUndoable("There is no such settlement report in the books.")
        if row.file_id is not None:
            raise NotUndoable(f"It came with file {row.file_id}, which is undone as a whole.")
        _undo(session, [row], reason, by)


def _check_words(reason: str, by: str) -> None:
    if not deciding.is_named(by):
        raise deciding.NotAPerson("Only a person may undo a settlement report.")
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise NoReason(f"A reason of 1 to {LONGEST_REASON} characters is needed.")
    if held := persons.held(reason):
        raise NamesAPerson(f"The reason holds {held}.")


def _undo(session: Session, rows: Sequence[SettlementRow], reason: str, by: str) -> None:
    for row in rows:
        _check(session, row)
    for row in rows:
        _reverse(session, row, by)
        detail = {
            "account": row.account,
            "version": row.version,
            "net_cents": row.net_cents,
            "currency": row.currency,
            "file": row.file_id,
            "reason": reason,
        }
        audit.note(session, row.tenant_id, by, "settlement.undone", row.settlement, detail)
    for row in rows:
        if booking.held(session, row.tenant_id, row.account, row.currency).cents < 0:
            raise LaterActDepends(LET_GO)


def _reverse(session: Session, row: SettlementRow, by: str) -> None:
    session.add(
        SettlementUndoing(
            tenant_id=row.tenant_id,
            account=row.account,
            settlement=row.settlement,
            version=row.version,
            undone_at=clock.now(),
        )
    )
    for part in booking.parts(session, row):
        item = items.locked(session, SuspenseItem, row.tenant_id, part.item_id)
        items.unsettle(item, part.cents)
    if sums := booking.sums_of(session, row):
        undone = entries.settlement_undone(row.name, row.account, sums)
        book.post(session, row.tenant_id, undone)
    staff.settlement_undone(session, row, by)
    told = feed.announced(session, row.tenant_id, row.account, row.settlement)
    outbox.put(session, row.tenant_id, payout_messages.withdrawn(told))


def _check(session: Session, row: SettlementRow) -> None:
    """Raise unless nothing has come of a report that would be wrong without it."""
    key = (row.tenant_id, row.account, row.settlement)
    if session.get(PayoutArrival, key) is not None:
        raise PayoutHasArrived(f"The pay-out {row.settlement} stands on the bank account.")
    parts = booking.parts(session, row)
    if sum(part.cents for part in parts) != _settled(session, row):
        raise NotUndoable("It was booked before it was kept which items its lines settled.")
    for item_id in sorted({part.item_id for part in parts}):
        item = items.locked(session, SuspenseItem, row.tenant_id, item_id)
        if item.state == "closed_by_order":
            raise LaterActDepends(f"The rest of {item.reference} was closed by order since.")


def _settled(session: Session, row: SettlementRow) -> int:
    return booking.sums_of(session, row).gross.cents
