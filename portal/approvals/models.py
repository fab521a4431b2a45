"""Rows of the approvals room."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.approvals.states import State
from portal.db import Base, Json

STATES = ", ".join(f"'{state}'" for state in State)


class Approval(Base):
    """One act that waits for, or had, its second person.

    ``first`` asked for it: a person (``staff:…``), or a finance system whose order counts as the
    first (``client:…``). ``facts`` is what the second person saw; nothing else may be carried out.
    ``alone``: by the town's rule one person was enough, so nobody was asked (``people``).
    """

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("second IS NULL OR lower(second) <> lower(first)", name="two_people"),
        CheckConstraint("second IS NULL OR second LIKE 'staff:_%'", name="second_is_a_person"),
        CheckConstraint(
            "(state = 'approved') = (second IS NOT NULL OR alone)", name="second_approved"
        ),
        CheckConstraint(
            "NOT alone OR (second IS NULL AND (first LIKE 'staff:_%' OR first = 'client:~'))",
            name="alone_is_a_person",
        ),
        Index(None, "tenant_id", "subject"),
        Index(
            "uq_approvals_one_asked",
            "tenant_id",
            "act",
            "subject",
            unique=True,
            postgresql_where="state = 'asked'",
        ),
        Index("ix_approvals_asked", "expires_at", postgresql_where="state = 'asked'"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    act: Mapped[str]  # refund, suspense.close, custody.assign, custody.keep, reserve.close
    subject: Mapped[str]  # what it is about, by the asking room's own name for it
    order_number: Mapped[str]  # of the instruction (Anordnung) that it rests on
    facts: Mapped[Json]
    first: Mapped[str]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    second: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default=State.ASKED)
    alone: Mapped[bool] = mapped_column(default=False, server_default="false")


class ApprovalRule(Base):
    """Up to which amount one person is enough for an act; the newest row of an act counts.

    Without an amount it takes two again. Two people gave it: ``given_by`` names both.
    """

    __tablename__ = "approval_rules"
    __table_args__ = (
        CheckConstraint("up_to_cents IS NULL OR up_to_cents > 0", name="up_to"),
        CheckConstraint("(up_to_cents IS NULL) = (currency = '')", name="currency"),
        Index(None, "tenant_id", "act"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    act: Mapped[str]
    up_to_cents: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str]
    given_by: Mapped[str]
    given_at: Mapped[datetime]


class SealedPart(Base):
    """A secret that belongs to an approval, sealed: what is to be set, or what was made by it.

    It stands in no fact and no note. ``for_whom`` may be shown it, once; empty: nobody. It is
    deleted when it is used, when it is shown, when the approval ends without effect, and after
    seven days.
    """

    __tablename__ = "approval_sealed_parts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "approval_id"], ["approvals.tenant_id", "approvals.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    approval_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)  # credentials, password, app
    for_whom: Mapped[str] = mapped_column(default="")
    sealed: Mapped[bytes]
    kept_until: Mapped[datetime]
