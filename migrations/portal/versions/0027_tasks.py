"""tasks: the worklist page, suspense items that are overdue, and which request asks so much"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

KINDS = (
    "event_refused", "event_parked", "event_not_acknowledged", "endpoint_silent",
    "custody_unclear", "payment_unknown", "refund_failed", "refund_proposed",
    "settlement_difference", "settlements_missing", "account_paused", "method_ends",
    "last_method_ends", "tans_guessed", "books_broken", "citizen_note",
)  # fmt: skip
NEW = "suspense_overdue"
OPEN, ENDED, ASKED = "ix_staff_tasks_open", "ix_staff_tasks_ended", "ix_payment_requests_asked"


def upgrade() -> None:
    _kinds(*KINDS, NEW)
    op.add_column(
        "tenants",
        sa.Column("suspense_days", sa.Integer(), nullable=False, server_default="30"),
    )
    op.create_check_constraint(
        op.f("ck_tenants_suspense_days"), "tenants", "suspense_days BETWEEN 3 AND 366"
    )
    op.create_index(
        OPEN,
        "staff_tasks",
        ["tenant_id", "opened_at", "number"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        ENDED,
        "staff_tasks",
        ["tenant_id", "ended_at", "number"],
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        ASKED,
        "payment_requests",
        ["tenant_id", sa.text("(amount_cents - closed_cents - covered_cents)")],
        postgresql_where=sa.text("state IN ('open', 'partly_paid')"),
    )


def downgrade() -> None:
    """The items themselves stay."""
    op.drop_index(ASKED, "payment_requests")
    op.drop_index(ENDED, "staff_tasks")
    op.drop_index(OPEN, "staff_tasks")
    op.drop_constraint(op.f("ck_tenants_suspense_days"), "tenants")
    op.drop_column("tenants", "suspense_days")
    op.execute(f"DELETE FROM staff_tasks WHERE kind = '{NEW}'")  # noqa: S608
    _kinds(*KINDS)


def _kinds(*kinds: str) -> None:
    named = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_staff_tasks_kind"), "staff_tasks")
    op.create_check_constraint(op.f("ck_staff_tasks_kind"), "staff_tasks", f"kind IN ({named})")
