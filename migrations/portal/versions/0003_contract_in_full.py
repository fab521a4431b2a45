"""the finance system's orders and facts: paid elsewhere, rests, arrivals, acknowledgements"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    nothing = sa.Column("closed_cents", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("payment_requests", nothing)
    op.create_check_constraint(
        op.f("ck_payment_requests_closed"),
        "payment_requests",
        "closed_cents BETWEEN 0 AND amount_cents",
    )
    announced = {"postgresql_where": sa.text("type = 'payout.announced'")}
    op.create_index("ix_events_announced", "events", ["tenant_id", "position"], **announced)
    _facts_of_requests()
    _payout_arrivals()
    _acknowledgements()
    _kept_answers()


def downgrade() -> None:
    for table in (
        "kept_answers",
        "read_through",
        "acknowledgements",
        "payout_arrivals",
        "closed_rests",
        "paid_elsewhere",
    ):
        op.drop_table(table)
    op.drop_index("ix_events_announced", table_name="events")
    op.drop_column("payment_requests", "closed_cents")


def _facts_of_requests() -> None:
    op.create_table(
        "paid_elsewhere",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_paid_elsewhere_amount")),
        _of_request("paid_elsewhere"),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", "id", name=op.f("pk_paid_elsewhere")),
    )
    op.create_table(
        "closed_rests",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_closed_rests_amount")),
        _of_request("closed_rests"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "request_id", "order_number", name=op.f("pk_closed_rests")
        ),
    )


def _of_request(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "request_id"],
        ["payment_requests.tenant_id", "payment_requests.id"],
        name=op.f(f"fk_{table}_tenant_id_request_id"),
    )


def _payout_arrivals() -> None:
    op.create_table(
        "payout_arrivals",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account", "settlement"],
            ["settlements.tenant_id", "settlements.account", "settlements.settlement"],
            name=op.f("fk_payout_arrivals_tenant_id_account_settlement"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "account", "settlement", name=op.f("pk_payout_arrivals")
        ),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_payout_arrivals_tenant_id_id")),
    )


def _acknowledgements() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "result IN ('booked','refused')", name=op.f("ck_acknowledgements_result")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "position"],
            ["events.tenant_id", "events.position"],
            name=op.f("fk_acknowledgements_tenant_id_position"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "position", name=op.f("pk_acknowledgements")),
    )
    op.create_index(
        "ix_acknowledgements_refused",
        "acknowledgements",
        ["tenant_id", "position"],
        postgresql_where=sa.text("result = 'refused'"),
    )
    op.create_table(
        "read_through",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_read_through_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_read_through")),
    )


def _kept_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("asked_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kept_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_kept_answers_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_kept_answers_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "client_id", "key_sha256", name=op.f("pk_kept_answers")
        ),
    )
    op.create_index(op.f("ix_kept_answers_kept_since"), "kept_answers", ["kept_since"])
