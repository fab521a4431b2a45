"""What Stripe's events say (docs.stripe.com/api/events/types), once they are known to be genuine.

Events of kinds that are none of ours are of no interest; one of ours that no table has is an
unknown word.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from portal.money import Money
from portal.providers import stripe_wire
from portal.providers.protocol import (
    Account,
    BadNotification,
    Heard,
    Outcome,
    ReversalReport,
    SettlementReady,
    UnknownWord,
)
from portal.providers.stripe_reading import (
    RECONCILIATION,
    cents,
    merchant,
    named,
    optional,
    refund_report,
    report,
    signed_cents,
)
from portal.providers.wire import Told, flag, mapped, sensibly, text

# fmt: off
DISPUTE_REASON = {  # of cards, and of debits that came back
    "credit_not_processed":      "chargeback",
    "duplicate":                 "chargeback",
    "fraudulent":                "chargeback",
    "general":                   "chargeback",
    "noncompliant":              "chargeback",
    "product_not_received":      "chargeback",
    "product_unacceptable":      "chargeback",
    "subscription_canceled":     "chargeback",
    "unrecognized":              "chargeback",
    "bank_cannot_process":       "return",
    "check_returned":            "return",
    "customer_initiated":        "return",
    "debit_not_authorized":      "return",
    "incorrect_account_details": "return",
    "insufficient_funds":        "return",
}
DISPUTE_STATUS = {  # whether it is about money that was taken; an inquiry is not, yet
    "warning_needs_response": False,
    "warning_under_review":   False,
    "warning_closed":         False,
    "prevented":              False,
    "needs_response":         True,
    "under_review":           True,
    "appeal_needs_response":  True,
    "appeal_under_review":    True,
    "lost":                   True,
    "won":                    True,
}
# fmt: on
FAMILIES = ("checkout.session.", "refund.", "charge.dispute.", "payout.")

Read = Callable[[Account, Told, Told], tuple[Heard, ...]]


def heard(account: Account, event: Told) -> tuple[Heard, ...]:
    """What an event says. Raises ``ValueError``, ``KeyError`` or ``TypeError`` if it cannot be
    read, ``BadNotification`` for one of the other mode, before anything is asked about it;
    ``UnknownWord``, and ``ProviderDown`` when it had to be asked what it is about.
    """
    kind, live = text(event, "type"), flag(event, "livemode")
    if text(event, "object") != "event":
        raise ValueError("object")
    if live is not account.live:
        raise BadNotification("it is of the other mode")
    if kind not in EVENTS:
        if kind.startswith(FAMILIES):
            raise UnknownWord(f"{kind!r} is in no table")
        return ()
    about = event["data"]["object"]
    if flag({"livemode": live, **about}, "livemode") is not live:
        raise ValueError("livemode")
    return EVENTS[kind](account, event, about)


def payment_of(account: Account, intent: str) -> tuple[str, str]:
    """Our id and Stripe's of the payment that a payment intent is of; empty when it is of none.

    Objects beside the session do not name it. Raises ``ProviderDown``.
    """
    params: Any = {"payment_intent": intent, "limit": 1}
    found = stripe_wire.call(account, lambda to: to.v1.checkout.sessions.list(params))
    return sensibly(lambda: _named_in(found["data"]))


def _named_in(sessions: list[Told]) -> tuple[str, str]:
    for session in sessions:
        return optional(session, "client_reference_id"), text(session, "id")
    return "", ""


def _session(account: Account, event: Told, session: Told) -> tuple[Heard, ...]:
    if text(session, "mode") != "payment":
        return ()
    return (report(account, session, event),)


def _failed(account: Account, event: Told, session: Told) -> tuple[Heard, ...]:
    """A delayed method failed: the session stays complete and unpaid."""
    return tuple(
        replace(word, outcome=Outcome.FAILED)
        for word in (report(account, session, event),)
        if word.outcome is Outcome.PENDING
    )


def _refund(account: Account, event: Told, refund: Told) -> tuple[Heard, ...]:
    word = refund_report(account, refund, live=flag(event, "livemode"), event=event)
    if not word.refund and not word.payment and (intent := named(refund, "payment_intent")):
        word = replace(word, payment=payment_of(account, intent)[0])
    return (word,)


def _dispute(account: Account, event: Told, dispute: Told) -> tuple[Heard, ...]:
    """What was taken and came back, and what it cost, say the dispute's balance transactions.

    Whether it is won in part, or was taken again after it was won, no status tells.
    """
    about_money = mapped(DISPUTE_STATUS, text(dispute, "status"))
    reason = mapped(DISPUTE_REASON, text(dispute, "reason"))
    cents(dispute, "amount", 1)
    moved = dispute["balance_transactions"]
    taken, fee = _sums(moved, came=False)
    back, fee_back = _sums(moved, came=True)
    if not about_money or not taken:
        return ()
    live, name = flag(event, "livemode"), text(dispute, "id")
    payment, reference = _disputed(account, dispute)
    word = ReversalReport(
        reversal=name,
        payment=payment,
        merchant=merchant(account, event),
        amount=-taken,
        back=min(back, -taken),
        fee=fee,
        fee_back=-fee_back,  # Stripe keeps it where it says so
        live=live,
        reason=reason,
        provider_reference=reference,
        event_id=text(event, "id"),
    )
    return (word,)


def _sums(moved: list[Told], *, came: bool) -> tuple[Money, Money]:
    """Amount and fee of what went, or of what came; nothing where nothing moved at all."""
    both = [(signed_cents(each, "amount"), signed_cents(each, "fee")) for each in moved]
    currencies = {money.currency for pair in both for money in pair}
    if len(currencies) > 1:
        raise ValueError("balance_transactions")
    currency = "".join(currencies)
    mine = [(amount.cents, fee.cents) for amount, fee in both if (amount.cents > 0) is came]
    amount, fee = (Money(sum(column), currency) for column in zip((0, 0), *mine, strict=True))
    if (fee.cents > 0 and came) or (fee.cents < 0 and not came):
        raise ValueError("balance_transactions")
    return amount, fee


def _disputed(account: Account, dispute: Told) -> tuple[str, str]:
    """Our id and Stripe's of what a dispute is about. A charge of before payment intents has none:
    it is no payment of ours, and bears its own name.
    """
    if intent := named(dispute, "payment_intent"):
        return payment_of(account, intent)
    return "", named(dispute, "charge")


def _payout(account: Account, event: Told, payout: Told) -> tuple[Heard, ...]:
    """Ready when what it consists of can be listed, which may be before or after it is paid."""
    if not mapped(RECONCILIATION, text(payout, "reconciliation_status")):
        return ()
    name, live = text(payout, "id"), flag(event, "livemode")
    return (SettlementReady(name, merchant(account, event), live, text(event, "id")),)


def _nothing(*_: object) -> tuple[Heard, ...]:
    return ()


EVENTS: Mapping[str, Read] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _failed,
    "checkout.session.expired": _session,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "charge.dispute.closed": _dispute,
    "payout.created": _nothing,
    "payout.updated": _payout,
    "payout.paid": _payout,
    "payout.reconciliation_completed": _payout,
    "payout.failed": _payout,
    "payout.canceled": _nothing,
}
