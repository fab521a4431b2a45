"""What the contract test needs of the far side of each adapter, and what it may know of it.

Each harness stands in a file of its own, ``harness_<provider>.py``, and joins in ``peers.py``.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from portal.providers.protocol import Account, Outcome

Letter = tuple[dict[str, str], bytes]  # headers in lower case, and the body or a GET's query
Change = tuple[bytes, bytes]  # what stands in a letter, and what shall stand there instead


class Harness(ABC):
    """A provider that runs here, with two merchants, and what the world does to it.

    Both accounts name its address as the credential ``base_url``.
    """

    account: Account
    other_account: Account
    words: tuple[tuple[set[str], set[str]], ...]  # the far side's words, and those of our table
    payer: tuple[bytes, ...]  # what the far side tells of who paid: in no report of ours
    tell_of_the_payer: frozenset[str] = frozenset({"payment", "refund", "reversal", "settlement"})

    # What a letter of each kind must not be taken for when it is rightly signed. Words that no
    # table has are unknown words: kind, what stands there, what shall stand there.
    spoilt: Mapping[str, tuple[Change, ...]]
    unknown_words: tuple[tuple[str, bytes, bytes], ...]
    # How a letter tells what it is about, and how it would tell something else, {n} being a number:
    # amount (in cents), currency (CHF), merchant, reference (the provider's name of the payment).
    differing: Mapping[str, Change] = {}
    mode: bytes = b""  # how a letter says that no real money is meant, if it does
    signature_headers: tuple[str, ...]  # none where the signature stands in what is sent
    no_secrets: tuple[Mapping[str, str], ...]  # credentials with which nothing can be checked
    secrets: tuple[str, ...]  # the credentials that nobody may read
    wrong_credentials: tuple[tuple[str, str], ...]

    # What a provider does not do by its nature.
    dated = True  # notifications say when they were signed
    names_events = True  # notifications have a name
    says_when = True  # a report says when the payment came to be so
    rings = False  # notifications say only that something became of a payment or a refund
    finds_by_our_id = True  # without one, nobody was ever sent there: not found
    least_cents = 1  # it collects nothing smaller
    repeats_itself = True  # a start that was told before leads to the same page again
    refuses_other_amount = True  # one id with another amount
    cancelled = Outcome.CANCELLED  # what a payment is that we gave up
    refunds_wait = True  # a refund may be under way, and its end is told
    reverses = True  # it tells that a bank took money back
    wins_in_part = True  # and that a part of it came back, and was taken again
    debits = True  # by a direct debit's return, too
    pays_out_below_zero = True
    says_who_is_not_let_in = True  # a wrong key is told from trouble of its own
    names_our_refunds = True  # settlement reports give our id of a refund back

    @abstractmethod
    def pay(self, payment: str) -> Letter:
        """The payer pays; the notification of it."""

    def otherwise(self, payment: str, what: str, number: int) -> Letter:
        """The payer pays, but one thing of ``differing`` is another than was ordered; the genuine
        notification of it. Where letters are only bells, it must come to be so on the far side.
        """
        pattern, other = self.differing[what]
        headers, body = self.pay(payment)
        told, count = re.subn(pattern, other.replace(b"{n}", b"%d" % number), body, count=1)
        assert count, f"{what} does not stand in the letter"
        return self.sign((headers, told))

    @abstractmethod
    def sign(self, letter: Letter) -> Letter:
        """A letter whose body was changed, rightly signed."""

    @abstractmethod
    def signed_at(self, headers: dict[str, str]) -> datetime:
        """When a notification was signed."""

    def dated_anew(self, letter: Letter, now: datetime) -> Letter:
        """An old letter that claims to be of now, with the signature that it had."""
        raise NotImplementedError

    @abstractmethod
    def settle(self) -> Letter | None:
        """The provider pays out; the notification of it, if it sends any."""

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
    def win(self, reversal: str, cents: int | None = None) -> Letter:
        """Of the dispute of the provider's name so much is won, else all that is away; the
        notification of it.
        """

    def take_again(self, reversal: str) -> Letter:
        """What was won of it is taken again; the notification of it."""
        raise NotImplementedError

    @abstractmethod
    def fall_silent(self) -> None:
        """From now on the provider answers with errors."""


def with_credentials(account: Account, **changed: str) -> Account:
    """The same account with other credentials."""
    return replace(account, credentials={**account.credentials, **changed})
