"""Rows of the requests room. No column holds a link, a TAN or a person."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    event,
    inspect,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, Json
from portal.ledger import book
from portal.money import Money
from portal.requests.states import State

STATES = ", ".join(f"'{state}'" for state in State)
UNIT = "content ->> 'unit'::text"  # of the town hall, in a column: lists and rights ask for it


class PaymentRequest(Base):
    """A payment request in its version in force.

    ``lookup`` is HMAC(lookup key, short code): with the row alone no code can be recognised.
    ``covered_cents`` is what payments have cleared and what was paid elsewhere; ``closed_cents``
    is the rest that the finance system has waived. ``money_moved_on``: it is replaced, and money
    that was paid on it has counted for the one in its place. ``paid_online``: a payment of it
    succeeded, whatever became of the money since.
    """

    __tablename__ = "payment_requests"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference"),
        UniqueConstraint("tenant_id", "lookup"),
        ForeignKeyConstraint(["tenant_id", "kind"], ["kinds.tenant_id", "kinds.code"]),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("covered_cents >= 0", name="covered"),
        CheckConstraint("closed_cents BETWEEN 0 AND amount_cents", name="closed"),
        CheckConstraint("octet_length(lookup) = 32", name="lookup"),
        CheckConstraint(
            "details_purged_at IS NULL OR (purpose = '' AND payment_sign IS NULL"
            " AND content = '{}'::jsonb AND key_id = '')",
            name="details_purged",
        ),
        CheckConstraint("NOT money_moved_on OR state = 'replaced'", name="moved_on_when_replaced"),
        CheckConstraint("purged_at IS NULL OR details_purged_at IS NOT NULL", name="purged"),
        Index(
            "ix_payment_requests_asked",  # which request asks for so much
            "tenant_id",
            text("(amount_cents - closed_cents - covered_cents)"),
            postgresql_where="state IN ('open', 'partly_paid')",
        ),
        Index(None, "payable_until", postgresql_where="state IN ('open','partly_paid')"),
        Index(
            "ix_payment_requests_details_due",
            "tenant_id",
            "updated_at",
            postgresql_where="details_purged_at IS NULL"
            " AND state IN ('paid', 'withdrawn', 'expired', 'replaced')",
        ),
        Index(
            "ix_payment_requests_whole_due",
            "tenant_id",
            "updated_at",
            postgresql_where="details_purged_at IS NOT NULL AND purged_at IS NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)  # there is one: the kind has it
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default=State.OPEN)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    covered_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    closed_cents: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str]
    kind: Mapped[str]
    purpose: Mapped[str]
    payment_sign: Mapped[str | None]
    due_on: Mapped[date | None]
    payable_until: Mapped[date | None]
    tan_required: Mapped[bool]
    language: Mapped[str | None]
    content: Mapped[Json]  # the whole demand as it was sent, in its version in force
    unit: Mapped[str | None] = mapped_column(Computed(UNIT, persisted=True))
    key_id: Mapped[str]
    link_version: Mapped[int] = mapped_column(default=1)
    tan_version: Mapped[int] = mapped_column(default=1)
    lookup: Mapped[bytes]
    withdrawn_reason: Mapped[str | None]
    replaced_by: Mapped[int | None] = mapped_column(BigInteger)
    money_moved_on: Mapped[bool] = mapped_column(default=False, server_default="false")
    paid_online: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    details_purged_at: Mapped[datetime | None]  # texts, pseudonym and link are gone
    purged_at: Mapped[datetime | None]  # the reference is gone too: amounts of nobody

    @property
    def amount(self) -> Money:
        """What is asked."""
        return Money(self.amount_cents, self.currency)

    def is_over(self, day: date) -> bool:
        """Whether on this day the last day for paying online is past."""
        return self.payable_until is not None and self.payable_until < day

    @property
    def due_cents(self) -> int:
        """What must be covered for the request to be paid: the amount less a waived rest."""
        return self.amount_cents - self.closed_cents

    @property
    def open_cents(self) -> int:
        """What is still asked; nothing once it is covered, whatever came on top."""
        return max(0, self.due_cents - self.covered_cents)

    @property
    def open(self) -> Money:
        """``open_cents`` as money."""
        return Money(self.open_cents, self.currency)


class RequestVersion(Base):
    """What a request asked in one of its versions; any amount ever printed counts."""

    __tablename__ = "request_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Tries(Base):
    """Wrong second things of one request: within the hour, and for the life of the TAN."""

    __tablename__ = "tries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        Index(None, "hour_began_at"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hour_began_at: Mapped[datetime]
    in_hour: Mapped[int]
    in_life: Mapped[int]


class Grant(Base):
    """A right TAN: this visitor may see this request. The visitor's name is kept as a hash."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        Index(None, "ends_at"),
        CheckConstraint("octet_length(visitor) = 32", name="visitor"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visitor: Mapped[bytes] = mapped_column(primary_key=True)
    link_version: Mapped[int]
    tan_version: Mapped[int]
    given_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class PaidElsewhere(Base):
    """Money that came on the town's own account, as the finance system named it.

    The row belongs to the request it was told for; what it covers moves on with a newer one.
    """

    __tablename__ = "paid_elsewhere"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        CheckConstraint("amount_cents > 0", name="amount"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    paid_on: Mapped[date]
    how: Mapped[str]
    told_at: Mapped[datetime] = mapped_column(default=clock.now)
    undone_at: Mapped[datetime | None]


class ClosedRest(Base):
    """A small rest (Kleinbetrag) that the finance system has waived, and by which order."""

    __tablename__ = "closed_rests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        CheckConstraint("amount_cents > 0", name="amount"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_number: Mapped[str] = mapped_column(primary_key=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    closed_at: Mapped[datetime] = mapped_column(default=clock.now)


class RequestStep(Base):
    """What changed of a request, and on which booking day: what it was on any day before.

    Amounts are differences. A request is born with its first version and has no step for that.
    """

    __tablename__ = "request_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "request_id"], ["payment_requests.tenant_id", "payment_requests.id"]
        ),
        Index(None, "tenant_id", "request_id"),
        Index(None, "tenant_id", "booked_on"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger)
    booked_on: Mapped[date]
    at: Mapped[datetime]
    version: Mapped[int]
    old_state: Mapped[str]
    state: Mapped[str]
    old_kind: Mapped[str]
    kind: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    covered_cents: Mapped[int] = mapped_column(BigInteger)
    closed_cents: Mapped[int] = mapped_column(BigInteger)


STEPPED = ("version", "state", "kind", "amount_cents", "covered_cents", "closed_cents")


@event.listens_for(Session, "before_flush")
def _note_steps(session: Session, *_: object) -> None:
    # Written where rows are written, so that no act can forget it.
    for row in session.dirty:
        if isinstance(row, PaymentRequest):
            _note_step(session, row)


def _note_step(session: Session, request: PaymentRequest) -> None:
    now = {name: getattr(request, name) for name in STEPPED}
    gone = {name: inspect(request).attrs[name].history.deleted for name in STEPPED}
    old = {name: next(iter(gone[name]), now[name]) for name in STEPPED}
    if old == now:
        return
    step = RequestStep(
        tenant_id=request.tenant_id,
        request_id=request.id,
        booked_on=book.day(session, request.tenant_id),
        at=clock.now(),
        version=request.version,
        old_state=old["state"],
        state=now["state"],
        old_kind=old["kind"],
        kind=now["kind"],
        amount_cents=now["amount_cents"] - old["amount_cents"],
        covered_cents=now["covered_cents"] - old["covered_cents"],
        closed_cents=now["closed_cents"] - old["closed_cents"],
    )
    session.add(step)
