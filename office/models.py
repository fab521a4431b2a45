"""The office's rows. Amounts are whole cents; time is aware UTC."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from office.db import OfficeBase
from portal.db import Json
from portal.money import Money


class ClaimState(StrEnum):
    """What a claim (Forderung) is, seen from what was paid on it."""

    OPEN = "open"
    PARTLY_CLEARED = "partly_cleared"
    CLEARED = "cleared"


class EventState(StrEnum):
    """What became of an event of the portal."""

    BOOKED = "booked"
    NOTED = "noted"  # nothing to book
    WAITING = "waiting"  # for the claim it speaks of
    BY_HAND = "by_hand"  # to be booked by a person
    UNKNOWN = "unknown"  # a type that this office does not know
    UNREADABLE = "unreadable"


class ItemState(StrEnum):
    """A suspense item (Schwebeposten): the provider has our money."""

    OPEN = "open"
    SETTLED = "settled"
    REVERSED = "reversed"  # unclear money whose payment was found


class PayoutState(StrEnum):
    """A provider's pay-out (Sammelgutschrift), on its way to the town's bank account."""

    ANNOUNCED = "announced"
    ARRIVED = "arrived"
    WITHDRAWN = "withdrawn"  # it was told wrongly; it may be announced anew


def _one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    known = ", ".join(f"'{state}'" for state in states)
    return CheckConstraint(f"{column} IN ({known})", name=column)


class Town(OfficeBase):
    """What letters say of the town; one row, written by ``quitt office town``."""

    __tablename__ = "town"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    data: Mapped[Json]


class Debtor(OfficeBase):
    """A person or company that owes the town something."""

    __tablename__ = "debtors"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    identity: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    addition: Mapped[str]
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]


class Claim(OfficeBase):
    """One demand of the town, with its own reference (Belegnummer)."""

    __tablename__ = "claims"
    __table_args__ = (
        _one_of("state", ClaimState),
        CheckConstraint("cents > 0", name="cents"),
        Index(None, "debtor_id"),
    )

    reference: Mapped[str] = mapped_column(primary_key=True)
    debtor_id: Mapped[int] = mapped_column(ForeignKey("debtors.id"))
    payment_sign: Mapped[str]
    kind: Mapped[str]
    purpose: Mapped[str]
    unit: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    issued_on: Mapped[date | None]
    due_on: Mapped[date | None]
    payable_until: Mapped[date | None]
    # due_on (ISO), amount_cents: as the portal is told
    instalments: Mapped[list[Json]] = mapped_column(JSONB)
    parts_from_cents: Mapped[int | None] = mapped_column(BigInteger)  # the least of a part
    language: Mapped[str]  # of the debtor's page at the portal; empty: not known
    wants_tan: Mapped[bool]
    debit: Mapped[bool]  # collected by direct debit: not payable online
    replaces: Mapped[list[str]]
    line: Mapped[int]  # where it stood in its file: letters are printed in this order
    state: Mapped[str] = mapped_column(default=ClaimState.OPEN)
    cleared_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    # SHA-256 of the body that the portal answered with the link; see office.standing.OUT_OF_DATE
    pushed: Mapped[str | None]
    refusal: Mapped[str | None]  # why the portal did not take it: codes, see words.refused
    imported_at: Mapped[datetime]
    printed: Mapped[str | None]  # SHA-256 of what its last letter said
    printed_at: Mapped[datetime | None]

    debtor: Mapped[Debtor] = relationship(lazy="selectin")
    link: Mapped["Link | None"] = relationship(lazy="selectin", back_populates="claim")

    @property
    def amount(self) -> Money:
        return Money(self.cents, self.currency)

    @property
    def printed_in(self) -> str:
        """The language of its letter: English where that was asked for, else German."""
        return "en" if self.language == "en" else "de"

    @property
    def plan(self) -> list[tuple[Money, date]]:
        """The instalments: how much by which day."""
        return [
            (Money(each["amount_cents"], self.currency), date.fromisoformat(each["due_on"]))
            for each in self.instalments
        ]

    @property
    def parts(self) -> Money | None:
        """The least that may be paid as a part."""
        least = self.parts_from_cents
        return Money(least, self.currency) if least is not None else None

    @property
    def open_amount(self) -> Money:
        return Money(max(self.cents - self.cleared_cents, 0), self.currency)

    @property
    def asked(self) -> Money:
        """What a letter asks for: what the page does, or what is left to be collected by debit."""
        if self.debit or self.link is None:
            return self.open_amount
        return Money(self.link.open_cents, self.currency)

    def clear(self, cents: int) -> None:
        """Take ``cents`` as paid on this claim."""
        self.cleared_cents += cents
        self.state = cleared_state(self.cents, self.cleared_cents)


def cleared_state(cents: int, cleared: int) -> ClaimState:
    """The state of a claim over ``cents`` on which ``cleared`` were paid."""
    if cleared >= cents:
        return ClaimState.CLEARED
    return ClaimState.PARTLY_CLEARED if cleared > 0 else ClaimState.OPEN


class Link(OfficeBase):
    """What the portal answered for a claim, so while it counts as pushed. For letters only."""

    __tablename__ = "links"

    reference: Mapped[str] = mapped_column(ForeignKey("claims.reference"), primary_key=True)
    url: Mapped[str]
    qr: Mapped[str]
    short_code: Mapped[str]
    tan: Mapped[str | None]
    state: Mapped[str]  # of the request, in the portal's words
    open_cents: Mapped[int] = mapped_column(BigInteger)

    claim: Mapped[Claim] = relationship(back_populates="link")


class Feed(OfficeBase):
    """How far the portal's feed of events was read; one row."""

    __tablename__ = "feed"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    position: Mapped[int] = mapped_column(BigInteger)


