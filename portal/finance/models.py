"""Rows of the finance room."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from portal import clock
from portal.db import Base, Json


class Client(Base):
    """A finance system's access (RFC 6749 client). Its secret is kept as SHA-256 only:
    it has 256 random bits, so there is nothing to guess.

    A second secret may be good beside it, so that it can be changed while both sides go on."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_sha256"),
        CheckConstraint("octet_length(second_sha256) = 32", name="second_sha256"),
        CheckConstraint(
            "(second_sha256 IS NULL) = (second_since IS NULL)", name="second_since_when"
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    secret_sha256: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    called: Mapped[str] = mapped_column(default="", server_default="")  # which system it is
    secret_since: Mapped[datetime | None]  # none: as long as the client
    used_at: Mapped[datetime | None]  # to the hour
    second_sha256: Mapped[bytes | None]
    second_since: Mapped[datetime | None]
    second_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    revoked_at: Mapped[datetime | None]


class EventFeed(Base):
    """The last position given in a tenant's feed; taken by UPDATE as the last statement."""

    __tablename__ = "event_feed"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger, default=0)


class EventRow(Base):
    """A fact told to the finance system. Positions are gapless per tenant and never change."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index(
            "ix_events_announced",
            "tenant_id",
            "position",
            postgresql_where="type = 'payout.announced'",
        ),
        Index(None, "tenant_id", "reference"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str]
    type: Mapped[str]
    reference: Mapped[str | None]  # of the request; none for pay-outs and unclear money
    occurred_at: Mapped[datetime]
    data: Mapped[Json]


class Endpoint(Base):
    """Where a tenant's events are pushed. A pause belongs to the endpoint, not to an event."""

    __tablename__ = "endpoints"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    url: Mapped[str]
    secret_sealed: Mapped[bytes]
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    silent_since: Mapped[datetime | None]


class Delivery(Base):
    """Übermittlung of one event: waiting -> taken | parked | skipped (by order of a person)."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "position"], ["events.tenant_id", "events.position"]),
        CheckConstraint("state IN ('waiting','taken','skipped','parked')", name="state"),
        Index(
            "ix_deliveries_not_taken",
            "tenant_id",
            "position",
            postgresql_where="state IN ('waiting', 'parked')",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    # Sent again by a person after later ones of its request may have been taken.
    out_of_order: Mapped[bool] = mapped_column(default=False, server_default=false())


class Acknowledgement(Base):
    """What the finance system made of one event: booked, or refused with a reason."""

    __tablename__ = "acknowledgements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "position"], ["events.tenant_id", "events.position"]),
        CheckConstraint("result IN ('booked','refused')", name="result"),
        Index(
            "ix_acknowledgements_refused",
            "tenant_id",
            "position",
            postgresql_where="result = 'refused'",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    result: Mapped[str]
    document: Mapped[str | None]
    reason: Mapped[str | None]
    at: Mapped[datetime]


class ReadThrough(Base):
    """Up to which position a reader of the feed has acknowledged everything."""

    __tablename__ = "read_through"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class KeptAnswer(Base):
    """The answer that was given under an Idempotency-Key. It may hold a link or a TAN: sealed.

    Of key and body only SHA-256 is kept.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (
        Index(None, "kept_since"),
        CheckConstraint("octet_length(key_sha256) = 32", name="key_sha256"),
        CheckConstraint("octet_length(asked_sha256) = 32", name="asked_sha256"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    key_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    asked_sha256: Mapped[bytes]
    kept_since: Mapped[datetime]
    status: Mapped[int | None]
    answer_sealed: Mapped[bytes | None]
