"""faces: a town's crest, colour and texts"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = ("colour", "crest", "easy_tested_by")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("tenants", sa.Column(name, sa.String(), server_default="", nullable=False))
    op.add_column("tenants", sa.Column("easy_tested_on", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_tenants_easy_tested"),
        "tenants",
        "(easy_tested_on IS NULL) = (easy_tested_by = '')",
    )
    _texts()
    _crests()


def downgrade() -> None:
    op.drop_table("tenant_crests")
    op.drop_table("tenant_texts")
    op.drop_constraint(op.f("ck_tenants_easy_tested"), "tenants", type_="check")
    for name in ("easy_tested_on", *COLUMNS):
        op.drop_column("tenants", name)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")
    )


def _at() -> sa.Column[object]:
    return sa.Column("at", sa.DateTime(timezone=True), nullable=False)


def _texts() -> None:
    op.create_table(
        "tenant_texts",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        _at(),
        sa.CheckConstraint("text <> ''", name=op.f("ck_tenant_texts_text")),
        _tenant("tenant_texts"),
        sa.PrimaryKeyConstraint("tenant_id", "field", "language", name=op.f("pk_tenant_texts")),
    )


def _crests() -> None:
    op.create_table(
        "tenant_crests",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _at(),
        _tenant("tenant_crests"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_crests")),
    )
