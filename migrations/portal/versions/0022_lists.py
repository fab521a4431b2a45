"""lists: indexes for the lists of the admin view, and daily counters of opened letters and TANs"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

REQUESTS, PAYMENTS, COUNTS = "payment_requests", "payments", "day_counts"
UNIT = "(content ->> 'unit')"
# As portal/admin/lists/of_payments.py orders them.
URGENCY = (
    "(CASE state WHEN 'unknown' THEN 3 WHEN 'pending' THEN 2 WHEN 'started' THEN 2"
    " WHEN 'created' THEN 2 WHEN 'failed' THEN 1 ELSE 0 END)"
)
INDEXES = {
    "list_payment_requests_state": (REQUESTS, "state, created_at, id"),
    "list_payment_requests_kind": (REQUESTS, "kind, created_at, id"),
    "list_payment_requests_unit": (REQUESTS, f"{UNIT}, created_at, id"),
    "list_payment_requests_amount": (REQUESTS, "amount_cents, created_at, id"),
    "list_payments": (PAYMENTS, f"{URGENCY}, started_at, id"),
    "list_payments_account": (PAYMENTS, f"account_id, {URGENCY}, started_at, id"),
    "list_payments_amount": (PAYMENTS, "amount_cents, started_at, id"),
    "list_events": ("events", "occurred_at, position"),
    "list_suspense_items_opened": ("suspense_items", "opened_at, id"),
    "list_suspense_items": ("suspense_items", "state, opened_at, id"),
    "list_custody_items_opened": ("custody_items", "opened_at, id"),
    "list_custody_items": ("custody_items", "state, opened_at, id"),
    "list_settlements": ("settlements", "booked_at, account, settlement, version"),
    "list_refunds": ("refunds", "asked_at, id"),
}
# With what the overview adds up, so that it need not look at the rows themselves.
ADDED_UP = {
    "list_payment_requests_received": (REQUESTS, "id) INCLUDE (created_at"),
    "list_payments_started": (PAYMENTS, "started_at, id) INCLUDE (currency"),
    "list_payment_requests": (
        REQUESTS,
        "created_at, id) INCLUDE (amount_cents, covered_cents, closed_cents, state, currency",
    ),
    "list_payments_paid": (
        PAYMENTS,
        "effective_on, id) INCLUDE (amount_cents, currency, account_id, state, request_id",
    ),
}
PARTIAL = {
    "list_payment_requests_payment_sign": (
        REQUESTS, "payment_sign, created_at, id", "payment_sign IS NOT NULL"
    ),
    "list_payments_paid_for": (PAYMENTS, "request_id", "state = 'succeeded'"),
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        COUNTS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("step IN ('opened', 'tan')", name=op.f(f"ck_{COUNTS}_step")),
        sa.CheckConstraint("number > 0", name=op.f(f"ck_{COUNTS}_number")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{COUNTS}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "day", "step", name=op.f(f"pk_{COUNTS}")),
    )
    for name, (table, columns) in (INDEXES | ADDED_UP).items():
        op.execute(f"CREATE INDEX {name} ON {table} (tenant_id, {columns})")
    for name, (table, columns, where) in PARTIAL.items():
        op.execute(f"CREATE INDEX {name} ON {table} (tenant_id, {columns}) WHERE {where}")


def downgrade() -> None:
    for name in (*INDEXES, *ADDED_UP, *PARTIAL):
        op.execute(f"DROP INDEX {name}")
    op.drop_table(COUNTS)
