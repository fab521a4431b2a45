"""Rows of the staff room. Of people it holds what they sign in with, and nothing of citizens."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.db import Base, Json
from portal.staff.roles import Role

ROLES = ", ".join(f"'{role}'" for role in Role)


class StaffMember(Base):
    """A person of the town hall. ``login`` is small letters; the actor of notes is ``staff:login``.

    A local account has a password (argon2id) and a sealed TOTP secret; one of the directory has
    its ``subject`` there (OpenID Connect's ``iss`` and ``sub``) and neither. An account is never
    deleted, only ended: the notes speak of it; when these go, it is a number of nobody.
    """

    __tablename__ = "staff_members"
    __table_args__ = (
        CheckConstraint("login = lower(login) AND login <> ''", name="login"),
        CheckConstraint("subject IS NULL OR password IS NULL", name="one_way_in"),
        Index("uq_staff_members_tenant_id_login", "tenant_id", "login", unique=True),
        Index(
            "uq_staff_members_tenant_id_subject",
            "tenant_id",
            "subject",
            unique=True,
            postgresql_where="subject IS NOT NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    login: Mapped[str]
    display: Mapped[str]  # how colleagues know this person
    subject: Mapped[str | None]
    password: Mapped[str | None]  # argon2id in the PHC string format
    totp_sealed: Mapped[bytes | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)  # the last code's, used once
    failures: Mapped[int] = mapped_column(default=0)
    waits_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]

    @property
    def actor(self) -> str:
        """Who it is in notes and approvals."""
        return f"staff:{self.login}"


class StaffRole(Base):
    """A role that was given; empty unit or kind: every one. What was taken back keeps its row."""

    __tablename__ = "staff_roles"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "staff_id"], ["staff_members.tenant_id", "staff_members.id"]
        ),
        CheckConstraint(f"role IN ({ROLES})", name="role"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_someone"),
        Index(
            "uq_staff_roles_one_in_force",
            "tenant_id",
            "staff_id",
            "role",
            "unit",
            "kind",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    staff_id: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[str]
    unit: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    given_by: Mapped[str]  # both, where two gave it
    given_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class Sitting(Base):
    """From signing in to signing out, at most eight hours. Its name is kept as a SHA-256 only.

    ``proved_at`` is when the person last proved to be it; money moves only shortly after.
    ``roles`` are those of the directory's groups; of a local account they stand in its rows.
    ``wrong_tries``: codes and passwords in this sitting; who guesses at the door counts elsewhere.
    """

    __tablename__ = "staff_sittings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "staff_id"], ["staff_members.tenant_id", "staff_members.id"]
        ),
        CheckConstraint("octet_length(token_sha256) = 32", name="token_sha256"),
        Index("ix_staff_sittings_began_at", "began_at"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(BigInteger)
    began_at: Mapped[datetime]
    proved_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    roles: Mapped[Json | None]
    directory: Mapped[Json | None]  # what signing out at the directory needs; no token
    wrong_tries: Mapped[int] = mapped_column(default=0, server_default="0")


class Directory(Base):
    """The town's directory, where staff sign in by OpenID Connect. Set by two people.

    ``login_claim`` and ``groups_claim`` say where the directory tells login and groups.
    """

    __tablename__ = "staff_directories"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    secret_sealed: Mapped[bytes | None]  # none: a public client, which PKCE alone protects
    scope: Mapped[str]
    login_claim: Mapped[str]
    groups_claim: Mapped[str]
    set_at: Mapped[datetime]


class DirectoryGroup(Base):
    """Whoever is in this group of the directory has this role; empty unit or kind: every one."""

    __tablename__ = "staff_directory_groups"
    __table_args__ = (
        CheckConstraint(f"role IN ({ROLES})", name="role"),
        Index(
            "uq_staff_directory_groups",
            "tenant_id",
            "in_group",
            "role",
            "unit",
            "kind",
            unique=True,
        ),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    in_group: Mapped[str]
    role: Mapped[str]
    unit: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")


class StaffNetwork(Base):
    """A network from which the admin view of a town may be opened; no row: from everywhere."""

    __tablename__ = "staff_networks"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)  # as 10.20.0.0/16
    set_by: Mapped[str]
    set_at: Mapped[datetime]
