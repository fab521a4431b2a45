"""Files of settlement reports: what one would book, and importing it as one unit.

All or nothing, and the same file never twice. The way into the books is that of every report.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import deciding
from portal.db import transaction
from portal.errors import Conflict, Invalid, NotFound
from portal.keys import Keyring
from portal.ledger import settlements
from portal.ledger.entries import PaidOut
from portal.ledger.models import SettlementRow
from portal.ledger.settlements import SettlementFile
from portal.money import Money
from portal.payments import accounts
from portal.providers.protocol import Account, SettlementLine
from portal.settlements import booking, netted, reports, rows, settle
from portal.settlements.file_mapping import Mapping as FileMapping
from portal.settlements.netted import Settled
from portal.settlements.reports import Told
from portal.settlements.rows import Fault


class BadFile(Invalid):
    """Rows cannot be read, or totals do not agree: nothing of the file is booked."""

    code = "bad_file"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults; nothing was booked.")
        self.faults = tuple(faults)


class ImportedBefore(Conflict):
    """This file, or a settlement report that it holds, is in the books already."""

    code = "imported_before"


class NoSuchFile(NotFound):
    """No such file was imported, or it is another tenant's."""

    code = "file_not_found"


class Fit(StrEnum):
    """What a line would do."""

    FITS = "fits"
    IN_PART = "in_part"  # the rest is a difference
    ASKED_FIRST = "asked_first"  # the provider is asked what became of the payment
    BELIEVED = "believed"  # it is news of a refund or a reversal, and is recorded first
    FEE = "fee"
    NOTHING = "nothing"  # no open item of ours: a difference


@dataclass(frozen=True, slots=True)
class File:
    """What is to be imported: for which account, its bytes, and how they are read.

    ``settlement`` names the report where the file does not.
    """

    tenant_id: str
    account_id: str
    content: bytes
    mapping: FileMapping
    settlement: str | None = None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, and what it would do."""

    number: int
    line: SettlementLine
    fits: Money
    fit: Fit


@dataclass(frozen=True, slots=True)
class Seen:
    """A settlement report of the file, and what would be booked as things stand now."""

    settlement: str
    sums: PaidOut
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was imported: the number of the file, and the sums of each report."""

    file: int
    reports: tuple[Seen, ...]


def preview(keyring: Keyring, file: File) -> tuple[Seen, ...]:
    """What would be booked, line by line. It books nothing and asks nobody.

    Raises as ``import_file``, but for a silent provider.
    """
    parsed = _parse(file)
    with transaction() as session:
        account = accounts.unsealed(keyring, accounts.get(session, file.tenant_id, file.account_id))
        told = [_as_ours(session, account, each) for each in parsed]
    seen: list[Seen] = []
    with suppress(_NothingIsBooked), transaction() as session:
        _check_new(session, file, told)
        seen += (_look(session, account, each) for each in told)
        _book_nothing()
    return tuple(seen)


def import_file(keyring: Keyring, file: File, by: str) -> Imported:
    """Book all reports of a file, or none; ``by`` is the person who does it.

    Raises ``BadFile``, ``ImportedBefore``, ``WrongMerchant``, ``NotAPerson``, ``NoSuchAccount``,
    and ``NoSettlements`` when the provider does not say what became of a payment.
    """
    if not deciding.is_named(by):
        raise deciding.NotAPerson("Only a person imports a file.")
    parsed = _parse(file)
    with transaction() as session:
        account = accounts.unsealed(keyring, accounts.get(session, file.tenant_id, file.account_id))
        told = [_as_ours(session, account, each) for each in parsed]
        _check_new(session, file, told)
    heard = settle.hear(keyring, account, [each.report for each in told])
    told = [replace(each, report=report) for each, report in zip(told, heard, strict=True)]
    with transaction() as session:
        _check_new(session, file, told)  # under the lock: another may have been faster
        row = _written(session, file, told)
        seen = [_book(session, account, each, row.id) for each in told]
        _note(session, row, seen, by)
        return Imported(row.id, tuple(seen))


def listed(session: Session, tenant_id: str, most: int = 100) -> list[SettlementRow]:
    """The newest settlement reports of a town."""
    query = (
        select(SettlementRow)
        .where(SettlementRow.tenant_id == tenant_id)
        .order_by(SettlementRow.booked_at.desc(), SettlementRow.settlement)
        .limit(most)
    )
    return list(session.scalars(query))


