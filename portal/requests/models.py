"""Rows of the requests room. No column holds a link, a TAN or a person."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.db import Base, Json
from portal.money import Money
from portal.requests.states import State

STATES = ", ".join(f"'{state}'" for state in State)


class PaymentRequest(Base):
    """A payment request in its version in force.

    ``lookup`` is HMAC(lookup key, short code): with the row alone no code can be recognised.
    ``covered_cents`` is what payments have cleared and what was paid elsewhere; ``closed_cents``
    is the rest that the finance system has waived.
    """

    __tablename__ = "payment_requests"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference"),
        UniqueConstraint("tenant_id", "lookup"),
        ForeignKeyConstraint(["tenant_id", "kind"], ["kinds.tenant_id", "kinds.code"]),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("covered_cents >= 0", name="covered"),
        CheckConstraint("closed_cents BETWEEN 0 AND amount_cents", name="closed"),
        CheckConstraint("octet_length(lookup) = 32", name="lookup"),
        Index(None, "payable_until", postgresql_where="state IN ('open','partly_paid')"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default=State.OPEN)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    covered_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    closed_cents: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str]
    kind: Mapped[str]
    purpose: Mapped[str]
    payment_sign: Mapped[str | None]
    due_on: Mapped[date | None]
    payable_until: Mapped[date | None]
    tan_required: Mapped[bool]
    language: Mapped[str | None]
    content: Mapped[Json]  # the whole demand as it was sent, in its version in force
    key_id: Mapped[str]
    link_version: Mapped[int] = mapped_column(default=1)
    tan_version: Mapped[int] = mapped_column(default=1)
    lookup: Mapped[bytes]
    withdrawn_reason: Mapped[str | None]
    replaced_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def amount(self) -> Money:
        """What is asked."""
        return Money(self.amount_cents, self.currency)

    def is_over(self, day: date) -> bool:
        """Whether on this day the last day for paying online is past."""
        return self.payable_until is not None and self.payable_until < day

    @property
    def due_cents(self) -> int:
        """What must be covered for the request to be paid: the amount less a waived rest."""
        return self.amount_cents - self.closed_cents

    @property
    def open(self) -> Money:
        """What is still asked; nothing once it is covered, whatever came on top."""
        return Money(max(0, self.due_cents - self.covered_cents), self.currency)


class RequestVersion(Base):
    """What a request asked in one of its versions; any amount ever printed counts."""

    __tablename__ = "request_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Tries(Base):
    """Wrong second things of one request: within the hour, and for the life of the TAN."""

    __tablename__ = "tries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hour_began_at: Mapped[datetime]
    in_hour: Mapped[int]
    in_life: Mapped[int]


class Grant(Base):
    """A right TAN: this visitor may see this request. The visitor's name is kept as a hash."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        Index(None, "ends_at"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visitor: Mapped[bytes] = mapped_column(primary_key=True)
    link_version: Mapped[int]
    tan_version: Mapped[int]
    given_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class PaidElsewhere(Base):
    """Money that came on the town's own account, as the finance system named it.

    The row belongs to the request it was told for; what it covers moves on with a newer one.
    """

    __tablename__ = "paid_elsewhere"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        CheckConstraint("amount_cents > 0", name="amount"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    paid_on: Mapped[date]
    how: Mapped[str]
    told_at: Mapped[datetime] = mapped_column(default=clock.now)
    undone_at: Mapped[datetime | None]


class ClosedRest(Base):
    """A small rest (Kleinbetrag) that the finance system has waived, and by which order."""

    __tablename__ = "closed_rests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        CheckConstraint("amount_cents > 0", name="amount"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_number: Mapped[str] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    closed_at: Mapped[datetime] = mapped_column(default=clock.now)
