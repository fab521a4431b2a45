"""Notifications that only ring a bell, and those that come by GET."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.money import Money
from portal.payments.states import State
from portal.providers import registry
from portal.providers.protocol import (
    Account,
    BadNotification,
    Handover,
    Moved,
    Order,
    Outcome,
    ProviderDown,
    Report,
)
from tests import builders
from tests.conftest import Time
from tests.fakes import FakeProvider

HOOK = "/webhooks/fake/card"


class Bell(FakeProvider):
    """Says only that something became of a payment."""

    merchant = "m-card"
    by_ours = True

    def read_notification(  # type: ignore[override]
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Moved, ...]:
        told = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if told.get("sign") != "right":
            raise BadNotification("forged")
        ours, theirs = told["payment"], self.books[told["payment"]].reference
        return (Moved(ours if self.by_ours else "", theirs, self.merchant, live=False),)


@pytest.fixture
def bell(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Bell:
    fake = Bell()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def paid_there(bell: Bell, account_id: str = "card") -> str:
    payment = builders.begin(builders.letter(), account_id=account_id)
    bell.pay(payment)
    return payment


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("by_ours", [True, False])
def test_a_bell_makes_us_ask_and_the_answer_is_booked(
    bell: Bell, client: FlaskClient, method: str, by_ours: bool
) -> None:
    payment = paid_there(bell)
    bell.by_ours = by_ours
    told = f"payment={payment}&sign=right"
    answer = client.get(f"{HOOK}?{told}") if method == "GET" else client.post(HOOK, data=told)
    assert answer.status_code == 204
    assert builders.payment(payment).state == State.SUCCEEDED


def test_a_forged_bell_changes_nothing(bell: Bell, client: FlaskClient) -> None:
    payment = paid_there(bell)
    assert client.get(f"{HOOK}?payment={payment}&sign=wrong").status_code == 400
    assert builders.payment(payment).state == State.STARTED


def test_who_only_looks_rings_no_bell(bell: Bell, client: FlaskClient) -> None:
    payment = paid_there(bell)
    assert client.head(f"{HOOK}?payment={payment}&sign=right").status_code == 405
    assert builders.payment(payment).state == State.STARTED


def test_a_bell_is_not_taken_while_the_provider_does_not_answer(
    bell: Bell, client: FlaskClient, time: Time
) -> None:
    payment = paid_there(bell)
    bell.down = 1
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 503
    time.move("+11s")
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 204
    assert builders.payment(payment).state == State.SUCCEEDED


def test_a_bell_that_comes_before_we_know_the_providers_name_is_asked_about_by_it(
    bell: Bell, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "start", _lost)
    payment = builders.begin(builders.letter())
    assert builders.payment(payment).state == State.UNKNOWN
    order = Order(payment, Money(14_850), "", "", "de", "", "")
    FakeProvider.start(bell, Account(builders.TOWN, "card", "m-card", False, {}), order)
    bell.pay(payment)
    asked = []
    fetch = bell.fetch
    monkeypatch.setattr(bell, "fetch", lambda *told: (asked.append(told[2]), fetch(*told))[1])
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 204
    assert asked == [bell.books[payment].reference]
    assert builders.payment(payment).state == State.SUCCEEDED


def test_a_provider_that_rings_and_then_knows_nothing_of_it_has_said_nothing(
    bell: Bell, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_there(bell)
    monkeypatch.setattr(bell, "fetch", _nothing)
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 503
    assert builders.payment(payment).state == State.STARTED


def _lost(*_: object) -> Handover:
    raise ProviderDown("its answer was lost")


def _nothing(account: Account, payment: str, _: str) -> Report:
    return Report(payment, "", account.merchant, Outcome.NOT_FOUND, Money(0), account.live)


def test_a_bell_of_another_merchant_or_about_another_account_moves_no_payment(
    bell: Bell, client: FlaskClient
) -> None:
    payment = paid_there(bell, "paypal")
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 503
    bell.merchant = "m-other"
    assert client.get(f"{HOOK}?payment={payment}&sign=right").status_code == 503
    assert builders.payment(payment).state == State.STARTED


def test_a_bell_at_a_former_host_is_heard_there(
    bell: Bell, app: Flask, client: FlaskClient
) -> None:
    from portal.db import transaction
    from portal.tenants import TenantHost

    payment = paid_there(bell)
    with transaction() as session:
        former = TenantHost(host="old.example", tenant_id=builders.TOWN, current=False)
        session.add(former)
    visitor = builders.browser(app, "old.example")
    assert visitor.get(f"{HOOK}?payment={payment}&sign=right").status_code == 204
    assert builders.payment(payment).state == State.SUCCEEDED
