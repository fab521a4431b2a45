"""Audit (Protokoll): who did what, when, to which thing. Rows are plain inserts.

Sequence and hash chain are filled by the worker after the commit (``portal/proof/chain.py``): a
chain written inside a payment would let the payments of a tenant wait for each other. They are
rows of their own, so that a note is never touched again.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, Json


class AuditRow(Base):
    """One act. ``detail`` holds ids, codes and amounts, never a secret or a person."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "tenant_id", "at", "id"),
        Index(None, "tenant_id", "actor", "at", "id"),
        Index(None, "tenant_id", "act", "at", "id"),
        Index(None, "tenant_id", "subject", "at", "id"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    act: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[Json]


class AuditChain(Base):
    """The place of a note in its tenant's chain: ``hash`` is SHA-256 over ``previous`` and it.

    No foreign key leads to the note: one that is past its time is purged, its hash stays.
    """

    __tablename__ = "audit_chain"
    __table_args__ = (
        UniqueConstraint("tenant_id", "audit_id"),
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("octet_length(previous) = 32 AND octet_length(hash) = 32", name="hashes"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    audit_id: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(Base):
    """The last link of a tenant's chain; up to ``purged_through`` its notes may be purged."""

    __tablename__ = "audit_heads"
    __table_args__ = (
        CheckConstraint("seq >= 0", name="seq"),
        CheckConstraint("octet_length(hash) = 32", name="hash"),
        CheckConstraint("purged_through BETWEEN 0 AND seq", name="purged_through"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
    at: Mapped[datetime]
    purged_through: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


def note(
    session: Session, tenant_id: str, actor: str, act: str, subject: str, detail: Json | None = None
) -> None:
    """Write down an act of ``actor`` (``client:…``, ``staff:…``, ``citizen``, ``worker``)."""
    row = AuditRow(
        tenant_id=tenant_id,
        at=clock.now(),
        actor=actor,
        act=act,
        subject=subject,
        detail=detail or {},
    )
    session.add(row)
