"""The office's page: who may see it, and what it shows."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from standardwebhooks import Webhook

from office import doors
from office.db import office_db
from office.models import Claim, Link, TakenEvent
from portal import clock
from tests.office.conftest import HERE, SECRET, import_sample
from tests.office.fake_portal import Books

FIRST = "K-2026-000001"


def told(**other: Any) -> dict[str, Any]:
    data = {"payment": "pay-1", "provider": "sandbox", "provider_reference": "sb-1"}
    data |= {"amount_cents": 450, "claim_cents": 450, "surplus_cents": 0}
    data |= {"suspense_account": "suspense:sandbox", "allocations": []}
    return Books().tell("payment.succeeded", FIRST, **data) | other


def signed(body: bytes, *, late: int = 0, secret: str = SECRET) -> dict[str, str]:
    at = clock.now() - timedelta(seconds=late)
    signature = Webhook(secret).sign("msg-1", at, body.decode())
    stamp = str(int(at.timestamp()))
    return {"webhook-id": "msg-1", "webhook-timestamp": stamp, "webhook-signature": signature}


def push(client: FlaskClient, body: bytes, headers: dict[str, str]) -> int:
    return client.post("/events", data=body, headers=headers, base_url=HERE).status_code


@pytest.mark.parametrize("path", ["/", "/books", "/events", f"/claims/{FIRST}", "/nowhere"])
def test_without_the_token_nothing_is_shown(office: Flask, path: str) -> None:
    import_sample(1)
    answer = office.test_client().get(path, base_url=HERE)
    assert answer.status_code == 401
    claim = office_db.session.get_one(Claim, FIRST)
    for secret in (claim.payment_sign, claim.purpose, claim.debtor.name, "Musterhausen"):
        assert secret not in answer.text


def test_the_token_opens_the_page_once(office: Flask) -> None:
    first, second = office.test_client(), office.test_client()
    answer = first.get("/?token=a-token-for-tests", base_url=HERE)
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "a-token" not in cookie
    assert first.get("/", base_url=HERE).status_code == 200
    assert second.get("/?token=a-token-for-tests", base_url=HERE).status_code == 403
    assert first.get("/?token=a-token-for-tests", base_url=HERE).status_code == 303


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_a_wrong_token_opens_nothing_and_spends_nothing(office: Flask, token: str) -> None:
    client = office.test_client()
    assert client.get(f"/?token={token}", base_url=HERE).status_code == 403
    assert client.get("/?token=a-token-for-tests", base_url=HERE).status_code == 303


def test_a_forged_cookie_opens_nothing(office: Flask) -> None:
    client = office.test_client()
    client.set_cookie("quitt-office-8002", "eyJhIjoxfQ.x.y", domain="127.0.0.1")
    assert client.get("/", base_url=HERE).status_code == 401


def test_a_new_token_ends_all_earlier_passes() -> None:
    mine = doors.pass_for("token", b"key")
    assert doors.admits(mine, "token", b"key")
    assert not doors.admits(mine, "new token", b"key")
    assert not doors.admits(mine, "token", b"other key")
    assert not doors.admits(doors.pass_for("", b"key"), "", b"key")


def test_a_foreign_host_name_is_refused(visitor: FlaskClient) -> None:
    assert visitor.get("/", base_url="http://evil.example:8002").status_code == 400


def test_every_answer_is_dressed(visitor: FlaskClient) -> None:
    for path in ("/", "/nowhere", "/office.css"):
        answer = visitor.get(path, base_url=HERE)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("/", base_url=HERE).headers["Cache-Control"] == "no-store"
    page = visitor.get("/", base_url=HERE).text
    assert not [inline for inline in ("<script", " style=", "<style") if inline in page]


@pytest.mark.parametrize("search", [FIRST, "000001", "k-2026-000001"])
def test_a_claim_is_found_by_its_number(visitor: FlaskClient, search: str) -> None:
    import_sample(3)
    page = visitor.get("/", query_string={"search": search}, base_url=HERE).text
    assert FIRST in page
    assert "K-2026-000002" not in page


def test_a_percent_sign_searches_for_itself(visitor: FlaskClient) -> None:
    import_sample(3)
    assert FIRST not in visitor.get("/?search=%25", base_url=HERE).text


@pytest.mark.parametrize(
    "address",
    [
        "/?endpoint=x", "/?_external=1&_method=POST&_scheme=ftp&values=1", "/?search=%00a",
        "/?state=%00", "/?state=nonsense", "/?page=99999999999999999999999", "/?page=-1",
        "/books?endpoint=pages.claim", f"/claims/{FIRST}?reference=x&endpoint=y",
    ],
)  # fmt: skip
def test_a_strange_address_is_answered(visitor: FlaskClient, address: str) -> None:
    import_sample(1)
    assert visitor.get(address, base_url=HERE).status_code == 200


def test_a_claim_with_a_nul_is_not_there(visitor: FlaskClient) -> None:
    assert visitor.get("/claims/a%00b", base_url=HERE).status_code == 404


def test_the_language_switch_keeps_the_search(visitor: FlaskClient) -> None:
    page = visitor.get("/?search=Weiß&state=open&other=1", base_url=HERE).text
    assert "/?search=Wei%C3%9F&amp;state=open&amp;lang=en" in page


def test_what_the_portal_refused_is_said_in_german(visitor: FlaskClient) -> None:
    import_sample(1)
    claim = office_db.session.get_one(Claim, FIRST)
    claim.refusal = "unknown_kind /kind; moon_phase"
    office_db.session.commit()
    page = visitor.get(f"/claims/{FIRST}?lang=de", base_url=HERE).text
    assert "Art: Das Portal kennt diese Art nicht." in page
    assert "Das Portal hat die Zeile abgelehnt (Code moon_phase)." in page


def test_a_claim_that_turned_to_debit_is_a_task(visitor: FlaskClient) -> None:
    import_sample(2)
    claim = office_db.session.get_one(Claim, FIRST)
    office_db.session.add(
        Link(reference=FIRST, url="u", qr="q", short_code="s", state="open", open_cents=1)
    )
    claim.debit = True
    office_db.session.commit()
    page = visitor.get("/?lang=en", base_url=HERE).text
    assert "1 claim turned to direct debit and is still payable online" in page


def test_a_name_is_shown_as_text(visitor: FlaskClient) -> None:
    import_sample(1)
    claim = office_db.session.get_one(Claim, FIRST)
    claim.debtor.name = "<script>alert(1)</script>"
    office_db.session.commit()
    assert "&lt;script&gt;" in visitor.get(f"/claims/{FIRST}", base_url=HERE).text


def test_the_page_speaks_german_and_english(visitor: FlaskClient) -> None:
    assert '<html lang="en">' in visitor.get("/books?lang=en", base_url=HERE).text
    assert '<html lang="en">' in visitor.get("/", base_url=HERE).text  # and remembers
    assert '<html lang="de">' in visitor.get("/?lang=de", base_url=HERE).text


def test_a_pushed_payment_is_booked_and_shown(visitor: FlaskClient) -> None:
    import_sample(2)
    body = json.dumps(told()).encode()
    assert push(visitor, body, signed(body)) == 200
    assert push(visitor, body, signed(body)) == 200
    page = visitor.get(f"/claims/{FIRST}?lang=en", base_url=HERE).text
    assert "cleared" in page
    assert page.count("pay-1") == 1
    books = visitor.get("/books?lang=en", base_url=HERE).text
    assert "€4.50" in books
    assert "Suspense account sandbox" in books
    assert visitor.get("/events", base_url=HERE).text.count("badge-booked") == 1


def test_the_town_halls_try_is_answered_and_stands_nowhere(visitor: FlaskClient) -> None:
    tried = told(type="endpoint.test", position=0, reference=None, data={})
    body = json.dumps(tried).encode()
    assert push(visitor, body, signed(body, secret="whsec_" + "QUJD" * 11)) == 401
    assert push(visitor, body, signed(body)) == 200
    assert office_db.session.query(TakenEvent).count() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "m", "webhook-timestamp": "x", "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "9" * 11, "webhook-signature": "v1,x"},
    ],
)
def test_an_unsigned_event_is_refused(visitor: FlaskClient, headers: dict[str, str]) -> None:
    assert push(visitor, json.dumps(told()).encode(), headers) == 401


@pytest.mark.parametrize("late", [301, -301])
def test_an_old_or_future_event_is_refused(visitor: FlaskClient, late: int) -> None:
    body = json.dumps(told()).encode()
    assert push(visitor, body, signed(body, late=late)) == 401


def test_a_forged_event_books_nothing(visitor: FlaskClient) -> None:
    import_sample(1)
    body = json.dumps(told()).encode()
    other = "whsec_b3RoZXIgc2VjcmV0LCBub3Qgb3VycyBhdCBhbGwu"
    assert push(visitor, body, signed(body, secret=other)) == 401
    assert push(visitor, body.replace(b"450", b"451"), signed(body)) == 401
    assert office_db.session.query(TakenEvent).count() == 0


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id": "a", "id": "b"}', b"\xff"])
def test_a_signed_body_that_is_no_event_is_refused(visitor: FlaskClient, body: bytes) -> None:
    headers = signed(body if body != b"\xff" else b"x")
    assert push(visitor, body, headers) in {401, 422}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("citizen.says_paid", {"how": "cash", "paid_on": "2026-11-03"}, "3. November 2026, bar"),
        ("citizen.says_paid", {"how": "by mule", "paid_on": "once"}, "by mule"),
        ("citizen.says_paid", {"how": 7}, "schon bezahlt"),
        ("citizen.asks", {"topic": "amount"}, "Stimmt der Betrag?"),
        ("citizen.asks", {"topic": "<b>"}, "&lt;b&gt;"),
    ],
)
def test_the_page_says_what_a_citizen_told(
    office: Flask, kind: str, data: dict[str, Any], said: str
) -> None:
    import_sample(1)
    client = office.test_client()
    client.get("/?token=a-token-for-tests", base_url=HERE)
    body = json.dumps(Books().tell(kind, FIRST, **data)).encode()
    assert push(client, body, signed(body)) < 300
    assert said in client.get("/events?lang=de", base_url=HERE).text
