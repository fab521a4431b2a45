"""What a provider answers when it is told of money that goes back, or asked what became of it.

No transaction is open meanwhile. Told again under its key nothing goes back twice, as long as the
provider knows the key; to ask changes nothing there.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from portal.payments import calls
from portal.providers import registry
from portal.providers.capabilities import FetchesRefunds, Refunds
from portal.providers.protocol import (
    Account,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    UnknownWord,
)
from portal.returns.refunds import NoRefunds

log = logging.getLogger(__name__)

Said = ParamSpec("Said")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whom to tell of which order, or to ask about it by the provider's own ``name``, if any."""

    provider: str
    account: Account
    order: RefundOrder
    name: str


def word(prepared: Prepared) -> RefundReport | None:
    """The provider's word; ``None`` when it says nothing."""
    return _ask(prepared) if prepared.name else _tell(prepared)


def _ask(prepared: Prepared) -> RefundReport | None:
    """By its own name; "no such refund" is no word about the money."""
    adapter = registry.get(prepared.provider)
    assert isinstance(adapter, FetchesRefunds)  # noqa: S101 -- as it was prepared
    return _answer(adapter.fetch_refund, prepared, prepared.order, prepared.name)


def _tell(prepared: Prepared) -> RefundReport | None:
    """Who does not answer is told once more at once."""
    adapter = registry.get(prepared.provider)
    if not isinstance(adapter, Refunds):
        raise NoRefunds("This provider sends nothing back.")
    order = prepared.order
    try:
        first = _answer(adapter.refund, prepared, order)
        return first or _answer(adapter.refund, prepared, order)
    except OrderRefused:
        mine = prepared.account
        failed = Outcome.FAILED
        return RefundReport(order.refund, "", failed, order.amount, mine.merchant, mine.live)


def _answer(
    call: Callable[Concatenate[Account, Said], RefundReport | None],
    prepared: Prepared,
    /,
    *args: Said.args,
    **kwargs: Said.kwargs,
) -> RefundReport | None:
    try:
        return calls.made(call, prepared.account, *args, **kwargs)
    except (ProviderDown, UnknownWord) as error:
        about = prepared.order.refund
        log.warning("no_answer", extra={"refund": about, "error": type(error).__name__})
        return None
