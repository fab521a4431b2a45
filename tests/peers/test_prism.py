"""Prism stands between PayPal's adapter and its fake, and lets nothing pass that PayPal's published
schemas do not know: a wrong request is answered 422, a wrong answer of the fake 500.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fakes.paypal import told as fakes_told
from portal import clock
from portal.money import Money
from portal.providers.paypal import PayPal
from portal.providers.protocol import Account, Order, Outcome, ProviderDown, RefundOrder
from tests.peers.running import running
from tests.providers import paypal_spec
from tests.providers.harness_paypal import PayPalHarness, paypal_harness

PAYPAL = PayPal()
ANYTHING: Mapping[str, Any] = {"description": "as it comes"}
FREE = {
    paypal_spec.TOKEN: ("post", "application/x-www-form-urlencoded"),
    paypal_spec.CERTIFICATE + "{name}": ("get", ""),
}


def document() -> dict[str, Any]:
    """One OpenAPI document of the calls that we make, from the published schemas of each API."""
    schemas: dict[str, Any] = {}
    for api in paypal_spec.APIS:
        told = json.loads((paypal_spec.SPECS / f"paypal_{api}.json").read_text())
        renamed = json.dumps(told["components"]["schemas"]).replace(
            "#/components/schemas/", f"#/components/schemas/{api}."
        )
        schemas |= {f"{api}.{name}": one for name, one in json.loads(renamed).items()}
    paths: dict[str, Any] = {}
    for method, pattern, api, asked, told in paypal_spec.CALLS:
        path = re.sub(r"\[\^/\]\+", "{name}", pattern)
        paths.setdefault(path, {})[method.lower()] = _operation(path, api, asked, told)
    for path, (method, kind) in FREE.items():
        body = {"requestBody": {"content": {kind: {}}}} if kind else {}
        paths[path] = {method: {**_names(path), **body, "responses": {"default": ANYTHING}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "PayPal", "version": "2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(path: str, api: str, asked: str, told: str) -> dict[str, Any]:
    def of(schema: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{api}.{schema}"}}}

    good = {"description": "good", "content": of(told)}
    found = {"responses": {"200": good, "201": good, "default": ANYTHING}}
    body = {"requestBody": {"required": True, "content": of(asked)}} if asked else {}
    return {**_names(path), **found, **body}


def _names(path: str) -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    return {"parameters": [name]} if "{name}" in path else {}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PayPalHarness]:
    with paypal_harness(tmp_path_factory.mktemp("paypal")) as found:
        yield found


@pytest.fixture(scope="module")
def account(
    harness: PayPalHarness, peers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    """The town's account behind Prism."""
    folder = tmp_path_factory.mktemp("prism")
    (folder / "paypal.json").write_text(json.dumps(document()))
    prism = str(peers / "node_modules" / ".bin" / "prism")
    upstream = harness.account.credentials["base_url"]
    words = (prism, "proxy", "paypal.json", upstream, "--errors", "--host", "127.0.0.1", "--port")
    with running(lambda port: (*words, str(port)), folder / "log") as url:
        told = {**harness.account.credentials, "base_url": url}
        yield replace(harness.account, credentials=told)


def order(payment: str) -> Order:
    return Order(
        payment=payment,
        amount=Money(4200),
        text="Stadt Musterhausen 7F3K-9QXM",
        method="",
        language="de",
        return_url=f"https://town.example/return/{payment}",
        notify_url="https://town.example/hook",
    )


def test_a_payments_life_is_as_published(harness: PayPalHarness, account: Account) -> None:
    reference = PAYPAL.start(account, order("pay-1")).provider_reference
    assert PAYPAL.fetch(account, "pay-1", reference).outcome is Outcome.STARTED
    harness.approve("pay-1")
    assert PAYPAL.fetch(account, "pay-1", reference).outcome is Outcome.AGREED
    assert PAYPAL.collect(account, "pay-1", reference).outcome is Outcome.SUCCEEDED
    for name, cents, end in (("ref-1", 4000, Outcome.SUCCEEDED), ("ref-2", 201, Outcome.FAILED)):
        back = RefundOrder(name, "pay-1", reference, Money(cents))
        assert PAYPAL.refund(account, back).outcome is end
    harness.settle()
    yesterday = clock.now() - timedelta(days=1)
    (name,) = PAYPAL.settlements(account, yesterday)
    report = PAYPAL.settlement(account, name)
    assert {line.gross for line in report.lines if line.kind == "payment"} == {Money(4200)}


def test_what_is_not_there_is_not_found(account: Account) -> None:
    assert PAYPAL.fetch(account, "pay-9", "5O190127TN364715T").outcome is Outcome.NOT_FOUND


def test_what_is_not_as_published_does_not_pass(account: Account) -> None:
    """Prism is awake: an order without intent, and one with a comma in its amount."""
    unit = {"amount": {"currency_code": "EUR", "value": "42,00"}}
    for body in ({"purchase_units": []}, {"intent": "CAPTURE", "purchase_units": [unit]}):
        answer = httpx2.post(
            f"{account.credentials['base_url']}/v2/checkout/orders", json=body, trust_env=False
        )
        assert answer.status_code == 422, answer.text
        assert "stoplight" in answer.text


def test_an_answer_of_the_fake_that_is_not_as_published_does_not_pass(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = PAYPAL.start(account, order("pay-2")).provider_reference
    monkeypatch.setitem(fakes_told.ORDER_STATUS, "open", "WAITING")
    with pytest.raises(ProviderDown):
        PAYPAL.fetch(account, "pay-2", reference)
    monkeypatch.undo()
    assert PAYPAL.fetch(account, "pay-2", reference).outcome is Outcome.STARTED
