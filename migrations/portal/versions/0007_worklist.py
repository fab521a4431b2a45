"""tasks for staff; events that are skipped by order; since when an endpoint is silent"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = (
    "'event_refused', 'event_parked', 'event_not_acknowledged', 'endpoint_silent',"
    " 'custody_unclear', 'payment_unknown', 'refund_failed', 'settlement_difference',"
    " 'books_broken', 'citizen_note'"
)
STATE = "ck_deliveries_state"


def upgrade() -> None:
    _staff_tasks()
    op.add_column("endpoints", sa.Column("silent_since", sa.DateTime(timezone=True)))
    _states("'waiting','taken','skipped','parked'", was="refused", now="skipped")


def downgrade() -> None:
    _states("'waiting','taken','refused','parked'", was="skipped", now="refused")
    op.drop_column("endpoints", "silent_since")
    op.drop_table("staff_tasks")


def _states(states: str, *, was: str, now: str) -> None:
    """What a delivery may be; rows go along."""
    op.drop_constraint(op.f(STATE), "deliveries", type_="check")
    state = sa.table("deliveries", sa.column("state", sa.String())).c.state
    op.execute(sa.update(state.table).where(state == was).values(state=now))
    op.create_check_constraint(op.f(STATE), "deliveries", f"state IN ({states})")


def _staff_tasks() -> None:
    op.create_table(
        "staff_tasks",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reference", sa.String()),
        sa.Column("detail", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.String()),
        sa.Column("reason", sa.String(), nullable=False),
        _check("kind", f"kind IN ({KINDS})"),
        _check("ended_by_someone", "(ended_at IS NULL) = (ended_by IS NULL)"),
        _check("reason_of_an_end", "ended_at IS NOT NULL OR reason = ''"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_staff_tasks_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_staff_tasks")),
    )
    op.create_index(
        "uq_staff_tasks_one_open",
        "staff_tasks",
        ["tenant_id", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_staff_tasks_{name}"))
