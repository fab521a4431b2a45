"""money that goes back: approvals, refunds, reversals, suspense items below zero"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _bounds(
        "amount_cents <> 0",
        "open_cents BETWEEN least(0, amount_cents) AND greatest(0, amount_cents)",
        "(state = 'open') = (open_cents <> 0)",
    )
    _approvals()
    _refunds()
    _reversals()


def downgrade() -> None:
    for table in ("reversals", "refunds", "approvals"):
        op.drop_table(table)
    _bounds(
        "amount_cents > 0",
        "open_cents BETWEEN 0 AND amount_cents",
        "(state = 'open') = (open_cents > 0)",
    )


def _bounds(amount: str, is_open: str, open_is_open: str) -> None:
    """What a suspense item may hold."""
    checks = {"amount": amount, "open": is_open, "open_is_open": open_is_open}
    for name, condition in checks.items():
        full = op.f(f"ck_suspense_items_{name}")
        op.drop_constraint(full, "suspense_items", type_="check")
        op.create_check_constraint(full, "suspense_items", condition)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _cents(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _of(table: str, column: str, target: str, theirs: str = "id") -> sa.ForeignKeyConstraint:
    if column == "tenant_id":
        return sa.ForeignKeyConstraint(
            ["tenant_id"], [f"{target}.{theirs}"], name=op.f(f"fk_{table}_tenant_id")
        )
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.{theirs}"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        _text("tenant_id"),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("act"),
        _text("subject"),
        _text("order_number"),
        sa.Column("facts", sa.dialects.postgresql.JSONB(), nullable=False),
        _text("first"),
        _at("asked_at", nullable=False),
        _at("expires_at", nullable=False),
        _text("second", nullable=True),
        _at("decided_at"),
        _text("state"),
        _check("approvals", "state", "state IN ('asked', 'approved', 'refused', 'expired')"),
        _check("approvals", "two_people", "second IS NULL OR lower(second) <> lower(first)"),
        _check("approvals", "second_is_a_person", "second IS NULL OR second LIKE 'staff:_%'"),
        _check("approvals", "second_approved", "(state = 'approved') = (second IS NOT NULL)"),
        _of("approvals", "tenant_id", "tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approvals")),
    )
    asked = {"postgresql_where": sa.text("state = 'asked'")}
    op.create_index(
        "uq_approvals_one_asked", "approvals", ["tenant_id", "act", "subject"], unique=True, **asked
    )
    op.create_index("ix_approvals_asked", "approvals", ["expires_at"], **asked)


def _refunds() -> None:
    op.create_table(
        "refunds",
        _text("tenant_id"),
        _text("id"),
        _text("payment_id"),
        _cents("amount_cents"),
        _text("currency"),
        _text("reason"),
        _text("order_number"),
        _text("state"),
        _text("failed_by", nullable=True),
        _text("asked_by"),
        _at("asked_at", nullable=False),
        _text("approved_by", nullable=True),
        _at("approved_at"),
        _at("submitted_at"),
        _at("ask_at"),
        _at("ended_at"),
        _text("provider_reference", nullable=True),
        _cents("surplus_cents"),
        _cents("claim_cents"),
        _cents("loss_cents"),
        _check(
            "refunds",
            "state",
            "state IN ('requested', 'approved', 'submitted', 'succeeded', 'failed')",
        ),
        _check("refunds", "reason", "reason IN ('surplus', 'claim_cancelled', 'wrong_payer')"),
        _check("refunds", "amount", "amount_cents > 0"),
        _check("refunds", "parts", "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0"),
        _check(
            "refunds",
            "booked",
            "surplus_cents + claim_cents + loss_cents = CASE WHEN state = 'succeeded'"
            " THEN amount_cents ELSE 0 END",
        ),
        _check(
            "refunds", "two_people", "approved_by IS NULL OR lower(approved_by) <> lower(asked_by)"
        ),
        _check(
            "refunds", "approved", "approved_by IS NOT NULL OR state IN ('requested', 'failed')"
        ),
        _of("refunds", "payment_id", "payments"),
        _of("refunds", "tenant_id", "tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_refunds")),
    )
    op.create_index(
        "uq_refunds_one_an_order",
        "refunds",
        ["tenant_id", "payment_id", "order_number"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )
    op.create_index(
        op.f("ix_refunds_tenant_id_provider_reference"),
        "refunds",
        ["tenant_id", "provider_reference"],
    )
    op.create_index(
        "ix_refunds_ask_at",
        "refunds",
        ["ask_at"],
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )


def _reversals() -> None:
    op.create_table(
        "reversals",
        _text("tenant_id"),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("account_id"),
        _text("provider_reference"),
        _text("payment_id", nullable=True),
        _text("reason"),
        _text("state"),
        _cents("amount_cents"),
        _cents("fee_cents"),
        _text("currency"),
        _cents("surplus_cents"),
        _cents("claim_cents"),
        _cents("loss_cents"),
        _cents("counted_cents"),
        _at("heard_at", nullable=False),
        _at("won_at"),
        _check("reversals", "state", "state IN ('taken', 'won')"),
        _check("reversals", "amount", "amount_cents > 0 AND fee_cents >= 0"),
        _check(
            "reversals",
            "parts",
            "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0 AND counted_cents >= 0"
            " AND counted_cents <= amount_cents",
        ),
        _check(
            "reversals",
            "booked",
            "surplus_cents + claim_cents + loss_cents = CASE WHEN state = 'taken'"
            " THEN amount_cents ELSE 0 END",
        ),
        _of("reversals", "payment_id", "payments"),
        _of("reversals", "account_id", "provider_accounts"),
        _of("reversals", "tenant_id", "tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_reversals")),
        sa.UniqueConstraint(
            "tenant_id",
            "account_id",
            "provider_reference",
            name=op.f("uq_reversals_tenant_id_account_id_provider_reference"),
        ),
    )
    op.create_index(
        op.f("ix_reversals_tenant_id_payment_id"), "reversals", ["tenant_id", "payment_id"]
    )
