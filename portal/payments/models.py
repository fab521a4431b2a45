"""Rows of the payments room. No column holds a payer: of a report only an allow-list is kept."""

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
from portal.db import Base
from portal.money import Money
from portal.payments.states import UNDECIDED, State

STATES = ", ".join(f"'{state}'" for state in State)
STILL = ", ".join(f"'{state}'" for state in sorted(UNDECIDED))


class ProviderAccount(Base):
    """A tenant's own account at a provider. The money on it is the town's, never the operator's."""

    __tablename__ = "provider_accounts"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]  # the adapter's name
    merchant: Mapped[str]
    live: Mapped[bool]
    credentials_sealed: Mapped[bytes]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class ProviderRule(Base):
    """When a provider is offered. Both amounts are inclusive; ``kind`` and ``channel`` may be any.

    The fee note is a text for the citizen; no field can add a fee.
    """

    __tablename__ = "provider_rules"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        CheckConstraint("minimum_cents IS NULL OR minimum_cents >= 0", name="minimum"),
        CheckConstraint("maximum_cents IS NULL OR maximum_cents >= 0", name="maximum"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[str]
    method: Mapped[str]  # the provider's word for the method that its page begins with
    label: Mapped[str]
    hint_de: Mapped[str] = mapped_column(default="")
    hint_en: Mapped[str] = mapped_column(default="")
    kind: Mapped[str | None]
    channel: Mapped[str | None]
    minimum_cents: Mapped[int | None] = mapped_column(BigInteger)
    maximum_cents: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(default="EUR")
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    position: Mapped[int] = mapped_column(default=100)
    fee_note_de: Mapped[str] = mapped_column(default="")
    fee_note_en: Mapped[str] = mapped_column(default="")


class AccountSilence(Base):
    """How often in a row an account's provider has not answered, and since when it is paused.

    No row: it answers. It is no part of the account's row, which money locks.
    """

    __tablename__ = "account_silences"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        CheckConstraint("failures > 0", name="failures"),
        CheckConstraint("(paused_at IS NULL) = (probe_at IS NULL)", name="probed"),
        CheckConstraint("cause IN ('silent', 'key_refused')", name="cause"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    cause: Mapped[str] = mapped_column(default="silent")
    since: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    probes: Mapped[int] = mapped_column(default=0)
    probe_at: Mapped[datetime | None]


class Payment(Base):
    """One attempt to pay through one provider; a request may have many, one of them current.

    ``id`` is 128 random bits in hex: the provider's idempotency key and the return address.
    """

    __tablename__ = "payments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        UniqueConstraint("tenant_id", "account_id", "provider_reference"),
        Index(
            "uq_payments_one_current",
            "tenant_id",
            "request_id",
            unique=True,
            postgresql_where=f"current AND state IN ({STILL})",
        ),
        Index(None, "tenant_id", "request_id"),
        Index("ix_payments_ask_at", "ask_at", postgresql_where="ask_at IS NOT NULL"),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("refunded_cents + reversed_cents <= amount_cents", name="gone_back"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger)
    request_version: Mapped[int]
    # As its request has them now, so that lists need not read it; a trigger of the tables follows.
    unit: Mapped[str | None]
    kind: Mapped[str]
    account_id: Mapped[str]
    method: Mapped[str]
    label: Mapped[str]
    channel: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.CREATED)
    current: Mapped[bool] = mapped_column(default=True)
    provider_reference: Mapped[str | None]
    redirect_url: Mapped[str | None]
    received_on: Mapped[date]  # the day on which its request came in, by the town's calendar
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_at: Mapped[datetime | None]
    effective_on: Mapped[date | None]  # day of payment (Tag der Zahlung)
    asked_at: Mapped[datetime | None]
    ask_at: Mapped[datetime | None]
    collecting_at: Mapped[datetime | None]  # we began to take it, and do not know yet how it ended
    refunded_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    reversed_cents: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def amount(self) -> Money:
        """What the provider was asked to collect."""
        return Money(self.amount_cents, self.currency)


class PaymentStep(Base):
    """One step in a payment's life: what was heard, from whom, and where it led."""

    __tablename__ = "payment_steps"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
        Index(None, "tenant_id", "payment_id"),
        Index(
            "uq_payment_steps_one_success",
            "tenant_id",
            "payment_id",
            unique=True,
            postgresql_where="new = 'succeeded'",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payment_id: Mapped[str]
    at: Mapped[datetime]
    event: Mapped[str]
    source: Mapped[str]  # citizen, notification, return, sweep, settlement
    old: Mapped[str]
    new: Mapped[str]


class Allocation(Base):
    """Which part of a payment went to which claim of a request, or is surplus."""

    __tablename__ = "allocations"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        CheckConstraint("cents > 0", name="cents"),
        Index(None, "tenant_id", "payment_id"),
        Index(None, "tenant_id", "request_id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payment_id: Mapped[str]
    request_id: Mapped[int] = mapped_column(BigInteger)
    claim: Mapped[str | None]
    surplus: Mapped[bool]
    cents: Mapped[int] = mapped_column(BigInteger)


class ProviderReport(Base):
    """What a provider said, in allow-listed fields, and the SHA-256 of what it sent."""

    __tablename__ = "provider_reports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        Index(None, "tenant_id", "payment"),
        Index(None, "tenant_id", "account_id", "provider_reference"),
        CheckConstraint("octet_length(body_sha256) = 32", name="body_sha256"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[str]
    payment: Mapped[str]  # as the provider names it; it may be none of ours
    provider_reference: Mapped[str]
    outcome: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    source: Mapped[str]
    verdict: Mapped[str]  # moved, misfit
    misfit: Mapped[str | None]
    body_sha256: Mapped[bytes | None]
    heard_at: Mapped[datetime]
