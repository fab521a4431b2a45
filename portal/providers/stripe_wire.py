"""Calling Stripe through its official package (github.com/stripe/stripe-python), within our limits.

The package builds requests, pins the version and reads errors; the bytes go by ``wire.ask``: our
time-outs and patience, no redirect, no retry, and of its headers only those that the API needs (the
package would tell of this machine and of earlier calls). Importing it costs 6 MB and half a
second, so only ``stripe`` imports this, when it is first used.
"""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import stripe
from stripe import HTTPClient, ListObject, StripeClient, StripeObject, WebhookSignature

from portal.providers import wire
from portal.providers.protocol import (
    Account,
    BadNotification,
    KeyRefused,
    ProviderDown,
    Unwilling,
)
from portal.providers.stripe_reading import key_fits
from portal.providers.wire import Told

API_VERSION = "2026-10-28.endive"
ADDRESS = "https://api.stripe.com"
MISSING = "resource_missing"  # the code of what Stripe itself does not have
PAGE = 100  # most objects of a list at once

_SENT = {"authorization", "content-type", "idempotency-key", "stripe-account", "stripe-version"}


class _Wire(HTTPClient):
    name = "quitt"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """One call; raises ``ProviderDown`` as ``wire.ask`` does."""
        sent = {name: text for name, text in (headers or {}).items() if name.lower() in _SENT}
        form = post_data.encode() if isinstance(post_data, str) else post_data
        answer = wire.ask(method.upper(), url, sent, form=form)
        return wire.sensibly(answer.body.decode), answer.status, answer.headers

    def close(self) -> None:
        """Nothing is held."""


Act = Callable[[StripeClient], StripeObject]


def call(account: Account, act: Act) -> Told:
    """The object that ``act`` gets.

    Raises ``Unwilling`` when Stripe takes no such request, ``KeyRefused``, and ``ProviderDown`` for
    everything else. No message of Stripe's is handed on: it may quote what was sent.
    """
    told = find(account, act)
    if told is None:
        raise ProviderDown("it does not know what was asked for")
    return told


def find(account: Account, act: Act) -> Told | None:
    """As ``call``; ``None`` when Stripe does not have what was asked for."""
    try:
        return act(_client(account)).to_dict()
    except stripe.StripeError as error:
        if isinstance(error, stripe.AuthenticationError):
            raise KeyRefused("it does not take the key") from None
        if not isinstance(error, stripe.InvalidRequestError):
            raise ProviderDown(type(error).__name__) from None
        if error.code == MISSING:
            return None
        if error.http_status == HTTPStatus.NOT_FOUND:  # of what stands before Stripe, not of Stripe
            raise ProviderDown("it does not say what is missing") from None
        raise Unwilling("it takes no such request") from None


def every(account: Account, act: Callable[[StripeClient], ListObject[Any]]) -> Iterator[Told]:
    """All objects of a list, page by page, as Stripe has them: the newest first."""
    try:
        for each in act(_client(account)).auto_paging_iter():
            yield each.to_dict()
    except stripe.StripeError as error:
        raise ProviderDown(type(error).__name__) from None


def check_signature(body: bytes, header: str, secret: str) -> None:
    """The package's own check, without its clock. Raises ``BadNotification``."""
    try:
        WebhookSignature.verify_header(body, header, secret, tolerance=None)
    except (stripe.SignatureVerificationError, ValueError):
        raise BadNotification("its signature is wrong") from None


def _client(account: Account) -> StripeClient:
    if not key_fits(account):
        raise ProviderDown("its key is of the other mode than the account, or none")
    elsewhere = "" if account.live else account.credentials.get("base_url", "").rstrip("/")
    return StripeClient(
        account.credentials["secret_key"],
        stripe_version=API_VERSION,
        base_addresses={"api": elsewhere or ADDRESS},
        http_client=_Wire(),
        max_network_retries=0,
    )
