"""All rows that belong to one request, each sort asked for once, by an index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit import AuditRow
from portal.db import Base
from portal.finance.models import Acknowledgement, Delivery, EventRow
from portal.ledger.models import (
    CustodyItem,
    CustodyMove,
    EntryRow,
    PostingRow,
    SuspenseItem,
    SuspenseMove,
)
from portal.payments.models import Payment, PaymentStep
from portal.payments.returned import Refund, Reversal, ReversalWin
from portal.requests.models import PaidElsewhere, PaymentRequest, RequestStep, RequestVersion
from portal.worklist.models import StaffTask

Row = TypeVar("Row", bound=Base)

# Notes about what the request has, by the sort of the subject; the acts say which sort it is.
OF_REQUEST = ("request.", "citizen.", "link.")
OF_MONEY = ("refund.", "payment.")
OF_CUSTODY, OF_SUSPENSE, OF_EVENTS = ("custody.",), ("suspense.",), ("event.",)
GIVEN = "custody.assigned"  # the note of each part of an item that was given to a request


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid, here and elsewhere, and what went back."""

    payments: Sequence[Payment]
    steps: Sequence[PaymentStep]
    refunds: Sequence[Refund]
    reversals: Sequence[Reversal]
    wins: Sequence[ReversalWin]
    elsewhere: Sequence[PaidElsewhere]


@dataclass(frozen=True, slots=True)
class Book:
    """What was booked of it, and its items."""

    entries: Sequence[tuple[EntryRow, Sequence[PostingRow]]]
    custody: Sequence[CustodyItem]
    custody_moves: Sequence[CustodyMove]
    suspense: Sequence[SuspenseItem]
    suspense_moves: Sequence[SuspenseMove]


@dataclass(frozen=True, slots=True)
class Told:
    """What the finance system was told, how far that has come, and the tasks."""

    events: Sequence[EventRow]
    deliveries: dict[int, Delivery]
    acknowledgements: dict[int, Acknowledgement]
    tasks: Sequence[StaffTask]


@dataclass(frozen=True, slots=True)
class Rows:
    """What there is of one request, oldest first."""

    request: PaymentRequest
    versions: Sequence[RequestVersion]
    steps: Sequence[RequestStep]
    money: Paid
    book: Book
    told: Told
    notes: Sequence[AuditRow]


def of(session: Session, request: PaymentRequest) -> Rows:
    """All of a request; only reads."""
    tenant_id, mine = request.tenant_id, {"request_id": request.id}
    money = _money(session, request)
    told = _told(session, request)
    book = _book(session, request, money, told)
    subjects = {
        OF_REQUEST: [request.reference],
        OF_MONEY: [*(row.id for row in money.payments), *(row.id for row in money.refunds)],
        OF_CUSTODY: [str(item.id) for item in book.custody],
        OF_SUSPENSE: [str(item.id) for item in book.suspense],
        OF_EVENTS: [str(event.position) for event in told.events],
    }
    return Rows(
        request,
        _all(session, RequestVersion, tenant_id, RequestVersion.version, **mine),
        _all(session, RequestStep, tenant_id, RequestStep.id, **mine),
        money,
        book,
        told,
        _notes(session, tenant_id, subjects),
    )


def _money(session: Session, request: PaymentRequest) -> Paid:
    tenant_id, mine = request.tenant_id, {"request_id": request.id}
    payments = _all(session, Payment, tenant_id, Payment.started_at, **mine)
    ids = [payment.id for payment in payments]
    reversals = _all(session, Reversal, tenant_id, Reversal.id, payment_id=ids)
    taken = {"reversal_id": [row.id for row in reversals]}
    return Paid(
        payments,
        _all(session, PaymentStep, tenant_id, PaymentStep.id, payment_id=ids),
        _all(session, Refund, tenant_id, Refund.asked_at, payment_id=ids),
        reversals,
        _all(session, ReversalWin, tenant_id, ReversalWin.won_at, **taken),
        _all(session, PaidElsewhere, tenant_id, PaidElsewhere.told_at, **mine),
    )


def _told(session: Session, request: PaymentRequest) -> Told:
    tenant_id, named = request.tenant_id, {"reference": request.reference}
    events = _all(session, EventRow, tenant_id, EventRow.position, **named)
    at = {"position": [event.position for event in events]}
    handed = _all(session, Delivery, tenant_id, Delivery.position, **at)
    answered = _all(session, Acknowledgement, tenant_id, Acknowledgement.position, **at)
    return Told(
        events,
        {row.position: row for row in handed},
        {row.position: row for row in answered},
        _all(session, StaffTask, tenant_id, StaffTask.number, **named),
    )


