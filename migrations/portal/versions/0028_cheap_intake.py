"""cheap intake: the unit in a column, fewer and narrower indexes for the lists of the admin view"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

REQUESTS, PAYMENTS = "payment_requests", "payments"
UNIT = "content ->> 'unit'::text"
# Of requests that came in and had nothing happen to them ix_payment_requests_asked knows the
# amount already: with nothing covered and nothing waived it is what is still asked.
MOVED = "state <> 'open' OR covered_cents + closed_cents <> 0"
NEW = {
    # The newest first, and what the overview adds up of a period, for a unit or a kind as well.
    "list_payment_requests": f"{REQUESTS} (tenant_id, created_at, id)"
    " INCLUDE (unit, kind, state, currency, amount_cents, covered_cents, closed_cents,"
    " paid_online)",
    "list_payment_requests_unit": f"{REQUESTS} (tenant_id, unit, created_at, id)"
    " WHERE unit IS NOT NULL",
    "list_payment_requests_kind": f"{REQUESTS} (tenant_id, kind, created_at, id)",
    "list_payment_requests_payment_sign": f"{REQUESTS} (tenant_id, payment_sign)"
    " WHERE payment_sign IS NOT NULL",
    "list_payment_requests_state": f"{REQUESTS} (tenant_id, state, created_at, id)"
    " WHERE state <> 'open'",
    "list_payment_requests_amount": f"{REQUESTS} (tenant_id, amount_cents, created_at, id)"
    f" WHERE {MOVED}",
    "list_payments_started": f"{PAYMENTS} (tenant_id, started_at, id)"
    " INCLUDE (currency, request_id)",
    "list_payments_paid": f"{PAYMENTS} (tenant_id, effective_on, id)"
    " INCLUDE (amount_cents, currency, account_id, request_id, received_on)"
    " WHERE state = 'succeeded'",
}
# As 0022 made them.
OLD = {
    "list_payment_requests": f"{REQUESTS} (tenant_id, created_at, id)"
    " INCLUDE (amount_cents, covered_cents, closed_cents, state, currency)",
    "list_payment_requests_received": f"{REQUESTS} (tenant_id, id) INCLUDE (created_at)",
    "list_payment_requests_unit": f"{REQUESTS} (tenant_id, (content ->> 'unit'), created_at, id)",
    "list_payment_requests_kind": f"{REQUESTS} (tenant_id, kind, created_at, id)",
    "list_payment_requests_payment_sign": f"{REQUESTS} (tenant_id, payment_sign, created_at, id)"
    " WHERE payment_sign IS NOT NULL",
    "list_payment_requests_state": f"{REQUESTS} (tenant_id, state, created_at, id)",
    "list_payment_requests_amount": f"{REQUESTS} (tenant_id, amount_cents, created_at, id)",
    "list_payments_started": f"{PAYMENTS} (tenant_id, started_at, id) INCLUDE (currency)",
    "list_payments_paid": f"{PAYMENTS} (tenant_id, effective_on, id)"
    " INCLUDE (amount_cents, currency, account_id, state, request_id)",
}
ONLINE = """
UPDATE payment_requests r SET paid_online = true WHERE EXISTS (
    SELECT FROM payments p WHERE (p.tenant_id, p.request_id) = (r.tenant_id, r.id)
    AND p.state = 'succeeded')
"""
RECEIVED = """
UPDATE payments p SET received_on = (r.created_at AT TIME ZONE t.time_zone)::date
FROM payment_requests r JOIN tenants t ON t.id = r.tenant_id
WHERE (r.tenant_id, r.id) = (p.tenant_id, p.request_id)
"""


def upgrade() -> None:
    for name in OLD:
        op.execute(f"DROP INDEX {name}")
    op.add_column(REQUESTS, sa.Column("unit", sa.String(), sa.Computed(UNIT, persisted=True)))
    op.add_column(
        REQUESTS,
        sa.Column("paid_online", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute(ONLINE)
    op.add_column(PAYMENTS, sa.Column("received_on", sa.Date()))
    op.execute(RECEIVED)
    op.alter_column(PAYMENTS, "received_on", nullable=False)
    _make(NEW)


def downgrade() -> None:
    for name in NEW:
        op.execute(f"DROP INDEX {name}")
    op.drop_column(PAYMENTS, "received_on")
    op.drop_column(REQUESTS, "paid_online")
    op.drop_column(REQUESTS, "unit")
    _make(OLD)


def _make(indexes: dict[str, str]) -> None:
    for name, what in indexes.items():
        op.execute(f"CREATE INDEX {name} ON {what}")
