"""one or two: up to which amount one person is enough; notes, approvals and tasks by subject"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

RULES = "approval_rules"
BY_SUBJECT = (("approvals", "subject"), ("staff_tasks", "reference"))
CHECKS = (
    (
        "approvals",
        "second_approved",
        "(state = 'approved') = (second IS NOT NULL)",
        "(state = 'approved') = (second IS NOT NULL OR alone)",
    ),
    (
        "refunds",
        "approved",
        "approved_by IS NOT NULL OR state IN ('requested', 'failed')",
        "approved_at IS NOT NULL OR state IN ('requested', 'failed')",
    ),
)


def upgrade() -> None:
    op.add_column(
        "approvals", sa.Column("alone", sa.Boolean(), server_default="false", nullable=False)
    )
    for table, name, _, new in CHECKS:
        _check(table, name, new)
    op.create_check_constraint(
        op.f("ck_approvals_alone_is_a_person"),
        "approvals",
        "NOT alone OR (second IS NULL AND (first LIKE 'staff:_%' OR first = 'client:~'))",
    )
    op.create_table(
        RULES,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("up_to_cents", sa.BigInteger()),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "up_to_cents IS NULL OR up_to_cents > 0", name=op.f(f"ck_{RULES}_up_to")
        ),
        sa.CheckConstraint(
            "(up_to_cents IS NULL) = (currency = '')", name=op.f(f"ck_{RULES}_currency")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"fk_{RULES}_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{RULES}")),
    )
    op.create_index(op.f(f"ix_{RULES}_tenant_id_act"), RULES, ["tenant_id", "act"])
    for table, column in BY_SUBJECT:
        op.create_index(op.f(f"ix_{table}_tenant_id_{column}"), table, ["tenant_id", column])


def downgrade() -> None:
    for table, column in BY_SUBJECT:
        op.drop_index(op.f(f"ix_{table}_tenant_id_{column}"), table)
    op.drop_table(RULES)
    op.drop_constraint(op.f("ck_approvals_alone_is_a_person"), "approvals", type_="check")
    for table, name, old, _ in CHECKS:
        _check(table, name, old)
    op.drop_column("approvals", "alone")


def _check(table: str, name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
