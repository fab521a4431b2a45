"""access: staff who sign in at the town's directory, networks, secrets beside an approval"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

DIRECTORIES, GROUPS = "staff_directories", "staff_directory_groups"
NETWORKS, PARTS = "staff_networks", "approval_sealed_parts"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        DIRECTORIES,
        *_words("tenant_id", "issuer", "client_id"),
        sa.Column("secret_sealed", sa.LargeBinary()),
        *_words("scope", "login_claim", "groups_claim"),
        sa.Column("set_at", MOMENT, nullable=False),
        *_belongs(DIRECTORIES),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f(f"pk_{DIRECTORIES}")),
    )
    op.create_table(
        GROUPS,
        *_words("tenant_id"),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_words("in_group", "role", "unit", "kind"),
        sa.CheckConstraint(
            "role IN ('viewer', 'clerk', 'approver', 'cashier', 'tenant_admin', 'auditor',"
            " 'operator')",
            name=op.f(f"ck_{GROUPS}_role"),
        ),
        *_belongs(GROUPS),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{GROUPS}")),
    )
    op.create_index(
        f"uq_{GROUPS}", GROUPS, ["tenant_id", "in_group", "role", "unit", "kind"], unique=True
    )
    op.create_table(
        NETWORKS,
        *_words("tenant_id", "network", "set_by"),
        sa.Column("set_at", MOMENT, nullable=False),
        *_belongs(NETWORKS),
        sa.PrimaryKeyConstraint("tenant_id", "network", name=op.f(f"pk_{NETWORKS}")),
    )
    op.create_table(
        PARTS,
        *_words("tenant_id"),
        sa.Column("approval_id", sa.BigInteger(), nullable=False),
        *_words("part", "for_whom"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approval_id"],
            ["approvals.tenant_id", "approvals.id"],
            name=op.f(f"fk_{PARTS}_tenant_id_approval_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "approval_id", "part", name=op.f(f"pk_{PARTS}")),
    )


def downgrade() -> None:
    """Who signs in at a directory signs in no more, and every network may open the admin view."""
    for table in (PARTS, NETWORKS, GROUPS, DIRECTORIES):
        op.drop_table(table)


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _belongs(table: str) -> tuple[sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_tenant_id")
    return (sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name),)
