"""How the practice provider tells what happened: well, and badly on purpose."""

import json
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from portal import clock
from sandbox import courier
from sandbox.serving import running
from tests.sandbox.conftest import SECRET, Desk
from tests.sandbox.mailbox import Mailbox


def said(mailbox: Mailbox) -> list[tuple[str, int]]:
    bodies = [json.loads(body) for _, body in mailbox.letters]
    return [(body["status"], body["amount_cents"]) for body in bodies]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats come at once."""
    monkeypatch.setattr(courier, "PAUSES_SECONDS", (0,) * len(courier.PAUSES_SECONDS))


def test_what_happened_is_told_and_signed(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    answer = desk.test("payments/pay-1/pay")
    headers, body = mailbox.letters[0]
    told = Webhook(SECRET).verify(body, headers)
    assert told["event"] == headers["webhook-id"]
    assert (told["type"], told["payment"], told["status"]) == ("payment.updated", "pay-1", "paid")
    assert [row["state"] for row in answer["deliveries"]] == ["taken"]


@pytest.mark.usefixtures("hurried")
def test_a_webhook_is_repeated_until_it_is_taken(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    mailbox.status = 500
    desk.test("payments/pay-1/pay")
    mailbox.wait_for(4)
    mailbox.status = 204
    mailbox.wait_for(5)
    assert len({headers["webhook-id"] for headers, _ in mailbox.letters}) == 1


@pytest.mark.usefixtures("hurried")
def test_a_webhook_that_nobody_takes_is_given_up_after_its_pauses(
    desk: Desk, mailbox: Mailbox
) -> None:
    desk.order()
    mailbox.status = 301
    desk.test("payments/pay-1/pay")
    tries = len(courier.PAUSES_SECONDS) + 1
    mailbox.wait_for(tries)
    desk.order("pay-2")
    desk.test("payments/pay-2/pay")
    paid_first = [json.loads(body)["payment"] for _, body in mailbox.letters].count("pay-1")
    assert paid_first == tries


def test_pauses_grow_to_about_a_day() -> None:
    assert list(courier.PAUSES_SECONDS) == sorted(courier.PAUSES_SECONDS)
    assert 20 * 3600 < sum(courier.PAUSES_SECONDS) <= 24 * 3600


def test_a_restart_goes_on_telling(tmp_path: Path, mailbox: Mailbox) -> None:
    with running(tmp_path) as url:
        desk = Desk(url)
        desk.open_account(mailbox.url)
        desk.order()
        mailbox.status = 503
        desk.test("payments/pay-1/pay")
        desk.http.close()
    mailbox.status = 204
    seen = len(mailbox.letters)
    with running(tmp_path):
        mailbox.wait_for(seen + 1)
    assert said(mailbox)[-1] == ("paid", 4200)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("send", ["authorising", "paid"]),
        ("lose", ["authorising"]),
        ("double", ["authorising", "paid", "paid"]),
        ("before_previous", ["authorising", "paid", "authorising"]),
    ],
)
def test_the_ways_of_telling(desk: Desk, mailbox: Mailbox, way: str, expected: list[str]) -> None:
    desk.order()
    desk.test("payments/pay-1/pend")
    desk.test("payments/pay-1/pay", webhook=way)
    assert [status for status, _ in said(mailbox)] == expected
    assert desk.books()["totals"]["succeeded_cents"] == 4200


def test_a_doubled_webhook_carries_one_id(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    desk.test("payments/pay-1/pay", webhook="double")
    assert len({headers["webhook-id"] for headers, _ in mailbox.letters}) == 1


def test_a_late_webhook_comes_when_its_time_has_come(
    desk: Desk, mailbox: Mailbox, tmp_path: Path
) -> None:
    moved_by = tmp_path / "clock"
    clock.move_by(moved_by)
    try:
        desk.order()
        desk.test("payments/pay-1/pay", webhook="late:3600")
        assert mailbox.letters == []
        moved_by.write_text("+3601")
        desk.test("payments/pay-1/notify", webhook="lose")
        mailbox.wait_for(1)
    finally:
        clock.move_by(None)


@pytest.mark.usefixtures("hurried")
def test_a_forged_webhook_is_told_once_with_a_wrong_signature(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    mailbox.status = 400
    answer = desk.test("payments/pay-1/pay", webhook="forged")
    headers, body = mailbox.letters[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)
    assert answer["deliveries"][0]["state"] == "given_up"
    assert answer["deliveries"][0]["answer"] == "400"


@pytest.mark.parametrize("age", [301, 86400, -301])
def test_a_webhook_can_be_old_or_from_the_future(desk: Desk, mailbox: Mailbox, age: int) -> None:
    desk.order()
    desk.test("payments/pay-1/notify", age_seconds=age)
    headers, _ = mailbox.letters[0]
    stamped = timedelta(seconds=clock.now().timestamp() - int(headers["webhook-timestamp"]))
    assert abs(stamped - timedelta(seconds=age)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "lie",
    [
        {"amount_cents": 1},
        {"currency": "PLN"},
        {"merchant": "nobody"},
        {"status": "refused"},
        {"payment": "pay-9"},
        {"live": True},
    ],
)
def test_a_lie_is_signed_and_leaves_the_books_alone(
    desk: Desk, mailbox: Mailbox, lie: dict[str, Any]
) -> None:
    desk.order()
    desk.test("payments/pay-1/pay", webhook="lose")
    before = desk.http.get("/books").json()
    desk.test("payments/pay-1/notify", **lie)
    headers, body = mailbox.letters[0]
    told = Webhook(SECRET).verify(body, headers)
    assert {name: told[name] for name in lie} == lie
    assert desk.http.get("/books").json() == before


def test_an_earlier_state_can_be_told_again(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    desk.test("payments/pay-1/decline")
    desk.test("payments/pay-1/pay")
    desk.test("payments/pay-1/notify", status="aborted")
    desk.test("payments/pay-1/notify", earlier=True)
    statuses = [status for status, _ in said(mailbox)]
    assert statuses == ["refused", "paid", "aborted", "refused"]


def test_money_may_come_after_all_was_over(desk: Desk, mailbox: Mailbox) -> None:
    for payment, end in (("pay-1", "expire"), ("pay-2", "cancel"), ("pay-3", "decline")):
        desk.order(payment)
        desk.test(f"payments/{payment}/{end}", webhook="lose")
        desk.test(f"payments/{payment}/pay")
    assert said(mailbox) == [("paid", 4200)] * 3


def test_all_webhooks_can_be_lost(desk: Desk, mailbox: Mailbox) -> None:
    desk.test("settings", webhooks="lose")
    page = desk.page()
    assert desk.http.post(page, data={"choice": "pay"}).status_code == 303
    desk.test("merchants/town/settle")
    assert mailbox.letters == []
    desk.test("settings", webhooks="send")
    desk.test("payments/pay-1/notify")
    assert said(mailbox) == [("paid", 4200)]


def test_a_dead_merchant_does_not_hold_up_another(desk: Desk, mailbox: Mailbox) -> None:
    desk.open_account("http://127.0.0.1:9/nobody", "other", "key of the other")
    headers = {"Authorization": "Bearer key of the other", "Idempotency-Key": "pay-0"}
    order = {"payment": "pay-0", "amount_cents": 1, "currency": "EUR", "text": "t"}
    order |= {"method": "", "language": "de", "return_url": "http://localhost/"}
    desk.http.post("/v1/payments", json=order, headers=headers).raise_for_status()
    answer = desk.test("payments/pay-0/pay")
    assert answer["deliveries"][0]["state"] == "waiting"
    desk.order()
    desk.test("payments/pay-1/pay")
    assert said(mailbox) == [("paid", 4200)]


def test_what_is_on_its_way_is_not_sent_once_more(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.gate.clear()
    for count in (1, 2, 3):
        path = desk.page(f"pay-{count}").replace("/pay/", "/v1/payments/")
        desk.test(f"payments/pay-{count}/pend", webhook="lose")
        desk.as_merchant(f"{path}/complete", {}).raise_for_status()
        mailbox.wait_for(count)
    mailbox.gate.set()
    told = [json.loads(body)["payment"] for _, body in mailbox.letters]
    assert told == ["pay-1", "pay-2", "pay-3"]


@pytest.mark.usefixtures("hurried")
def test_an_address_that_cannot_be_called_is_tried_and_given_up(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    with running(tmp_path) as url:
        desk = Desk(url)
        desk.open_account(mailbox.url)
        with sqlite3.connect(tmp_path / "sandbox.sqlite3") as db:
            db.execute("UPDATE merchants SET webhook_url = 'http://town.example:99999/'")
        desk.order()
        (telling,) = desk.test("payments/pay-1/pay")["deliveries"]
        assert telling["tries"] > 0
        assert telling["answer"] not in {"", "200"}
        desk.http.close()


def test_a_courier_whose_books_are_shut_waits_for_its_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def shut(_self: courier.Courier) -> None:
        looks.append(1)
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(courier.Courier, "_due", shut)
    monkeypatch.setattr(courier, "LOOK_EVERY_SECONDS", 0.02)
    with running(tmp_path):
        deadline = threading.Event()
        deadline.wait(0.15)
    assert 2 <= len(looks) <= 20


def test_a_delivery_that_cannot_be_recorded_does_not_spin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail(_self: courier.Courier, delivery: sqlite3.Row, _answer: object) -> None:
        tried.append(delivery["n"])
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(courier.Courier, "_record", fail)
    desk.order()
    desk.http.post("/test/payments/pay-1/pay", json={}, timeout=5)
    assert 1 <= len(tried) <= 8  # twice a second for the two seconds that the trainer waits


def test_what_goes_back_is_told_with_its_payer_as_real_ones_do(
    desk: Desk, mailbox: Mailbox
) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")
    told = {"refund": "ref-1", "amount_cents": 200, "currency": "EUR"}
    refund = desk.as_merchant(path, told, "ref-1").json()
    mailbox.wait_for(2)
    desk.test("refunds/ref-1/bounce")
    reversal = desk.test("payments/pay-1/reverse")["reversal"]
    desk.test(f"reversals/{reversal['id']}/win")
    desk.test("merchants/town/settle")
    mailbox.wait_for(6)
    bodies = [json.loads(body) for _, body in mailbox.letters]
    assert [(body["type"], body.get("status")) for body in bodies] == [
        ("payment.updated", "paid"), ("refund.updated", "sent"), ("refund.updated", "bounced"),
        ("reversal.updated", "taken"), ("reversal.updated", "won"), ("settlement.created", None),
    ]  # fmt: skip
    assert bodies[1]["id"] == refund["id"]
    for _, body in mailbox.letters:
        assert b"Probezahlerin" in body
        assert b"@example.org" in body
        assert b"DE8937" in body


@pytest.mark.parametrize("about", ["refunds/ref-1", "reversals/{}"])
def test_what_goes_back_can_be_told_again_earlier_and_untruly(
    desk: Desk, mailbox: Mailbox, about: str
) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")
    told = {"refund": "ref-1", "amount_cents": 200, "currency": "EUR"}
    desk.as_merchant(path, told, "ref-1")
    reversal = desk.test("payments/pay-1/reverse")["reversal"]
    before = desk.books()
    mailbox.wait_for(3)
    about = about.format(reversal["id"])
    desk.test(f"{about}/notify")
    desk.test(f"{about}/notify", amount_cents=1, merchant="nobody", live=True)
    desk.test(f"{about}/notify", earlier=True)
    (true, lie, again) = (json.loads(body) for _, body in mailbox.letters[-3:])
    assert (lie["amount_cents"], lie["merchant"], lie["live"]) == (1, "nobody", True)
    assert true == lie | {
        name: true[name] for name in ("event", "made_at", "amount_cents", "merchant", "live")
    }
    assert again["event"] != true["event"]
    assert desk.books() == before
