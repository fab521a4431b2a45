"""staff: who works in the admin view, with which roles, and who is signed in"""

import sqlalchemy as sa
import sqlalchemy.dialects.postgresql
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MEMBERS, ROLES, SITTINGS = "staff_members", "staff_roles", "staff_sittings"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        MEMBERS,
        *_keys(),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("display", sa.String(), nullable=False),
        sa.Column("subject", sa.String()),
        sa.Column("password", sa.String()),
        sa.Column("totp_sealed", sa.LargeBinary()),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("waits_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint(
            "login = lower(login) AND login <> ''", name=op.f(f"ck_{MEMBERS}_login")
        ),
        sa.CheckConstraint(
            "subject IS NULL OR password IS NULL", name=op.f(f"ck_{MEMBERS}_one_way_in")
        ),
        *_belongs(MEMBERS),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{MEMBERS}")),
    )
    op.create_index(f"uq_{MEMBERS}_tenant_id_login", MEMBERS, ["tenant_id", "login"], unique=True)
    op.create_index(
        f"uq_{MEMBERS}_tenant_id_subject",
        MEMBERS,
        ["tenant_id", "subject"],
        unique=True,
        postgresql_where=sa.text("subject IS NOT NULL"),
    )
    op.create_table(
        ROLES,
        *_keys(),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("role", "unit", "kind")),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.String()),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint(
            "role IN ('viewer', 'clerk', 'approver', 'cashier', 'tenant_admin', 'auditor',"
            " 'operator')",
            name=op.f(f"ck_{ROLES}_role"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f(f"ck_{ROLES}_ended_by_someone")
        ),
        *_belongs(ROLES),
        *_of_a_member(ROLES),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{ROLES}")),
    )
    op.create_index(
        f"uq_{ROLES}_one_in_force",
        ROLES,
        ["tenant_id", "staff_id", "role", "unit", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        SITTINGS,
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("proved_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("roles", postgresql.JSONB()),
        sa.Column("directory", postgresql.JSONB()),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f(f"ck_{SITTINGS}_token_sha256")
        ),
        *_belongs(SITTINGS),
        *_of_a_member(SITTINGS),
        sa.PrimaryKeyConstraint("tenant_id", "token_sha256", name=op.f(f"pk_{SITTINGS}")),
    )
    op.create_index(f"ix_{SITTINGS}_began_at", SITTINGS, ["began_at"])


def downgrade() -> None:
    """Who was signed in is gone; what people did stays in the audit."""
    for table in (SITTINGS, ROLES, MEMBERS):
        op.drop_table(table)


def _keys() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
    )


def _belongs(table: str) -> tuple[sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_tenant_id")
    return (sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name),)


def _of_a_member(table: str) -> tuple[sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_tenant_id_staff_id")
    target = [f"{MEMBERS}.tenant_id", f"{MEMBERS}.id"]
    return (sa.ForeignKeyConstraint(["tenant_id", "staff_id"], target, name=name),)
