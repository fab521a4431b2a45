"""append only, balanced, chained: what the database itself refuses"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The triggers that call it are set by portal/schema.py, from its list of append-only tables.
REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('quitt.purge', true) = 'on' AND current_user = (
        SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = TG_RELID
    ) THEN
        IF TG_OP = 'UPDATE' THEN
            RETURN NEW;
        END IF;
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append only: a correction is a new row', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
CHECK_BALANCE = """
CREATE FUNCTION check_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM public.ledger_postings
        WHERE tenant_id = NEW.tenant_id AND entry_id = NEW.entry_id
        HAVING sum(cents) = 0 AND min(currency) = max(currency);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry % of % does not balance', NEW.entry_id, NEW.tenant_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    RETURN NULL;
END $$
"""
BALANCE_TRIGGER = """
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT OR UPDATE ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_balances()
"""
# table, column
SHA256 = (
    ("clients", "secret_sha256"),
    ("kept_answers", "key_sha256"),
    ("kept_answers", "asked_sha256"),
    ("grants", "visitor"),
    ("provider_reports", "body_sha256"),
)
ONE_SUCCESS = {"postgresql_where": sa.text("new = 'succeeded'")}


def upgrade() -> None:
    for table, column in SHA256:
        name = op.f(f"ck_{table}_{column}")
        op.create_check_constraint(name, table, f"octet_length({column}) = 32")
    op.create_index(
        "uq_payment_steps_one_success",
        "payment_steps",
        ["tenant_id", "payment_id"],
        unique=True,
        **ONE_SUCCESS,
    )
    _audit_chain()
    op.execute(REFUSE_CHANGE)
    op.execute(CHECK_BALANCE)
    op.execute(BALANCE_TRIGGER)


def downgrade() -> None:
    op.execute("DROP FUNCTION check_entry_balances() CASCADE")
    op.execute("DROP FUNCTION refuse_change() CASCADE")
    op.drop_table("audit_chain")
    op.drop_table("audit_heads")
    op.drop_index("uq_payment_steps_one_success", table_name="payment_steps", **ONE_SUCCESS)
    for table, column in SHA256:
        op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")


def _audit_chain() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("audit_id", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_chain_seq")),
        sa.CheckConstraint(
            "octet_length(previous) = 32 AND octet_length(hash) = 32",
            name=op.f("ck_audit_chain_hashes"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_audit_chain_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name=op.f("pk_audit_chain")),
        sa.UniqueConstraint(
            "tenant_id", "audit_id", name=op.f("uq_audit_chain_tenant_id_audit_id")
        ),
    )
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_through", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_audit_heads_seq")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_audit_heads_hash")),
        sa.CheckConstraint(
            "purged_through BETWEEN 0 AND seq", name=op.f("ck_audit_heads_purged_through")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_audit_heads_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_audit_heads")),
    )
