"""won in part: what came back of a reversal, each time it did"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

WINS = "reversal_wins"
BOOKED = """
INSERT INTO reversal_wins (tenant_id, reversal_id, number, amount_cents, fee_cents, won_at)
SELECT v.tenant_id, v.id,
    coalesce(substring(e.reference FROM '^reversal-won-([0-9]+):')::integer, 1),
    sum(p.cents), coalesce(-sum(p.cents) FILTER (WHERE p.account LIKE 'fees:%'), 0), e.booked_at
FROM reversals v
JOIN ledger_entries e ON (e.tenant_id, e.reason) = (v.tenant_id, 'reversal_won')
    AND regexp_replace(e.reference, '^reversal-won(-[0-9]+)?:', '')
        = v.account_id || ':' || v.provider_reference
JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
    AND (p.account LIKE 'suspense:%' OR p.account LIKE 'fees:%')
GROUP BY v.tenant_id, v.id, e.reference, e.booked_at
"""
BEFORE = {
    "parts": "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0 AND counted_cents >= 0"
    " AND counted_cents <= amount_cents",
    "booked": "surplus_cents + claim_cents + loss_cents = CASE WHEN state = 'taken'"
    " THEN amount_cents ELSE 0 END",
}
AFTER = {
    "parts": "surplus_cents >= 0 AND claim_cents >= 0 AND loss_cents >= 0 AND counted_cents >= 0"
    " AND counted_cents <= amount_cents - back_cents",
    "booked": "surplus_cents + claim_cents + loss_cents = amount_cents - back_cents",
    "back": "back_cents BETWEEN 0 AND amount_cents"
    " AND (state = 'won') = (back_cents = amount_cents)",
}


def upgrade() -> None:
    """What came back stands in the book. One won before it was heard of moved nothing: no win."""
    op.add_column(
        "reversals", sa.Column("back_cents", sa.BigInteger(), nullable=False, server_default="0")
    )
    _drop(*BEFORE)
    _wins()
    op.execute(BOOKED)
    op.execute(
        "UPDATE reversals v SET back_cents = w.cents, loss_cents = loss_cents - w.cents"
        " FROM (SELECT tenant_id, reversal_id, sum(amount_cents) AS cents FROM reversal_wins"
        " GROUP BY 1, 2) AS w"
        " WHERE (w.tenant_id, w.reversal_id) = (v.tenant_id, v.id) AND v.state = 'taken'"
    )
    op.execute("UPDATE reversals SET back_cents = amount_cents WHERE state = 'won'")
    op.alter_column("reversals", "back_cents", server_default=None)
    _create(AFTER)


def downgrade() -> None:
    """Before, nothing was won in part: what came back of a reversal that stands is lost there."""
    op.drop_table(WINS)
    _drop(*AFTER)
    op.execute("UPDATE reversals SET loss_cents = loss_cents + back_cents WHERE state = 'taken'")
    _create(BEFORE)
    op.drop_column("reversals", "back_cents")


def _drop(*names: str) -> None:
    for name in names:
        op.drop_constraint(op.f(f"ck_reversals_{name}"), "reversals", type_="check")


def _create(checks: dict[str, str]) -> None:
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_reversals_{name}"), "reversals", condition)


def _wins() -> None:
    op.create_table(
        WINS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("reversal_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("fee_cents", sa.BigInteger(), nullable=False),
        sa.Column("won_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "number > 0 AND amount_cents > 0 AND fee_cents >= 0",
            name=op.f("ck_reversal_wins_amount"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reversal_id"],
            ["reversals.tenant_id", "reversals.id"],
            name=op.f("fk_reversal_wins_tenant_id_reversal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_reversal_wins_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "reversal_id", "number", name=op.f("pk_reversal_wins")
        ),
    )
