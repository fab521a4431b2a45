"""Rows of the proof room: closed days, what was said of a difference since, daily mail."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import ForeignKeyConstraint

from portal.db import Base, Json


class DayClosing(Base):
    """A business day that was closed (Tagesabstimmung): its figures as they were then, for ever.

    A day with a difference has a ``reason`` and a ``second`` person. ``head_seq`` and ``head_hash``
    are where the audit chain ended. With the books of the year names and reason go.
    """

    __tablename__ = "day_closings"
    __table_args__ = (
        CheckConstraint("holds OR (second IS NOT NULL AND reason <> '')", name="two_people"),
        CheckConstraint("second IS NULL OR lower(second) <> lower(closed_by)", name="not_the_same"),
        CheckConstraint("octet_length(head_hash) = 32 AND head_seq >= 0", name="head"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]
    second: Mapped[str | None]
    reason: Mapped[str]
    holds: Mapped[bool]
    figures: Mapped[Json]  # as ``telling.as_json`` writes them
    head_seq: Mapped[int] = mapped_column(BigInteger)
    head_hash: Mapped[bytes]


class DayExplanation(Base):
    """What came out about the difference of a closed day; the first one ends its being open."""

    __tablename__ = "day_explanations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "day"], ["day_closings.tenant_id", "day_closings.day"]),
        CheckConstraint("text <> ''", name="text"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    text: Mapped[str]


class DailyMail(Base):
    """A mailbox of the town that gets the daily mail, from ``hour`` on in the town's zone."""

    __tablename__ = "daily_mails"
    __table_args__ = (CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[int]
    sent_on: Mapped[date | None]
