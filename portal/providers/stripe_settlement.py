"""Stripe's pay-outs as settlement reports: automatic ones, by the balance transactions in them
(docs.stripe.com/payouts/reconciliation, docs.stripe.com/reports/reporting-categories).

A pay-out that fails after it was paid comes back as a line of a later one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.money import Money
from portal.providers import stripe_wire
from portal.providers.protocol import Account, ProviderDown, Settlement, SettlementLine
from portal.providers.stripe_events import payment_of
from portal.providers.stripe_reading import (
    RECONCILIATION,
    named,
    optional,
    signed_cents,
    stamp,
)
from portal.providers.wire import Told, mapped, sensibly, text

# fmt: off
LINE_KIND = {  # reporting_category
    "charge":                      "payment",
    "refund":                      "refund",
    "refund_failure":              "refund",
    "dispute":                     "reversal",
    "dispute_reversal":            "reversal",
    "fee":                         "fee",
    "network_cost":                "fee",
    "tax":                         "fee",
    "risk_reserved_funds":         "reserve",
    "connect_reserved_funds":      "reserve",
    "advance":                     "other",
    "advance_funding":             "other",
    "anticipation_repayment":      "other",
    "charge_failure":              "other",
    "climate_order_purchase":      "other",
    "climate_order_refund":        "other",
    "connect_collection_transfer": "other",
    "contribution":                "other",
    "other_adjustment":            "other",
    "partial_capture_reversal":    "other",
    "payout_reversal":             "other",
    "platform_earning":            "other",
    "platform_earning_refund":     "other",
    "topup":                       "other",
    "topup_reversal":              "other",
    "transfer":                    "other",
    "transfer_reversal":           "other",
    "unreconciled_customer_funds": "other",
}
# fmt: on
OWN = "payout"  # the pay-out's own balance transaction stands among those that it consists of
SESSION_LASTS = timedelta(hours=24)

Named = Mapping[str, tuple[str, str]]  # payment intent -> our id and Stripe's of the payment


def settlement(account: Account, name: str) -> Settlement:
    """A pay-out with a line for each thing in it. Raises ``ProviderDown``, also when what it
    consists of cannot be listed yet, or does not add up to it.
    """
    payout = stripe_wire.call(account, lambda to: to.v1.payouts.retrieve(name))
    if not sensibly(lambda: mapped(RECONCILIATION, text(payout, "reconciliation_status"))):
        raise ProviderDown("what the pay-out consists of cannot be listed yet")
    params: Any = {"payout": name, "limit": stripe_wire.PAGE, "expand": ["data.source"]}
    listed = stripe_wire.every(account, lambda to: to.v1.balance_transactions.list(params))
    moved = sensibly(lambda: [each for each in listed if text(each, "reporting_category") != OWN])
    payments = _payments(account, moved)
    return sensibly(lambda: _settlement(account, payout, moved, payments))


def settlements(account: Account, since: datetime) -> tuple[str, ...]:
    """Names of the pay-outs made since a moment that can be listed, in order."""
    params: Any = {"created": {"gte": int(since.timestamp())}, "limit": stripe_wire.PAGE}
    made = list(stripe_wire.every(account, lambda to: to.v1.payouts.list(params)))
    return sensibly(
        lambda: tuple(
            text(payout, "id")
            for payout in reversed(made)
            if mapped(RECONCILIATION, text(payout, "reconciliation_status"))
        )
    )


def _settlement(
    account: Account, payout: Told, moved: Iterable[Told], payments: Named
) -> Settlement:
    net = signed_cents(payout, "amount")
    lines = tuple(_line(each, payments, net.currency) for each in moved)
    if sum(line.gross.cents - line.fee.cents for line in lines) != net.cents:
        raise ProviderDown("what the pay-out consists of does not add up to it")
    return Settlement(
        settlement=text(payout, "id"),
        merchant=account.merchant,
        made_at=stamp(payout, "created"),
        net=net,
        lines=lines,
    )


def _line(moved: Told, payments: Named, currency: str) -> SettlementLine:
    kind = mapped(LINE_KIND, text(moved, "reporting_category"))
    gross, fee = signed_cents(moved, "amount"), signed_cents(moved, "fee")
    if gross.currency != currency or gross - fee != signed_cents(moved, "net"):
        raise ValueError("net")
    if kind == "fee":  # for no one payment: it has no gross, only what it costs
        return SettlementLine(kind, "", text(moved, "id"), Money(0, currency), fee - gross)
    source = moved.get("source")
    if not isinstance(source, dict):
        return SettlementLine(kind, "", text(moved, "id"), gross, fee)
    ours = source.get("metadata") or {}
    payment, session = payments.get(_intent(moved), ("", ""))
    return SettlementLine(
        kind=kind,
        payment=payment or optional(ours, "payment"),
        provider_reference=session if kind == "payment" and session else text(source, "id"),
        gross=gross,
        fee=fee,
        refund=optional(ours, "refund") if kind == "refund" else "",
    )


def _payments(account: Account, moved: Iterable[Told]) -> Named:
    """Which payments the lines are of. The sessions of the time when charges were made name most
    of them, a hundred at once; of older ones, each is asked for.
    """
    moved = list(moved)
    intents = sensibly(lambda: {_intent(each) for each in moved} - {""})
    charged = sensibly(
        lambda: [
            stamp(each["source"], "created")
            for each in moved
            if each["reporting_category"] == "charge" and _intent(each)
        ]
    )
    found: dict[str, tuple[str, str]] = {}
    if charged:
        between = {
            "gte": int((min(charged) - SESSION_LASTS).timestamp()),
            "lte": int(max(charged).timestamp()),
        }
        params: Any = {"created": between, "status": "complete", "limit": stripe_wire.PAGE}
        listed = stripe_wire.every(account, lambda to: to.v1.checkout.sessions.list(params))
        found = sensibly(lambda: dict(map(_session_names, listed)))
    return found | {intent: payment_of(account, intent) for intent in intents - set(found)}


def _session_names(session: Told) -> tuple[str, tuple[str, str]]:
    names = optional(session, "client_reference_id"), text(session, "id")
    return named(session, "payment_intent"), names


def _intent(moved: Told) -> str:
    source = moved.get("source")
    return named(source, "payment_intent") if isinstance(source, dict) else ""
