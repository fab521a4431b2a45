"""Intake: once per tenant and reference, however often it is pushed."""

import threading
from typing import Any

import pytest
from flask import Flask, current_app
from pydantic import ValidationError
from sqlalchemy import func, select

from portal.db import db, transaction
from portal.payments.record import Source, record
from portal.requests import intake
from portal.requests.asked import Asked
from portal.requests.intake import CurrencyChanged, PartsNotAllowed, Stored, UnknownKind
from portal.requests.models import PaymentRequest, RequestVersion
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider

BODY: dict[str, Any] = {
    "amount_cents": 14_850, "currency": "EUR", "kind": "tax", "purpose": "Grundsteuer B",
}  # fmt: skip


def put(reference: str = "K-1", tenant_id: str = TOWN, **changes: Any) -> Stored:
    asked = Asked.model_validate({**BODY, **changes})
    with transaction() as session:
        keyring = current_app.extensions["keyring"]
        return intake.put(session, keyring, tenant_id, reference, asked).stored


def stored(reference: str = "K-1") -> PaymentRequest:
    db.session.rollback()
    query = select(PaymentRequest).where(PaymentRequest.reference == reference)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def test_the_same_push_again_changes_nothing(app: Flask) -> None:
    assert [put(), put(), put()] == [Stored.CREATED, Stored.SAME, Stored.SAME]
    assert stored().version == 1
    assert builders.events() == []


def test_what_only_says_the_defaults_is_the_same(app: Flask) -> None:
    put()
    assert put(tan=True, items=[], payment_sign=None, partial=None) is Stored.SAME


def test_the_same_push_gives_the_same_link_and_tan(app: Flask) -> None:
    assert builders.letter() == builders.letter()
    one, other = builders.letter("K-1"), builders.letter("K-1", amount_cents=9_900)
    assert (one.url, one.tan) == (other.url, other.tan)


def test_a_changed_body_is_a_new_version_and_is_told(app: Flask) -> None:
    put()
    assert put(amount_cents=9_900) is Stored.CHANGED
    request = stored()
    assert (request.version, request.amount_cents, request.state) == (2, 9_900, "open")
    (event,) = builders.events()
    assert (event.type, event.data) == (
        "request.changed", {"version": 2, "reason": "new_version"}
    )  # fmt: skip


def test_every_version_is_kept(app: Flask) -> None:
    for cents in (14_850, 9_900, 14_850):
        put(amount_cents=cents)
    rows = db.session.scalars(select(RequestVersion).order_by(RequestVersion.version))
    assert [(row.version, row.amount_cents) for row in rows] == [
        (1, 14_850), (2, 9_900), (3, 14_850)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "Grundsteuer A"},
        {"payment_sign": "5.01"},
        {"due_on": "2026-12-01"},
        {"payable_until": "2026-12-31"},
        {"tan": False},
        {"language": "en"},
        {"kind": "fee"},
        {"items": [{"text": "Grundsteuer B", "amount_cents": 14_850}]},
    ],
)
def test_whatever_changes_is_a_new_version(app: Flask, change: dict[str, Any]) -> None:
    put()
    assert put(**change) is Stored.CHANGED
    assert put(**change) is Stored.SAME


def test_a_currency_never_changes(app: Flask) -> None:
    put()
    with pytest.raises(CurrencyChanged):
        put(currency="PLN")
    assert (stored().version, stored().currency) == (1, "EUR")


def test_an_unknown_kind_is_refused(app: Flask) -> None:
    with pytest.raises(UnknownKind):
        put(kind="tithe")


@pytest.mark.parametrize("kind", ["warning", "fine", "certificate"])
def test_what_the_law_wants_whole_takes_no_parts(app: Flask, kind: str) -> None:
    with pytest.raises(PartsNotAllowed):
        put(kind=kind, partial={"minimum_cents": 500})
    assert put(kind="tax", partial={"minimum_cents": 500}) is Stored.CREATED


def test_two_towns_do_not_meet(app: Flask) -> None:
    assert put("K-1", TOWN) is Stored.CREATED
    assert put("K-1", OTHER_TOWN, amount_cents=1) is Stored.CREATED
    rows = db.session.execute(select(PaymentRequest.tenant_id, PaymentRequest.amount_cents))
    assert {tuple(row) for row in rows} == {(TOWN, 14_850), (OTHER_TOWN, 1)}


@pytest.mark.parametrize(
    ("cents", "state"), [(14_850, "paid"), (14_851, "partly_paid"), (14_849, "paid")]
)
def test_after_a_payment_a_new_version_is_measured_by_what_is_covered(
    provider: FakeProvider, cents: int, state: str
) -> None:
    letter = builders.letter(amount_cents=14_850)
    record(provider.pay(builders.begin(letter)), Source(TOWN, "card", "notification"))
    builders.letter(amount_cents=cents)
    request = builders.request_of(letter)
    assert (request.state, request.open.cents) == (state, max(0, cents - 14_850))


def test_eight_who_push_the_same_store_it_once(app: Flask) -> None:
    assert sorted(in_parallel(app, [{}] * 8)) == ["created"] + ["same"] * 7
    assert db.session.scalar(select(func.count()).select_from(PaymentRequest)) == 1


def test_eight_who_push_different_versions_make_eight(app: Flask) -> None:
    put()
    told = in_parallel(app, [{"amount_cents": number} for number in range(1, 9)])
    assert told == ["changed"] * 8
    assert stored().version == 9
    assert [event.data["version"] for event in builders.events()] == list(range(2, 10))


def in_parallel(app: Flask, changes: list[dict[str, Any]]) -> list[str]:
    done: list[str] = []
    gate = threading.Barrier(len(changes), timeout=10)

    def run(change: dict[str, Any]) -> None:
        with app.app_context():
            gate.wait()
            done.append(str(put(**change)))

    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 0},
        {"amount_cents": -1},
        {"amount_cents": 1.5},
        {"amount_cents": "14850"},
        {"amount_cents": True},
        {"amount_cents": 10**11},
        {"currency": "eur"},
        {"currency": "EURO"},
        {"purpose": ""},
        {"purpose": "x" * 141},
        {"purpose": "one\nline"},
        {"payment_sign": "x" * 36},
        {"due_on": "15.11.2026"},
        {"due_on": 1_700_000_000},
        {"due_on": "2026-02-30"},
        {"fee_cents": 100},
        {"surcharge": 1},
        {"name": "somebody"},
        {"language": "fr"},
        {"items": [{"text": "a", "amount_cents": 1}]},
        {"instalments": [{"due_on": "2026-12-01", "amount_cents": 1}]},
        {"items": [{"text": "a", "amount_cents": 14_850, "fee": 1}]},
    ],
)
def test_what_does_not_fit_the_contract_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Asked.model_validate({**BODY, **change})
