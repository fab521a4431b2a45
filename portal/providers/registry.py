"""Which adapters this program has."""

from collections.abc import Mapping

from portal.errors import NotFound
from portal.providers.capabilities import Provider, Refunds, RefundsSome
from portal.providers.girocheckout import Girocheckout
from portal.providers.paypal import PayPal
from portal.providers.sandbox import Sandbox
from portal.providers.stripe import Stripe


class UnknownProvider(NotFound):
    """An account names an adapter that this program does not have."""

    code = "unknown_provider"


PROVIDERS: Mapping[str, Provider] = {
    adapter.name: adapter
    for adapter in (
        Girocheckout(),
        PayPal(),
        Sandbox(),
        Stripe(),
    )
}  # fmt: skip


def get(name: str) -> Provider:
    """The adapter called ``name``; raises ``UnknownProvider``."""
    try:
        return PROVIDERS[name]
    except KeyError:
        raise UnknownProvider(f"no adapter is called {name!r}") from None


def sends_back(name: str, method: str) -> bool:
    """Whether the adapter sends money back that came by a method; raises ``UnknownProvider``."""
    adapter = get(name)
    if isinstance(adapter, RefundsSome):
        return adapter.can_refund(method)
    return isinstance(adapter, Refunds)
