"""localstripe plays Stripe in another hand's words: signatures, refunds, what is not there.

It knows no Checkout, no ``reason`` of a refund and no pay-out of a balance transaction: what needs
these stays with our own fake.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from portal import clock
from portal.providers import stripe_wire
from portal.providers.protocol import Account, BadNotification, ProviderDown, Unwilling
from portal.providers.stripe import Stripe
from tests.peers.running import running
from tests.sandbox.mailbox import Mailbox, open_mailbox

SECRET = "whsec_of_the_town"
# On this machine only: by itself it listens everywhere.
SERVE = (
    "import sys; from aiohttp import web; from localstripe.server import app; "
    "web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]))"
)
STRIPE = Stripe()


@pytest.fixture(scope="module")
def url(peers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = str(peers / "python" / "bin" / "python")
    log = tmp_path_factory.mktemp("localstripe") / "log"
    with running(lambda port: (python, "-c", SERVE, str(port)), log) as found:
        yield found


@pytest.fixture
def account(url: str) -> Account:
    told = {"base_url": url, "secret_key": "sk_test_town", "webhook_secret": SECRET}
    return Account("town", "stripe", "acct_1", False, told)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as found:
        yield found


def pay(account: Account) -> dict[str, Any]:
    """A payment intent that is paid by a card."""
    card: Any = {"type": "card", "card": {
        "number": "4242424242424242", "exp_month": "12", "exp_year": "2040", "cvc": "123",
    }}  # fmt: skip
    method = stripe_wire.call(account, lambda to: to.v1.payment_methods.create(card))
    params: Any = {
        "amount": 4200, "currency": "eur", "payment_method": method["id"], "confirm": True,
    }  # fmt: skip
    return dict(stripe_wire.call(account, lambda to: to.v1.payment_intents.create(params)))


def told(account: Account, mailbox: Mailbox, kind: str) -> tuple[dict[str, str], bytes]:
    """The signed notification of a payment."""
    webhook = {"url": mailbox.url, "secret": SECRET, "events": [kind]}
    base = account.credentials["base_url"]
    hook = f"{base}/_config/webhooks/{time.monotonic_ns()}"
    httpx2.post(hook, json=webhook, trust_env=False).raise_for_status()
    assert pay(account)["status"] == "succeeded"
    mailbox.wait_for(1, 20)
    return mailbox.letters[0]


def test_its_signatures_are_ours(account: Account, mailbox: Mailbox) -> None:
    headers, body = told(account, mailbox, "payment_intent.succeeded")
    assert b"payment_intent.succeeded" in body
    assert STRIPE.read_notification(account, headers, body, clock.now()) == ()
    stranger = replace(account, credentials={**account.credentials, "webhook_secret": "whsec_x"})
    for reader, letter, at in (
        (stranger, body, clock.now()),
        (account, body.replace(b"4200", b"4201"), clock.now()),
        (account, body + b" ", clock.now()),
        (account, body, clock.now() + timedelta(seconds=302)),
        (account, body, clock.now() - timedelta(seconds=310)),
    ):
        with pytest.raises(BadNotification):
            STRIPE.read_notification(reader, headers, letter, at)


def test_a_404_that_does_not_say_what_is_missing_is_not_stripes_word(account: Account) -> None:
    """Stripe says ``resource_missing``; whatever stands before it, and localstripe, says less."""
    with pytest.raises(ProviderDown):
        stripe_wire.find(account, lambda to: to.v1.refunds.retrieve("re_none"))
    with pytest.raises(ProviderDown):
        STRIPE.fetch(account, "pay-1", "cs_test_none")


def test_what_it_does_not_want_is_refused(account: Account) -> None:
    params: Any = {"amount": 4200, "currency": "eur", "no_such_thing": "1"}
    with pytest.raises(Unwilling):
        stripe_wire.call(account, lambda to: to.v1.payment_intents.create(params))


def test_a_refund_is_sent_and_found_again(account: Account) -> None:
    intent = pay(account)
    params: Any = {"payment_intent": intent["id"], "amount": 200, "metadata": {"refund": "ref-1"}}
    made = stripe_wire.call(account, lambda to: to.v1.refunds.create(params))
    assert (made["status"], made["amount"], made["currency"]) == ("succeeded", 200, "eur")
    listed: Any = {"payment_intent": intent["id"], "limit": stripe_wire.PAGE}
    found = list(stripe_wire.every(account, lambda to: to.v1.refunds.list(listed)))
    assert [(each["id"], each["metadata"]) for each in found] == [(made["id"], {"refund": "ref-1"})]


def test_who_is_not_there_is_down(account: Account) -> None:
    gone = replace(account, credentials={**account.credentials, "base_url": "http://127.0.0.1:9"})
    with pytest.raises(ProviderDown):
        STRIPE.fetch(gone, "pay-1", "cs_test_none")
