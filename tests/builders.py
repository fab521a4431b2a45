"""Builders with defaults: a test names only what it is about."""

import re
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal import clock
from portal.db import db, transaction
from portal.finance.models import EventFeed, EventRow
from portal.keys import Keyring
from portal.money import Money
from portal.payments import accounts
from portal.payments.models import Payment, ProviderAccount, ProviderRule
from portal.payments.start import Choice, start
from portal.requests import intake, links, tan
from portal.requests.asked import Asked
from portal.requests.models import PaymentRequest
from portal.tenants import Kind, Tenant, TenantHost
from portal.worklist import reading
from tests import pages

TOWN, OTHER_TOWN = "musterhausen", "beispielstadt"
HOSTS = {TOWN: "localhost", OTHER_TOWN: "127.0.0.1"}
NAMES = {TOWN: "Stadt Musterhausen", OTHER_TOWN: "Gemeinde Beispielstadt"}
LONG_AGO = date(2020, 1, 1)
ZONE = "Europe/Berlin"
PAYPAL_UP_TO = {TOWN: 80_000, OTHER_TOWN: 10_000}

# code, law, parts allowed, closes after payable_until
KINDS = (
    ("tax", "public", True, False),
    ("fee", "public", True, False),
    ("warning", "warning", False, True),
    ("fine", "fine", False, False),
    ("reminder", "public", True, False),
    ("certificate", "private", False, False),
    ("care", "public", True, False),
)


def today() -> date:
    """The towns' day. In their last hour or two it is another than UTC's."""
    return clock.today(ZONE)


def towns(session: Session, keyring: Keyring) -> None:
    """Two towns, each on its own host, with kinds, provider accounts and rules."""
    for tenant_id, host in HOSTS.items():
        session.add(
            Tenant(
                id=tenant_id,
                name=NAMES[tenant_id],
                account_holder=NAMES[tenant_id],
                iban="DE02120300000000202051",
                phone="0123 45678",
            )
        )
        session.flush()
        session.add(TenantHost(host=host, tenant_id=tenant_id, current=True))
        session.add(EventFeed(tenant_id=tenant_id))
        for code, law, parts, closes in KINDS:
            session.add(
                Kind(
                    tenant_id=tenant_id,
                    code=code,
                    name=code,
                    law=law,
                    parts_allowed=parts,
                    closes_after_payable_until=closes,
                )
            )
        for account_id, limit in (("card", None), ("paypal", PAYPAL_UP_TO[tenant_id])):
            account(session, keyring, tenant_id, account_id)
            session.add(rule(tenant_id, account_id, maximum_cents=limit))
    session.flush()


def account(session: Session, keyring: Keyring, tenant_id: str, account_id: str) -> None:
    """A provider account at the fake."""
    session.add(
        ProviderAccount(
            tenant_id=tenant_id,
            id=account_id,
            provider="fake",
            merchant=f"m-{account_id}",
            live=False,
            credentials_sealed=accounts.sealed(keyring, tenant_id, account_id, {"secret": "s3"}),
            valid_from=LONG_AGO,
        )
    )
    session.flush()


def rule(tenant_id: str, account_id: str, **changes: Any) -> ProviderRule:
    """A rule that offers an account for everything, unless changed."""
    return ProviderRule(
        **{
            "tenant_id": tenant_id,
            "account_id": account_id,
            "method": account_id,
            "label": account_id.title(),
            "valid_from": LONG_AGO,
            **changes,
        }
    )


@dataclass(frozen=True, slots=True)
class Letter:
    """What is printed on a letter."""

    reference: str
    request_id: int
    url: str
    short_code: str
    tan: str
    amount_cents: int


def letter(
    reference: str = "K-2026-1", tenant_id: str = TOWN, amount_cents: int = 14_850, **asked: Any
) -> Letter:
    """Push a payment request and print its letter."""
    body: Mapping[str, Any] = {
        "amount_cents": amount_cents,
        "currency": "EUR",
        "kind": "tax",
        "purpose": "Grundsteuer B, 4. Quartal 2026",
        "payment_sign": "5.0101.000123.4",
        "due_on": "2026-11-15",
        **asked,
    }
    keyring: Keyring = current_app.extensions["keyring"]
    with transaction() as session:
        taken = intake.put(session, keyring, tenant_id, reference, Asked.model_validate(body))
        request = taken.request
        link = links.link(
            keyring.get(request.key_id), links.identity(request), f"https://{HOSTS[tenant_id]}"
        )
        return Letter(
            reference,
            request.id,
            link.url,
            link.short_code,
            tan.of_request(keyring, request),
            request.amount_cents,
        )


def begin(of: Letter, tenant_id: str = TOWN, account_id: str = "card") -> str:
    """Start a payment of a letter's whole open amount; its id."""
    session = db.session()
    session.rollback()
    request = session.get_one(PaymentRequest, (tenant_id, of.request_id), populate_existing=True)
    query = select(ProviderRule.id).where(
        ProviderRule.tenant_id == tenant_id, ProviderRule.account_id == account_id
    )
    choice = Choice(
        tenant_id, request.id, session.scalars(query).one(), request.version,
        request.open.cents, "web", "de",
    )  # fmt: skip
    session.rollback()
    return start(current_app.extensions["keyring"], choice, f"https://{HOSTS[tenant_id]}")


def request_of(of: Letter, tenant_id: str = TOWN) -> PaymentRequest:
    """The request of a letter as it stands now."""
    session = db.session()
    session.rollback()
    return session.get_one(PaymentRequest, (tenant_id, of.request_id), populate_existing=True)


def payment(payment_id: str, tenant_id: str = TOWN) -> Payment:
    """A payment as it stands now."""
    session = db.session()
    session.rollback()
    return session.get_one(Payment, (tenant_id, payment_id), populate_existing=True)


def events(tenant_id: str = TOWN) -> list[EventRow]:
    """The tenant's feed, in order."""
    session = db.session()
    session.rollback()
    query = select(EventRow).where(EventRow.tenant_id == tenant_id).order_by(EventRow.position)
    return list(session.scalars(query))


def tasks(tenant_id: str = TOWN) -> dict[str, str]:
    """The open tasks: subject and kind."""
    session = db.session()
    session.rollback()
    return {task.subject: task.kind.value for task in reading.open_tasks(session, tenant_id)}


class Browser(FlaskClient):
    """Asks as from outside: each answer has a context of its own, and nothing of ``g`` lives on.

    Whatever page it gets must be a sound one.
    """

    host = "localhost"
    looks = True

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("base_url", f"https://{self.host}")
        answer: TestResponse = Context().run(super().open, *args, **kwargs)
        return pages.checked(answer, self.host) if self.looks else answer


def browser(app: Flask, host: str = "localhost", *, looks: bool = True) -> FlaskClient:
    """A browser of its own, over https; one that ``looks`` takes sound pages only."""
    made = Browser(app, app.response_class)
    made.host, made.looks = host, looks
    return made


def token(page: TestResponse) -> str:
    """What a page's form must send back."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, "the page has no form"
    return found[1]


def eur(text: str) -> Money:
    """``eur("148.50")``"""
    euros, _, cents = text.partition(".")
    return Money(int(euros) * 100 + int(cents.ljust(2, "0") or 0))
