"""Rows of a town's face. They hold nothing of citizens; offices and officials are named in them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.db import Base


class TenantText(Base):
    """What a town says in one field (``fields.FIELDS``) in one language."""

    __tablename__ = "tenant_texts"
    __table_args__ = (CheckConstraint("text <> ''", name="text"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now)


class TenantCrest(Base):
    """A town's crest, made harmless (``crests``); ``file`` changes with the picture."""

    __tablename__ = "tenant_crests"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    file: Mapped[str]
    content: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(default=clock.now)
