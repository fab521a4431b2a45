"""GiroCheckout's side of the contract: its pay page, where the payer chooses.

The other methods are tried in ``test_girocheckout_methods.py``.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from fakes.girocheckout import api, tables
from fakes.girocheckout.fake import PAYER
from fakes.girocheckout.signing import sign
from fakes.serving import running
from portal.providers.girocheckout import METHODS
from portal.providers.girocheckout_reading import RESULT
from portal.providers.girocheckout_wire import Project, call
from portal.providers.protocol import Account
from tests.providers.harnesses import Change, Harness, Letter

_PROJECTS = {"wero": "11", "paypal": "12", "card": "13", "transfer": "14", "page": "15"}


class GirocheckoutHarness(Harness):
    """The fake over real HTTP."""

    words = (
        (set(tables.RESULTS), set(RESULT)),
        (set(tables.METHODS), set(METHODS)),
    )
    payer = tuple(
        urlencode({"": value})[1:].encode()
        for value in (PAYER["gcAccountHolder"], PAYER["gcIban"], PAYER["gcCardnumber"])
    )
    tell_of_the_payer = frozenset({"payment"})
    spoilt: Mapping[str, tuple[Change, ...]] = {
        "payment": (
            (b"gcAmount=4200", b"gcAmount=4200&gcAmount=1"),
            (b"gcAmount=4200", b"gcAmount=-4200"),
            (b"gcAmount=4200", b"gcAmount=42.00"),
            (b"gcAmount=4200", b"gcAmount="),
            (b"gcAmount=4200", b"gcAmount=1" + b"0" * 30),
            (b"gcCurrency=EUR", b"gcCurrency=eur"),
            (b"gcMerchantTxId=pay-1", b"gcMerchantTxId=pay-1%00"),
            (b"gcMerchantTxId=pay-1", b"gcMerchantTxld=pay-1"),
            (b"gcMerchantTxId=pay-1&", b""),
            (b"gcPaymethod=1&gcType=SALE", b"gcType=SALE&gcPaymethod=1"),
            (b"gcType=SALE", b"gcType=SALE&more=1"),
            (b"gcType=SALE", b"gcType=" + b"x" * 8192),
            (b"gcType=SALE", b"gcType=%ff"),
        ),
        "refund": (
            (b"gcAmount=200", b"gcAmount=-200"),
            (b"gcMerchantTxId=ref-1", b"gcMerchantTxId="),
            (b"gcMerchantTxId=ref-1&", b""),
            (b"gcReference=", b"gcPaymethod=1&gcReference="),
        ),
    }
    unknown_words = (("payment", b"gcResultPayment=4000", b"gcResultPayment=4242"),)
    differing: Mapping[str, Change] = {
        "amount": (b"gcAmount=[0-9]+", b"gcAmount={n}"),
        "currency": (b"gcCurrency=EUR", b"gcCurrency=CHF"),
        "reference": (b"gcReference=[^&]+", b"gcReference={n}"),
    }  # the merchant is told by no one
    signature_headers = ()
    no_secrets = ({"page_password": ""}, {"page_project": ""}, {"page_password": "wrong"})
    secrets = tuple(f"{method}_password" for method in METHODS)
    wrong_credentials = (
        ("wero_password", "wrong"),
        ("wero_password", "\u00e4\u00f6"),
        ("wero_project", "99"),
        ("base_url", "nowhere"),
    )

    dated = False  # no notification bears a date: it is only a bell, and rings as often as it likes
    says_when = False
    says_who_is_not_let_in = False
    rings = True
    finds_by_our_id = False
    repeats_itself = False  # a second start is refused as a duplicate and names no page
    reverses = False

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=f"{url}/girocheckout", trust_env=False, verify=False)
        self._password = ""
        self.account = self._open("1000001", f"{url}/girocheckout")
        self.other_account = self._open("1000002", f"{url}/girocheckout")

    def close(self) -> None:
        self._http.close()

    def pay(self, payment: str) -> Letter:
        return self.let_happen(payment, "pay")

    def let_happen(self, payment: str, verb: str, **told: object) -> Letter:
        """What the payer or time does; the notification of it."""
        return self._told(f"/test/payments/{payment}/{verb}", told)

    def _told(self, path: str, told: Mapping[str, object]) -> Letter:
        (delivery,) = self.post(path, told)["deliveries"]
        assert delivery["sent"]["method"] == "GET"
        letter = urlsplit(delivery["sent"]["url"]).query.encode()
        self._password = self._signer(letter) or self._password
        return {}, letter

    def otherwise(self, payment: str, what: str, number: int) -> Letter:
        """As it comes to be on the far side: a bell tells nothing."""
        if what == "reference":
            self._begin_again(payment)
        told = {"amount": {"amount_cents": number}, "currency": {"currency": "CHF"}}
        return self.let_happen(payment, "pay", **told.get(what, {}))

    def _begin_again(self, payment: str) -> None:
        """A second transaction under the same id of ours, which GiroCheckout should refuse."""
        rows = json.loads(self.get("/books"))["merchants"][self.account.merchant]["payments"]
        (known,) = (row for row in rows if row["payment"] == payment)
        project = Project("card", _PROJECTS["card"], self.account.credentials["card_password"])
        said = {
            "merchantTxId": payment,
            "amount": str(known["amount_cents"]),
            "currency": "EUR",
            "purpose": "Once more",
            "type": "SALE",
            "urlRedirect": "http://127.0.0.1:1/",
            "urlNotify": "http://127.0.0.1:1/",
        }
        api.STARTED_AGAIN_IS_REFUSED = False
        try:
            call(self.account, project, "transaction/start", said)
        finally:
            api.STARTED_AGAIN_IS_REFUSED = True

    def sign(self, letter: Letter) -> Letter:
        """By the project that signed the last letter."""
        _, body = letter
        unsigned, _, _ = body.rpartition(b"&gcHash=")
        return {}, unsigned + b"&gcHash=" + _signed(unsigned, self._password)

    def _signer(self, letter: bytes) -> str:
        unsigned, _, signed = letter.rpartition(b"&gcHash=")
        keys = [self.account.credentials[name] for name in self.secrets]
        return next((key for key in keys if _signed(unsigned, key) == signed), "")

    def signed_at(self, headers: dict[str, str]) -> datetime:
        raise NotImplementedError

    def settle(self) -> None:
        return None

    def let_refunds_wait(self) -> None:
        self.post("/test/settings", {"refunds": "under_way"})

    def end_refund(self, refund: str, *, sent: bool) -> Letter:
        return self._told(f"/test/refunds/{refund}/{'send' if sent else 'bounce'}", {})

    def reverse(self, payment: str, cents: int, fee_cents: int, *, debit: bool = False) -> Letter:
        raise NotImplementedError

    def win(self, reversal: str, cents: int | None = None) -> Letter:
        raise NotImplementedError

    def fall_silent(self) -> None:
        self.post("/test/settings", {"down": True})

    def post(self, path: str, options: Mapping[str, object]) -> dict[str, Any]:
        """What a door of the fake answers."""
        answer = self._http.post(path, json=dict(options)).raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def get(self, path: str) -> bytes:
        """What else it hands out."""
        return self._http.get(path).raise_for_status().content

    def _open(self, merchant: str, url: str) -> Account:
        credentials = {f"{method}_project": _PROJECTS[method] for method in METHODS} | {
            f"{method}_password": f"key-{method}-{merchant}" for method in METHODS
        }
        told = {
            "name": merchant,
            "webhook_url": "http://127.0.0.1:1/",  # each order names where it is told
            "credentials": credentials,
        }
        self._http.put(f"/merchants/{merchant}", json=told).raise_for_status()
        account = credentials | {"base_url": url}
        return Account("tenant", f"account-{merchant}", merchant, False, account)


def _signed(unsigned: bytes, password: str) -> bytes:
    pairs = parse_qsl(unsigned.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return sign(password, (value for _, value in pairs)).encode()


@contextmanager
def girocheckout_harness(folder: Path) -> Iterator[GirocheckoutHarness]:
    with running(folder) as url:
        harness = GirocheckoutHarness(url)
        try:
            yield harness
        finally:
            harness.close()
