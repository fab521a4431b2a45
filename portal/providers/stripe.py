"""Stripe: Checkout Sessions, refunds, disputes and pay-outs (docs.stripe.com/api).

The words of Stripe and ours stand in tables on top of ``stripe_reading``, ``stripe_events`` and
``stripe_settlement``. Credentials of an account: ``secret_key`` (sk_ or rk_), ``webhook_secret``
(whsec_), and for what plays Stripe ``base_url``. ``merchant`` is the account's name, ``acct_...``.
Most of Stripe's objects do not tell it: only events of connected accounts name theirs, and one that
is not ours is a misfit. Else the merchant is known by the key that asks, and by the secret that
signs, which is the endpoint's own.

Our name for a payment is ``client_reference_id``, Stripe's the session's (``cs_...``): the payment
intent comes to be only when someone pays. What else Stripe tells, such as the payer's name, ends
here.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.money import Money
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    BadNotification,
    Handover,
    Heard,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    Settlement,
    Unwilling,
)
from portal.providers.stripe_reading import (
    key_fits,
    named,
    optional,
    refund_report,
    report,
    signed_at,
)
from portal.providers.wire import CLOCK_SKEW, Told, json_object, sensibly, text

NOTIFICATION_BYTES = 256 * 1024
SHORTEST = timedelta(minutes=32)  # a session lives for 30 at least, from when it reaches Stripe
# Ours -> docs.stripe.com/api/checkout/sessions/create, locale; others: as the browser asks.
LOCALES = {"de": "de", "de_simple": "de", "en": "en", "nb": "nb", "pl": "pl", "tr": "tr"}


class Stripe:
    """Checks, starts, fetches, cancels, notifies, refunds and says what became of refunds, settles,
    lists settlements.
    """

    name = "stripe"

    def checked(self, account: Account) -> None:
        """Keys must be of the account's mode. Another one is never sent, either."""
        if not key_fits(account):
            mode = "live" if account.live else "test"
            raise AccountUnfit(f"secret_key must begin with sk_{mode}_ or rk_{mode}_.")
        if not re.fullmatch("whsec_[!-~]+", account.credentials.get("webhook_secret", "")):
            raise AccountUnfit("webhook_secret must begin with whsec_.")
        if account.live and account.credentials.get("base_url"):
            raise AccountUnfit("base_url is for what plays Stripe, not for a live account.")
        if not re.fullmatch("acct_[0-9A-Za-z]+", account.merchant):
            raise AccountUnfit("The merchant must be the account's name at Stripe, acct_....")

    def start(self, account: Account, order: Order) -> Handover:
        """Take the citizen to Stripe's page. Which methods it offers is set at Stripe."""
        from portal.providers import stripe_wire

        params, options = _session(order), _once(order.payment)
        try:
            told = stripe_wire.call(
                account, lambda to: to.v1.checkout.sessions.create(params, options)
            )
        except Unwilling:
            raise OrderRefused("Stripe takes no such order") from None
        return sensibly(lambda: Handover(text(told, "url", 2048), text(told, "id")))

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What became of a session. Without its name nobody was ever sent there: not found, as long
        as Stripe answers at all.
        """
        from portal.providers import stripe_wire

        nothing = Report(payment, "", account.merchant, Outcome.NOT_FOUND, Money(0), account.live)
        if not provider_reference:
            stripe_wire.call(account, lambda to: to.v1.checkout.sessions.list({"limit": 1}))
            return nothing
        params: Any = {"expand": ["payment_intent.latest_charge"]}
        told = stripe_wire.find(
            account, lambda to: to.v1.checkout.sessions.retrieve(provider_reference, params)
        )
        return nothing if told is None else sensibly(lambda: report(account, told))

    def cancel(self, account: Account, payment: str, provider_reference: str) -> Report:
        """Expire a session; one that is complete or expired stays as it is."""
        from portal.providers import stripe_wire

        found = self.fetch(account, payment, provider_reference)
        if found.outcome is not Outcome.STARTED:
            return found
        try:
            told = stripe_wire.call(
                account, lambda to: to.v1.checkout.sessions.expire(provider_reference)
            )
        except Unwilling:  # the payer was faster
            return self.fetch(account, payment, provider_reference)
        return sensibly(lambda: report(account, told))

    def read_notification(
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Heard, ...]:
        """The signature of the raw body first, then its age, and only then what it says.

        Of a dispute, and of a refund that was ordered at Stripe, it asks which payment is meant:
        raises ``ProviderDown``, too.
        """
        from portal.providers import stripe_events, stripe_wire

        if len(body) > NOTIFICATION_BYTES:
            raise BadNotification("it is too long")
        header = headers.get("stripe-signature", "")
        # The package reads a header in its own way and takes any moment that is to come: there must
        # be one moment only, and one way to read it.
        at = signed_at(header)
        stripe_wire.check_signature(body, header, account.credentials.get("webhook_secret", ""))
        if abs(now - at) > CLOCK_SKEW:
            raise BadNotification("it is too old, or from the future")
        try:
            return stripe_events.heard(account, json_object(body))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadNotification("it is not readable") from None

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Send money back once. What was not paid, or is more than is left, has failed.

        Whether it was ordered is asked first: Stripe forgets an idempotency key after 24 hours.
        """
        from portal.providers import stripe_wire

        failed = RefundReport(
            order.refund, "", Outcome.FAILED, order.amount, account.merchant, account.live
        )
        intent = _intent(account, order)
        if not intent:
            return failed
        known = _ordered(account, intent, order.refund)
        params, options = _refund(order, intent), _once(order.refund)
        try:
            told = known or stripe_wire.call(
                account, lambda to: to.v1.refunds.create(params, options)
            )
        except Unwilling:
            return failed
        return sensibly(lambda: refund_report(account, told, live=account.live))

    def fetch_refund(
        self,
        account: Account,
        order: RefundOrder,  # noqa: ARG002 -- Stripe knows its names by themselves
        provider_reference: str,
    ) -> RefundReport | None:
        """What became of a refund (docs.stripe.com/api/refunds/retrieve)."""
        from portal.providers import stripe_wire

        told = stripe_wire.find(account, lambda to: to.v1.refunds.retrieve(provider_reference))
        if told is None:
            return None
        return sensibly(lambda: refund_report(account, told, live=account.live))

    def find_refund(self, account: Account, order: RefundOrder) -> RefundReport | None:
        """Among all refunds of its payment. Where that is not known the key is another account's,
        perhaps: then nothing is said of its refunds.
        """
        intent = _intent(account, order)
        if not intent:
            raise ProviderDown("it does not know the payment of this refund")
        told = _ordered(account, intent, order.refund)
        if told is None:
            return None
        return sensibly(lambda: refund_report(account, told, live=account.live))

    def settlement(self, account: Account, settlement: str) -> Settlement:
        """A pay-out and what it consists of."""
        from portal.providers import stripe_settlement

        return stripe_settlement.settlement(account, settlement)

    def settlements(self, account: Account, since: datetime) -> tuple[str, ...]:
        """Pay-outs made since a moment, if what they consist of can be listed by now."""
        from portal.providers import stripe_settlement

        return stripe_settlement.settlements(account, since)


