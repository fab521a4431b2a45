"""The fakes' page for people who run an exercise."""

from pathlib import Path

import httpx2
import pytest

from portal.money import Money
from portal.providers.capabilities import Provider
from portal.providers.girocheckout import Girocheckout
from portal.providers.paypal import PayPal
from portal.providers.protocol import Order
from portal.providers.stripe import Stripe
from tests.providers import peers

NAMED = {"stripe": "Stripe", "paypal": "PayPal", "girocheckout": "GiroCheckout"}
FAKES = [(adapter, opened) for adapter, opened in peers.PEERS if adapter.name in NAMED]
METHODS = {Stripe: "", PayPal: "", Girocheckout: "wero"}


@pytest.mark.parametrize(("adapter", "opened"), FAKES, ids=[each.name for each, _ in FAKES])
def test_what_happens_at_a_press_of_a_button(
    adapter: Provider, opened: object, tmp_path: Path
) -> None:
    with opened(tmp_path) as harness:  # type: ignore[operator]
        order = Order(
            "pay-1", Money(4_200), "Stadt 7F3K-9QXM", METHODS[type(adapter)], "de",
            "http://localhost/return", "http://127.0.0.1:1/",
        )  # fmt: skip
        adapter.start(harness.account, order)
        base = harness.account.credentials["base_url"]
        root = base.removesuffix(adapter.name)
        with httpx2.Client(
            trust_env=False, verify=False, headers={"Accept-Language": "de"}
        ) as people:
            assert NAMED[adapter.name] in people.get(root).text
            page = people.get(f"{base}/").text
            assert "42,00" in page
            assert "Geld kommt" in page
            harness.pay("pay-1")
            settle = f"{base}/test/merchants/{harness.account.merchant}/settle"
            answer = people.post(settle, data={"settle": "1"})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/{adapter.name}/")
            again = people.post(settle, data={"settle": "1"})
            assert again.status_code == 409
            assert "nichts abzurechnen" in again.text
            assert "Ausgezahlt" in people.get(f"{base}/").text
            foreign = people.post(settle, headers={"Sec-Fetch-Site": "cross-site"})
            assert foreign.status_code == 403
