"""PayPal's side of the contract; all that is said is held against the published specification."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fakes import settings
from fakes.books import Books
from fakes.paypal import certificates, told
from fakes.paypal.certificates import Certificates
from fakes.paypal.fake import signed
from fakes.paypal.told import PAYER
from fakes.serving import running
from portal.providers.paypal import ORDER_STATUS
from portal.providers.paypal_events import COMES_BACK, FEE, OUTCOME, REASON, STAGE
from portal.providers.paypal_reading import CAPTURE_STATUS, REFUND_STATUS
from portal.providers.paypal_report import COUNTS, TRANSFER_COUNTS
from portal.providers.protocol import Account
from tests.providers import paypal_spec
from tests.providers.harnesses import Change, Harness, Letter
from tests.sandbox.mailbox import Mailbox, open_mailbox

MERCHANT, OTHER = "TWNMUSTERH7SN", "TWNANDERSW7HR"
AMOUNT = b'"amount":{"currency_code":"EUR","value":"42.00"}'
REFUND = b'"amount":{"currency_code":"EUR","value":"2.00"}'
DISPUTE = b'"dispute_amount":{"currency_code":"EUR","value":"10.00"}'


def published(api: str, schema: str, name: str = "") -> set[str]:
    """The words that the specification lists, of a schema or of one of its fields."""
    told = json.loads((paypal_spec.SPECS / f"paypal_{api}.json").read_text())
    found = told["components"]["schemas"][schema]
    return set((found["properties"][name] if name else found)["enum"])


def value(amount: bytes, new: bytes) -> Change:
    """Another value in an amount; ``new`` as it stands in JSON."""
    head, _, _ = amount.rpartition(b":")
    return amount, head + b":" + new + b"}"


class PayPalHarness(Harness):
    """PayPal's fake over real HTTP."""

    words = (
        (published("orders", "order_status"), set(ORDER_STATUS)),
        (published("payments", "capture_status", "status"), set(CAPTURE_STATUS)),
        (published("payments", "refund_status", "status"), set(REFUND_STATUS)),
        (published("disputes", "dispute_outcome", "outcome_code"), set(OUTCOME)),
        (published("disputes", "dispute_lifecycle_stage"), set(STAGE)),
        (published("disputes", "dispute_channel"), set(REASON)),
        (published("disputes", "money_movement_reason"), set(FEE)),
        (published("disputes", "money_movement", "type"), set(COMES_BACK)),
        ({"D", "P", "S", "V"}, set(COUNTS)),
        ({"D", "P", "S", "V"}, set(TRANSFER_COUNTS)),
    )
    payer = (PAYER["given_name"].encode(), PAYER["surname"].encode())
    tell_of_the_payer = frozenset({"reversal"})
    spoilt: Mapping[str, tuple[Change, ...]] = {
        "payment": (
            (AMOUNT, AMOUNT + b"," + AMOUNT.replace(b"42.00", b"0.01")),
            *(
                value(AMOUNT, new)
                for new in (
                    b"true", b"42.0", b"4200", b"null", b"NaN", b'"42,00"', b'"-42.00"', b'"NaN"',
                    b'"42.001"', b'"4.2e1"', b'""', b'" 42.00"', b'"1' + b"0" * 30 + b'.00"',
                    '"\u0664\u0662.00"'.encode(),
                )
            ),
            (b'"currency_code":"EUR"', b'"currency_code":"eur"'),
            (b'"currency_code":"EUR"', b'"currency_code":null'),
            (b'"custom_id":"pay-1"', b'"custom_id":["pay-1"]'),
            (b'"custom_id":"pay-1"', b'"custom_id":"pay-1\\u0000"'),
            (b'"resource":{', b'"resauce":{'),
            (b'{"id"', b'[{"id"'),
            (b'{"id"', b"\xef\xbb\xbf" + b'{"id"'),
            (b'{"id"', b'{"deep":' + b"[" * 20_000 + b"]" * 20_000 + b',"id"'),
            (b'{"id"', b'{"long":"' + b"x" * 256 * 1024 + b'","id"'),
        ),
        "refund": (
            (REFUND, REFUND + b"," + REFUND),
            *(value(REFUND, new) for new in (b'"-2.00"', b'"0.00"', b"2", b"true")),
            (b'"currency_code":"EUR"', b'"currency_code":"eur"'),
            (b'"invoice_id":"ref-1"', b'"invoice_id":["ref-1"]'),
            (b'"custom_id":"pay-1"', b'"custom_id":7'),
        ),
        "reversal": (
            *(value(DISPUTE, new) for new in (b'"0.00"', b'"-10.00"', b"10", b"true")),
            (b'"value":"5.00"', b'"value":"-5.00"'),
            (b'"dispute_id":"', b'"dispute_id":"\\u0000'),
            (b'"seller_transaction_id":', b'"celler_transaction_id":'),
            (b'"disputed_transactions":[', b'"disputed_transactions":[7,'),
        ),
    }  # fmt: skip
    differing: Mapping[str, Change] = {
        "amount": (AMOUNT, AMOUNT),  # as it really came: see ``otherwise``
        "currency": (AMOUNT, AMOUNT),
        "merchant": (AMOUNT, AMOUNT),
        "reference": (AMOUNT, AMOUNT),
    }
    unknown_words = (
        ("payment", b'"status":"COMPLETED"', b'"status":"ON_THE_MOON"'),
        ("payment", b'"event_type":"PAYMENT.CAPTURE.COMPLETED"', b'"event_type":"ON.THE.MOON"'),
        ("refund", b'"status":"COMPLETED"', b'"status":"ON_THE_MOON"'),
        ("reversal", b'_stage":"CHARGEBACK"', b'_stage":"ON_THE_MOON"'),
        ("reversal", b'"dispute_channel":"EXTERNAL"', b'"dispute_channel":"LUNAR"'),
        ("reversal", b'"reason":"CHARGEBACK_FEE"', b'"reason":"MOON_FEE"'),
    )
    signature_headers = (
        "paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig",
        "paypal-cert-url", "paypal-auth-algo",
    )  # fmt: skip
    no_secrets = (
        {"webhook_id": ""},
        {"webhook_id": "no id \u00e4"},
        {"webhook_id": "ANOTHERWEBHOOK"},
        {"ca": ""},
        {"ca": "no certificate"},
    )
    secrets = ("secret",)
    wrong_credentials = (
        ("secret", "wrong"),
        ("secret", "\u00e4\u00f6"),
        ("client_id", "nobody"),
        ("base_url", "nowhere"),
    )
    finds_by_our_id = False  # orders are found by PayPal's name only
    debits = False  # of a debit that is returned PayPal bears the risk

    def __init__(self, url: str, mailbox: Mailbox, signer: Certificates) -> None:
        self._mailbox, self._signer = mailbox, signer
        self._http = httpx2.Client(base_url=url, trust_env=False, verify=False)
        self.account = self._open(MERCHANT, url)
        self.other_account = self._open(OTHER, url)
        self.patch: pytest.MonkeyPatch | None = None
        self.called: list[tuple[str, str, int]] = []  # method, path, status of each call

    def close(self) -> None:
        self._http.close()

    def pay(self, payment: str) -> Letter:
        self.approve(payment)
        return self.door(f"payments/{payment}/capture")

    def approve(self, payment: str, how: str = "pay") -> Letter:
        """The payer agrees (``pend``: to what takes its time, ``decline``: in vain)."""
        return self.door(f"payments/{payment}/{how}")

    def otherwise(self, payment: str, what: str, number: int) -> Letter:
        """As it comes to be at PayPal: of a letter nothing is believed."""
        other = {"amount": {"amount_cents": number}, "currency": {"currency": "CHF"}}
        digits = "".join("23456789"[int(digit)] for digit in f"{number:05o}")
        fields: dict[str, Any] = {
            "merchant": {"payee": {"merchant_id": f"MERCHANT{digits}"}},
            "reference": {"supplementary_data": {"related_ids": {"order_id": f"ORDER{number}"}}},
        }
        if what in fields:
            self._tell(payment, fields[what])
        self.approve(payment)
        return self.door(f"payments/{payment}/capture", **other.get(what, {}))

    def _tell(self, payment: str, fields: dict[str, Any]) -> None:
        """From now on PayPal says something else of the capture of a payment."""
        before = told.whole_capture

        def otherwise(db: Any, row: Any) -> dict[str, Any]:
            return before(db, row) | (fields if row["payment"] == payment else {})

        assert self.patch is not None
        self.patch.setattr(told, "whole_capture", otherwise)

    def sign(self, letter: Letter) -> Letter:
        headers, body = letter
        name, at = (headers[f"paypal-transmission-{part}"] for part in ("id", "time"))
        credentials = dict(self.account.credentials)
        credentials["api_url"] = credentials["base_url"]
        return headers | signed(self._signer, credentials, name, at, body), body

    def signed_at(self, headers: dict[str, str]) -> datetime:
        return datetime.fromisoformat(headers["paypal-transmission-time"])

    def dated_anew(self, letter: Letter, now: datetime) -> Letter:
        headers, body = letter
        return headers | {"paypal-transmission-time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}, body

    def settle(self) -> Letter | None:
        self.post(f"merchants/{MERCHANT}/settle", {})
        return None  # PayPal tells of no transfer

    def let_refunds_wait(self) -> None:
        self.post("settings", {"refunds": "under_way"})

    def end_refund(self, refund: str, *, sent: bool) -> Letter:
        return self.door(f"refunds/{refund}/{'send' if sent else 'bounce'}")

    def reverse(self, payment: str, cents: int, fee_cents: int, *, debit: bool = False) -> Letter:
        taken = {"amount_cents": cents, "fee_cents": fee_cents}
        return self.door(f"payments/{payment}/reverse", **taken)

    def win(self, reversal: str, cents: int | None = None) -> Letter:
        return self.door(f"reversals/{reversal}/win", **({"amount_cents": cents} if cents else {}))

    def take_again(self, reversal: str) -> Letter:
        return self.door(f"reversals/{reversal}/withdraw")

    def fall_silent(self) -> None:
        self.post("settings", {"down": True})

    def door(self, path: str, which: int = 0, **told: Any) -> Letter:
        """What the world does; one of the notifications of it."""
        sent = self.post(path, told)["deliveries"][which]["sent"]
        body = str(sent["body"]).encode()
        paypal_spec.hold_event(body)
        return dict(sent["headers"]), body

    def post(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        """A door of the fake."""
        answer = self._http.post(f"/test/{path}", json=told)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def books(self) -> dict[str, Any]:
        """The fake's own word of the town's money."""
        found: dict[str, Any] = self._http.get("/books").raise_for_status().json()
        town: dict[str, Any] = found["merchants"][MERCHANT]
        return town

    def _open(self, merchant: str, url: str) -> Account:
        credentials = {
            "client_id": f"client of {merchant}",
            "secret": f"secret of {merchant}",
            "webhook_id": f"WEBHOOK{merchant}",
        }
        told = {
            "name": merchant.title(),
            "webhook_url": self._mailbox.url,
            "credentials": credentials | {"api_url": url},
        }
        self._http.put(f"/merchants/{merchant}", json=told).raise_for_status()
        ca = self._http.get("/test/ca").raise_for_status().text
        kept = credentials | {"base_url": url, "ca": ca}
        return Account("tenant", f"account-{merchant}", merchant, False, kept)


@cache
def _certificates() -> dict[str, str]:
    """One set for all tests: an RSA key takes its time."""
    return certificates.made()


@contextmanager
def paypal_harness(folder: Path) -> Iterator[PayPalHarness]:
    books = Books(folder)
    with books.transaction() as db:
        settings.change(db, "paypal", {certificates.NAME: _certificates()})
        signer = certificates.opened(db, "paypal")
    books.close()
    with (
        open_mailbox() as mailbox,
        running(folder) as fakes,
        pytest.MonkeyPatch.context() as patch,
    ):
        harness = PayPalHarness(f"{fakes}/paypal", mailbox, signer)
        harness.patch = patch
        harness.called = paypal_spec.watch(patch, f"{fakes}/paypal")
        try:
            yield harness
        finally:
            harness.close()
