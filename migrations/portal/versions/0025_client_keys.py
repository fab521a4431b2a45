"""client keys: a client may have two secrets at a time, and says when each was used"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

CLIENTS = "clients"
MOMENTS = ("secret_since", "used_at", "second_since", "second_used_at")


def upgrade() -> None:
    op.add_column(
        CLIENTS, sa.Column("called", sa.String(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column(CLIENTS, sa.Column("second_sha256", sa.LargeBinary()))
    for name in MOMENTS:
        op.add_column(CLIENTS, sa.Column(name, sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f(f"ck_{CLIENTS}_second_sha256"), CLIENTS, "octet_length(second_sha256) = 32"
    )
    op.create_check_constraint(
        op.f(f"ck_{CLIENTS}_second_since_when"),
        CLIENTS,
        "(second_sha256 IS NULL) = (second_since IS NULL)",
    )


def downgrade() -> None:
    """A second secret is known no more."""
    for name in ("second_since_when", "second_sha256"):
        op.drop_constraint(op.f(f"ck_{CLIENTS}_{name}"), CLIENTS)
    for name in (*MOMENTS, "second_sha256", "called"):
        op.drop_column(CLIENTS, name)
