"""Rows of the retention room."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class AnnualAccounts(Base):
    """The annual accounts (Jahresabschluss) of a year are adopted, and the mayor discharged.

    The clock of the books begins with it. A correction is a new row; the last of a year counts.
    """

    __tablename__ = "annual_accounts"
    __table_args__ = (
        CheckConstraint("adopted_on > make_date(year, 12, 31)", name="adopted"),
        CheckConstraint("discharged_on > make_date(year, 12, 31)", name="discharged"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    year: Mapped[int]
    adopted_on: Mapped[date]
    discharged_on: Mapped[date | None]
    noted_by: Mapped[str]
    noted_at: Mapped[datetime]


class RetentionHold(Base):
    """A hold (Löschsperre) by order: an audit, a court case. Without reference it holds all."""

    __tablename__ = "retention_holds"
    __table_args__ = (CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str | None]
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class PurgedYear(Base):
    """The books or the vouchers of a year were purged: what of them names anything."""

    __tablename__ = "purged_years"
    __table_args__ = (CheckConstraint("what IN ('books', 'vouchers')", name="what"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    what: Mapped[str] = mapped_column(primary_key=True)
    purged_at: Mapped[datetime]
