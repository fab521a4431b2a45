"""The two towns of the demo, and what each allows: kinds, provider accounts, rules.

Musterhausen answers on ``localhost``, Beispielstadt on ``127.0.0.1``: one installation, two
tenants. Their providers are the sandbox, under the names by which citizens know real ones.
"""

import base64
from collections.abc import Mapping
from datetime import date

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.finance.models import EventFeed
from portal.keys import Keyring
from portal.payments import accounts
from portal.payments.models import ProviderAccount, ProviderRule
from portal.tenants import Kind, Tenant, TenantHost

FIRST, SECOND = "musterhausen", "beispielstadt"
OPENED = date(2026, 1, 1)

# fmt: off
TOWNS = {
    FIRST: {
        "name": "Stadt Musterhausen", "account_holder": "Stadt Musterhausen",
        "iban": "DE02120300000000202051", "bic": "MUSTDEXXXXX",
        "street": "Rathausplatz 1", "postcode_city": "09999 Musterhausen",
        "phone": "09999 100-240", "hours": "Mo–Fr 8–12 Uhr, Do auch 14–18 Uhr",
        "email": "stadtkasse@musterhausen.example",
    },
    SECOND: {
        "name": "Gemeinde Beispielstadt", "account_holder": "Gemeinde Beispielstadt",
        "iban": "DE02500105170137075030", "bic": "BEISDEXXXXX",
        "street": "Am Markt 2", "postcode_city": "09998 Beispielstadt",
        "phone": "09998 200-0", "hours": "Mo–Do 9–12 Uhr",
        "email": "kasse@beispielstadt.example",
    },
}

# code, name, law, parts allowed, closed after payable_until, sentence (German, English)
KINDS = (
    ("tax",         "Steuer",         "public",  True,  False, "", ""),
    ("fee",         "Gebühr",         "public",  True,  False, "", ""),
    ("warning",     "Verwarnungsgeld", "warning", False, True,
        "Mit der Zahlung sind Sie mit der Verwarnung einverstanden.",
        "By paying you agree to the warning."),
    ("fine",        "Bußgeld",        "fine",    False, False, "", ""),
    ("reminder",    "Mahnung",        "public",  True,  False, "", ""),
    ("certificate", "Bescheinigung",  "private", False, False, "", ""),
    ("care",        "Betreuung",      "public",  True,  False, "", ""),
)

# account, label, method, up to (cents) in each town, hint (German, English)
PROVIDERS: tuple[tuple[str, str, str, Mapping[str, int | None], str, str], ...] = (
    ("paypal", "PayPal", "wallet", {FIRST: 80_000, SECOND: 10_000},
        "Sie melden sich bei PayPal an.", "You log in to PayPal."),
    ("card", "Kredit- oder Debitkarte", "card", {FIRST: 500_000, SECOND: None},
        "Visa, Mastercard", "Visa, Mastercard"),
    ("wero", "Wero / Online-Überweisung", "bank", {FIRST: None, SECOND: None},
        "Freigabe in Ihrer Banking-App.", "You approve it in your banking app."),
)
# fmt: on


def seed(session: Session, keyring: Keyring, hosts: Mapping[str, str], sandbox: str) -> None:
    """Make the towns if they are not there yet, and let each answer on its host of today.

    ``sandbox`` is the address under which adapters reach the practice provider.
    """
    for tenant_id, facts in TOWNS.items():
        if session.get(Tenant, tenant_id) is None:
            session.add(Tenant(id=tenant_id, **facts))
            session.flush()
            session.add(EventFeed(tenant_id=tenant_id))
            _kinds(session, tenant_id)
        _providers(session, keyring, tenant_id, sandbox)
    _answer_on(session, hosts)


def merchant(tenant_id: str, account_id: str) -> str:
    """The name of a town's account at the sandbox."""
    return f"{tenant_id}-{account_id}"


def secret(keyring: Keyring, tenant_id: str, account_id: str, purpose: str) -> str:
    """A secret of that account: derived, so that portal and sandbox agree after every start."""
    key = keyring.keys[-1].child(f"demo/{tenant_id}/{account_id}/{purpose}")
    return f"whsec_{base64.b64encode(key).decode()}"


def _kinds(session: Session, tenant_id: str) -> None:
    for code, name, law, parts, closed, german, english in KINDS:
        session.add(
            Kind(
                tenant_id=tenant_id,
                code=code,
                name=name,
                law=law,
                parts_allowed=parts,
                closes_after_payable_until=closed,
                sentence_de=german,
                sentence_en=english,
            )
        )


def _providers(session: Session, keyring: Keyring, tenant_id: str, sandbox: str) -> None:
    for position, (account_id, label, method, limits, german, english) in enumerate(PROVIDERS):
        credentials = {
            "base_url": sandbox,
            "secret": secret(keyring, tenant_id, account_id, "api"),
            "webhook_secret": secret(keyring, tenant_id, account_id, "webhook"),
        }
        sealed = accounts.sealed(keyring, tenant_id, account_id, credentials)
        known = session.get(ProviderAccount, (tenant_id, account_id))
        if known is not None:
            known.credentials_sealed = sealed
            continue
        session.add(
            ProviderAccount(
                tenant_id=tenant_id,
                id=account_id,
                provider="sandbox",
                merchant=merchant(tenant_id, account_id),
                live=False,
                credentials_sealed=sealed,
                valid_from=OPENED,
            )
        )
        session.flush()
        session.add(
            ProviderRule(
                tenant_id=tenant_id,
                account_id=account_id,
                method=method,
                label=label,
                maximum_cents=limits[tenant_id],
                hint_de=german,
                hint_en=english,
                valid_from=OPENED,
                position=position,
            )
        )


def _answer_on(session: Session, hosts: Mapping[str, str]) -> None:
    """The first host of each town is today's; the others lead on to it."""
    session.execute(delete(TenantHost))
    aliases = {"localhost": FIRST, "127.0.0.1": SECOND} | {
        host: tenant_id for tenant_id, host in hosts.items()
    }
    for host, tenant_id in aliases.items():
        session.add(TenantHost(host=host, tenant_id=tenant_id, current=host == hosts[tenant_id]))
