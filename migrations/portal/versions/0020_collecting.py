"""collecting: that we began to take what a payer agreed to; reports by the provider's name"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BY_NAME = ("tenant_id", "account_id", "provider_reference")
INDEX = f"ix_provider_reports_{'_'.join(BY_NAME)}"


def upgrade() -> None:
    op.add_column("payments", sa.Column("collecting_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f(INDEX), "provider_reports", BY_NAME)


def downgrade() -> None:
    op.drop_index(op.f(INDEX), "provider_reports")
    op.drop_column("payments", "collecting_at")
