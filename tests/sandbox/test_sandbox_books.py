"""The practice provider's own books."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest

from portal import clock
from sandbox.books import Books
from sandbox.settlements import fee
from sandbox.states import EDGES, STATUSES, VERBS
from tests.sandbox.conftest import KEY, Desk


def test_only_what_was_paid_is_collected(desk: Desk) -> None:
    for number, verb in enumerate(("pay", "pend", "decline", "cancel", "expire", "leave")):
        desk.order(f"pay-{number}")
        desk.test(f"payments/pay-{number}/{verb}")
    books = desk.books()
    statuses = [payment["status"] for payment in books["payments"]]
    assert statuses == ["paid", "authorising", "refused", "aborted", "timed_out", "open"]
    assert books["totals"]["succeeded_cents"] == 4200


def test_the_books_add_up_after_refunds_and_settlements(desk: Desk) -> None:
    for payment, cents in (("pay-1", 4200), ("pay-2", 1_248_000)):
        desk.order(payment, cents)
        desk.test(f"payments/{payment}/pay")
    found = {row["payment"]: row["id"] for row in desk.books()["payments"]}
    refund = {"refund": "ref-1", "amount_cents": 200, "currency": "EUR"}
    desk.as_merchant(f"/v1/payments/{found['pay-1']}/refunds", refund, "ref-1")
    desk.test("merchants/town/settle", fee_bp=120, fee_cents=25)
    desk.order("pay-3", 100)
    desk.test("payments/pay-3/pay")

    totals = desk.books()["totals"]
    fees = (50 + 25) + (14_976 + 25)  # 1.2 % of 42.00 is 50.4 cents
    assert totals == {
        "succeeded_cents": 4200 + 1_248_000 + 100,
        "refunded_cents": 200,
        "reversed_cents": 0,
        "fees_cents": fees,
        "settled_cents": 4000 + 1_248_000 - fees,
        "unsettled_cents": 100,
    }


def test_what_is_settled_is_not_settled_again(desk: Desk) -> None:
    desk.order()
    desk.test("payments/pay-1/pay")
    desk.test("merchants/town/settle")
    assert desk.http.post("/test/merchants/town/settle").status_code == 409


@pytest.mark.parametrize(
    ("gross", "cost"), [(10_000, 145), (4200, 75), (41, 25), (42, 26), (-4200, 0), (0, 0)]
)
def test_a_fee_is_a_part_and_a_fixed_sum_and_refunds_cost_nothing(gross: int, cost: int) -> None:
    assert fee(gross, 120, 25) == cost


def test_a_wrong_amount_and_currency_are_booked_as_they_came(desk: Desk) -> None:
    desk.order("pay-1")
    desk.test("payments/pay-1/pay", amount_cents=4199)
    desk.order("pay-2")
    desk.test("payments/pay-2/pay", amount_cents=500, currency="PLN")
    desk.order("pay-3")
    desk.test("payments/pay-3/pay", merchant="nobody")
    books = desk.books()
    assert books["totals"]["succeeded_cents"] == 4199
    assert books["foreign"]["PLN"]["succeeded_cents"] == 500
    strangers = desk.http.get("/books").json()["strangers"]
    assert strangers["nobody"]["EUR"]["succeeded_cents"] == 4200


def test_twenty_who_pay_at_the_same_moment_pay_once(desk: Desk) -> None:
    page = desk.page()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.http.post(page, data={"choice": "pay"}), range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 19
    assert desk.books()["totals"]["succeeded_cents"] == 4200


def test_twenty_orders_with_one_id_are_one_payment(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.order().json()["id"], range(20)))
    assert len(set(answers)) == 1
    assert len(desk.books()["payments"]) == 1


def test_refunds_at_the_same_moment_never_exceed_the_payment(desk: Desk) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")

    def refund(number: int) -> str:
        told = {"refund": f"ref-{number}", "amount_cents": 1000, "currency": "EUR"}
        answer: str = desk.as_merchant(path, told, f"ref-{number}").json()["status"]
        return answer

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(refund, range(12)))
    assert sorted(statuses) == ["bounced"] * 8 + ["sent"] * 4
    assert desk.books()["totals"]["refunded_cents"] == 4000


def test_the_books_add_up_when_money_goes_back_and_comes_again(desk: Desk) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")
    desk.test("settings", refunds="under_way")
    told = {"refund": "ref-1", "amount_cents": 1000, "currency": "EUR"}
    assert desk.as_merchant(path, told, "ref-1").json()["status"] == "under_way"
    assert desk.books()["totals"]["refunded_cents"] == 0
    desk.test("refunds/ref-1/send")
    assert desk.books()["totals"]["refunded_cents"] == 1000
    reversal = desk.test("payments/pay-1/reverse", fee_cents=500)["reversal"]
    desk.test("merchants/town/settle", fee_bp=0, fee_cents=25)
    assert desk.books()["totals"] == {
        "succeeded_cents": 4200, "refunded_cents": 1000, "reversed_cents": 4200,
        "fees_cents": 525, "settled_cents": -1525, "unsettled_cents": 0,
    }  # fmt: skip
    desk.test("refunds/ref-1/bounce")
    desk.test(f"reversals/{reversal['id']}/win")
    desk.test("merchants/town/settle", fee_bp=120, fee_cents=25)
    assert desk.books()["totals"] == {
        "succeeded_cents": 4200, "refunded_cents": 0, "reversed_cents": 0,
        "fees_cents": 25, "settled_cents": 4175, "unsettled_cents": 0,
    }  # fmt: skip
    kept = desk.books()
    assert [row["status"] for row in kept["refunds"] + kept["reversals"]] == ["bounced", "won"]
    assert [row["net_cents"] for row in kept["settlements"]] == [-1525, 5700]


def test_a_bank_takes_no_more_than_came_and_a_refund_no_more_than_the_bank_left(
    desk: Desk,
) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    assert desk.http.post("/test/payments/pay-1/reverse", json={}).status_code == 409
    desk.test("payments/pay-1/pay")
    desk.test("payments/pay-1/reverse", amount_cents=4000, reason="returned_debit")
    told = {"refund": "ref-1", "amount_cents": 201, "currency": "EUR"}
    assert desk.as_merchant(path, told, "ref-1").json()["status"] == "bounced"
    more = desk.http.post("/test/payments/pay-1/reverse", json={"amount_cents": 201})
    assert more.status_code == 409
    assert desk.test("payments/pay-1/reverse")["reversal"]["amount_cents"] == 200


@pytest.mark.parametrize(
    ("status", "verb", "answer"),
    [
        ("under_way", "send", 200), ("under_way", "bounce", 200), ("sent", "bounce", 200),
        ("sent", "send", 409), ("bounced", "send", 409), ("bounced", "bounce", 409),
    ],
)  # fmt: skip
def test_a_refund_goes_its_way(desk: Desk, status: str, verb: str, answer: int) -> None:
    path = desk.page().replace("/pay/", "/v1/payments/") + "/refunds"
    desk.test("payments/pay-1/pay")
    desk.test("settings", refunds="sent" if status == "sent" else "under_way")
    cents = 4201 if status == "bounced" else 4200
    told = {"refund": "ref-1", "amount_cents": cents, "currency": "EUR"}
    assert desk.as_merchant(path, told, "ref-1").json()["status"] == status
    assert desk.http.post(f"/test/refunds/ref-1/{verb}", json={}).status_code == answer


def taken(desk: Desk, until: str, key: str = KEY) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return desk.http.get("/v1/taken", params={"until": until}, headers=headers)


def test_a_merchant_is_told_what_was_taken_before_a_moment_in_each_currency(desk: Desk) -> None:
    desk.order("pay-1")
    desk.test("payments/pay-1/pay")
    with_two = clock.now() + timedelta(hours=1)
    desk.order("pay-2")
    desk.test("payments/pay-2/pay", amount_cents=500, currency="PLN")
    desk.order("pay-3")
    desk.test("payments/pay-3/pay", merchant="nobody")
    told = taken(desk, with_two.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()).json()
    assert (told["merchant"], datetime.fromisoformat(told["until"])) == ("town", with_two)
    assert told["taken"] == [
        {"currency": "EUR", "amount_cents": 4200}, {"currency": "PLN", "amount_cents": 500},
    ]  # fmt: skip
    assert taken(desk, "2020-01-01T00:00:00Z").json()["taken"] == [
        {"currency": "EUR", "amount_cents": 0}
    ]


def test_the_moment_itself_does_not_count(desk: Desk, tmp_path: Path) -> None:
    desk.order()
    desk.test("payments/pay-1/pay")
    db = sqlite3.connect(tmp_path / "sandbox.sqlite3")
    (made_at,) = db.execute("SELECT made_at FROM movements").fetchone()
    db.close()
    after = datetime.fromisoformat(made_at) + timedelta(milliseconds=1)
    sums = [taken(desk, at).json()["taken"][0]["amount_cents"] for at in (made_at, str(after))]
    assert sums == [0, 4200]


@pytest.mark.parametrize("until", ["", "yesterday", "2026-11-22", "2026-11-22T00:00:00", "9" * 40])
def test_what_is_no_moment_with_its_offset_is_refused(desk: Desk, until: str) -> None:
    answer = taken(desk, until)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_field")


def test_a_stranger_is_told_nothing(desk: Desk) -> None:
    assert taken(desk, "2026-11-22T00:00:00Z", "no key").status_code == 401


OLD_MOVEMENTS = """
CREATE TABLE movements (
  n INTEGER PRIMARY KEY AUTOINCREMENT, made_at TEXT NOT NULL, merchant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('sale', 'return', 'fee', 'payout')),
  payment_id TEXT REFERENCES payments, refund_id TEXT REFERENCES refunds,
  settlement TEXT REFERENCES settlements, amount_cents INTEGER NOT NULL,
  currency TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX one_return ON movements (refund_id) WHERE kind = 'return';
