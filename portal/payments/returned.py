"""Rows of money that goes back: refunds and unclear money by our order, reversals by a bank's."""

from datetime import datetime
from enum import StrEnum

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

from portal.db import Base
from portal.money import Money
from portal.payments.refund_states import State

STATES = ", ".join(f"'{state}'" for state in State)


class Reason(StrEnum):
    """Why money is sent back. A cancelled claim is not asked again; what else is taken of it is."""

    SURPLUS = "surplus"
    CLAIM_CANCELLED = "claim_cancelled"
    WRONG_PAYER = "wrong_payer"


REASONS = ", ".join(f"'{reason}'" for reason in Reason)


class Refund(Base):
    """Erstattung: a payment, or a part of it, goes back to the means by which it came.

    ``id`` is 128 random bits in hex and the provider's idempotency key. What it takes of surplus
    and of the claim is decided when it is booked: when the provider says that it has succeeded.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint(f"reason IN ({REASONS})", name="reason"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(
            "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0", name="parts"
        ),
        CheckConstraint(
            "surplus_cents + claim_cents + loss_cents = CASE WHEN state = 'succeeded'"
            " THEN amount_cents ELSE 0 END",
            name="booked",
        ),
        CheckConstraint(
            "approved_by IS NULL OR lower(approved_by) <> lower(asked_by)", name="two_people"
        ),
        CheckConstraint(
            "approved_at IS NOT NULL OR state IN ('requested', 'failed')", name="approved"
        ),
        Index(
            "uq_refunds_one_an_order",
            "tenant_id",
            "payment_id",
            "order_number",
            unique=True,
            postgresql_where="state <> 'failed'",
        ),
        Index(None, "tenant_id", "provider_reference"),
        Index("ix_refunds_ask_at", "ask_at", postgresql_where="ask_at IS NOT NULL"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[str]
    order_number: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.REQUESTED)
    failed_by: Mapped[str | None]  # the event that ended it without success
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    approved_by: Mapped[str | None]  # none where one person was enough
    approved_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    ask_at: Mapped[datetime | None]  # when the provider is told, or asked, next
    ended_at: Mapped[datetime | None]
    provider_reference: Mapped[str | None]
    surplus_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    claim_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    loss_cents: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def amount(self) -> Money:
        """What goes back."""
        return Money(self.amount_cents, self.currency)


class CustodyReturn(Base):
    """Unclear money goes back to the means by which it came; it has the states of a refund.

    ``id`` is 128 random bits in hex, the provider's idempotency key, and the subject of the
    approval, which knows the two people and their order.
    """

    __tablename__ = "custody_returns"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["custody_items.tenant_id", "custody_items.id"]
        ),
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        UniqueConstraint("tenant_id", "account_id", "provider_reference"),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint(
            "lost_cents BETWEEN 0 AND CASE WHEN state = 'succeeded' THEN amount_cents ELSE 0 END",
            name="lost",
        ),
        Index(
            "uq_custody_returns_one_an_item",
            "tenant_id",
            "item_id",
            unique=True,
            postgresql_where="state <> 'failed'",
        ),
        Index("ix_custody_returns_ask_at", "ask_at", postgresql_where="ask_at IS NOT NULL"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(BigInteger)
    account_id: Mapped[str]
    payment: Mapped[str]  # as the provider names it; it may be none of ours
    payment_reference: Mapped[str]  # the provider's own name of what is sent back
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.REQUESTED)
    failed_by: Mapped[str | None]  # the event that ended it without success
    asked_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    ask_at: Mapped[datetime | None]  # when the provider is told, or asked, next
    ended_at: Mapped[datetime | None]
    provider_reference: Mapped[str | None]
    lost_cents: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def amount(self) -> Money:
        """What goes back."""
        return Money(self.amount_cents, self.currency)


class Reversal(Base):
    """Rückbelastung, Rücklastschrift: the payer's bank took money back, for a fee.

    ``payment_id`` is none when the money fits no payment of ours; then all of it is a loss.
    ``back_cents`` is what came back of it, in one ``ReversalWin`` or several; the parts say from
    whom the rest is taken, and ``counted_cents`` is what of the rest counts against the payment,
    never more than is left of it. Many providers keep their fee even when a dispute is won.
    """

    __tablename__ = "reversals"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["provider_accounts.tenant_id", "provider_accounts.id"]
        ),
        UniqueConstraint("tenant_id", "account_id", "provider_reference"),
        CheckConstraint("state IN ('taken', 'won')", name="state"),
        CheckConstraint("amount_cents > 0 AND fee_cents >= 0", name="amount"),
        CheckConstraint("fee_back_cents BETWEEN 0 AND fee_cents", name="fee_back"),
        CheckConstraint(
            "back_cents BETWEEN 0 AND amount_cents"
            " AND (state = 'won') = (back_cents = amount_cents)",
            name="back",
        ),
        CheckConstraint(
            "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0 AND counted_cents >= 0"
            " AND counted_cents <= amount_cents - back_cents",
            name="parts",
        ),
        CheckConstraint(
            "surplus_cents + claim_cents + loss_cents = amount_cents - back_cents", name="booked"
        ),
        Index(None, "tenant_id", "payment_id"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[str]
    provider_reference: Mapped[str]
    payment_id: Mapped[str | None]
    reason: Mapped[str]
    state: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    back_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    fee_back_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str]
    surplus_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    claim_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    loss_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    counted_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    heard_at: Mapped[datetime]
    won_at: Mapped[datetime | None]  # when something came back of it, the last time

    @property
    def amount(self) -> Money:
        """What the bank took, without the fee."""
        return Money(self.amount_cents, self.currency)

    @property
    def away(self) -> Money:
        """What of it did not come back."""
        return Money(self.amount_cents - self.back_cents, self.currency)


class ReversalWin(Base):
    """So much of a reversal came back, and so much of its fee; the first time, the second."""

    __tablename__ = "reversal_wins"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "reversal_id"], ["reversals.tenant_id", "reversals.id"]),
        CheckConstraint("number > 0 AND amount_cents > 0 AND fee_cents >= 0", name="amount"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    reversal_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    won_at: Mapped[datetime]

    @property
    def which(self) -> str:
        """What tells its names from those of the first: ``-2`` and so on."""
        return f"-{self.number}" if self.number > 1 else ""
