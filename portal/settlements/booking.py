"""Booking a settlement report, and what is booked of one. All take a session.

There is one way into the books, whoever brought the report: the provider that was asked, or a file.
What fits no open item of ours stays visible on the account for differences, and as a task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json
from portal.finance import outbox, payout_messages
from portal.finance.messages import Message
from portal.ledger import book, entries, items, settlements
from portal.ledger.entries import PaidOut
from portal.ledger.items import Place
from portal.ledger.models import SettlementLineRow, SettlementRow
from portal.ledger.settlements import SettledItem, SettlementUndoing
from portal.money import Money
from portal.payments.models import Payment, ProviderAccount
from portal.providers.protocol import Settlement, SettlementLine
from portal.returns import ways
from portal.settlements import netted, staff, unbooked
from portal.settlements.netted import Settled


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of a report: its row, and of each line, in order, what of it fits."""

    row: SettlementRow
    lines: tuple[tuple[SettlementLine, Settled], ...]
    sums: PaidOut


def last(
    session: Session, tenant_id: str, account_id: str, settlement: str
) -> SettlementRow | None:
    """The newest version of a settlement report that was ever booked."""
    query = (
        select(SettlementRow)
        .where(
            SettlementRow.tenant_id == tenant_id,
            SettlementRow.account == account_id,
            SettlementRow.settlement == settlement,
        )
        .order_by(SettlementRow.version.desc())
        .limit(1)
    )
    return session.scalar(query)


def is_undone(session: Session, row: SettlementRow) -> bool:
    """Whether it was undone."""
    key = (row.tenant_id, row.account, row.settlement, row.version)
    return session.get(SettlementUndoing, key) is not None


def book_report(
    session: Session,
    tenant_id: str,
    account_id: str,
    report: Settlement,
    *,
    file_id: int | None = None,
    anew: bool = False,
) -> Booked | None:
    """Book a report once; ``None`` when it was booked before.

    ``anew``: one that was undone may be booked again.
    """
    settlements.one_at_a_time(session, tenant_id, account_id)
    before = last(session, tenant_id, account_id, report.settlement)
    if before is not None and not (anew and is_undone(session, before)):
        return None
    row = _row(tenant_id, account_id, report, file_id)
    row.version = before.version + 1 if before else 1
    session.add(row)
    session.flush()
    booked = _settled(session, row, report)
    sums = booked.sums
    if sums:  # a day without payments has an empty report
        book.post(session, tenant_id, entries.settlement(row.name, account_id, sums))
    unbooked.forget(session, tenant_id, account_id, report.settlement)
    staff.settlement_booked(session, row)
    if sums.difference:
        staff.settlement_difference(session, row, sums.difference)
    outbox.put(session, tenant_id, _announced(session, booked, report))
    return booked


def parts(session: Session, row: SettlementRow) -> list[SettledItem]:
    """What the lines of a booked report have settled, in the order in which items are locked."""
    query = select(SettledItem).where(*_of(SettledItem, row))
    return list(session.scalars(query.order_by(SettledItem.item_id, SettledItem.line)))


def sums_of(session: Session, row: SettlementRow) -> PaidOut:
    """What was booked for a report, as its lines tell."""
    of_reserve = SettlementLineRow.kind == netted.RESERVE
    settled = func.coalesce(func.sum(SettlementLineRow.settled_cents).filter(~of_reserve), 0)
    moved = func.coalesce(func.sum(SettlementLineRow.settled_cents).filter(of_reserve), 0)
    known = func.coalesce(func.sum(SettlementLineRow.booked_fee_cents), 0)
    query = select(settled, moved, known).where(*_of(SettlementLineRow, row))
    gross, moved_cents, known_cents = session.execute(query).one()
    cents = (int(gross), row.fee_cents - int(known_cents), -int(moved_cents), row.net_cents)
    return PaidOut(*(Money(each, row.currency) for each in cents))


def held(session: Session, tenant_id: str, account_id: str, currency: str) -> Money:
    """What the provider holds back in reserve now."""
    return book.balance(session, tenant_id, f"reserves:{account_id}", currency)


def _of(
    model: type[SettledItem | SettlementLineRow], row: SettlementRow
) -> tuple[ColumnElement[bool], ...]:
    return (
        model.tenant_id == row.tenant_id,
        model.account == row.account,
        model.settlement == row.settlement,
        model.version == row.version,
    )


def _row(tenant_id: str, account_id: str, report: Settlement, file_id: int | None) -> SettlementRow:
    return SettlementRow(
        tenant_id=tenant_id,
        account=account_id,
        settlement=report.settlement,
        gross_cents=sum(line.gross.cents for line in report.lines),
        fee_cents=sum(line.fee.cents for line in report.lines),
        net_cents=report.net.cents,
        currency=report.net.currency,
        made_at=report.made_at,
        booked_at=clock.now(),
        file_id=file_id,
    )