class TakenEvent(OfficeBase):
    """An event of the portal, taken once, however often it comes."""

    __tablename__ = "events"
    __table_args__ = (_one_of("state", EventState), Index(None, "position"))

    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    reference: Mapped[str | None]
    occurred_at: Mapped[datetime]
    data: Mapped[Json]
    state: Mapped[str]
    taken_at: Mapped[datetime]


class Booking(OfficeBase):
    """One entry in the books; never changed, never removed."""

    __tablename__ = "bookings"
    __table_args__ = (UniqueConstraint("reason", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"), unique=True)
    reason: Mapped[str]
    subject: Mapped[str]  # the payment, pay-out or item it is about
    booked_at: Mapped[datetime]

    lines: Mapped[list["BookingLine"]] = relationship(order_by="BookingLine.number")


class BookingLine(OfficeBase):
    """One side of a booking: debit is positive, credit negative."""

    __tablename__ = "booking_lines"
    __table_args__ = (Index(None, "account"),)

    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]


class SuspenseItem(OfficeBase):
    """Money that a provider holds for us; what is open of an account's items is its balance."""

    __tablename__ = "suspense_items"
    __table_args__ = (
        _one_of("state", ItemState),
        CheckConstraint("settled_cents BETWEEN 0 AND cents", name="settled_cents"),
        Index(None, "payment"),
        Index(None, "provider_reference"),
    )

    item: Mapped[str] = mapped_column(primary_key=True)  # payment:<id> or custody:<id>
    payment: Mapped[str | None]
    provider_reference: Mapped[str | None]
    reference: Mapped[str | None]
    account: Mapped[str]
    cents: Mapped[int] = mapped_column(BigInteger)
    settled_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default=ItemState.OPEN)
    payout: Mapped[str | None]  # the last that settled some of it
    opened_at: Mapped[datetime]

    @property
    def open_cents(self) -> int:
        return 0 if self.state == ItemState.REVERSED else self.cents - self.settled_cents


class Payout(OfficeBase):
    """A provider's pay-out; one that is announced anew bears its version behind a slash."""

    __tablename__ = "payouts"
    __table_args__ = (_one_of("state", PayoutState),)

    account: Mapped[str] = mapped_column(primary_key=True)
    payout: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]


class PayoutLine(OfficeBase):
    """What a pay-out holds of one payment; it may be told before the payment itself."""

    __tablename__ = "payout_lines"
    __table_args__ = (Index(None, "payment"), Index(None, "provider_reference"))

    account: Mapped[str] = mapped_column(primary_key=True)
    payout: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payment: Mapped[str | None]
    provider_reference: Mapped[str | None]
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)


class SpentToken(OfficeBase):
    """A one-time token of the page that was used, as SHA-256."""

    __tablename__ = "spent_tokens"

    digest: Mapped[str] = mapped_column(primary_key=True)
    spent_at: Mapped[datetime]