class _NothingIsBooked(Exception):
    """Ends a preview's transaction: no error."""


def _book_nothing() -> None:
    raise _NothingIsBooked


def _parse(file: File) -> list[Told]:
    reading = rows.read(file.content, file.mapping, file.settlement)
    if reading.faults:
        raise BadFile(reading.faults)
    return reports.of(reading, clock.now())


def _as_ours(session: Session, account: Account, parsed: Told) -> Told:
    """With our names of payments, and this account's merchant where the file names none."""
    report = parsed.report
    if not report.merchant:
        report = replace(report, merchant=account.merchant)
    settle.check(account, report)
    pairs = zip(report.lines, parsed.paid_by, strict=True)
    lines = tuple(_with_payment(session, account, line, name) for line, name in pairs)
    report = settle.named(session, account, replace(report, lines=lines))
    return replace(parsed, report=report)


def _with_payment(
    session: Session, account: Account, line: SettlementLine, paid_by: str
) -> SettlementLine:
    if line.payment or not paid_by:
        return line
    return replace(line, payment=settle.payment_called(session, account, paid_by))


def _check_new(session: Session, file: File, told: Iterable[Told]) -> None:
    """Raise ``ImportedBefore`` for a file or a report that is in the books and was not undone."""
    settlements.one_at_a_time(session, file.tenant_id, file.account_id)
    of_file = (
        settlements.in_force()
        .join(
            SettlementFile,
            (SettlementFile.tenant_id == SettlementRow.tenant_id)
            & (SettlementFile.id == SettlementRow.file_id),
        )
        .where(SettlementFile.tenant_id == file.tenant_id, SettlementFile.sha256 == file.sha256)
    )
    known = session.scalars(of_file.limit(1)).first()
    if known is not None:
        raise ImportedBefore(f"This file was imported before, as file {known.file_id}.")
    for each in told:
        name = each.report.settlement
        last = booking.last(session, file.tenant_id, file.account_id, name)
        if last is not None and not booking.is_undone(session, last):
            raise ImportedBefore(f"The settlement report {name} was booked before.")


def _look(session: Session, account: Account, parsed: Told) -> Seen:
    """Book a report in a transaction that comes to nothing, and tell what it did."""
    unheard = set(settle.unheard(session, account, parsed.report))
    lines = parsed.report.lines
    news = {line for line in lines if netted.is_news(session, account, line, lines)}
    return _book(session, account, parsed, None, unheard, news)


def _book(
    session: Session,
    account: Account,
    parsed: Told,
    file_id: int | None,
    unheard: Iterable[str] = (),
    news: Iterable[SettlementLine] = (),
) -> Seen:
    booked = booking.book_report(
        session, account.tenant_id, account.id, parsed.report, file_id=file_id, anew=True
    )
    if booked is None:
        raise ImportedBefore(f"The settlement report {parsed.report.settlement} was booked before.")
    lines = tuple(
        Line(number, line, settled.gross, _fit(line, settled, set(unheard), set(news)))
        for number, (line, settled) in zip(parsed.numbers, booked.lines, strict=True)
    )
    return Seen(parsed.report.settlement, booked.sums, lines)


def _fit(
    line: SettlementLine, settled: Settled, unheard: set[str], news: set[SettlementLine]
) -> Fit:
    if line.kind == "payment" and line.payment in unheard:
        return Fit.ASKED_FIRST
    if line in news:
        return Fit.BELIEVED
    if line.kind == "fee":
        return Fit.FEE
    wanted = line.gross - settled.fee
    if settled.gross == wanted:
        return Fit.FITS
    return Fit.IN_PART if settled.gross else Fit.NOTHING


def _written(session: Session, file: File, told: Sequence[Told]) -> SettlementFile:
    row = SettlementFile(
        tenant_id=file.tenant_id,
        account=file.account_id,
        sha256=file.sha256,
        mapping=file.mapping.title,
        lines=sum(len(each.numbers) for each in told),
        imported_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def _note(session: Session, row: SettlementFile, seen: Sequence[Seen], by: str) -> None:
    nets: Mapping[str, int] = {each.settlement: each.sums.net.cents for each in seen}
    detail = {
        "account": row.account,
        "sha256": row.sha256.hex(),
        "lines": row.lines,
        "net_cents": dict(nets),
    }
    audit.note(session, row.tenant_id, by, "settlement.imported", f"file:{row.id}", detail)
