"""foundation: money that moved on, days of unclear money, TANs that are guessed"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KINDS = "ck_staff_tasks_kind"
GUESSED = "tans_guessed"
MOVED = "ck_payment_requests_moved_on_when_replaced"

# All that a replaced request leads to, and of what was paid on it all that counts for another.
MOVED_ON = """
WITH RECURSIVE line AS (
    SELECT tenant_id, id AS first, id AS at FROM payment_requests WHERE state = 'replaced'
    UNION SELECT line.tenant_id, line.first, r.replaced_by FROM line
    JOIN payment_requests r ON (r.tenant_id, r.id) = (line.tenant_id, line.at)
    WHERE r.state = 'replaced'),
moved AS (
    SELECT r.tenant_id, r.id FROM payment_requests r JOIN ledger_entries e
        ON e.tenant_id = r.tenant_id AND e.reason = 'replaced'
        AND split_part(e.reference, ':', 2) = r.reference
    WHERE r.state = 'replaced'
    UNION SELECT p.tenant_id, p.request_id FROM payments p JOIN allocations a
        ON (a.tenant_id, a.payment_id) = (p.tenant_id, p.id) WHERE a.request_id <> p.request_id
    UNION SELECT f.tenant_id, f.request_id FROM paid_elsewhere f JOIN (
        SELECT tenant_id, request_id, max(at) AS at FROM request_steps
        WHERE state = 'replaced' AND old_state <> 'replaced' GROUP BY 1, 2) AS replaced
        USING (tenant_id, request_id) WHERE f.told_at >= replaced.at)
UPDATE payment_requests r SET money_moved_on = true
FROM line JOIN moved ON (moved.tenant_id, moved.id) = (line.tenant_id, line.first)
WHERE (r.tenant_id, r.id) = (line.tenant_id, line.at) AND r.state = 'replaced'
"""


def upgrade() -> None:
    op.add_column(
        "payment_requests",
        sa.Column("money_moved_on", sa.Boolean(), server_default="false", nullable=False),
    )
    op.execute(MOVED_ON)
    op.create_check_constraint(
        op.f(MOVED), "payment_requests", "NOT money_moved_on OR state = 'replaced'"
    )
    op.add_column("custody_items", sa.Column("taken_on", sa.Date(), nullable=True))
    op.create_index(op.f("ix_tries_hour_began_at"), "tries", ["hour_began_at"])
    _kinds(_known_kinds() | {GUESSED})


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM staff_tasks WHERE kind = :kind").bindparams(kind=GUESSED))
    _kinds(_known_kinds() - {GUESSED})
    op.drop_index(op.f("ix_tries_hour_began_at"), table_name="tries")
    op.drop_column("custody_items", "taken_on")
    op.drop_constraint(op.f(MOVED), "payment_requests", type_="check")
    op.drop_column("payment_requests", "money_moved_on")


def _known_kinds() -> set[str]:
    """What a task may be about so far, as the database has it."""
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    told = op.get_bind().scalar(query, {"name": KINDS})
    return set(re.findall(r"'([a-z_]+)'", str(told)))


def _kinds(kinds: set[str]) -> None:
    told = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    op.drop_constraint(op.f(KINDS), "staff_tasks", type_="check")
    op.create_check_constraint(op.f(KINDS), "staff_tasks", f"kind IN ({told})")
