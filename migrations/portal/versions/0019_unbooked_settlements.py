"""unbooked settlements: reports that wait, accounts without any, and why an account is paused"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE, FETCHES, SILENCES = "unbooked_settlements", "settlement_fetches", "account_silences"
MISSING = "settlements_missing"
KINDS = "ck_staff_tasks_kind"


def upgrade() -> None:
    op.create_table(
        TABLE,
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("tenant_id", "account_id", "settlement", "cause")
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["provider_accounts.tenant_id", "provider_accounts.id"],
            name=op.f(f"fk_{TABLE}_tenant_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "settlement", name=op.f(f"pk_{TABLE}")),
    )
    for name in ("began_at", "listed_at", "failing_since", "told_at"):
        op.add_column(FETCHES, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute(f"UPDATE {FETCHES} SET began_at = tried_at, listed_at = done_at")  # noqa: S608
    op.alter_column(FETCHES, "began_at", nullable=False)
    op.add_column(
        SILENCES, sa.Column("cause", sa.String(), server_default="silent", nullable=False)
    )
    op.alter_column(SILENCES, "cause", server_default=None)
    op.create_check_constraint(
        op.f(f"ck_{SILENCES}_cause"), SILENCES, "cause IN ('silent', 'key_refused')"
    )
    _kinds(_known_kinds() | {MISSING})


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM staff_tasks WHERE kind = :kind").bindparams(kind=MISSING))
    _kinds(_known_kinds() - {MISSING})
    op.drop_constraint(op.f(f"ck_{SILENCES}_cause"), SILENCES, type_="check")
    op.drop_column(SILENCES, "cause")
    for name in ("told_at", "failing_since", "listed_at", "began_at"):
        op.drop_column(FETCHES, name)
    op.drop_table(TABLE)


def _known_kinds() -> set[str]:
    """What a task may be about so far, as the database has it."""
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    told = op.get_bind().scalar(query, {"name": KINDS})
    return set(re.findall(r"'([a-z_]+)'", str(told)))


def _kinds(kinds: set[str]) -> None:
    told = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    op.drop_constraint(op.f(KINDS), "staff_tasks", type_="check")
    op.create_check_constraint(op.f(KINDS), "staff_tasks", f"kind IN ({told})")
