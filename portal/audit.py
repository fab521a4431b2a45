"""Audit (Protokoll): who did what, when, to which thing. Rows are plain inserts.

Sequence and hash chain are filled by the worker after the commit: a chain written inside a
payment would let the payments of a tenant wait for each other.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, Json


class AuditRow(Base):
    """One act. ``detail`` holds ids, codes and amounts, never a secret or a person."""

    __tablename__ = "audit"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    act: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[Json]


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
