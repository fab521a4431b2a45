"""How the demo's towns are paid: their accounts and rules at the practice provider or at the fakes.

Whichever is chosen at a start is offered; the accounts of the other end, and begin again when they
are chosen again. Nothing is deleted: their payments, refunds and pay-outs go on. What people change
by hand stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from demo.towns import FIRST, SECOND
from portal import clock
from portal.keys import Keyring
from portal.payments import accounts
from portal.payments.models import ProviderAccount, ProviderRule
from portal.tenants import Tenant

OPENED = date(2026, 1, 1)
Limits = Mapping[str, int | None]  # up to so many cents, in each town

UNLIMITED: Limits = {FIRST: None, SECOND: None}
PAYPAL: Limits = {FIRST: 80_000, SECOND: 10_000}
CARD: Limits = {FIRST: 500_000, SECOND: None}


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay: the account by which it goes, and its rule. Hints in German and English."""

    account: str
    method: str
    label: str
    limits: Limits
    hints: tuple[str, str]


# fmt: off
AT_SANDBOX = (  # under the names by which citizens know real ones
    Way("paypal", "wallet", "PayPal", PAYPAL,
        ("Sie melden sich bei PayPal an.", "You log in to PayPal.")),
    Way("card", "card", "Kredit- oder Debitkarte", CARD,
        ("Visa, Mastercard", "Visa, Mastercard")),
    Way("wero", "bank", "Wero / Online-Überweisung", UNLIMITED,
        ("Freigabe in Ihrer Banking-App.", "You approve it in your banking app.")),
)
AT_FAKES = (
    Way("paypal-test", "", "PayPal", PAYPAL,
        ("Sie melden sich bei PayPal an.", "You log in to PayPal.")),
    Way("stripe-test", "", "Kredit- oder Debitkarte", CARD,
        ("Visa, Mastercard und mehr, über Stripe.", "Visa, Mastercard and more, by Stripe.")),
    Way("girocheckout-test", "wero", "Wero", UNLIMITED,
        ("Freigabe in Ihrer Banking-App.", "You approve it in your banking app.")),
    Way("girocheckout-test", "transfer", "Direktüberweisung", UNLIMITED,
        ("Sie melden sich bei Ihrer Bank an.", "You log in at your bank.")),
    Way("girocheckout-test", "card", "Karte über GiroCheckout", CARD,
        ("Visa, Mastercard", "Visa, Mastercard")),
    Way("girocheckout-test", "paypal", "PayPal über GiroCheckout", PAYPAL,
        ("Sie melden sich bei PayPal an.", "You log in to PayPal.")),
)
# fmt: on
SIDES = {"sandbox": AT_SANDBOX, "fakes": AT_FAKES}


class Merchant(Protocol):
    """What is asked of an account at a provider; ``far_side`` makes them."""

    @property
    def account(self) -> str: ...
    @property
    def adapter(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def credentials(self) -> Mapping[str, str]: ...


def offer(session: Session, keyring: Keyring, tenant_id: str, merchant: Merchant) -> None:
    """Let a town have an account with its rules, once; its credentials are today's."""
    credentials = accounts.sealed(keyring, tenant_id, merchant.account, merchant.credentials)
    known = session.get(ProviderAccount, (tenant_id, merchant.account))
    if known is not None:
        known.credentials_sealed = credentials
        return
    session.add(
        ProviderAccount(
            tenant_id=tenant_id,
            id=merchant.account,
            provider=merchant.adapter,
            merchant=merchant.name,
            live=False,
            credentials_sealed=credentials,
            valid_from=OPENED,
        )
    )
    session.flush()
    for ways in SIDES.values():
        for position, way in enumerate(ways):
            if way.account == merchant.account:
                session.add(_rule(tenant_id, way, position))


def switch(session: Session, tenant_id: str, chosen: str) -> None:
    """Let the accounts of one side begin (``sandbox``, ``fakes``); those of the other end."""
    yesterday = clock.today(session.get_one(Tenant, tenant_id).time_zone) - timedelta(days=1)
    for side, ways in SIDES.items():
        for account_id in {way.account for way in ways}:
            row = session.get(ProviderAccount, (tenant_id, account_id))
            if row is not None:
                row.valid_until = None if side == chosen else yesterday


def _rule(tenant_id: str, way: Way, position: int) -> ProviderRule:
    german, english = way.hints
    return ProviderRule(
        tenant_id=tenant_id,
        account_id=way.account,
        method=way.method,
        label=way.label,
        maximum_cents=way.limits[tenant_id],
        hint_de=german,
        hint_en=english,
        valid_from=OPENED,
        position=position,
    )
