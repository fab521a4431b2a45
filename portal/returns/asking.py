"""What a provider answers when it is told of money that goes back, or asked what became of it.

No transaction is open meanwhile. Told again under its key nothing goes back twice, as long as the
provider knows the key; to ask changes nothing there.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Concatenate, ParamSpec

from portal.payments import calls
from portal.providers import registry
from portal.providers.capabilities import FetchesRefunds, FindsRefunds, Refunds
from portal.providers.protocol import (
    Account,
    KeyRefused,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    UnknownWord,
)
from portal.returns.refunds import NoRefunds

log = logging.getLogger(__name__)

Args = ParamSpec("Args")


class Answer(StrEnum):
    """What is no word about a refund."""

    NONE = "none"  # what the provider did is not known
    NOT_LET_IN = "not_let_in"  # by this it did nothing
    NOT_THERE = "not_there"  # it has no such refund


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whom to tell of which order, or to ask about it.

    By the provider's own ``name``, if it gave one; else it is told, or asked by ours when it may be
    told no more. ``first`` is when it is looked at next, of one that is told for the first time.
    """

    provider: str
    account: Account
    order: RefundOrder
    name: str
    may_tell: bool = False
    first: datetime | None = None


def word(prepared: Prepared) -> RefundReport | Answer:
    """The provider's word."""
    adapter, order = registry.get(prepared.provider), prepared.order
    if prepared.name and isinstance(adapter, FetchesRefunds):
        # "None of that name" is no word about the money: it had given the name itself.
        return _answer(adapter.fetch_refund, prepared, order, prepared.name) or Answer.NONE
    if prepared.may_tell:
        return _tell(adapter, prepared)
    if isinstance(adapter, FindsRefunds):
        return _answer(adapter.find_refund, prepared, order) or Answer.NOT_THERE
    return Answer.NONE


def _tell(adapter: object, prepared: Prepared) -> RefundReport | Answer:
    """Who does not answer is told once more at once."""
    if not isinstance(adapter, Refunds):
        raise NoRefunds("This provider sends nothing back.")
    order, mine = prepared.order, prepared.account
    try:
        first = _answer(adapter.refund, prepared, order) or Answer.NONE
        if first is not Answer.NONE:
            return first
        second = _answer(adapter.refund, prepared, order) or Answer.NONE
    except OrderRefused:
        failed = Outcome.FAILED
        return RefundReport(order.refund, "", failed, order.amount, mine.merchant, mine.live)
    # That a key is refused says nothing of the first time, which was not answered.
    return Answer.NONE if second is Answer.NOT_LET_IN else second


def _answer(
    call: Callable[Concatenate[Account, Args], RefundReport | None],
    prepared: Prepared,
    /,
    *args: Args.args,
    **kwargs: Args.kwargs,
) -> RefundReport | Answer | None:
    try:
        return calls.made(call, prepared.account, *args, **kwargs)
    except (ProviderDown, UnknownWord) as error:
        about = prepared.order.refund
        log.warning("no_answer", extra={"refund": about, "error": type(error).__name__})
        return Answer.NOT_LET_IN if isinstance(error, KeyRefused) else Answer.NONE
