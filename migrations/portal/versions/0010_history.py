"""history: what requests and items were on any day, settlement lines, providers' own figures"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What was before is dated as well as it is known: days before this version are told roughly.
FIRST_STEPS = """
INSERT INTO request_steps (tenant_id, request_id, booked_on, at, version, old_state, state,
    old_kind, kind, amount_cents, covered_cents, closed_cents)
SELECT r.tenant_id, r.id, (r.updated_at AT TIME ZONE t.time_zone)::date, r.updated_at, r.version,
    'open', r.state, r.kind, r.kind, r.amount_cents - v.amount_cents, r.covered_cents,
    r.closed_cents
FROM payment_requests r JOIN tenants t ON t.id = r.tenant_id
JOIN request_versions v ON (v.tenant_id, v.request_id, v.version) = (r.tenant_id, r.id, 1)
WHERE r.state <> 'open' OR r.version > 1 OR r.covered_cents > 0 OR r.closed_cents > 0
"""
FIRST_MOVES = """
INSERT INTO {moves} (tenant_id, item_id, booked_on, at, reason, cents)
SELECT i.tenant_id, i.id, (i.opened_at AT TIME ZONE t.time_zone)::date, i.opened_at, 'opened',
    i.amount_cents
FROM {items} i JOIN tenants t ON t.id = i.tenant_id
UNION ALL
SELECT i.tenant_id, i.id,
    (coalesce(i.closed_at, i.opened_at) AT TIME ZONE t.time_zone)::date,
    coalesce(i.closed_at, i.opened_at), CASE
        WHEN EXISTS (SELECT FROM ledger_entries e WHERE e.tenant_id = i.tenant_id
            AND e.reference = 'unclear-taken-back:' || substr(i.reference, 9))
            AND i.reference LIKE 'unclear:%' THEN 'taken_back'
        WHEN i.state = 'open' THEN '{part}' ELSE i.state END,
    i.open_cents - i.amount_cents
FROM {items} i JOIN tenants t ON t.id = i.tenant_id WHERE i.open_cents <> i.amount_cents
"""

# Of older reports only the whole is known.
FIRST_LINES = """
INSERT INTO settlement_lines (tenant_id, account, settlement, line, kind, payment,
    provider_reference, gross_cents, fee_cents, settled_cents, booked_fee_cents)
SELECT s.tenant_id, s.account, s.settlement, 1, 'whole', '', '', s.gross_cents, s.fee_cents,
    -coalesce(sum(p.cents) FILTER (WHERE p.account LIKE 'suspense:%'), 0),
    s.fee_cents - coalesce(sum(p.cents) FILTER (WHERE p.account LIKE 'fees:%'), 0)
FROM settlements s
LEFT JOIN ledger_entries e ON e.tenant_id = s.tenant_id
    AND e.reference = 'settlement:' || s.account || ':' || s.settlement
LEFT JOIN ledger_postings p ON (p.tenant_id, p.entry_id) = (e.tenant_id, e.id)
GROUP BY s.tenant_id, s.account, s.settlement
"""


def upgrade() -> None:
    _request_steps()
    for items, part in (("suspense", "settled"), ("custody", "assigned")):
        _moves(f"{items}_moves", f"{items}_items")
        op.execute(FIRST_MOVES.format(moves=f"{items}_moves", items=f"{items}_items", part=part))
    op.execute(FIRST_STEPS)
    _settlement_lines()
    op.execute(FIRST_LINES)
    _provider_figures()


def downgrade() -> None:
    for table in (
        "provider_figures",
        "settlement_lines",
        "custody_moves",
        "suspense_moves",
        "request_steps",
    ):
        op.drop_table(table)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _cents(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _day(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Date(), nullable=False)


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("tenant_id", *columns, name=op.f(f"pk_{table}"))


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_tenant_id_{column}"), table, ["tenant_id", column])


def _request_steps() -> None:
    table = "request_steps"
    op.create_table(
        table,
        _text("tenant_id"),
        _number(),
        _cents("request_id"),
        _day("booked_on"),
        _at("at"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("old_state"),
        _text("state"),
        _text("old_kind"),
        _text("kind"),
        _cents("amount_cents"),
        _cents("covered_cents"),
        _cents("closed_cents"),
        _of(table, "request_id", "payment_requests"),
        _key(table, "id"),
    )
    _index(table, "request_id")
    _index(table, "booked_on")


def _moves(table: str, items: str) -> None:
    op.create_table(
        table,
        _text("tenant_id"),
        _number(),
        _cents("item_id"),
        _day("booked_on"),
        _at("at"),
        _text("reason"),
        _cents("cents"),
        sa.CheckConstraint("cents <> 0", name=op.f(f"ck_{table}_cents")),
        _of(table, "item_id", items),
        _key(table, "id"),
    )
    _index(table, "item_id")
    _index(table, "booked_on")


def _settlement_lines() -> None:
    op.create_table(
        "settlement_lines",
        _text("tenant_id"),
        _text("account"),
        _text("settlement"),
        sa.Column("line", sa.Integer(), nullable=False),
        _text("kind"),
        _text("payment"),
        _text("provider_reference"),
        _cents("gross_cents"),
        _cents("fee_cents"),
        _cents("settled_cents"),
        _cents("booked_fee_cents"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account", "settlement"],
            ["settlements.tenant_id", "settlements.account", "settlements.settlement"],
            name=op.f("fk_settlement_lines_tenant_id_account_settlement"),
        ),
        _key("settlement_lines", "account", "settlement", "line"),
    )


def _provider_figures() -> None:
    table = "provider_figures"
    op.create_table(
        table,
        _text("tenant_id"),
        _number(),
        _text("account_id"),
        _day("day"),
        _text("currency"),
        _cents("taken_cents"),
        _at("told_at"),
        _of(table, "account_id", "provider_accounts"),
        _key(table, "id"),
    )
    _index(table, "day")
