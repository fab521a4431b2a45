"""Rows of the ledger."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import ForeignKeyConstraint

from portal.db import Base

SETTLEMENT = ("tenant_id", "account", "settlement", "version")  # the key of a settlement report


class EntryRow(Base):
    """One entry; ``reference`` makes the same business event a single entry."""

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("tenant_id", "reference"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str]
    reason: Mapped[str]
    booked_on: Mapped[date]
    booked_at: Mapped[datetime]


class PostingRow(Base):
    """One line of an entry: debit positive, credit negative, never zero."""

    __tablename__ = "ledger_postings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "entry_id"], ["ledger_entries.tenant_id", "ledger_entries.id"]
        ),
        CheckConstraint("cents <> 0", name="not_zero"),
        Index(None, "tenant_id", "account", "currency"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]


class SuspenseItem(Base):
    """Schwebeposten: a provider has our money until its pay-out is settled.

    What it will hold back of a pay-out (a refund, a reversal) is an item below zero.
    open -> settled | reversed | closed_by_order.
    """

    __tablename__ = "suspense_items"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference"),
        CheckConstraint("state IN ('open','settled','reversed','closed_by_order')", name="state"),
        CheckConstraint("amount_cents <> 0", name="amount"),
        CheckConstraint(
            "open_cents BETWEEN least(0, amount_cents) AND greatest(0, amount_cents)", name="open"
        ),
        CheckConstraint("(state = 'open') = (open_cents <> 0)", name="open_is_open"),
        Index(None, "tenant_id", "account", "state"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str]  # the payment, refund or reversal, or the report that fits none
    account: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    open_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class CustodyItem(Base):
    """Verwahrung: we have money that is nobody's yet.

    open -> assigned | returned | kept_by_order.
    """

    __tablename__ = "custody_items"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference"),
        CheckConstraint("state IN ('open','assigned','returned','kept_by_order')", name="state"),
        CheckConstraint("cause IN ('surplus','unclear')", name="cause"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("open_cents BETWEEN 0 AND amount_cents", name="open"),
        CheckConstraint("(state = 'open') = (open_cents > 0)", name="open_is_open"),
        Index(
            "ix_custody_items_open_surplus",
            "tenant_id",
            postgresql_where="state = 'open' AND cause = 'surplus'",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str]
    cause: Mapped[str]
    account: Mapped[str | None]  # whose suspense the money came by; none if it came otherwise
    request_reference: Mapped[str | None]
    taken_on: Mapped[date | None]  # by a provider, by its own word; only of what is unclear
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    open_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class SettlementRow(Base):
    """A settlement report (Abrechnung) that was booked.

    One that was undone may be booked anew, as its next ``version``; one at most is in force.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "file_id"], ["settlement_files.tenant_id", "settlement_files.id"]
        ),
        CheckConstraint("version > 0", name="version"),
        Index(None, "tenant_id", "file_id"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    made_at: Mapped[datetime | None]  # at the provider, as far as it is known
    booked_at: Mapped[datetime]
    file_id: Mapped[int | None] = mapped_column(BigInteger)  # none: the provider was asked

    @property
    def name(self) -> str:
        """Unique in the account, as references of entries are; no settlement's id has a slash."""
        return self.settlement if self.version == 1 else f"{self.settlement}/{self.version}"


class PayoutArrival(Base):
    """The credit of a settlement report's pay-out on the town's bank account, told under ``id``."""

    __tablename__ = "payout_arrivals"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(
            ["tenant_id", "account", "settlement", "version"],
            [f"settlements.{column}" for column in SETTLEMENT],
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    id: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    booked_on: Mapped[date]
    told_at: Mapped[datetime]


class SuspenseMove(Base):
    """By how much a suspense item was raised or lowered, and why: what was open on any day.

    ``reason`` is ``opened``, or the state in which the item ends by it, or ``taken_back``, or
    ``unsettled``.
    """

    __tablename__ = "suspense_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["suspense_items.tenant_id", "suspense_items.id"]
        ),
        CheckConstraint("cents <> 0", name="cents"),
        Index(None, "tenant_id", "item_id"),
        Index(None, "tenant_id", "booked_on"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    item_id: Mapped[int] = mapped_column(BigInteger)
    booked_on: Mapped[date]
    at: Mapped[datetime]
    reason: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)


class CustodyMove(Base):
    """By how much a custody item was raised or lowered, and why: as with suspense items.

    What a bank took of unclear money was ``reversed``.
    """

    __tablename__ = "custody_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["custody_items.tenant_id", "custody_items.id"]
        ),
        CheckConstraint("cents <> 0", name="cents"),
        Index(None, "tenant_id", "item_id"),
        Index(None, "tenant_id", "booked_on"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    item_id: Mapped[int] = mapped_column(BigInteger)
    booked_on: Mapped[date]
    at: Mapped[datetime]
    reason: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)


class SettlementLineRow(Base):
    """One line of a settlement report, and what of it settled items of ours, or moved a reserve.

    What is left of its gross is a difference. ``booked_fee_cents`` is the part of its fee that was
    booked before, with a reversal.
    """

    __tablename__ = "settlement_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account", "settlement", "version"],
            [f"settlements.{column}" for column in SETTLEMENT],
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    line: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payment: Mapped[str]  # as the provider names it; it may be none of ours
    provider_reference: Mapped[str]
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    settled_cents: Mapped[int] = mapped_column(BigInteger)
    booked_fee_cents: Mapped[int] = mapped_column(BigInteger)
