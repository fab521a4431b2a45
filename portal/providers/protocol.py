"""What is said between providers and us: orders, and the words they must be answered in.

What a provider can do stands in ``capabilities``. Its own words are mapped by a table at the
top of each file; a word that is not in it raises ``UnknownWord``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.errors import Invalid
from portal.money import Money


class Outcome(StrEnum):
    """What a provider says of a payment."""

    STARTED = "started"  # known there, nothing decided
    AGREED = "agreed"  # the payer has agreed; no money moves until we collect it
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
    began_at: datetime | None = None  # the same whenever the order is repeated


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
    """Something became of a payment or a refund, in words that do not count: it is asked about.

    Named by our id, or by the provider's own, or by both: a name of one of our refunds is about
    that. ``refund`` where the provider says itself that it is about money that goes back.
    """

    payment: str
    provider_reference: str
    merchant: str
    live: bool
    event_id: str = ""
    refund: bool = False


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
    """The payer's bank took money of a payment back; a dispute about it was won, or a part of it.

    ``reversal`` is the provider's own name for it; it stays the same when it is won, and when what
    was won is taken again. ``amount`` is all that was ever taken under it, and ``back`` all that
    ever came back: both only grow, so that the same word again, or an older one, is no news.
    ``fee`` is what it cost, ``fee_back`` what of that came back (many providers keep it). The
    payment is named by our id, or by the provider's (``provider_reference``), or by both.
    ``reason`` is ``chargeback`` (a card), ``return`` (a direct debit) or ``other``.
    """

    reversal: str
    payment: str  # our id, empty where the provider names its own only
    merchant: str
    amount: Money
    back: Money
    fee: Money
    fee_back: Money
    live: bool
    reason: str = "other"
    provider_reference: str = ""
    event_id: str = ""


# What a notification says.
Heard = Report | Moved | RefundReport | ReversalReport | SettlementReady


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One thing that a settlement report settles.

    Refunds and reversals are below zero; above it they came back: the refund failed after all, the
    dispute was won, or a part of it. A ``fee`` is charged for no one payment, with no gross of its
    own; a ``reserve`` is held back (below zero) or let go again; ``other`` is what no word of ours
    fits.
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


class Unwilling(ProviderDown):
    """It understood and does not want to: that is an answer, and nothing was done.

    ``status`` is of HTTP, ``name`` and ``issue`` are its own words, as far as it has any.
    """

    def __init__(self, message: str, status: int = 0, name: str = "", issue: str = "") -> None:
        super().__init__(message)
        self.status, self.name, self.issue = status, name, issue


class KeyRefused(ProviderDown):
    """It does not take the account's key (HTTP 401): nothing is done until that is mended."""


class OrderRefused(Exception):
    """The provider takes no such order (amount, currency, account closed). Nothing was begun."""


class BadNotification(Exception):
    """A notification that is not authentic, too old, or not readable. It changes nothing."""


class UnknownWord(Exception):
    """The provider used a word that our table does not have. It changes nothing."""
