"""Tasks for staff (Aufgaben) of this room: what each is about, and what ends it.

All take a session. What is mended ends its task by itself; a person ends the others.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from portal.ledger.models import SettlementRow, SuspenseItem
from portal.money import Money
from portal.providers.protocol import Account
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind

BY_ITSELF = "settlements"


def settlement_difference(session: Session, row: SettlementRow, difference: Money) -> None:
    """A settlement report pays out something else than what we know of."""
    detail = {
        "account": row.account,
        "settlement": row.settlement,
        "net_cents": row.net_cents,
        "expected_cents": row.net_cents + difference.cents,
        "currency": row.currency,
    }
    subject = _of_settlement(row.account, row.settlement)
    writing.put(session, row.tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, detail=detail)


def settlement_refused(session: Session, account: Account, settlement: str, cause: str) -> None:
    """A settlement report is there and cannot be booked."""
    detail = {"account": account.id, "settlement": settlement, "cause": cause}
    subject = _of_settlement(account.id, settlement)
    writing.put(session, account.tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, detail=detail)


def is_settlement_open(session: Session, tenant_id: str, account_id: str, settlement: str) -> bool:
    """Whether a settlement report still has a task."""
    kind, subject = Kind.SETTLEMENT_DIFFERENCE, _of_settlement(account_id, settlement)
    return reading.is_open(session, tenant_id, kind, subject)


def settlements_missing(
    session: Session, tenant_id: str, account_id: str, cause: str, since: datetime
) -> None:
    """An account's settlement reports cannot be had, or stay away."""
    detail = {"account": account_id, "cause": cause, "since": since.isoformat()}
    writing.put(session, tenant_id, Kind.SETTLEMENTS_MISSING, account_id, detail=detail)


def settlements_there(session: Session, tenant_id: str, account_id: str) -> None:
    """They are there again."""
    writing.end(session, tenant_id, Kind.SETTLEMENTS_MISSING, account_id, BY_ITSELF, "listed")


def settlement_booked(session: Session, row: SettlementRow) -> None:
    """It could be booked after all."""
    tenant_id, subject = row.tenant_id, _of_settlement(row.account, row.settlement)
    writing.end(session, tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, BY_ITSELF, "booked")


def settlement_undone(session: Session, row: SettlementRow, by: str) -> None:
    """It is not booked any more."""
    tenant_id, subject = row.tenant_id, _of_settlement(row.account, row.settlement)
    writing.end(session, tenant_id, Kind.SETTLEMENT_DIFFERENCE, subject, by, "undone")


def reports_stay_away(session: Session, tenant_id: str, quiet: Mapping[str, datetime]) -> None:
    """Money of these accounts waits and no report comes; the tasks of all others are over.

    What a person has ended is not opened again for the same time of quiet.
    """
    kind, begins = Kind.SETTLEMENTS_MISSING, "quiet:"
    subjects = {f"{begins}{name}:{since:%Y-%m-%d}": name for name, since in quiet.items()}
    for task in reading.open_tasks(session, tenant_id, kinds=(kind,)):
        if task.subject.startswith(begins) and task.subject not in subjects:
            writing.end(session, tenant_id, kind, task.subject, BY_ITSELF, "a report came")
    for subject, name in subjects.items():
        if reading.last_ended_by(session, tenant_id, kind, subject) in {None, BY_ITSELF}:
            detail = {"account": name, "cause": "no_report", "since": quiet[name].isoformat()}
            writing.put(session, tenant_id, kind, subject, detail=detail)


def suspense_overdue(session: Session, item: SuspenseItem) -> None:
    """A provider has had money of ours, or owes to hold some back, for longer than it should."""
    detail = {
        "item": item.id,
        "account": item.account,
        "of": item.reference,
        "amount_cents": item.open_cents,
        "currency": item.currency,
        "since": item.opened_at.isoformat(),
    }
    writing.put(session, item.tenant_id, Kind.SUSPENSE_OVERDUE, str(item.id), detail=detail)


def suspense_settled(session: Session, tenant_id: str, item_id: str) -> None:
    """It is not overdue any more."""
    writing.end(session, tenant_id, Kind.SUSPENSE_OVERDUE, item_id, BY_ITSELF, "not overdue")


def _of_settlement(account_id: str, settlement: str) -> str:
    return f"settlement:{account_id}:{settlement}"
