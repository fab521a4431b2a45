"""The practice provider's side of the contract."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from standardwebhooks import Webhook

from portal.providers.protocol import Account
from portal.providers.sandbox_reading import (
    LINE_KIND,
    REFUND_STATUS,
    REVERSAL_REASON,
    REVERSAL_WON,
    STATUS,
)
from sandbox.payments import PAYER
from sandbox.serving import running
from sandbox.states import REASONS, REFUND_STATUSES, REVERSAL_STATUSES, STATUSES
from tests.providers.harnesses import Change, Harness, Letter
from tests.sandbox.mailbox import Mailbox, open_mailbox


class SandboxHarness(Harness):
    """The practice provider over real HTTP."""

    wins_in_part = False
    words = (
        (set(STATUSES), set(STATUS)),
        (set(REFUND_STATUSES), set(REFUND_STATUS)),
        (set(REVERSAL_STATUSES), set(REVERSAL_WON)),
        (set(REASONS), set(REVERSAL_REASON)),
        ({"sale", "return", "return_back", "reversal", "reversal_won"}, set(LINE_KIND)),
    )
    payer = tuple(word.encode() for word in PAYER.values())
    spoilt: Mapping[str, tuple[Change, ...]] = {
        "payment": (
            (b'"amount_cents":4200', b'"amount_cents":4200,"amount_cents":1'),
            (b'"amount_cents":4200', b'"amount_cents":true'),
            (b'"amount_cents":4200', b'"amount_cents":42.0'),
            (b'"amount_cents":4200', b'"amount_cents":"4200"'),
            (b'"amount_cents":4200', b'"amount_cents":-4200'),
            (b'"amount_cents":4200', b'"amount_cents":NaN'),
            (b'"amount_cents":4200', b'"amount_cents":1' + b"0" * 30),
            (b'"live":false', b'"live":0'),
            (b'"currency":"EUR"', b'"currency":"eur"'),
            (b'"currency":"EUR"', b'"currency":null'),
            (b'"payment":"pay-1"', b'"payment":["pay-1"]'),
            (b'"payment":"pay-1"', b'"payment":"pay-1\\u0000"'),
            (b'"payment":"pay-1"', b'"paymemt":"pay-1"'),
            (b'{"type"', b'[{"type"'),
            (b'{"type"', b"\xef\xbb\xbf" + b'{"type"'),
            (b'{"type"', b'{"deep":' + b"[" * 20_000 + b"]" * 20_000 + b',"type"'),
            (b'{"type"', b'{"long":"' + b"x" * 256 * 1024 + b'","type"'),
        ),
        "refund": (
            (b'"amount_cents":200', b'"amount_cents":200,"amount_cents":1'),
            (b'"amount_cents":200', b'"amount_cents":-200'),
            (b'"live":false', b'"live":0'),
            (b'"currency":"EUR"', b'"currency":"eur"'),
            (b'"refund":"ref-1"', b'"refund":["ref-1"]'),
            (b'"merchant":', b'"marchant":'),
        ),
        "reversal": (
            (b'"amount_cents":1000', b'"amount_cents":0'),
            (b'"amount_cents":1000', b'"amount_cents":-1000'),
            (b'"fee_cents":500', b'"fee_cents":-500'),
            (b'"fee_cents":500', b'"fee_cents":true'),
            (b'"live":false', b'"live":"false"'),
            (b'"id":"', b'"id":"\\u0000'),
            (b'"merchant":', b'"marchant":'),
        ),
        "settlement": (
            (b'"settlement":"', b'"settlement":"\\n'),
            (b'"live":false', b'"live":null'),
        ),
    }
    unknown_words = (
        ("payment", b'"status":"paid"', b'"status":"on_the_moon"'),
        ("payment", b'"type":"payment.updated"', b'"type":"on_the_moon"'),
        ("refund", b'"status":"sent"', b'"status":"on_the_moon"'),
        ("reversal", b'"status":"taken"', b'"status":"on_the_moon"'),
        ("reversal", b'"reason":"chargeback"', b'"reason":"on_the_moon"'),
    )
    differing: Mapping[str, Change] = {
        "amount": (rb'"amount_cents":[0-9]+', b'"amount_cents":{n}'),
        "currency": (rb'"currency":"EUR"', b'"currency":"CHF"'),
        "merchant": (rb'"merchant":"[^"]+"', b'"merchant":"m-{n}"'),
        "reference": (rb'"id":"[^"]+"', b'"id":"sp_{n}"'),
    }
    mode = rb'"live": ?false'
    signature_headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    no_secrets = tuple(
        {"webhook_secret": secret} for secret in ("", "whsec_", "whsec_!", "no base64 \u00e4")
    )
    secrets = ("secret", "webhook_secret")
    wrong_credentials = (
        ("secret", "wrong"),
        ("secret", "\u00e4\u00f6"),
        ("base_url", "nowhere"),
    )

    def __init__(self, url: str, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._http = httpx2.Client(base_url=url, trust_env=False, verify=False)
        self.account = self._open("town", url)
        self.other_account = self._open("other-town", url)

    def close(self) -> None:
        self._http.close()

    def pay(self, payment: str) -> Letter:
        return self._told(f"/test/payments/{payment}/pay", {})

    def settle(self) -> Letter:
        return self._told("/test/merchants/town/settle", {"fee_bp": 120, "fee_cents": 25})

    def let_refunds_wait(self) -> None:
        self._post("/test/settings", {"refunds": "under_way"})

    def end_refund(self, refund: str, *, sent: bool) -> Letter:
        return self._told(f"/test/refunds/{refund}/{'send' if sent else 'bounce'}", {})

    def reverse(self, payment: str, cents: int, fee_cents: int, *, debit: bool = False) -> Letter:
        reason = "returned_debit" if debit else "chargeback"
        told = {"amount_cents": cents, "fee_cents": fee_cents, "reason": reason}
        return self._told(f"/test/payments/{payment}/reverse", told)

    def win(self, reversal: str, cents: int | None = None) -> Letter:
        assert cents is None, "what is won there is won wholly"
        return self._told(f"/test/reversals/{reversal}/win", {})

    def sign(self, letter: Letter) -> Letter:
        headers, body = letter
        signer = Webhook(self.account.credentials["webhook_secret"])
        signature = signer.sign(headers["webhook-id"], self.signed_at(headers), body.decode())
        return headers | {"webhook-signature": signature}, body

    def signed_at(self, headers: dict[str, str]) -> datetime:
        return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)

    def dated_anew(self, letter: Letter, now: datetime) -> Letter:
        headers, body = letter
        return headers | {"webhook-timestamp": str(int(now.timestamp()))}, body

    def fall_silent(self) -> None:
        self._post("/test/settings", {"down": True})

    def _told(self, path: str, options: dict[str, object]) -> Letter:
        (delivery,) = self._post(path, options)["deliveries"]
        return self._mailbox.find(delivery["event"])

    def _open(self, merchant: str, url: str) -> Account:
        secret = "whsec_" + b64encode(merchant.encode().ljust(32, b".")).decode()
        told = {
            "name": merchant.title(),
            "secret": f"key of {merchant}",
            "webhook_secret": secret,
            "webhook_url": self._mailbox.url,
        }
        self._http.put(f"/merchants/{merchant}", json=told).raise_for_status()
        credentials = {
            "base_url": url,
            "secret": f"key of {merchant}",
            "webhook_secret": secret,
        }
        return Account("tenant", f"account-{merchant}", merchant, False, credentials)

    def _post(self, path: str, options: dict[str, object]) -> dict[str, Any]:
        told: dict[str, Any] = self._http.post(path, json=options).raise_for_status().json()
        return told


@contextmanager
def sandbox_harness(folder: Path) -> Iterator[SandboxHarness]:
    with open_mailbox() as mailbox, running(folder) as url:
        harness = SandboxHarness(url, mailbox)
        try:
            yield harness
        finally:
            harness.close()
