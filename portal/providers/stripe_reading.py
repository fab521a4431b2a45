"""Reading Stripe's objects strictly. Whatever is not as it should be raises ``ValueError``,
``KeyError`` or ``TypeError``; a word that no table has, ``UnknownWord``.
"""

import re
from datetime import UTC, datetime

from portal.money import Money
from portal.providers.protocol import (
    Account,
    BadNotification,
    Outcome,
    RefundReport,
    Report,
)
from portal.providers.wire import HIGHEST_CENTS, Told, flag, mapped, money, text

# fmt: off
SESSION = {  # its status and payment_status
    "open/unpaid":     Outcome.STARTED,
    "complete/paid":   Outcome.SUCCEEDED,
    "complete/unpaid": Outcome.PENDING,  # a delayed method: its payment intent says how it ends
    "expired/unpaid":  Outcome.EXPIRED,
}
INTENT = {
    "processing":              Outcome.PENDING,
    "requires_action":         Outcome.PENDING,
    "requires_confirmation":   Outcome.PENDING,
    "requires_capture":        Outcome.PENDING,
    "succeeded":               Outcome.SUCCEEDED,
    "requires_payment_method": Outcome.FAILED,
    "canceled":                Outcome.FAILED,
}
REFUND_STATUS = {
    "pending":         Outcome.PENDING,
    "requires_action": Outcome.PENDING,
    "succeeded":       Outcome.SUCCEEDED,
    "failed":          Outcome.FAILED,
    "canceled":        Outcome.FAILED,
}
RECONCILIATION = {  # of a pay-out: whether its balance transactions can be listed
    "completed":      True,
    "in_progress":    False,
    "not_applicable": False,  # made by hand
}
# fmt: on

_HEADER = re.compile("t=([0-9]{1,11})(?:,v[0-9]+=[0-9a-f]+)+")  # one moment, and signatures
_LAST_SECOND = 253402300799  # the year 9999


def key_fits(account: Account) -> bool:
    """Whether its key is of the account's mode: a test key moves no real money, a live key does."""
    mode = "live" if account.live else "test"
    key = account.credentials.get("secret_key", "")
    return re.fullmatch(f"[sr]k_{mode}_[!-~]+", key) is not None


def report(account: Account, session: Told, event: Told | None = None) -> Report:
    """What a Checkout Session says, asked for or in an event."""
    outcome = mapped(SESSION, f"{text(session, 'status')}/{text(session, 'payment_status')}")
    intent = session.get("payment_intent")
    happened_at = stamp(event, "created") if event else None
    if isinstance(intent, dict):  # asked for, with its charge
        if outcome is Outcome.PENDING:
            outcome = mapped(INTENT, text(intent, "status"))
        charge = intent.get("latest_charge")
        if outcome is Outcome.SUCCEEDED and isinstance(charge, dict):
            happened_at = stamp(charge, "created")
    return Report(
        payment=optional(session, "client_reference_id"),
        provider_reference=text(session, "id"),
        merchant=merchant(account, event),
        outcome=outcome,
        amount=cents(session, "amount_total"),
        live=flag(session, "livemode"),
        event_id=text(event, "id") if event else "",
        happened_at=happened_at,
    )


def refund_report(
    account: Account, refund: Told, *, live: bool, event: Told | None = None
) -> RefundReport:
    """What a refund says. One that was ordered at Stripe itself names nothing of ours."""
    ours = refund.get("metadata") or {}
    return RefundReport(
        refund=optional(ours, "refund"),
        provider_reference=text(refund, "id"),
        outcome=mapped(REFUND_STATUS, text(refund, "status")),
        amount=cents(refund, "amount"),
        merchant=merchant(account, event),
        live=live,
        payment=optional(ours, "payment"),
        event_id=text(event, "id") if event else "",
    )


def merchant(account: Account, event: Told | None) -> str:
    """Whose it is: events name connected accounts only; else it is whose key or secret it was."""
    return (optional(event, "account") if event else "") or account.merchant


def cents(told: Told, name: str, lowest: int = 0) -> Money:
    """An amount with its currency, which Stripe writes in lower case."""
    currency = text(told, "currency")
    if currency != currency.lower():
        raise ValueError("currency")
    return money({name: told[name], "currency": currency.upper()}, name, lowest)


def signed_cents(told: Told, name: str) -> Money:
    """An amount that may be below zero."""
    return cents(told, name, -HIGHEST_CENTS)


def optional(told: Told, name: str) -> str:
    """A text, or nothing where Stripe says null or nothing."""
    return "" if told.get(name) is None or told[name] == "" else text(told, name)


def named(told: Told, name: str) -> str:
    """The name of another object, which may stand there itself."""
    found = told.get(name)
    return text(found, "id") if isinstance(found, dict) else optional(told, name)


def stamp(told: Told, name: str) -> datetime:
    """A moment in whole seconds since 1970, in UTC."""
    value = told[name]
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:
        raise ValueError(name)
    return datetime.fromtimestamp(value, UTC)


def signed_at(header: str) -> datetime:
    """When a notification says that it was signed. Raises ``BadNotification``."""
    found = _HEADER.fullmatch(header)
    if found is None:
        raise BadNotification("its header is not readable")
    return datetime.fromtimestamp(int(found[1]), UTC)
