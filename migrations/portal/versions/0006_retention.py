"""retention: annual accounts, holds, purged references, and the functions that purge"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parent.parent / "retention-0006.sql"
TAKE_DOWN = """
DROP FUNCTION purge_year, purge_tasks, purge_requests, purge_request_details;
DROP VIEW retention_requests;
DROP FUNCTION retention_year_is_due, retention_bare, retention_hold, retention_moved_at,
    retention_year_due, retention_now;
"""
NEEDS_NO_DETAILS = "state IN ('paid', 'withdrawn', 'expired', 'replaced')"
CHECKS = (
    (
        "payment_requests",
        "details_purged",
        "details_purged_at IS NULL OR (purpose = '' AND payment_sign IS NULL"
        " AND content = '{}'::jsonb AND key_id = '')",
    ),
    ("payment_requests", "purged", "purged_at IS NULL OR details_purged_at IS NOT NULL"),
    ("tenants", "retention_days", "retention_days BETWEEN 14 AND 1826"),
    ("tenants", "books_years", "books_years BETWEEN 10 AND 30"),
    ("tenants", "voucher_years", "voucher_years BETWEEN 6 AND books_years"),
)


def upgrade() -> None:
    op.add_column("payment_requests", _at("details_purged_at"))
    op.add_column("payment_requests", _at("purged_at"))
    op.add_column("tenants", _years("books_years"))
    op.add_column("tenants", _years("voucher_years"))
    yes = sa.Column("discharge_counts", sa.Boolean(), server_default="true", nullable=False)
    op.add_column("tenants", yes)
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.create_index(op.f("ix_events_tenant_id_reference"), "events", ["tenant_id", "reference"])
    for name, condition in (
        ("details_due", f"details_purged_at IS NULL AND {NEEDS_NO_DETAILS}"),
        ("whole_due", "details_purged_at IS NOT NULL AND purged_at IS NULL"),
    ):
        where = {"postgresql_where": sa.text(condition)}
        columns = ["tenant_id", "updated_at"]
        op.create_index(f"ix_payment_requests_{name}", "payment_requests", columns, **where)
    _tables()
    op.get_bind().exec_driver_sql(FUNCTIONS.read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(TAKE_DOWN)
    for table in ("purged_years", "retention_holds", "annual_accounts", "purged_references"):
        op.drop_table(table)
    op.drop_index("ix_payment_requests_whole_due", table_name="payment_requests")
    op.drop_index("ix_payment_requests_details_due", table_name="payment_requests")
    op.drop_index(op.f("ix_events_tenant_id_reference"), table_name="events")
    for table, name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for column in ("discharge_counts", "voucher_years", "books_years"):
        op.drop_column("tenants", column)
    for column in ("purged_at", "details_purged_at"):
        op.drop_column("payment_requests", column)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _years(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default="10", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("tenant_id", *columns, name=op.f(f"pk_{table}"))


def _tables() -> None:
    op.create_table(
        "purged_references",
        _text("tenant_id"),
        _text("key_id"),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        _number("link_version"),
        _number("tan_version"),
        _at("purged_at", nullable=False),
        sa.CheckConstraint("octet_length(name) = 32", name=op.f("ck_purged_references_name")),
        _of_tenant("purged_references"),
        _key("purged_references", "key_id", "name"),
    )
    op.create_table(
        "annual_accounts",
        _text("tenant_id"),
        _id(),
        _number("year"),
        sa.Column("adopted_on", sa.Date(), nullable=False),
        sa.Column("discharged_on", sa.Date(), nullable=True),
        _text("noted_by"),
        _at("noted_at", nullable=False),
        sa.CheckConstraint(
            "adopted_on > make_date(year, 12, 31)", name=op.f("ck_annual_accounts_adopted")
        ),
        sa.CheckConstraint(
            "discharged_on > make_date(year, 12, 31)", name=op.f("ck_annual_accounts_discharged")
        ),
        _of_tenant("annual_accounts"),
        _key("annual_accounts", "id"),
    )
    op.create_table(
        "retention_holds",
        _text("tenant_id"),
        _id(),
        _text("reference", nullable=True),
        _text("reason"),
        _text("set_by"),
        _at("set_at", nullable=False),
        _text("ended_by", nullable=True),
        _at("ended_at"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_retention_holds_ended")
        ),
        _of_tenant("retention_holds"),
        _key("retention_holds", "id"),
    )
    op.create_table(
        "purged_years",
        _text("tenant_id"),
        _number("year"),
        _text("what"),
        _at("purged_at", nullable=False),
        sa.CheckConstraint("what IN ('books', 'vouchers')", name=op.f("ck_purged_years_what")),
        _of_tenant("purged_years"),
        _key("purged_years", "year", "what"),
    )
