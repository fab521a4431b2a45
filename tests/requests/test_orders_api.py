"""The contract for orders and facts about a request, and its QR code."""

import io
import threading

import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import select

from portal.audit import AuditRow
from portal.db import db
from tests.contract import asked, bearer

REQUEST = "/api/v1/payment-requests/K-1"
ELSEWHERE = {"id": "B-1", "amount_cents": 5_000, "paid_on": "2026-11-12", "how": "transfer"}
ORDERS = {
    "withdraw": {"reason": "deferred"},
    "restore": {"payable_until": None},
    "new-link": None,
    "new-tan": None,
    "paid-elsewhere": ELSEWHERE,
    "paid-elsewhere/B-1/undo": None,
    "close-rest": {"amount_cents": 50, "reason": "small", "order": "AO-1"},
}


@pytest.fixture
def token(app):
    return bearer(app, "musterhausen", "requests:write")


@pytest.fixture
def post(app, token):
    def post(order, body=None, headers=token, reference="K-1"):
        address = f"/api/v1/payment-requests/{reference}/{order}"
        return app.test_client().post(address, json=body, headers=headers)

    return post


@pytest.fixture
def pushed(app, token):
    """K-1 as it was answered when it was pushed."""
    return app.test_client().put(REQUEST, json=asked(), headers=token).json


def test_orders_are_answered_with_the_request_as_it_stands(post, pushed):
    answer = post("withdraw", {"reason": "deferred"})
    assert (answer.status_code, answer.json["state"]) == (200, "withdrawn")
    assert post("restore", {"payable_until": "2099-01-31"}).json["state"] == "open"
    told = post("paid-elsewhere", {**ELSEWHERE, "amount_cents": 14_800}).json
    assert (told["state"], told["paid_cents"], told["open_cents"]) == ("partly_paid", 14_800, 50)
    told = post("close-rest", ORDERS["close-rest"]).json
    assert (told["state"], told["open_cents"], told["closed_cents"]) == ("paid", 0, 50)
    assert post("paid-elsewhere/B-1/undo").json["open_cents"] == 14_800


def test_a_new_link_and_tan_are_answered_and_nothing_else_answers_secrets(post, pushed):
    link = post("new-link").json
    assert link["link"]["version"] == 2
    assert link["link"]["url"] != pushed["link"]["url"]
    assert link["tan"] == pushed["tan"]
    fresh = post("new-tan").json
    assert fresh["link"] == link["link"]
    assert fresh["tan"] != pushed["tan"]
    for order, body in ORDERS.items():
        if not order.startswith("new"):
            assert not {"link", "tan"} & set(post(order, body).json)


@pytest.mark.parametrize("order", ORDERS)
def test_who_only_reads_may_order_nothing(app, post, pushed, order):
    reader = bearer(app, "musterhausen", "requests:read", "events:read", "events:ack")
    answer = post(order, ORDERS[order], reader)
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("order", ORDERS)
def test_another_towns_request_is_not_there(app, post, pushed, order):
    other = bearer(app, "beispielstadt")
    foreign, nowhere = (post(order, ORDERS[order], other, name) for name in ("K-1", "K-9"))
    assert (foreign.status_code, foreign.data) == (404, nowhere.data)


# fmt: off
REFUSED = [
    ("withdraw",       {"reason": "no idea"},                      422, "invalid"),
    ("withdraw",       {},                                         422, "invalid"),
    ("withdraw",       {"reason": "paid", "note": "x"},            422, "invalid"),
    ("restore",        {},                                         422, "invalid"),
    ("restore",        {"payable_until": "2020-01-01"},            422, "day_is_over"),
    ("restore",        {"payable_until": "2099-01-01"},            409, "illegal_step"),
    ("paid-elsewhere", {**ELSEWHERE, "amount_cents": 14_851},      422, "more_than_open"),
    ("paid-elsewhere", {**ELSEWHERE, "amount_cents": 0},           422, "invalid"),
    ("paid-elsewhere", {**ELSEWHERE, "how": "gold"},               422, "invalid"),
    ("paid-elsewhere", {**ELSEWHERE, "id": "a/b"},                 422, "invalid"),
    ("paid-elsewhere/B-9/undo", None,                              404, "fact_not_found"),
    ("paid-elsewhere/-B/undo",  None,                              422, "invalid"),
    ("close-rest",     {**ORDERS["close-rest"], "amount_cents": 14_850}, 422, "nothing_paid"),
]
# fmt: on


@pytest.mark.parametrize(("order", "body", "status", "code"), REFUSED)
def test_what_does_not_fit_is_a_problem_and_changes_nothing(
    app, post, pushed, token, order, body, status, code
):
    answer = post(order, body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    assert app.test_client().get(REQUEST, headers=token).json == pushed


def test_the_same_id_with_other_facts_is_a_conflict(post, pushed):
    first, again = post("paid-elsewhere", ELSEWHERE), post("paid-elsewhere", ELSEWHERE)
    assert first.json == again.json
    other = post("paid-elsewhere", {**ELSEWHERE, "paid_on": "2026-11-13"})
    assert (other.status_code, other.json["code"]) == (409, "fact_reused")


def test_an_order_is_noted_with_its_client(app, post, pushed):
    post("withdraw", {"reason": "paid"})
    with app.app_context():
        row = db.session.scalars(select(AuditRow).order_by(AuditRow.id.desc())).first()
        assert (row.act, row.subject, row.detail) == ("request.withdraw", "K-1", {"reason": "paid"})
        assert row.actor.startswith("client:c_")


def test_the_qr_code_reads_as_the_link(app, token, pushed):
    answer = app.test_client().get(f"{REQUEST}/qr.png", headers=token)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.headers["Cache-Control"] == "no-store"
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.data)))
    assert read.text == pushed["link"]["qr"]


def test_the_qr_code_is_drawn_as_svg_too_and_follows_a_new_link(app, token, post, pushed):
    def drawn():
        return app.test_client().get(f"{REQUEST}/qr.svg", headers=token)

    answer = drawn()
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert b"<svg " in answer.data
    assert drawn().data == answer.data
    post("new-link")
    assert drawn().data != answer.data


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_qr_code_is_for_who_may_write_only(app, pushed, kind):
    reader = bearer(app, "musterhausen", "requests:read")
    assert app.test_client().get(f"{REQUEST}/qr.{kind}", headers=reader).status_code == 403
    other = bearer(app, "beispielstadt")
    assert app.test_client().get(f"{REQUEST}/qr.{kind}", headers=other).status_code == 404


def test_of_facts_told_at_once_only_as_many_are_taken_as_are_open(app, post, token, pushed):
    gate, statuses = threading.Barrier(6), []

    def tell(number):
        gate.wait(10)
        statuses.append(post("paid-elsewhere", {**ELSEWHERE, "id": f"B-{number}"}).status_code)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 2 + [422] * 4
    assert app.test_client().get(REQUEST, headers=token).json["paid_cents"] == 10_000


def test_a_fact_and_the_newer_letter_at_once_lose_no_cent(app, post, token, pushed):
    gate, statuses = threading.Barrier(2), []

    def tell():
        gate.wait(10)
        statuses.append(post("paid-elsewhere", ELSEWHERE).status_code)

    def replace():
        gate.wait(10)
        body = asked(replaces=["K-1"])
        address = "/api/v1/payment-requests/K-2"
        statuses.append(app.test_client().put(address, json=body, headers=token).status_code)

    threads = [threading.Thread(target=tell), threading.Thread(target=replace)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 201]
    newer = app.test_client().get("/api/v1/payment-requests/K-2", headers=token).json
    assert newer["paid_cents"] == 5_000
