"""Stripe's side of the contract: the fake, with each request and answer held against the spec."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from flask import Flask

from fakes.app import create_app
from fakes.stripe import moved, objects
from portal.providers.protocol import Account, Outcome
from portal.providers.stripe_events import DISPUTE_REASON, DISPUTE_STATUS
from portal.providers.stripe_reading import INTENT, REFUND_STATUS, SESSION
from portal.providers.stripe_settlement import LINE_KIND, OWN
from sandbox import serving
from sandbox.payments import PAYER
from tests.providers.harnesses import Change, Harness, Letter
from tests.providers.stripe_spec import watch, wrong_objects

NOWHERE = "http://127.0.0.1:9/webhook"  # what was sent is told by the fake itself
MERCHANTS = {"town": "acct_1TownMusterhausen", "other": "acct_1OtherTown"}
SPOILT_NAMES: tuple[Change, ...] = (
    (b'"object":"event"', b'"object":"on_the_moon"'),
    (b'"livemode":false,"pending_webhooks"', b'"livemode":0,"pending_webhooks"'),
    (
        b'"livemode":false,"pending_webhooks"',
        b'"livemode":true,"livemode":false,"pending_webhooks"',
    ),
    (b'"id":"evt_', b'"id":"\\u0000evt_'),
    (b'"data":{"object"', b'"data":{"abject"'),
    (b'{"id":"evt_', b'[{"id":"evt_'),
    (b'{"id":"evt_', b"\xef\xbb\xbf" + b'{"id":"evt_'),
    (b'{"id":"evt_', b'{"deep":' + b"[" * 20_000 + b"]" * 20_000 + b',"id":"evt_'),
    (b'{"id":"evt_', b'{"long":"' + b"x" * 256 * 1024 + b'","id":"evt_'),
)


class StripeHarness(Harness):
    """The fake over real HTTP."""

    words = (
        (
            {f"{status}/{paid}" for status, paid, _ in objects.SESSION.values()},
            set(SESSION),
        ),
        ({"succeeded", "pending", "failed", "requires_action", "canceled"}, set(REFUND_STATUS)),
        (
            {
                "requires_payment_method", "requires_confirmation", "requires_action",
                "processing", "requires_capture", "canceled", "succeeded",
            },
            set(INTENT),
        ),
        (
            {category for _, category in moved.MOVEMENT.values()} - {OWN},
            {category for _, category in moved.MOVEMENT.values()} & set(LINE_KIND),
        ),
        (
            {
                "warning_needs_response", "warning_under_review", "warning_closed",
                "needs_response", "under_review", "won", "lost", "prevented",
                "appeal_needs_response", "appeal_under_review",
            },
            set(DISPUTE_STATUS),
        ),
        (set(moved.REASON.values()), set(moved.REASON.values()) & set(DISPUTE_REASON)),
    )  # fmt: skip
    payer = tuple(word.encode() for word in PAYER.values())
    tell_of_the_payer = frozenset({"payment", "reversal"})
    spoilt: Mapping[str, tuple[Change, ...]] = {
        "payment": (
            *SPOILT_NAMES,
            (b'"amount_total":4200', b'"amount_total":4200,"amount_total":1'),
            (b'"amount_total":4200', b'"amount_total":true'),
            (b'"amount_total":4200', b'"amount_total":42.0'),
            (b'"amount_total":4200', b'"amount_total":"4200"'),
            (b'"amount_total":4200', b'"amount_total":-4200'),
            (b'"amount_total":4200', b'"amount_total":NaN'),
            (b'"amount_total":4200', b'"amount_total":1' + b"0" * 30),
            (b'"currency":"eur"', b'"currency":"EUR"'),
            (b'"currency":"eur"', b'"currency":null'),
            (b'"client_reference_id":"pay-1"', b'"client_reference_id":["pay-1"]'),
            (b'"client_reference_id":"pay-1"', b'"client_reference_id":"pay-1\\u0000"'),
            (b'"payment_status":', b'"payment_state":'),
            (b'"id":"cs_', b'"id":"\\ncs_'),
        ),
        "refund": (
            *SPOILT_NAMES,
            (b'"amount":200', b'"amount":200,"amount":1'),
            (b'"amount":200', b'"amount":-200'),
            (b'"currency":"eur"', b'"currency":"EUR"'),
            (b'"refund":"ref-1"', b'"refund":["ref-1"]'),
            (b'"id":"re_', b'"id":"\\u0000re_'),
        ),
        "reversal": (
            *SPOILT_NAMES,
            (b'"amount":1000', b'"amount":0'),
            (b'"amount":-1000', b'"amount":true'),
            (b'"fee":500', b'"fee":-500'),
            (b'"fee":500', b'"fee":true'),
            (b'"id":"dp_', b'"id":"\\u0000dp_'),
            (b'"balance_transactions":[', b'"balance_transactions":[[],'),
        ),
        "settlement": (*SPOILT_NAMES, (b'"id":"po_', b'"id":"\\npo_')),
    }
    unknown_words = (
        ("payment", b'"status":"complete"', b'"status":"on_the_moon"'),
        ("payment", b'"payment_status":"paid"', b'"payment_status":"on_the_moon"'),
        ("payment", b'"checkout.session.completed"', b'"checkout.session.on_the_moon"'),
        ("refund", b'"status":"succeeded"', b'"status":"on_the_moon"'),
        ("reversal", b'"status":"needs_response"', b'"status":"on_the_moon"'),
        ("reversal", b'"reason":"fraudulent"', b'"reason":"on_the_moon"'),
        ("settlement", b'"reconciliation_status":"completed"', b'"reconciliation_status":"moon"'),
    )
    differing: Mapping[str, Change] = {
        "amount": (rb'"amount_total":[0-9]+', b'"amount_total":{n}'),
        "currency": (rb'"currency":"eur"', b'"currency":"chf"'),
        "merchant": (rb'"object":"event"', b'"object":"event","account":"acct_{n}"'),
        "reference": (rb'"id":"cs_[^"]+"', b'"id":"cs_test_{n}"'),
    }
    mode = rb'"livemode":false'
    signature_headers = ("stripe-signature",)
    no_secrets = ({"webhook_secret": ""}, {"webhook_secret": " "}, {"webhook_secret": "whsec_"})
    secrets = ("secret_key", "webhook_secret")
    wrong_credentials = (
        ("secret_key", "sk_test_wrong"),
        ("secret_key", "\u00e4\u00f6"),
        ("base_url", "nowhere"),
    )
    finds_by_our_id = False
    least_cents = 50
    cancelled = Outcome.EXPIRED

    def __init__(self, url: str, violations: list[str]) -> None:
        self._http = httpx2.Client(base_url=f"{url}/stripe", trust_env=False, verify=False)
        self.violations = violations
        self.account = self._open("town", url)
        self.other_account = self._open("other", url)

    def close(self) -> None:
        self._http.close()

    def pay(self, payment: str) -> Letter:
        return self.told(f"payments/{payment}/pay")[-1]

    def settle(self) -> Letter:
        return self.told(f"merchants/{self.account.merchant}/settle")[-1]

    def let_refunds_wait(self) -> None:
        self.post("settings", refunds="under_way")

    def end_refund(self, refund: str, *, sent: bool) -> Letter:
        return self.told(f"refunds/{refund}/{'send' if sent else 'bounce'}")[0]

    def reverse(self, payment: str, cents: int, fee_cents: int, *, debit: bool = False) -> Letter:
        reason = "returned_debit" if debit else "chargeback"
        path = f"payments/{payment}/reverse"
        return self.told(path, amount_cents=cents, fee_cents=fee_cents, reason=reason)[-1]

    def win(self, reversal: str, cents: int | None = None) -> Letter:
        told = {"amount_cents": cents} if cents else {}
        return self.told(f"reversals/{reversal}/win", **told)[-1]

    def take_again(self, reversal: str) -> Letter:
        return self.told(f"reversals/{reversal}/withdraw")[-1]

    def sign(self, letter: Letter) -> Letter:
        headers, body = letter
        at = re.findall("t=([0-9]+)", headers["stripe-signature"])[0]
        key = self.account.credentials["webhook_secret"].encode()
        signature = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return headers | {"stripe-signature": f"t={at},v1={signature}"}, body

    def signed_at(self, headers: dict[str, str]) -> datetime:
        (at,) = re.findall("t=([0-9]+)", headers["stripe-signature"])
        return datetime.fromtimestamp(int(at), UTC)

    def dated_anew(self, letter: Letter, now: datetime) -> Letter:
        """Two moments: one for Stripe's package, and one for us."""
        headers, body = letter
        old, signature = headers["stripe-signature"].split(",v1=")
        header = f"t=+{old.removeprefix('t=')},t={int(now.timestamp())},v1={signature}"
        return headers | {"stripe-signature": header}, body

    def fall_silent(self) -> None:
        self.post("settings", down=True)

    def told(self, path: str, **options: object) -> list[Letter]:
        """Let something happen; the letters about it, in order."""
        letters = []
        for delivery in self.post(path, **options)["deliveries"]:
            sent = delivery["sent"]
            self.violations.extend(wrong_objects(json.loads(sent["body"])))
            letters.append((dict(sent["headers"]), sent["body"].encode()))
        return letters

    def post(self, path: str, **options: object) -> dict[str, Any]:
        told: dict[str, Any] = (
            self._http.post(f"/test/{path}", json=options).raise_for_status().json()
        )
        return told

    def books(self) -> dict[str, Any]:
        """The far side's own books of the town."""
        told = self._http.get("/books").raise_for_status().json()
        found: dict[str, Any] = told["merchants"][self.account.merchant]
        return found

    def _open(self, name: str, url: str) -> Account:
        merchant = MERCHANTS[name]
        credentials = {
            "secret_key": f"sk_test_key_of_{name}",
            "webhook_secret": f"whsec_of_{name}",
        }
        told = {"name": name.title(), "webhook_url": NOWHERE, "credentials": credentials}
        self._http.put(f"/merchants/{merchant}", json=told).raise_for_status()
        mine = credentials | {"base_url": f"{url}/stripe"}
        return Account("tenant", f"account-{name}", merchant, False, mine)


@contextmanager
def stripe_harness(folder: Path) -> Iterator[StripeHarness]:
    violations: list[str] = []

    def build(where: Path, url: str) -> Flask:
        return watch(create_app(where, url), violations)

    with serving.running(folder, build=build) as url:
        harness = StripeHarness(url, violations)
        try:
            yield harness
        finally:
            harness.close()
    assert not violations, violations
