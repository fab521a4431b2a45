"""settlements: files, reserves, reports that are undone and booked anew, fees that are kept"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SETTLEMENT = ("tenant_id", "account", "settlement")
PROPOSED = "refund_proposed"
KINDS = "ck_staff_tasks_kind"
OPEN_SURPLUS = {"postgresql_where": sa.text("state = 'open' AND cause = 'surplus'")}


def upgrade() -> None:
    _files()
    _versions()
    _undoings()
    _settled_items()
    _fetches()
    op.add_column(
        "reversals",
        sa.Column("fee_back_cents", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.execute("UPDATE reversals SET fee_back_cents = fee_cents WHERE state = 'won'")
    op.alter_column("reversals", "fee_back_cents", server_default=None)
    op.create_check_constraint(
        op.f("ck_reversals_fee_back"), "reversals", "fee_back_cents BETWEEN 0 AND fee_cents"
    )
    op.create_index("ix_custody_items_open_surplus", "custody_items", ["tenant_id"], **OPEN_SURPLUS)
    _kinds(_known_kinds() | {PROPOSED})


def downgrade() -> None:
    """A town that has undone a settlement report cannot go back: its books name it."""
    op.execute(sa.text("DELETE FROM staff_tasks WHERE kind = :kind").bindparams(kind=PROPOSED))
    _kinds(_known_kinds() - {PROPOSED})
    op.drop_index("ix_custody_items_open_surplus", table_name="custody_items", **OPEN_SURPLUS)
    op.drop_constraint(op.f("ck_reversals_fee_back"), "reversals", type_="check")
    op.drop_column("reversals", "fee_back_cents")
    for table in ("settlement_fetches", "settled_items", "settlement_undoings"):
        op.drop_table(table)
    for table in ("settlement_lines", "payout_arrivals"):
        op.drop_constraint(_fk(table, versioned=True), table, type_="foreignkey")
    _key("settlement_lines", *SETTLEMENT, "line")
    _key("settlements", *SETTLEMENT)
    for table in ("settlement_lines", "payout_arrivals"):
        op.drop_column(table, "version")
        _foreign(table, versioned=False)
    op.drop_index(op.f("ix_settlements_tenant_id_file_id"), table_name="settlements")
    op.drop_constraint(op.f("fk_settlements_tenant_id_file_id"), "settlements", type_="foreignkey")
    for column in ("version", "made_at", "file_id"):
        op.drop_column("settlements", column)
    op.drop_table("settlement_files")


def _known_kinds() -> set[str]:
    """What a task may be about so far, as the database has it."""
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    told = op.get_bind().scalar(query, {"name": KINDS})
    return set(re.findall(r"'([a-z_]+)'", str(told)))


def _kinds(kinds: set[str]) -> None:
    told = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    op.drop_constraint(op.f(KINDS), "staff_tasks", type_="check")
    op.create_check_constraint(op.f(KINDS), "staff_tasks", f"kind IN ({told})")


def _fk(table: str, *, versioned: bool) -> str:
    columns = (*SETTLEMENT, "version") if versioned else SETTLEMENT
    return op.f(f"fk_{table}_{'_'.join(columns)}")


def _foreign(table: str, *, versioned: bool) -> None:
    columns = [*SETTLEMENT, "version"] if versioned else [*SETTLEMENT]
    op.create_foreign_key(_fk(table, versioned=versioned), table, "settlements", columns, columns)


def _key(table: str, *columns: str) -> None:
    name = op.f(f"pk_{table}")
    op.drop_constraint(name, table, type_="primary")
    op.create_primary_key(name, table, [*columns])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _of(table: str, columns: tuple[str, ...], target: str, theirs: tuple[str, ...]) -> object:
    return sa.ForeignKeyConstraint(
        list(columns),
        [f"{target}.{each}" for each in theirs],
        name=op.f(f"fk_{table}_{'_'.join(columns)}"),
    )


def _files() -> None:
    op.create_table(
        "settlement_files",
        _text("tenant_id"),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("account"),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        _text("mapping"),
        _number("lines"),
        _at("imported_at"),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_settlement_files_sha256")),
        _of("settlement_files", ("tenant_id",), "tenants", ("id",)),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_settlement_files")),
    )
    op.create_index(
        op.f("ix_settlement_files_tenant_id_sha256"), "settlement_files", ["tenant_id", "sha256"]
    )


def _versions() -> None:
    for table in ("settlement_lines", "payout_arrivals"):
        op.drop_constraint(_fk(table, versioned=False), table, type_="foreignkey")
    for table in ("settlements", "settlement_lines", "payout_arrivals"):
        op.add_column(table, sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        op.alter_column(table, "version", server_default=None)
    op.add_column("settlements", _at("made_at", nullable=True))
    op.add_column("settlements", sa.Column("file_id", sa.BigInteger(), nullable=True))
    _key("settlements", *SETTLEMENT, "version")
    _key("settlement_lines", *SETTLEMENT, "version", "line")
    for table in ("settlement_lines", "payout_arrivals"):
        _foreign(table, versioned=True)
    op.create_check_constraint(op.f("ck_settlements_version"), "settlements", "version > 0")
    columns = ["tenant_id", "file_id"]
    op.create_foreign_key(
        op.f("fk_settlements_tenant_id_file_id"),
        "settlements",
        "settlement_files",
        columns,
        ["tenant_id", "id"],
    )
    op.create_index(op.f("ix_settlements_tenant_id_file_id"), "settlements", columns)


def _undoings() -> None:
    key = (*SETTLEMENT, "version")
    op.create_table(
        "settlement_undoings",
        *(_text(name) for name in SETTLEMENT),
        _number("version"),
        _at("undone_at"),
        _of("settlement_undoings", key, "settlements", key),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_settlement_undoings")),
    )


def _settled_items() -> None:
    line = (*SETTLEMENT, "version", "line")
    op.create_table(
        "settled_items",
        *(_text(name) for name in SETTLEMENT),
        _number("version"),
        _number("line"),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cents <> 0", name=op.f("ck_settled_items_cents")),
        _of("settled_items", line, "settlement_lines", line),
        _of("settled_items", ("tenant_id", "item_id"), "suspense_items", ("tenant_id", "id")),
        sa.PrimaryKeyConstraint(*line, "item_id", name=op.f("pk_settled_items")),
    )


def _fetches() -> None:
    mine = ("tenant_id", "account_id")
    op.create_table(
        "settlement_fetches",
        *(_text(name) for name in mine),
        _at("tried_at"),
        _at("done_at", nullable=True),
        _of("settlement_fetches", mine, "provider_accounts", ("tenant_id", "id")),
        sa.PrimaryKeyConstraint(*mine, name=op.f("pk_settlement_fetches")),
    )
