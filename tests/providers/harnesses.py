"""What the contract test needs of the far side of each adapter."""

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from standardwebhooks import Webhook

from portal.providers.protocol import Account
from portal.providers.sandbox import (
    LINE_KIND,
    REFUND_STATUS,
    REVERSAL_REASON,
    REVERSAL_WON,
    STATUS,
)
from sandbox.payments import PAYER
from sandbox.serving import running
from sandbox.states import REASONS, REFUND_STATUSES, REVERSAL_STATUSES, STATUSES
from tests.sandbox.mailbox import Mailbox, open_mailbox

Letter = tuple[dict[str, str], bytes]


class Harness(ABC):
    """A provider that runs here, with two merchants, and what the world does to it."""

    account: Account
    other_account: Account
    words: tuple[tuple[set[str], set[str]], ...]  # the far side's words, and those of our table
    payer: tuple[bytes, ...]  # what the far side tells of who paid: in every letter, in no report
    refunds_wait = True  # whether a refund may be under way here
    reverses = True  # whether this provider's money may be taken back by a bank

    @abstractmethod
    def pay(self, payment: str) -> Letter:
        """The payer pays; the notification of it."""

    @abstractmethod
    def sign(self, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """The headers of a notification with another body, rightly signed."""

    @abstractmethod
    def signed_at(self, headers: dict[str, str]) -> datetime:
        """When a notification was signed."""

    @abstractmethod
    def settle(self) -> Letter:
        """The provider pays out; the notification of it."""

    @abstractmethod
    def let_refunds_wait(self) -> None:
        """From now on a refund is under way until it is ended."""

    @abstractmethod
    def end_refund(self, refund: str, *, sent: bool) -> Letter:
        """A refund, by our id, is sent, or does not arrive; the notification of it."""

    @abstractmethod
    def reverse(self, payment: str, cents: int, fee_cents: int, *, debit: bool = False) -> Letter:
        """A bank takes money back (a card's chargeback, or a debit's return); its notification."""

    @abstractmethod
    def win(self, reversal: str) -> Letter:
        """The dispute of the provider's name is won; the notification of it."""

    @abstractmethod
    def fall_silent(self) -> None:
        """From now on the provider answers with errors."""


class SandboxHarness(Harness):
    """The practice provider over real HTTP."""

    words = (
        (set(STATUSES), set(STATUS)),
        (set(REFUND_STATUSES), set(REFUND_STATUS)),
        (set(REVERSAL_STATUSES), set(REVERSAL_WON)),
        (set(REASONS), set(REVERSAL_REASON)),
        ({"sale", "return", "return_back", "reversal", "reversal_won"}, set(LINE_KIND)),
    )
    payer = tuple(word.encode() for word in PAYER.values())

    def __init__(self, url: str, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._http = httpx2.Client(base_url=url, trust_env=False)
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

    def win(self, reversal: str) -> Letter:
        return self._told(f"/test/reversals/{reversal}/win", {})

    def sign(self, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        at = self.signed_at(headers)
        signer = Webhook(self.account.credentials["webhook_secret"])
        signature = signer.sign(headers["webhook-id"], at, body.decode())
        return headers | {"webhook-signature": signature}

    def signed_at(self, headers: dict[str, str]) -> datetime:
        return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)

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


def with_credentials(account: Account, **changed: str) -> Account:
    """The same account with other credentials."""
    return replace(account, credentials={**account.credentials, **changed})
