"""The practice provider in a thread, a merchant's mailbox, and a hand on both."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sandbox.serving import running
from tests.sandbox.mailbox import Mailbox, open_mailbox

SECRET = "whsec_" + b64encode(b"town".ljust(32, b".")).decode()
KEY = "key of the town"


class Desk:
    """Calls the practice provider as merchant, payer and trainer."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(
            base_url=url, trust_env=False, verify=False, follow_redirects=False
        )

    def open_account(self, mailbox_url: str, merchant: str = "town", key: str = KEY) -> None:
        told = {"name": "Stadt Musterhausen", "secret": key, "webhook_secret": SECRET}
        self.http.put(
            f"/merchants/{merchant}", json=told | {"webhook_url": mailbox_url}
        ).raise_for_status()

    def order(self, payment: str = "pay-1", cents: int = 4200, **other: Any) -> httpx2.Response:
        body = {
            "payment": payment,
            "amount_cents": cents,
            "currency": "EUR",
            "text": "Stadt Musterhausen 7F3K-9QXM",
            "method": "",
            "language": "de",
            "return_url": f"http://localhost:8000/return/{payment}?from=there",
        }
        return self.as_merchant("/v1/payments", body | other, payment)

    def as_merchant(self, path: str, body: dict[str, Any], key: str = "") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": key}
        return self.http.post(path, json=body, headers=headers)

    def page(self, payment: str = "pay-1", **other: Any) -> str:
        """Order a payment; the path of its page."""
        return f"/pay/{self.order(payment, **other).raise_for_status().json()['id']}"

    def test(self, path: str, **options: Any) -> dict[str, Any]:
        told: dict[str, Any] = (
            self.http.post(f"/test/{path}", json=options).raise_for_status().json()
        )
        return told

    def books(self, merchant: str = "town") -> dict[str, Any]:
        told: dict[str, Any] = self.http.get("/books").json()["merchants"][merchant]
        return told


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path, mailbox: Mailbox) -> Iterator[Desk]:
    with running(tmp_path) as url:
        desk = Desk(url)
        desk.open_account(mailbox.url)
        yield desk
        desk.http.close()
