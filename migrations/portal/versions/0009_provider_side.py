"""provider side: unclear money that goes back"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "custody_returns"


def upgrade() -> None:
    op.create_table(
        TABLE,
        _text("tenant_id"),
        _text("id"),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        _text("account_id"),
        _text("payment"),
        _text("payment_reference"),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        _text("currency"),
        _text("state"),
        _text("failed_by", nullable=True),
        _at("asked_at", nullable=False),
        _at("submitted_at"),
        _at("ask_at"),
        _at("ended_at"),
        _text("provider_reference", nullable=True),
        sa.Column("lost_cents", sa.BigInteger(), nullable=False),
        _check("state", "state IN ('requested', 'approved', 'submitted', 'succeeded', 'failed')"),
        _check("amount", "amount_cents > 0"),
        _check(
            "lost",
            "lost_cents BETWEEN 0 AND CASE WHEN state = 'succeeded' THEN amount_cents ELSE 0 END",
        ),
        _of("item_id", "custody_items"),
        _of("account_id", "provider_accounts"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{TABLE}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint(
            "tenant_id",
            "account_id",
            "provider_reference",
            name=op.f(f"uq_{TABLE}_tenant_id_account_id_provider_reference"),
        ),
    )
    op.create_index(
        f"uq_{TABLE}_one_an_item",
        TABLE,
        ["tenant_id", "item_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )
    op.create_index(
        f"ix_{TABLE}_ask_at", TABLE, ["ask_at"], postgresql_where=sa.text("ask_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_table(TABLE)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{TABLE}_{name}"))


def _of(column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"fk_{TABLE}_tenant_id_{column}"),
    )
