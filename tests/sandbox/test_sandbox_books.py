"""The practice provider's own books."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from sandbox.settlements import fee
from sandbox.states import EDGES, STATUSES, VERBS
from tests.sandbox.conftest import Desk


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
