"""cheap intake: the unit in a column, fewer and narrower indexes for the lists of the admin view"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

REQUESTS, PAYMENTS = "payment_requests", "payments"
TOWN = "fk_payment_requests_tenant_id"  # the key to the town's kind says it, too
UNIT = "content ->> 'unit'::text"
# Of requests that came in and had nothing happen to them ix_payment_requests_asked knows the
# amount already: with nothing covered and nothing waived it is what is still asked.
MOVED = "state <> 'open' OR covered_cents + closed_cents <> 0"
# As portal/admin/lists/of_payments.py orders them.
URGENCY = (
    "(CASE state WHEN 'unknown' THEN 3 WHEN 'pending' THEN 2 WHEN 'started' THEN 2"
    " WHEN 'created' THEN 2 WHEN 'failed' THEN 1 ELSE 0 END)"
)
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
    " INCLUDE (currency, unit, kind)",
    "list_payments_paid": f"{PAYMENTS} (tenant_id, effective_on, id)"
    " INCLUDE (amount_cents, currency, account_id, received_on, unit, kind)"
    " WHERE state = 'succeeded'",
    "list_payments_unit": f"{PAYMENTS} (tenant_id, unit, {URGENCY}, started_at, id)"
    " WHERE unit IS NOT NULL",
    "list_payments_kind": f"{PAYMENTS} (tenant_id, kind, {URGENCY}, started_at, id)",
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
OF_REQUEST = """
UPDATE payments p SET unit = r.unit, kind = r.kind,
    received_on = (r.created_at AT TIME ZONE t.time_zone)::date
FROM payment_requests r JOIN tenants t ON t.id = r.tenant_id
WHERE (r.tenant_id, r.id) = (p.tenant_id, p.request_id)
"""
# Who may see a payment hangs on its request, which a new version or a purge may change. It is
# rare, and whoever does it holds the request's lock, as whoever begins a payment does.
FOLLOW = """
CREATE FUNCTION payments_follow_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET unit = NEW.unit, kind = NEW.kind
        WHERE tenant_id = NEW.tenant_id AND request_id = NEW.id;
    RETURN NULL;
END $$
"""
FOLLOWS = """
CREATE TRIGGER follow AFTER UPDATE ON payment_requests FOR EACH ROW
WHEN (NEW.unit IS DISTINCT FROM OLD.unit OR NEW.kind IS DISTINCT FROM OLD.kind)
EXECUTE FUNCTION payments_follow_request()
"""


def upgrade() -> None:
    op.drop_constraint(TOWN, REQUESTS)
    for name in OLD:
        op.execute(f"DROP INDEX {name}")
    op.add_column(REQUESTS, sa.Column("unit", sa.String(), sa.Computed(UNIT, persisted=True)))
    op.add_column(
        REQUESTS,
        sa.Column("paid_online", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute(ONLINE)
    op.add_column(PAYMENTS, sa.Column("received_on", sa.Date()))
    op.add_column(PAYMENTS, sa.Column("unit", sa.String()))
    op.add_column(PAYMENTS, sa.Column("kind", sa.String()))
    op.execute(OF_REQUEST)
    op.alter_column(PAYMENTS, "received_on", nullable=False)
    op.alter_column(PAYMENTS, "kind", nullable=False)
    op.execute(FOLLOW)
    op.execute(FOLLOWS)
    _make(NEW)


def downgrade() -> None:
    for name in NEW:
        op.execute(f"DROP INDEX {name}")
    op.execute(f"DROP TRIGGER follow ON {REQUESTS}")
    op.execute("DROP FUNCTION payments_follow_request()")
    for name in ("received_on", "kind", "unit"):
        op.drop_column(PAYMENTS, name)
    op.drop_column(REQUESTS, "paid_online")
    op.drop_column(REQUESTS, "unit")
    op.create_foreign_key(TOWN, REQUESTS, "tenants", ["tenant_id"], ["id"])
    _make(OLD)


def _make(indexes: dict[str, str]) -> None:
    for name, what in indexes.items():
        op.execute(f"CREATE INDEX {name} ON {what}")