def _settled(session: Session, row: SettlementRow, report: Settlement) -> Booked:
    """Settle line by line. What is held back comes before what is let go again."""
    nothing = Money(0, row.currency)
    gross, held_back, fee = nothing, nothing, Money(row.fee_cents, row.currency)
    found: dict[int, Settled] = {}
    kept: list[tuple[int, SettlementLine, Settled]] = []
    for number, (at, line) in enumerate(sorted(enumerate(report.lines), key=_turn), start=1):
        if line.kind == netted.RESERVE:
            settled = _reserve(session, row, line, held_back)
            held_back -= settled.gross
        else:
            settled = SETTLERS.get(line.kind, _nothing)(session, row, line)
            gross += settled.gross
        fee -= settled.fee
        found[at] = settled
        kept.append((number, line, settled))
    _keep(session, row, kept)
    lines = tuple(zip(report.lines, (found[at] for at in range(len(report.lines))), strict=True))
    return Booked(row, lines, PaidOut(gross, fee, held_back, report.net))


def _turn(numbered: tuple[int, SettlementLine]) -> tuple[bool, bool, str, str, int]:
    at, line = numbered
    reserve = line.kind == netted.RESERVE
    return reserve, reserve and line.gross.cents > 0, line.payment, line.provider_reference, at


def _payment(session: Session, row: SettlementRow, line: SettlementLine) -> Settled:
    """Money that fitted no payment is kept by the provider's name for it: as the line tells it, or
    as it was told before, for some name a thing otherwise in their reports.
    """
    payment = session.get(Payment, (row.tenant_id, line.payment))
    mine = payment is not None and payment.account_id == row.account
    before = payment.provider_reference if payment is not None and mine else None
    unclear = dict.fromkeys(filter(None, (line.provider_reference, before)))
    found, rest = [], line.gross
    for name in (f"payment:{line.payment}", *(f"unclear:{row.account}:{each}" for each in unclear)):
        part = items.settle(session, Place(row.tenant_id, row.account, name), rest)
        if part is not None:
            found.append(part)
            rest -= part.amount
    return Settled(line.gross - rest, Money(0, row.currency), tuple(found))


def _netted(session: Session, row: SettlementRow, line: SettlementLine) -> Settled:
    return netted.settle(session, row.tenant_id, row.account, line)


def _nothing(_: Session, row: SettlementRow, __: SettlementLine) -> Settled:
    return Settled(Money(0, row.currency), Money(0, row.currency))


def _reserve(
    session: Session, row: SettlementRow, line: SettlementLine, held_back: Money
) -> Settled:
    """What is held back fits; of what is let go as much as was held back, as far as we know."""
    fits, nothing = line.gross, Money(0, row.currency)
    if line.gross > nothing:
        there = held(session, row.tenant_id, row.account, row.currency) + held_back
        fits = min(line.gross, max(there, nothing, key=_cents), key=_cents)
    return Settled(fits, nothing)


def _cents(money: Money) -> int:
    return money.cents


def _keep(
    session: Session, row: SettlementRow, lines: Sequence[tuple[int, SettlementLine, Settled]]
) -> None:
    """Write the lines down, then what they settled: one names the other."""
    key = {
        "tenant_id": row.tenant_id,
        "account": row.account,
        "settlement": row.settlement,
        "version": row.version,
    }
    session.add_all(
        SettlementLineRow(
            **key,
            line=number,
            kind=line.kind,
            payment=line.payment,
            provider_reference=line.provider_reference,
            gross_cents=line.gross.cents,
            fee_cents=line.fee.cents,
            settled_cents=settled.gross.cents,
            booked_fee_cents=settled.fee.cents,
        )
        for number, line, settled in lines
    )
    session.flush()
    session.add_all(
        SettledItem(**key, line=number, item_id=part.item, cents=part.amount.cents)
        for number, _, settled in lines
        for part in settled.parts
    )


def _announced(session: Session, booked: Booked, report: Settlement) -> Message:
    row = booked.row
    account = session.get_one(ProviderAccount, (row.tenant_id, row.account))
    told = payout_messages.PaidOut(
        provider=account.provider,
        account=row.account,
        payout=row.settlement,
        version=row.version,
        gross=Money(row.gross_cents, row.currency),
        fee=Money(row.fee_cents, row.currency),
        net=report.net,
        reserve=booked.sums.held,
    )
    lines = [_told(session, row, line) for line, _ in booked.lines]
    return payout_messages.announced(told, lines)


def _told(session: Session, row: SettlementRow, line: SettlementLine) -> Json:
    return {
        line.kind: _subject(session, row, line),
        "provider_reference": line.provider_reference,
        "gross_cents": line.gross.cents,
        "fee_cents": line.fee.cents,
    }


def _subject(session: Session, row: SettlementRow, line: SettlementLine) -> str:
    """What a line is about: our payment, refund or return, or the provider's name for it."""
    if line.kind == "refund":
        found = ways.of_line(session, row.tenant_id, row.account, line)
        return found[1].id if found else line.provider_reference
    if line.kind == "payment":
        return line.payment or line.provider_reference
    return line.provider_reference


SETTLERS: Mapping[str, Callable[[Session, SettlementRow, SettlementLine], Settled]] = {
    "payment": _payment,
    "refund": _netted,
    "reversal": _netted,
}
