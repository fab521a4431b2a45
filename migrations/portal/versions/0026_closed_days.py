"""closed days: their figures for ever, what came out of differences, daily mail, audit by words"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

CLOSINGS, EXPLANATIONS, MAILS = "day_closings", "day_explanations", "daily_mails"
MOMENT = sa.DateTime(timezone=True)
SEARCHED = ("at", "actor", "act", "subject")


def upgrade() -> None:
    op.create_table(
        CLOSINGS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=False),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("second", sa.String()),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "holds OR (second IS NOT NULL AND reason <> '')",
            name=op.f(f"ck_{CLOSINGS}_two_people"),
        ),
        sa.CheckConstraint(
            "second IS NULL OR lower(second) <> lower(closed_by)",
            name=op.f(f"ck_{CLOSINGS}_not_the_same"),
        ),
        sa.CheckConstraint(
            "octet_length(head_hash) = 32 AND head_seq >= 0", name=op.f(f"ck_{CLOSINGS}_head")
        ),
        _of_a_town(CLOSINGS),
        sa.PrimaryKeyConstraint("tenant_id", "day", name=op.f(f"pk_{CLOSINGS}")),
    )
    op.create_table(
        EXPLANATIONS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f(f"ck_{EXPLANATIONS}_text")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "day"],
            [f"{CLOSINGS}.tenant_id", f"{CLOSINGS}.day"],
            name=op.f(f"fk_{EXPLANATIONS}_tenant_id_day"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "day", "id", name=op.f(f"pk_{EXPLANATIONS}")),
    )
    op.create_table(
        MAILS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("sent_on", sa.Date()),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f(f"ck_{MAILS}_hour")),
        _of_a_town(MAILS),
        sa.PrimaryKeyConstraint("tenant_id", "address", name=op.f(f"pk_{MAILS}")),
    )
    for column in SEARCHED:
        columns = ["tenant_id", *dict.fromkeys([column, "at"]), "id"]
        op.create_index(op.f(f"ix_audit_{'_'.join(columns)}"), "audit", columns)


def downgrade() -> None:
    """That days were closed is forgotten; the audit keeps who closed them."""
    for column in SEARCHED:
        columns = ["tenant_id", *dict.fromkeys([column, "at"]), "id"]
        op.drop_index(op.f(f"ix_audit_{'_'.join(columns)}"), "audit")
    for table in (EXPLANATIONS, CLOSINGS, MAILS):
        op.drop_table(table)


def _of_a_town(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name)
