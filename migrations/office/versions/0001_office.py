"""The office's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Checked when the transaction commits, so that lines may be written one after the other.
BALANCE = """
CREATE FUNCTION booking_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(cents) FROM booking_lines WHERE booking_id = NEW.booking_id) <> 0 THEN
        RAISE EXCEPTION 'booking % does not balance', NEW.booking_id;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER booking_lines_balance AFTER INSERT ON booking_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION booking_balances();
"""


def upgrade() -> None:
    op.create_table(
        "debtors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("addition", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debtors")),
        sa.UniqueConstraint("identity", name=op.f("uq_debtors_identity")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('booked', 'noted', 'waiting', 'by_hand', 'unknown', 'unreadable')",
            name=op.f("ck_events_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    _index("events", "position")
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
    )
    op.create_table(
        "payout_lines",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("payout", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payment", sa.String(), nullable=True),
        sa.Column("provider_reference", sa.String(), nullable=True),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("fee_cents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "payout", "number", name=op.f("pk_payout_lines")),
    )
    _index("payout_lines", "payment")
    _index("payout_lines", "provider_reference")
    op.create_table(
        "payouts",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("payout", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("fee_cents", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('announced', 'arrived')", name=op.f("ck_payouts_state")),
        sa.PrimaryKeyConstraint("account", "payout", name=op.f("pk_payouts")),
    )
    op.create_table(
        "spent_tokens",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_tokens")),
    )
    op.create_table(
        "suspense_items",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("payment", sa.String(), nullable=True),
        sa.Column("provider_reference", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("settled_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payout", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'settled', 'reversed')", name=op.f("ck_suspense_items_state")
        ),
        sa.CheckConstraint(
            "settled_cents BETWEEN 0 AND cents", name=op.f("ck_suspense_items_settled_cents")
        ),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_suspense_items")),
    )
    _index("suspense_items", "payment")
    _index("suspense_items", "provider_reference")
    op.create_table(
        "town",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_town")),
    )
    op.create_table(
        "bookings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_bookings_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("event_id", name=op.f("uq_bookings_event_id")),
        sa.UniqueConstraint("reason", "subject", name=op.f("uq_bookings_reason_subject")),
    )
    op.create_table(
        "claims",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_sign", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("payable_until", sa.Date(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("wants_tan", sa.Boolean(), nullable=False),
        sa.Column("debit", sa.Boolean(), nullable=False),
        sa.Column("replaces", postgresql.JSONB(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cleared_cents", sa.BigInteger(), nullable=False),
        sa.Column("pushed", sa.String(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed", sa.String(), nullable=True),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'partly_cleared', 'cleared')",
            name=op.f("ck_claims_state"),
        ),
        sa.CheckConstraint("cents > 0", name=op.f("ck_claims_cents")),
        sa.ForeignKeyConstraint(["debtor_id"], ["debtors.id"], name=op.f("fk_claims_debtor_id")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_claims")),
    )
    _index("claims", "debtor_id")
    op.create_table(
        "booking_lines",
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_booking_lines_booking_id")
        ),
        sa.PrimaryKeyConstraint("booking_id", "number", name=op.f("pk_booking_lines")),
    )
    _index("booking_lines", "account")
    op.create_table(
        "links",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("qr", sa.String(), nullable=False),
        sa.Column("short_code", sa.String(), nullable=False),
        sa.Column("tan", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reference"], ["claims.reference"], name=op.f("fk_links_reference")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_links")),
    )
    op.execute(BALANCE)


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
