"""stripe-stateful-mock is strict about errors and idempotency, at an API of 2020 without Checkout.

So charges and refunds are tried, and what our wire makes of each kind of error.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.providers import stripe_wire
from portal.providers.protocol import Account, ProviderDown, Unwilling
from tests.peers.running import running

# On this machine only: by itself it listens everywhere.
SERVE = "require(process.argv[1]).createExpressApp().listen(+process.argv[2], '127.0.0.1')"


@pytest.fixture(scope="module")
def account(peers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    package = str(peers / "node_modules" / "stripe-stateful-mock")
    log = tmp_path_factory.mktemp("stateful") / "log"
    with running(lambda port: ("node", "-e", SERVE, package, str(port)), log) as url:
        told = {"base_url": url, "secret_key": "sk_test_town"}
        yield Account("town", "stripe", "acct_1", False, told)


def charge(account: Account, source: str = "tok_visa", cents: int = 4200, key: str = "") -> Any:
    params: Any = {"amount": cents, "currency": "eur", "source": source}
    options: Any = {"idempotency_key": key or uuid.uuid4().hex}
    return stripe_wire.call(account, lambda to: to.v1.charges.create(params, options))


def refund(account: Account, of: str, cents: int, key: str = "") -> Any:
    params: Any = {"charge": of, "amount": cents}
    options: Any = {"idempotency_key": key or uuid.uuid4().hex}
    return stripe_wire.call(account, lambda to: to.v1.refunds.create(params, options))


def test_ordered_twice_with_one_key_it_is_one(account: Account) -> None:
    key = uuid.uuid4().hex
    first = charge(account, key=key)
    assert charge(account, key=key)["id"] == first["id"]
    once = refund(account, first["id"], 200, key="back-" + key)
    assert refund(account, first["id"], 200, key="back-" + key)["id"] == once["id"]
    left = stripe_wire.call(account, lambda to: to.v1.charges.retrieve(first["id"]))
    assert left["amount_refunded"] == 200


def test_one_key_with_another_amount_is_no_word_about_the_payment(account: Account) -> None:
    key = uuid.uuid4().hex
    charge(account, key=key)
    with pytest.raises(ProviderDown) as wrong:
        charge(account, cents=4201, key=key)
    assert not isinstance(wrong.value, Unwilling)


def test_more_than_was_paid_is_not_wanted(account: Account) -> None:
    paid = charge(account)
    refund(account, paid["id"], 4000)
    with pytest.raises(Unwilling):
        refund(account, paid["id"], 201)
    assert refund(account, paid["id"], 200)["status"] == "succeeded"


@pytest.mark.parametrize("source", ["tok_429", "tok_500", "tok_chargeDeclined"])
def test_busy_broken_and_declined_are_no_word_about_the_order(
    account: Account, source: str
) -> None:
    with pytest.raises(ProviderDown) as wrong:
        charge(account, source)
    assert not isinstance(wrong.value, Unwilling)


def test_what_is_not_there_is_not_found_and_what_lacks_is_not_wanted(account: Account) -> None:
    assert stripe_wire.find(account, lambda to: to.v1.charges.retrieve("ch_none")) is None
    params: Any = {"currency": "eur", "source": "tok_visa"}
    with pytest.raises(Unwilling):
        stripe_wire.call(account, lambda to: to.v1.charges.create(params))
