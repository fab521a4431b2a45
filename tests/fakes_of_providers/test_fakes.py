"""What all fakes have in common, tried with Stripe's: page, doors, courier, books."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fakes.serving import running
from tests.sandbox.mailbox import Mailbox, open_mailbox

KEY, SECRET, MERCHANT = "sk_test_town", "whsec_town", "acct_1Town"
BACK = "http://localhost:8000/return/pay-1"


class Desk:
    """Calls the fake as merchant, payer and trainer."""

    def __init__(self, url: str, hook: str) -> None:
        self.http = httpx2.Client(base_url=f"{url}/stripe", trust_env=False, verify=False)
        told = {
            "name": "Stadt Musterhausen",
            "webhook_url": hook,
            "credentials": {"secret_key": KEY, "webhook_secret": SECRET},
        }
        self.http.put(f"/merchants/{MERCHANT}", json=told).raise_for_status()

    def order(self, payment: str = "pay-1", key: str = "", **other: Any) -> httpx2.Response:
        form = {
            "mode": "payment",
            "line_items[0][price_data][currency]": "eur",
            "line_items[0][price_data][unit_amount]": "4200",
            "line_items[0][price_data][product_data][name]": "Stadt Musterhausen 7F3K-9QXM",
            "line_items[0][quantity]": "1",
            "success_url": BACK + "?session={CHECKOUT_SESSION_ID}",
            "cancel_url": BACK + "?left",
            "client_reference_id": payment,
            "locale": "de",
        }
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.post("/v1/checkout/sessions", data=form | other, headers=headers)

    def page(self, **other: Any) -> str:
        """Order a payment; the path of its page."""
        url: str = self.order(**other).raise_for_status().json()["url"]
        return re.sub("^.*/stripe", "", url)

    def test(self, path: str, **options: Any) -> dict[str, Any]:
        answer = self.http.post(f"/test/{path}", json=options).raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def books(self) -> dict[str, Any]:
        told: dict[str, Any] = self.http.get("/books").json()["merchants"][MERCHANT]
        return told


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path, mailbox: Mailbox) -> Iterator[Desk]:
    with running(tmp_path) as url:
        desk = Desk(url, mailbox.url)
        yield desk
        desk.http.close()


@pytest.mark.parametrize(("locale", "words"), [("de", "4.200,00"), ("en", "Pay now")])
def test_the_page_speaks_german_and_english_and_shows_what_is_asked(
    desk: Desk, locale: str, words: str
) -> None:
    amount = {"line_items[0][price_data][unit_amount]": "420000"}
    shown = desk.http.get(desk.page(locale=locale, **amount))
    assert shown.status_code == 200
    assert words in shown.text
    assert f'lang="{locale}"' in shown.text
    assert "7F3K-9QXM" in shown.text
    assert "<script" not in shown.text


def test_opening_the_page_changes_nothing(desk: Desk) -> None:
    path = desk.page()
    desk.http.get(path)
    assert desk.books()["payments"][0]["status"] == "open"


@pytest.mark.parametrize(
    ("choice", "status", "back"),
    [("pay", "paid", "?session=cs_test_"), ("later", "authorising", "?session=cs_test_"),
     ("cancel", "open", "?left")],
)  # fmt: skip
def test_the_payer_decides_and_is_sent_back(
    desk: Desk, mailbox: Mailbox, choice: str, status: str, back: str
) -> None:
    answer = desk.http.post(desk.page(), data={"choice": choice})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(BACK + back)
    assert desk.books()["payments"][0]["status"] == status
    assert len(mailbox.letters) == (status != "open")


@pytest.mark.parametrize("choice", ["decline", "leave"])
def test_a_declined_or_left_payment_may_be_tried_again(desk: Desk, choice: str) -> None:
    path = desk.page()
    assert desk.http.post(path, data={"choice": choice}).status_code == 200
    assert desk.http.post(path, data={"choice": "pay"}).status_code == 303
    assert desk.http.post(path, data={"choice": "pay"}).status_code == 409
    assert desk.http.post(path, data={"choice": "steal"}).status_code == 400


def test_its_books_add_up_whatever_happened(desk: Desk) -> None:
    for payment in ("pay-1", "pay-2", "pay-3"):
        desk.order(payment)
        desk.test(f"payments/{payment}/pay")
    desk.test("payments/pay-1/refund", amount_cents=700)
    won = desk.test("payments/pay-2/reverse", amount_cents=1000, fee_cents=500)["reversal"]
    desk.test(f"reversals/{won}/win")
    desk.test("payments/pay-2/reverse", amount_cents=300, fee_cents=200)
    desk.test(f"merchants/{MERCHANT}/settle")
    desk.test(f"merchants/{MERCHANT}/adjust", kind="reserve", amount_cents=-100)
    assert desk.books()["totals"] == {
        "succeeded_cents": 12_600, "refunded_cents": 700, "reversed_cents": 300,
        "fees_cents": 3 * 75 + 200, "kept_cents": 100,
        "settled_cents": 12_600 - 700 - 300 - 425, "unsettled_cents": -100,
    }  # fmt: skip


def test_what_is_not_taken_comes_again(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.status = 500
    desk.order()
    told = desk.test("payments/pay-1/pay")
    assert told["deliveries"][0]["state"] == "waiting"
    mailbox.status = 204
    mailbox.wait_for(2)
    assert mailbox.letters[0][1] == mailbox.letters[1][1]


@pytest.mark.parametrize(
    ("way", "count"), [("lose", 0), ("double", 2), ("forged", 1), ("late:3600", 0)]
)
def test_events_can_be_told_badly_on_purpose(
    desk: Desk, mailbox: Mailbox, way: str, count: int
) -> None:
    desk.order()
    desk.test("payments/pay-1/pay", webhook=way)
    mailbox.wait_for(count)
    assert len(mailbox.letters) == count


def test_an_event_can_be_told_again_with_other_words_and_age(desk: Desk, mailbox: Mailbox) -> None:
    desk.order()
    (first,) = desk.test("payments/pay-1/pay")["deliveries"]
    changes = [['"amount_total":4200', '"amount_total":4300']]
    path = f"events/{first['event']}/repeat"
    (again,) = desk.test(path, age_seconds=3600, changes=changes)["deliveries"]
    assert '"amount_total":4300' in again["sent"]["body"]
    assert (
        again["sent"]["headers"]["stripe-signature"] < first["sent"]["headers"]["stripe-signature"]
    )
    wrong = desk.http.post(f"/test/{path}", json={"changes": [["nowhere", "x"]]})
    assert wrong.status_code == 422


@pytest.mark.parametrize("down", [True, "after"])
def test_a_provider_may_be_down_before_or_after_it_acted(desk: Desk, down: object) -> None:
    desk.test("settings", down=down)
    assert desk.order().status_code == 503
    desk.test("settings", down=False)
    assert len(desk.books()["payments"]) == (down == "after")


def test_an_order_repeated_with_its_key_is_one_order_and_another_is_an_error(desk: Desk) -> None:
    first = desk.order(key="one")
    assert desk.order(key="one").json() == first.json()
    other = desk.order("pay-2", key="one")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(desk.books()["payments"]) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"payment_method_types[0]": "card"}, "payment_method_types"),
        ({"colour": "red"}, "colour"),
        ({"mode": "setup"}, "mode"),
        ({"success_url": "nowhere"}, "success_url"),
        ({"line_items[0][quantity]": "0"}, "line_items[0][quantity]"),
        ({"line_items[0][price_data][unit_amount]": "4200.5"}, "line_items[0][unit_amount]"),
        ({"expires_at": "1"}, "expires_at"),
    ],
)
def test_what_the_api_does_not_take_is_said_as_it_says_it(
    desk: Desk, change: dict[str, str], param: str
) -> None:
    answer = desk.order(**change)  # type: ignore[arg-type]
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_who_has_no_key_sees_nothing(desk: Desk) -> None:
    answer = desk.http.get("/v1/payouts", headers={"Authorization": "Bearer sk_test_other"})
    assert answer.status_code == 401
    missing = desk.http.get("/v1/payouts/po_1", headers={"Authorization": f"Bearer {KEY}"})
    assert missing.json()["error"]["code"] == "resource_missing"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-Ip"])
def test_the_doors_are_for_this_machine_only(desk: Desk, name: str) -> None:
    headers = {name: "203.0.113.7"}
    assert desk.http.get("/books", headers=headers).status_code == 403
    assert desk.http.post("/test/settings", json={}, headers=headers).status_code == 403
    assert desk.http.get(desk.page(), headers=headers).status_code == 200


def test_a_provider_that_nobody_plays_is_not_there(desk: Desk) -> None:
    other = str(desk.http.base_url).replace("/stripe", "/nobody")
    assert httpx2.get(f"{other}books", trust_env=False).status_code == 404
