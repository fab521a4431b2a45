"""What of a claim is due when, and whether a part of it may be paid."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "claims",
        sa.Column("instalments", postgresql.JSONB(), nullable=False, server_default="[]"),
    )
    op.alter_column("claims", "instalments", server_default=None)
    op.add_column("claims", sa.Column("parts_from_cents", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("claims", "parts_from_cents")
    op.drop_column("claims", "instalments")
