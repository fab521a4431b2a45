"""Rows of the worklist room."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Json
from portal.worklist.kinds import Kind

KINDS = ", ".join(f"'{kind}'" for kind in Kind)


class StaffTask(Base):
    """Aufgabe: one thing that a person must look at, open until it is mended or done.

    ``number`` is small and the tenant's own, to be said on the phone. ``subject`` is the opening
    room's own name for the thing, ``reference`` that of the request, if it has one; ``detail``
    holds ids, codes and amounts only.
    """

    __tablename__ = "staff_tasks"
    __table_args__ = (
        CheckConstraint(f"kind IN ({KINDS})", name="kind"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_someone"),
        CheckConstraint("ended_at IS NOT NULL OR reason = ''", name="reason_of_an_end"),
        Index(None, "tenant_id", "reference"),
        Index(
            "uq_staff_tasks_one_open",
            "tenant_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index(
            "ix_staff_tasks_ended",
            "tenant_id",
            "ended_at",
            "number",
            postgresql_where="ended_at IS NOT NULL",
        ),
        Index(
            "ix_staff_tasks_open",
            "tenant_id",
            "opened_at",
            "number",
            postgresql_where="ended_at IS NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    subject: Mapped[str]
    reference: Mapped[str | None]
    detail: Mapped[Json]
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
