"""languages: which of the portal's languages a town offers its citizens"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants", sa.Column("languages", ARRAY(sa.Text()), nullable=False, server_default="{}")
    )


def downgrade() -> None:
    op.drop_column("tenants", "languages")
