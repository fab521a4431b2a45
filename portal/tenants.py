"""Tenants (Mandanten): the towns of one installation, their hosts and their kinds of request.

One host is one tenant. A former host is an alias and leads on to the tenant's host of today.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import CheckConstraint, ForeignKey, Text, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, db, transaction

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class NotEverywhere(Exception):
    """What was to be done for every town could not be done for these; for the others it is."""


class Law(StrEnum):
    """Which law a kind of request stands under."""

    PUBLIC = "public"
    PRIVATE = "private"
    WARNING = "warning"
    FINE = "fine"


class Tenant(Base):
    """A town. What it shows of itself is public; it holds no person."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("retention_days BETWEEN 14 AND 1826", name="retention_days"),
        CheckConstraint("books_years BETWEEN 10 AND 30", name="books_years"),
        CheckConstraint("voucher_years BETWEEN 6 AND books_years", name="voucher_years"),
        CheckConstraint("suspense_days BETWEEN 3 AND 366", name="suspense_days"),
        CheckConstraint("(easy_tested_on IS NULL) = (easy_tested_by = '')", name="easy_tested"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(default="Europe/Berlin")
    language: Mapped[str] = mapped_column(default="de")
    # Which citizens may choose; none named: all that the portal speaks.
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    currency: Mapped[str] = mapped_column(default="EUR")
    account_holder: Mapped[str] = mapped_column(default="")
    iban: Mapped[str] = mapped_column(default="")
    bic: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    hours: Mapped[str] = mapped_column(default="")
    street: Mapped[str] = mapped_column(default="")
    postcode_city: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    colour: Mapped[str] = mapped_column(default="", server_default="")  # as #2044aa
    crest: Mapped[str] = mapped_column(default="", server_default="")  # the picture's name
    # Who of its readers tested the page in Leichte Sprache, and when; hidden until then.
    easy_tested_by: Mapped[str] = mapped_column(default="", server_default="")
    easy_tested_on: Mapped[date | None]
    # Page details after the last movement; books and vouchers after the annual accounts.
    retention_days: Mapped[int] = mapped_column(default=180)
    books_years: Mapped[int] = mapped_column(default=10, server_default="10")
    voucher_years: Mapped[int] = mapped_column(default=10, server_default="10")
    suspense_days: Mapped[int] = mapped_column(default=30, server_default="30")  # then it is a task
    discharge_counts: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class TenantHost(Base):
    """A host name of a tenant; exactly one of them is the host of today."""

    __tablename__ = "tenant_hosts"

    host: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    current: Mapped[bool]


class Kind(Base):
    """A kind of request (Forderungsart) and what its law asks of us."""

    __tablename__ = "kinds"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    law: Mapped[str] = mapped_column(default=Law.PUBLIC)
    sentence_de: Mapped[str] = mapped_column(default="")
    sentence_en: Mapped[str] = mapped_column(default="")
    parts_allowed: Mapped[bool] = mapped_column(default=False)
    closes_after_payable_until: Mapped[bool] = mapped_column(default=False)


@dataclass(frozen=True, slots=True)
class Found:
    """The tenant of a host, and the host it should be reached under."""

    tenant_id: str
    current_host: str


def by_host(session: Session, host: str) -> Found | None:
    """The tenant that answers under ``host`` (without port), or ``None``."""
    asked = TenantHost.__table__.alias("asked")
    today = TenantHost.__table__.alias("today")
    row = session.execute(
        select(asked.c.tenant_id, today.c.host)
        .join(today, (today.c.tenant_id == asked.c.tenant_id) & today.c.current)
        .where(asked.c.host == host.lower())
    ).first()
    return Found(row.tenant_id, row.host) if row else None


def each(act: Callable[[str], Answer], towns: Iterable[str] | None = None) -> list[Answer]:
    """Do a whole act for every town, or for these; what fails in one keeps it from no other.

    Raises ``NotEverywhere`` in the end, so that the job is seen to have failed; at once when the
    database is gone.
    """
    if towns is None:
        with transaction() as session:
            towns = session.scalars(select(Tenant.id).order_by(Tenant.id)).all()
    done, failed = [], []
    for tenant_id in towns:
        try:
            done.append(act(tenant_id))
        except Exception as error:
            db.session.rollback()
            if getattr(error, "connection_invalidated", False):
                raise
            log.exception("town_failed", extra={"tenant": tenant_id})
            failed.append(tenant_id)
    if failed:
        raise NotEverywhere(", ".join(failed))
    return done


def host_of(session: Session, tenant_id: str) -> str:
    """The host under which a tenant is reached today."""
    query = select(TenantHost.host).where(TenantHost.tenant_id == tenant_id, TenantHost.current)
    return session.execute(query).scalar_one()
