"""What providers can do, and the words they must answer in.

Capabilities are small protocols: an adapter has the methods of those it masters, and no others.
Adapters keep no state; the tenant's account is passed to every call. Their own words are mapped
by a table at the top of each file; a word that is not in it raises ``UnknownWord``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from portal.errors import Invalid
from portal.money import Money


class Outcome(StrEnum):
    """What a provider says of a payment."""

    STARTED = "started"  # known there, nothing decided
    PENDING = "pending"  # the payer has done all, the money is under way
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_FOUND = "not_found"  # no such payment there


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant's account at a provider. ``credentials`` are in clear only in memory."""

    tenant_id: str
    id: str
    merchant: str
    live: bool
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider is to collect.

    ``payment`` is our id and the idempotency key. ``text`` is neutral: it names the town and the
    short code, never purpose, kind or items.
    """

    payment: str
    amount: Money
    text: str
    method: str
    language: str
    return_url: str
    notify_url: str
    ends_at: datetime | None = None  # nobody may begin to pay later, where that can be said


@dataclass(frozen=True, slots=True)
class Handover:
    """Where to send the citizen, and the provider's own name for the payment."""

    redirect_url: str
    provider_reference: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says of one payment, by notification or asked.

    ``payment`` is our id as the provider gives it back, ``merchant`` the account it speaks of.
    """

    payment: str
    provider_reference: str
    merchant: str
    outcome: Outcome
    amount: Money
    live: bool
    event_id: str = ""
    happened_at: datetime | None = None  # when it came to be so there; none if it does not say


@dataclass(frozen=True, slots=True)
class Moved:
    """Something became of a payment, in words that do not count: the provider is asked about it.

    Named by our id, or by the provider's own, or by both.
    """

    payment: str
    provider_reference: str
    merchant: str
    live: bool
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class SettlementReady:
    """A notification that a settlement report may be fetched."""

    settlement: str
    merchant: str
    live: bool
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What is to go back, in whole or in part. ``refund`` is our id and the idempotency key."""

    refund: str
    payment: str
    provider_reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundReport:
    """What a provider says of a refund, answered or by notification: PENDING, SUCCEEDED or FAILED.

    ``refund`` is our id as the provider gives it back, empty for what was ordered there without
    us; ``payment`` is what it was a payment of ours, as far as that is said.
    """

    refund: str
    provider_reference: str
    outcome: Outcome
    amount: Money
    merchant: str
    live: bool
    payment: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class ReversalReport:
    """The payer's bank took money of a payment back, or the dispute about it was won.

    ``reversal`` is the provider's own name for it; it stays the same when it is won. ``fee`` is
    what it costs; of one that was won, what of that comes back (many providers keep it). The
    payment is named by our id, or by the provider's (``provider_reference``), or by both.
    ``reason`` is ``chargeback`` (a card), ``return`` (a direct debit) or ``other``.
    """

    reversal: str
    payment: str  # our id, empty where the provider names its own only
    merchant: str
    amount: Money
    fee: Money
    live: bool
    reason: str = "other"
    won: bool = False
    provider_reference: str = ""
    event_id: str = ""


# What a notification says.
Heard = Report | Moved | RefundReport | ReversalReport | SettlementReady


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One thing that a settlement report settles.

    Refunds and reversals are below zero; above it they came back: the refund failed after all, the
    dispute was won. A ``fee`` is charged for no one payment, with no gross of its own; a
    ``reserve`` is held back (below zero) or let go again; ``other`` is what no word of ours fits.
    ``provider_reference`` names the thing itself, not its payment; ``refund`` is our id of a
    refund, where the provider gives it back.
    """

    kind: str  # payment, refund, reversal, fee, reserve, other
    payment: str
    provider_reference: str
    gross: Money
    fee: Money
    refund: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settlement report (Abrechnung): net = sum of gross - sum of fees, also below zero."""

    settlement: str
    merchant: str
    made_at: datetime
    net: Money
    lines: tuple[SettlementLine, ...]


class AccountUnfit(Invalid):
    """An account cannot be used as it was set. The message says what to mend, and no secret."""

    code = "account_unfit"


class ProviderDown(Exception):
    """The provider did not answer, or not sensibly. What happened there is not known: ask later."""


class OrderRefused(Exception):
    """The provider takes no such order (amount, currency, account closed). Nothing was begun."""


class BadNotification(Exception):
    """A notification that is not authentic, too old, or not readable. It changes nothing."""


class UnknownWord(Exception):
    """The provider used a word that our table does not have. It changes nothing."""


@runtime_checkable
class Starts(Protocol):
    """Takes an order and says where the citizen goes. Repeated with one id it is one payment."""

    def start(self, account: Account, order: Order) -> Handover:
        """Raises ``ProviderDown``, or ``OrderRefused`` when surely nothing was begun."""


@runtime_checkable
class Fetches(Protocol):
    """Says what became of a payment."""

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """By our id when ``provider_reference`` is empty. Raises ``ProviderDown``."""


@runtime_checkable
class Cancels(Protocol):
    """Gives up a payment that the citizen has left."""

    def cancel(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What the payment is afterwards. Raises ``ProviderDown``."""


@runtime_checkable
class Notifies(Protocol):
    """Sends signed notifications."""

    def read_notification(
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Heard, ...]:
        """What a genuine one says, or nothing if it is of no interest. Header names are lower case;
        ``body`` is what was sent, of a GET its query. Raises ``BadNotification``, ``UnknownWord``;
        ``ProviderDown`` when what proves or completes it cannot be had: it shall come again.
        """


@runtime_checkable
class Refunds(Protocol):
    """Sends money back to the means it came from. Repeated with one id it is one refund."""

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Raises ``ProviderDown``."""


@runtime_checkable
class RefundsSome(Refunds, Protocol):
    """Sends money back by some methods only; who is not one of these does it by all."""

    def can_refund(self, method: str) -> bool:
        """Whether money that came by a method can be sent back."""


@runtime_checkable
class Settles(Protocol):
    """Hands out settlement reports."""

    def settlement(self, account: Account, settlement: str) -> Settlement:
        """Raises ``ProviderDown``."""


@runtime_checkable
class ListsSettlements(Protocol):
    """Says which settlement reports there are: one whose notification was lost is found so."""

    def settlements(self, account: Account, since: datetime) -> tuple[str, ...]:
        """Ids of finished ones made at or after ``since``, in order. Raises ``ProviderDown``."""


@runtime_checkable
class Sums(Protocol):
    """Says how much it has taken for an account since it began."""

    def taken(self, account: Account, until: datetime) -> tuple[Money, ...]:
        """Successes before ``until``, nothing that went back subtracted: a sum a currency.

        Of nothing it is zero: no answer is none. Raises ``ProviderDown``.
        """


@runtime_checkable
class Checks(Protocol):
    """Says what is wrong with an account before it is set, without asking anyone."""

    def checked(self, account: Account) -> None:
        """Raises ``AccountUnfit``: a credential that is missing or of the wrong shape, one of the
        other mode (a test key on a live account, a live key on a test account).
        """


class Provider(Starts, Fetches, Protocol):
    """The least an adapter can do."""

    name: str
