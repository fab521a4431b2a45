"""provider calendar: accounts that do not answer, and tasks of methods that end"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE = "account_silences"
OLD_KINDS = (
    "'event_refused', 'event_parked', 'event_not_acknowledged', 'endpoint_silent',"
    " 'custody_unclear', 'payment_unknown', 'refund_failed', 'settlement_difference',"
    " 'books_broken', 'citizen_note'"
)
NEW_KINDS = "'account_paused', 'method_ends', 'last_method_ends'"


def upgrade() -> None:
    _kinds(f"{OLD_KINDS}, {NEW_KINDS}")
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("failures > 0", name=op.f(f"ck_{TABLE}_failures")),
        sa.CheckConstraint(
            "(paused_at IS NULL) = (probe_at IS NULL)", name=op.f(f"ck_{TABLE}_probed")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["provider_accounts.tenant_id", "provider_accounts.id"],
            name=op.f(f"fk_{TABLE}_tenant_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", name=op.f(f"pk_{TABLE}")),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
    op.execute(f"DELETE FROM staff_tasks WHERE kind IN ({NEW_KINDS})")  # noqa: S608
    _kinds(OLD_KINDS)


def _kinds(kinds: str) -> None:
    name = op.f("ck_staff_tasks_kind")
    op.drop_constraint(name, "staff_tasks", type_="check")
    op.create_check_constraint(name, "staff_tasks", f"kind IN ({kinds})")