CREATE TRIGGER movements_remain BEFORE DELETE ON movements
  BEGIN SELECT RAISE(ABORT, 'movements are append only'); END;
INSERT INTO movements VALUES
  (7, '2026-01-01T00:00:00+00:00', 'gone', 'payout', NULL, NULL, NULL, -5, 'EUR');
"""


def test_books_of_the_first_version_are_widened(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sandbox.sqlite3") as old:
        old.executescript(OLD_MOVEMENTS)
    old.close()
    for _ in range(2):
        books = Books(tmp_path)
        with books.reading() as db:
            rows = [tuple(row) for row in db.execute("SELECT n, kind, reversal_id FROM movements")]
        books.close()
        assert rows == [(7, "payout", None)]


def test_movements_can_be_neither_changed_nor_deleted(desk: Desk, tmp_path: Path) -> None:
    desk.order()
    desk.test("payments/pay-1/pay")
    db = sqlite3.connect(tmp_path / "sandbox.sqlite3")
    for statement in ("UPDATE movements SET amount_cents = 1", "DELETE FROM movements"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            db.execute(statement)
    db.close()


def test_what_does_not_fit_a_status_is_refused(desk: Desk) -> None:
    ways = {"open": "leave", "authorising": "pend", "paid": "pay", "refused": "decline"}
    ways |= {"aborted": "cancel", "timed_out": "expire"}
    for status, verb in product(STATUSES, VERBS):
        payment = f"{status}-{verb}"
        desk.order(payment)
        desk.http.post(f"/test/payments/{payment}/{ways[status]}", json={})
        answer = desk.http.post(f"/test/payments/{payment}/{verb}", json={"webhook": "lose"})
        assert answer.status_code == (200 if (status, verb) in EDGES else 409), payment
        found = desk.books()["payments"][-1]
        assert found["status"] == EDGES.get((status, verb), status)
