"""withdrawn: pay-outs that were announced wrongly"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATE = "ck_payouts_state"


def upgrade() -> None:
    op.drop_constraint(op.f(STATE), "payouts", type_="check")
    op.create_check_constraint(
        op.f(STATE), "payouts", "state IN ('announced', 'arrived', 'withdrawn')"
    )


def downgrade() -> None:
    """Not with a pay-out that was withdrawn: the books name it."""
    op.drop_constraint(op.f(STATE), "payouts", type_="check")
    op.create_check_constraint(op.f(STATE), "payouts", "state IN ('announced', 'arrived')")
