"""What providers can do. Capabilities are small protocols: an adapter has the methods of those it
masters, and no others. It keeps no state; the tenant's account is passed to every call.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from portal.money import Money
from portal.providers.protocol import (
    Account,
    Handover,
    Heard,
    Order,
    RefundOrder,
    RefundReport,
    Report,
    Settlement,
)


@runtime_checkable
class Starts(Protocol):
    """Takes an order and says where the citizen goes. Repeated with one id it is one payment."""

    def start(self, account: Account, order: Order) -> Handover:
        """Raises ``ProviderDown``, or ``OrderRefused`` when surely nothing was begun."""


@runtime_checkable
class Fetches(Protocol):
    """Says what became of a payment. To ask changes nothing there."""

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """By our id when ``provider_reference`` is empty: the provider is called also where that
        cannot find anything, for its silence is heard by this. Raises ``ProviderDown``.
        """


@runtime_checkable
class Collects(Protocol):
    """Moves no money when a payer agrees (``AGREED``), only when it is told to take it."""

    def collect(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What the payment is afterwards; of one that nobody agreed to, what it is. Told again it
        is taken once. Raises ``ProviderDown``: it may have been taken.
        """


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
class FetchesRefunds(Refunds, Protocol):
    """Says what became of a refund. To ask changes nothing there."""

    def fetch_refund(
        self, account: Account, order: RefundOrder, provider_reference: str
    ) -> RefundReport | None:
        """By the provider's own name for the refund, which is never empty; ``order`` is what we
        had asked for. ``None`` when it has none of that name. Raises ``ProviderDown``.
        """


@runtime_checkable
class FindsRefunds(FetchesRefunds, Protocol):
    """Says whether it ever had a refund whose answer was lost. To ask changes nothing there."""

    def find_refund(self, account: Account, order: RefundOrder) -> RefundReport | None:
        """By our own id. ``None`` when it surely has none of it: it knows the payment, and all that
        went back of it. Raises ``ProviderDown``, also where that cannot be said.
        """


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
