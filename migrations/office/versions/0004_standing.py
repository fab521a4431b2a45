"""What the portal answered of a request: its state, and how much is open."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("links", sa.Column("state", sa.String(), nullable=False, server_default="open"))
    op.add_column(
        "links", sa.Column("open_cents", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.alter_column("links", "state", server_default=None)
    op.alter_column("links", "open_cents", server_default=None)
    # Nobody knows either of the letters pushed until now: the next push asks.
    op.execute("UPDATE claims SET pushed = NULL")


def downgrade() -> None:
    op.drop_column("links", "open_cents")
    op.drop_column("links", "state")
