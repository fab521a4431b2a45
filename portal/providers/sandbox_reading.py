"""What the practice provider says, read strictly. Whatever is not as it should be raises
``ValueError``, ``KeyError`` or ``TypeError``; a word that no table has, ``UnknownWord``.
"""

from collections.abc import Callable, Mapping

from portal.money import Money
from portal.providers.protocol import (
    Account,
    Heard,
    Outcome,
    RefundReport,
    Report,
    ReversalReport,
    Settlement,
    SettlementLine,
    SettlementReady,
)
from portal.providers.wire import HIGHEST_CENTS, Told, flag, mapped, moment, money, text

# fmt: off
STATUS = {
    "open":        Outcome.STARTED,
    "authorising": Outcome.PENDING,
    "paid":        Outcome.SUCCEEDED,
    "refused":     Outcome.FAILED,
    "aborted":     Outcome.CANCELLED,
    "timed_out":   Outcome.EXPIRED,
}
REFUND_STATUS = {
    "under_way": Outcome.PENDING,
    "sent":      Outcome.SUCCEEDED,
    "bounced":   Outcome.FAILED,
}
REVERSAL_WON = {  # whether all of it came back, with its fee; of a part nothing is told there
    "taken": False,
    "won":   True,
}
REVERSAL_REASON = {
    "chargeback":     "chargeback",
    "returned_debit": "return",
    "other":          "other",
}
LINE_KIND = {
    "sale":         "payment",
    "return":       "refund",
    "return_back":  "refund",
    "reversal":     "reversal",
    "reversal_won": "reversal",
}
# fmt: on


def heard(told: Told, event_id: str) -> Heard:
    """What a notification says."""
    return mapped(NOTIFICATIONS, text(told, "type"))(told, event_id)


def report(told: Told, event_id: str = "") -> Report:
    """What became of a payment."""
    return Report(
        payment=text(told, "payment"),
        provider_reference=text(told, "id"),
        merchant=text(told, "merchant"),
        outcome=mapped(STATUS, text(told, "status")),
        amount=money(told, "amount_cents"),
        live=flag(told, "live"),
        event_id=event_id,
        happened_at=moment(told, "changed_at"),
    )


def refund_report(told: Told, event_id: str = "") -> RefundReport:
    """What became of a refund."""
    return RefundReport(
        refund=text(told, "refund"),
        provider_reference=text(told, "id"),
        outcome=mapped(REFUND_STATUS, text(told, "status")),
        amount=money(told, "amount_cents"),
        merchant=text(told, "merchant"),
        live=flag(told, "live"),
        payment=text(told, "payment"),
        event_id=event_id,
    )


def _reversal_report(told: Told, event_id: str) -> ReversalReport:
    amount, fee = money(told, "amount_cents", 1), money(told, "fee_cents")
    won = mapped(REVERSAL_WON, text(told, "status"))
    nothing = Money(0, amount.currency)
    return ReversalReport(
        reversal=text(told, "id"),
        payment=text(told, "payment"),
        merchant=text(told, "merchant"),
        amount=amount,
        back=amount if won else nothing,
        fee=fee,
        fee_back=fee if won else nothing,
        live=flag(told, "live"),
        reason=mapped(REVERSAL_REASON, text(told, "reason")),
        provider_reference=text(told, "payment_id"),
        event_id=event_id,
    )


def _settlement_ready(told: Told, event_id: str) -> SettlementReady:
    merchant, live = text(told, "merchant"), flag(told, "live")
    return SettlementReady(text(told, "settlement"), merchant, live, event_id)


def settlement(told: Told) -> Settlement:
    """A settlement report."""
    return Settlement(
        settlement=text(told, "id"),
        merchant=text(told, "merchant"),
        made_at=moment(told, "made_at"),
        net=money(told, "net_cents", -HIGHEST_CENTS),
        lines=tuple(_line({**line, "currency": told["currency"]}) for line in told["lines"]),
    )


def taken(account: Account, told: Told) -> tuple[Money, ...]:
    """What was collected for this merchant."""
    if text(told, "merchant") != account.merchant:
        raise ValueError("merchant")
    return tuple(money(each, "amount_cents") for each in told["taken"])


def _line(told: Told) -> SettlementLine:
    return SettlementLine(
        kind=mapped(LINE_KIND, text(told, "kind")),
        payment=text(told, "payment"),
        provider_reference=text(told, "id"),
        gross=money(told, "gross_cents", -HIGHEST_CENTS),
        fee=money(told, "fee_cents", -HIGHEST_CENTS),
        refund=text(told, "refund") if told.get("refund") else "",
    )


NOTIFICATIONS: Mapping[str, Callable[[Told, str], Heard]] = {
    "payment.updated": report,
    "refund.updated": refund_report,
    "reversal.updated": _reversal_report,
    "settlement.created": _settlement_ready,
}
