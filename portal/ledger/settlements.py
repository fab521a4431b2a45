"""Settlement reports: what their lines settled, files they came from, and which were undone."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.schema import ForeignKeyConstraint

from portal.db import Base, wait_for
from portal.ledger.models import SETTLEMENT, SettlementRow


class SettledItem(Base):
    """How much of which suspense item a line of a settlement report has settled."""

    __tablename__ = "settled_items"
    __table_args__ = (
        ForeignKeyConstraint(
            [*SETTLEMENT, "line"],
            [f"settlement_lines.{column}" for column in (*SETTLEMENT, "line")],
        ),
        ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["suspense_items.tenant_id", "suspense_items.id"]
        ),
        CheckConstraint("cents <> 0", name="cents"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    cents: Mapped[int] = mapped_column(BigInteger)


class SettlementFile(Base):
    """A file of settlement reports, imported as one unit; of it only its SHA-256 is kept.

    Who imported it, or undid it, and why, stands in the audit.
    """

    __tablename__ = "settlement_files"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        Index(None, "tenant_id", "sha256"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[str]
    sha256: Mapped[bytes]
    mapping: Mapped[str]
    lines: Mapped[int]
    imported_at: Mapped[datetime]


class SettlementUndoing(Base):
    """A settlement report was undone: its entry was reversed, and its items are open again."""

    __tablename__ = "settlement_undoings"
    __table_args__ = (
        ForeignKeyConstraint([*SETTLEMENT], [f"settlements.{column}" for column in SETTLEMENT]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    settlement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    undone_at: Mapped[datetime]


def in_force() -> Select[SettlementRow]:
    """The settlement reports that were not undone."""
    undone = select(SettlementUndoing.version).where(
        *(getattr(SettlementUndoing, name) == getattr(SettlementRow, name) for name in SETTLEMENT)
    )
    return select(SettlementRow).where(~undone.exists())


def one_at_a_time(session: Session, tenant_id: str, account: str) -> None:
    """What happens to settlement reports of one account happens one after the other."""
    wait_for(session, f"settlements:{tenant_id}:{account}")
