"""wrong tries: counted in the sitting in which they are made, apart from those at the door"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SITTINGS = "staff_sittings"


def upgrade() -> None:
    op.add_column(
        SITTINGS, sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column(SITTINGS, "wrong_tries")