def _book(session: Session, request: PaymentRequest, money: Paid, told: Told) -> Book:
    tenant_id, name = request.tenant_id, request.reference
    custody = _all(session, CustodyItem, tenant_id, CustodyItem.id, request_reference=name)
    kept = {"item_id": [item.id for item in custody]}
    moves = _all(session, CustodyMove, tenant_id, CustodyMove.id, **kept)
    names = list(_names(money))
    suspense = _all(session, SuspenseItem, tenant_id, SuspenseItem.id, reference=names)
    held = {"item_id": [item.id for item in suspense]}
    names += [*_booked(request, money.elsewhere), *_given(moves)]
    names += _received(session, request, money, told)
    return Book(
        _entries(session, tenant_id, names),
        custody,
        moves,
        suspense,
        _all(session, SuspenseMove, tenant_id, SuspenseMove.id, **held),
    )


def _all(
    session: Session, model: type[Row], tenant_id: str, order: Any, **where: Any
) -> Sequence[Row]:
    """Rows of a tenant whose columns have one of these values."""
    table: Any = model
    query = select(model).where(table.tenant_id == tenant_id)
    for name, wanted in where.items():
        query = query.where(getattr(model, name).in_(_many(wanted)))
    return session.scalars(query.order_by(order)).all()


def _many(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _names(money: Paid) -> Iterator[str]:
    """How entries and suspense items of payments, refunds and reversals are named."""
    yield from (f"payment:{row.id}" for row in money.payments)
    for refund in money.refunds:
        yield from (f"refund:{refund.id}", f"refund-failed:{refund.id}")
    for taken in money.reversals:
        name = f"{taken.account_id}:{taken.provider_reference}"
        yield f"reversal:{name}"
        mine = (win for win in money.wins if win.reversal_id == taken.id)
        yield from (f"reversal-won{win.which}:{name}" for win in mine)


def _booked(request: PaymentRequest, elsewhere: Sequence[PaidElsewhere]) -> Iterator[str]:
    """How entries of the request itself are named, in each of its versions."""
    for fact in elsewhere:
        name = f"{request.reference}:{fact.id}"
        yield from (f"elsewhere:{name}", f"elsewhere-undone:{name}")
    for version in range(1, request.version + 1):
        yield from (f"{word}:{request.reference}:{version}" for word in ("lowered", "kind"))
        for old in request.content.get("replaces", ()):
            yield f"replaced:{old}:{version}:{request.reference}"


def _given(moves: Sequence[CustodyMove]) -> Iterator[str]:
    """How entries of custody items that were given away are named: by what was open before."""
    still: dict[int, int] = {}
    for move in moves:
        if move.reason == "assigned":
            yield f"assigned:{move.item_id}:{still.get(move.item_id, 0)}"
        still[move.item_id] = still.get(move.item_id, 0) + move.cents


def _received(
    session: Session, request: PaymentRequest, money: Paid, told: Told
) -> Iterator[str]:  # fmt: skip
    """How entries are named by which the request got parts of items, its own or another's.

    Each part that was given leaves an entry, and a note of who got it, in the same order.
    """
    ids = sorted({int(e.data["item"]) for e in told.events if e.type == "custody.assigned"})
    if not ids:
        return
    tenant_id, of_items = request.tenant_id, [str(each) for each in ids]
    moves = _all(session, CustodyMove, tenant_id, CustodyMove.id, item_id=ids)
    notes = _all(session, AuditRow, tenant_id, AuditRow.id, subject=of_items, act=GIVEN)
    entries = _all(session, EntryRow, tenant_id, EntryRow.id, reference=list(_given(moves)))
    for item_id in ids:
        given = (e.reference for e in entries if e.reference.split(":")[1] == str(item_id))
        to = (note.detail["request"] for note in notes if note.subject == str(item_id))
        yield from (
            name for name, whom in zip(given, to, strict=False) if whom == request.reference
        )
        for fact in money.elsewhere:  # that did not come after all: surplus stepped in
            yield f"assigned:undone:{request.reference}:{fact.id}:{item_id}"


def _entries(
    session: Session, tenant_id: str, names: Sequence[str]
) -> list[tuple[EntryRow, Sequence[PostingRow]]]:
    entries = _all(session, EntryRow, tenant_id, EntryRow.id, reference=list(names))
    lines = _all(
        session, PostingRow, tenant_id, PostingRow.line, entry_id=[entry.id for entry in entries]
    )
    return [(entry, [line for line in lines if line.entry_id == entry.id]) for entry in entries]


def _notes(
    session: Session, tenant_id: str, subjects: dict[tuple[str, ...], list[str]]
) -> list[AuditRow]:
    """Who did what: an item's and an event's number may be the same, so that the act decides."""
    everyone = sorted({each for some in subjects.values() for each in some})
    rows = _all(session, AuditRow, tenant_id, AuditRow.id, subject=everyone)
    return [
        row
        for row in rows
        if any(row.act.startswith(acts) and row.subject in of for acts, of in subjects.items())
    ]