def _once(ours: str) -> Any:
    """Repeated within 24 hours it is the same payment or refund."""
    return {"idempotency_key": ours}


def _session(order: Order) -> Any:
    """A session of one line. No payment_method_types: the account's settings at Stripe decide."""
    ours = {"payment": order.payment}
    price = {
        "currency": order.amount.currency.lower(),
        "unit_amount": order.amount.cents,
        "product_data": {"name": order.text},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": order.return_url,
        "cancel_url": order.return_url,
        "client_reference_id": order.payment,
        "metadata": ours,
        "payment_intent_data": {"metadata": ours, "description": order.text},
        "locale": LOCALES.get(order.language, "auto"),
    }
    if order.ends_at is not None:
        params["expires_at"] = int(_expiry(order, order.ends_at).timestamp())
    return params


def _expiry(order: Order, ends_at: datetime) -> datetime:
    """When the session ends. Counted from the order: repeated it must be the same to the second."""
    return max(ends_at, order.began_at + SHORTEST) if order.began_at else ends_at


def _intent(account: Account, order: RefundOrder) -> str:
    """The payment intent that a refund is of; empty when the payment is not there, or not paid."""
    from portal.providers import stripe_wire

    session = stripe_wire.find(
        account, lambda to: to.v1.checkout.sessions.retrieve(order.provider_reference)
    )
    return sensibly(lambda: named(session, "payment_intent")) if session else ""


def _ordered(account: Account, intent: str, refund: str) -> Told | None:
    """The refund of our name, if it was ordered before."""
    from portal.providers import stripe_wire

    params: Any = {"payment_intent": intent, "limit": stripe_wire.PAGE}
    made = stripe_wire.every(account, lambda to: to.v1.refunds.list(params))
    return sensibly(lambda: next((each for each in made if _ours(each) == refund), None))


def _ours(refund: Told) -> str:
    return optional(refund.get("metadata") or {}, "refund")


def _refund(order: RefundOrder, intent: str) -> Any:
    ours = {"refund": order.refund, "payment": order.payment}
    return {"payment_intent": intent, "amount": order.amount.cents, "metadata": ours}
