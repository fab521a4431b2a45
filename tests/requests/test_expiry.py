"""The last day on which a request may be paid online."""

import pytest
from flask import Flask

from portal import clock
from portal.db import transaction
from portal.payments.record import Source, record
from portal.requests import expiry, register
from portal.tenants import Tenant
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")
LAST_DAY = "2026-11-21"
ZONE = "Europe/Berlin"


def at(time: Time, moment: str) -> None:
    time.move(moment)


def test_a_request_is_payable_on_its_last_day_and_expired_on_the_next(
    app: Flask, time: Time
) -> None:
    at(time, "2026-11-21T12:00:00+01:00")
    letter = builders.letter(payable_until=LAST_DAY)
    at(time, "2026-11-21T23:59:30+01:00")
    assert expiry.expire_due() == 0
    at(time, "2026-11-22T00:00:01+01:00")
    assert expiry.expire_due() == 1
    assert builders.request_of(letter).state == "expired"
    assert expiry.expire_due() == 0


def test_the_day_ends_when_it_ends_in_the_town(app: Flask, time: Time) -> None:
    with transaction() as session:
        session.get_one(Tenant, TOWN).time_zone = "America/New_York"
    letter = builders.letter(payable_until=LAST_DAY)
    at(time, "2026-11-22T04:59:00+00:00")
    assert expiry.expire_due() == 0
    at(time, "2026-11-22T05:00:01+00:00")
    expiry.expire_due()
    assert builders.request_of(letter).state == "expired"


def test_without_a_last_day_nothing_expires(app: Flask, time: Time) -> None:
    letter = builders.letter()
    time.move("+3650d")
    assert expiry.expire_due() == 0
    assert builders.request_of(letter).state == "open"


def test_the_finance_system_is_told_once(app: Flask, time: Time) -> None:
    builders.letter("K-9", payable_until="2026-01-01")
    expiry.expire_due()
    expiry.expire_due()
    (event,) = builders.events()
    assert (event.type, event.reference) == ("request.expired", "K-9")
    assert event.data == {"version": 1, "reason": "payable_until"}


def test_what_is_paid_does_not_expire(provider: FakeProvider, time: Time) -> None:
    letter = builders.letter(payable_until=clock.today(ZONE).isoformat())
    record(provider.pay(builders.begin(letter)), CARD)
    time.move("+3d")
    assert expiry.expire_due() == 0
    assert builders.request_of(letter).state == "paid"


def test_money_under_way_on_the_last_day_still_clears(provider: FakeProvider, time: Time) -> None:
    letter = builders.letter(kind="tax", payable_until=clock.today(ZONE).isoformat())
    payment = builders.begin(letter)
    time.move("+3d")
    expiry.expire_due()
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"


@pytest.mark.rows_by_hand
@pytest.mark.parametrize("state", ["paid", "withdrawn", "replaced", "expired"])
def test_only_what_is_open_expires(app: Flask, state: str) -> None:
    letter = builders.letter(payable_until="2026-01-01")
    with transaction() as session:
        register.get(session, TOWN, letter.request_id).state = state
    assert expiry.expire_due() == 0
    assert builders.request_of(letter).state == state


@pytest.mark.rows_by_hand
def test_a_partly_paid_request_expires_too(app: Flask) -> None:
    letter = builders.letter(payable_until="2026-01-01")
    with transaction() as session:
        request = register.locked(session, TOWN, letter.request_id)
        request.state, request.covered_cents = "partly_paid", 1
    assert expiry.expire_due() == 1
