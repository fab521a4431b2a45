"""PayPal's transfers as settlements: every cent of the balance is in one of them, once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.paypal import report as fake_report
from portal import clock
from portal.money import Money
from portal.providers import paypal_report, paypal_settlement
from portal.providers.paypal import PayPal
from portal.providers.paypal_report import Found, Movement, kind_of
from portal.providers.paypal_settlement import settlement, settlements
from portal.providers.protocol import (
    Account,
    ProviderDown,
    RefundOrder,
    Settlement,
    SettlementLine,
    UnknownWord,
)
from tests.providers.harness_paypal import MERCHANT, PayPalHarness, paypal_harness
from tests.providers.test_contract import order

PROVIDER = PayPal()
DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = Account("tenant", "account", MERCHANT, False, {})


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[PayPalHarness]:
    with paypal_harness(tmp_path) as opened:
        yield opened


def paid(harness: PayPalHarness, payment: str, cents: int) -> str:
    reference = PROVIDER.start(harness.account, order(payment, cents)).provider_reference
    harness.pay(payment)
    return reference


def listed(harness: PayPalHarness) -> tuple[str, ...]:
    return PROVIDER.settlements(harness.account, clock.now() - timedelta(days=1))


def all_of(harness: PayPalHarness) -> list[Settlement]:
    return [PROVIDER.settlement(harness.account, name) for name in listed(harness)]


def adds_up(report: Settlement) -> bool:
    return report.net.cents == sum(line.gross.cents - line.fee.cents for line in report.lines)


@dataclass
class Day:
    """What happens to a town's money as it falls; ``references`` are its payments' orders."""

    harness: PayPalHarness
    dice: random.Random
    references: dict[str, str] = field(default_factory=dict)
    reversals: list[str] = field(default_factory=list)

    def pay(self, number: int) -> None:
        cents = self.dice.randint(100, 10**6)
        self.references[f"pay-{number}"] = paid(self.harness, f"pay-{number}", cents)

    def refund(self, number: int) -> None:
        name, cents = self.dice.choice(list(self.references)), self.dice.randint(1, 50)
        back = RefundOrder(f"ref-{number}", name, self.references[name], Money(cents))
        PROVIDER.refund(self.harness.account, back)

    def reverse(self, _: int) -> None:
        name, cents = self.dice.choice(list(self.references)), self.dice.randint(1, 40)
        told = {"amount_cents": cents, "fee_cents": 300}
        self.reversals.append(self.harness.post(f"payments/{name}/reverse", told)["reversal"])

    def win(self, _: int) -> None:
        if self.reversals:
            self.harness.post(f"reversals/{self.reversals.pop()}/win", {})

    def adjust(self, _: int) -> None:
        kind, cents = self.dice.choice(["fee", "reserve", "other"]), -self.dice.randint(1, 500)
        told = {"kind": kind, "amount_cents": cents}
        self.harness.post(f"merchants/{MERCHANT}/adjust", told)

    def settle(self, _: int) -> None:
        if self.harness.books()["totals"]["unsettled_cents"]:
            self.harness.settle()

    def go(self, steps: int) -> None:
        self.pay(0)
        acts = (self.pay, self.pay, self.refund, self.reverse, self.win, self.adjust, self.settle)
        for number in range(1, steps):
            self.dice.choice(acts)(number)


def test_every_cent_of_a_busy_day_is_in_one_settlement(harness: PayPalHarness) -> None:
    day = Day(harness, random.Random(8151))
    day.go(40)
    harness.settle()
    reports, totals = all_of(harness), harness.books()["totals"]
    assert len(reports) == len(harness.books()["settlements"])
    assert all(adds_up(report) for report in reports)
    assert [report.net.cents for report in reports] == [
        row["net_cents"] for row in harness.books()["settlements"]
    ]
    lines = [line for report in reports for line in report.lines]
    of = {
        kind: sum(line.gross.cents for line in lines if line.kind == kind)
        for kind in ("payment", "refund", "reversal", "reserve", "other")
    }
    assert of["payment"] == totals["succeeded_cents"]
    assert of["refund"] == -totals["refunded_cents"]
    assert of["reversal"] == -totals["reversed_cents"]
    assert of["reserve"] + of["other"] == -totals["kept_cents"]
    assert sum(line.fee.cents for line in lines) == totals["fees_cents"]
    assert {line.payment for line in lines if line.kind == "payment"} == set(day.references)


def test_a_payment_is_named_by_its_order_and_a_reversal_by_its_dispute(
    harness: PayPalHarness,
) -> None:
    reference = paid(harness, "pay-1", 4200)
    dispute = harness.post("payments/pay-1/reverse", {"amount_cents": 1000, "fee_cents": 500})
    harness.settle()
    (report,) = all_of(harness)
    assert report.lines == (
        SettlementLine("reversal", "pay-1", dispute["reversal"], Money(-1000), Money(500)),
        SettlementLine("payment", "pay-1", reference, Money(4200), Money(75)),
    )


def test_what_went_and_came_back_since_the_last_transfer_is_told(harness: PayPalHarness) -> None:
    """Else nobody would hear that a refund did not arrive, or that a dispute was won."""
    reference = paid(harness, "pay-1", 4200)
    back = RefundOrder("ref-1", "pay-1", reference, Money(700))
    refund = PROVIDER.refund(harness.account, back).provider_reference
    harness.post("refunds/ref-1/bounce", {"webhook": "lose"})
    told = {"amount_cents": 1000, "fee_cents": 500}
    dispute = harness.post("payments/pay-1/reverse", told)["reversal"]
    harness.post(f"reversals/{dispute}/win", {"webhook": "lose"})
    harness.settle()
    (report,) = all_of(harness)
    assert adds_up(report)
    assert report.lines[:4] == (
        SettlementLine("refund", "pay-1", refund, Money(-700), Money(0), "ref-1"),
        SettlementLine("refund", "pay-1", refund, Money(700), Money(0), "ref-1"),
        SettlementLine("reversal", "pay-1", dispute, Money(-1000), Money(500)),
        SettlementLine("reversal", "pay-1", dispute, Money(1000), Money(-500)),
    )


def test_all_pages_are_read(harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paypal_report, "PAGE", 2)
    for number in range(5):
        paid(harness, f"pay-{number}", 100)
    harness.settle()
    (report,) = all_of(harness)
    assert len([line for line in report.lines if line.kind == "payment"]) == 5
    assert sum(path == "/v1/reporting/transactions" for _, path, _ in harness.called) >= 6


def test_what_is_too_much_for_one_answer_is_asked_for_in_halves(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock.move_by(tmp_path / "clock")
    try:
        for number, back in enumerate(("-6h", "-4h", "-2h")):
            (tmp_path / "clock").write_text(back)
            paid(harness, f"pay-{number}", 100)
            harness.settle()
    finally:
        clock.move_by(None)
    whole = all_of(harness)
    monkeypatch.setattr(fake_report, "MOST", 5)
    assert all_of(harness) == whole
    assert 400 in {status for _, path, status in harness.called if "transactions" in path}


def test_a_report_with_fewer_lines_than_it_says_is_not_believed(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(harness, "pay-1", 100)
    harness.settle()
    real = paypal_report.call

    def shorter(*asked: Any, **named: Any) -> Any:
        told = real(*asked, **named)
        return {**told, "transaction_details": told["transaction_details"][1:]}

    monkeypatch.setattr(paypal_report, "call", shorter)
    with pytest.raises(ProviderDown):
        listed(harness)


def test_a_transfer_is_settled_when_its_report_is_complete(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(harness, "pay-1", 100)
    harness.settle()
    (name,) = listed(harness)
    monkeypatch.setattr(fake_report, "LAG", timedelta(hours=3))
    assert listed(harness) == ()
    with pytest.raises(ProviderDown):
        PROVIDER.settlement(harness.account, name)


def test_a_transfer_that_comes_back_is_a_settlement_below_zero(harness: PayPalHarness) -> None:
    paid(harness, "pay-1", 10_000)
    harness.settle()
    (row,) = harness.books()["settlements"]
    harness.post(f"settlements/{row['id']}/fail", {})
    first, second = all_of(harness)
    assert first.net == Money(row["net_cents"])
    assert second.net == -first.net
    assert [(line.kind, line.gross) for line in second.lines] == [("reserve", -first.net)]
    harness.settle()
    third = all_of(harness)[-1]
    assert (third.net, [line.kind for line in third.lines]) == (first.net, ["reserve"])


def test_one_merchant_does_not_see_anothers_settlement(harness: PayPalHarness) -> None:
    paid(harness, "pay-1", 100)
    harness.settle()
    (name,) = listed(harness)
    with pytest.raises(ProviderDown):
        PROVIDER.settlement(harness.other_account, name)


@pytest.mark.parametrize("name", ["", "no-such", "20261120T120000Z-", "20269920T120000Z-TX", "é"])
def test_a_name_that_is_none_of_ours_asks_nothing(name: str) -> None:
    with pytest.raises(ProviderDown):
        settlement(ACCOUNT, name)


def moved(name: str, kind: str, cents: int, hours: float = 0, **more: Any) -> Movement:
    at = DAY + hours * HOUR
    told = {
        "id": name, "at": at, "updated_at": at, "kind": kind, "amount": Money(cents),
        "fee": Money(0), "about": "", "order": "", "payment": "", "invoice": "", "counts": True,
    }  # fmt: skip
    return Movement(**(told | more))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Movement]:
    """What the report says; the balance follows from what counts, unless ``hidden`` moves it."""
    movements: list[Movement] = []

    def search(_: Account, start: datetime, end: datetime) -> Found:
        inside = tuple(one for one in movements if start <= one.at <= end and one.id != "hidden")
        return Found(MERCHANT, DAY + 99 * HOUR, inside)

    def balance(_: Account, at: datetime, currency: str) -> Money:
        nets = (one.net for one in movements if one.updated_at <= at and one.counts)
        return Money(sum(net.cents for net in nets if net.currency == currency), currency)

    monkeypatch.setattr(paypal_settlement, "search", search)
    monkeypatch.setattr(paypal_settlement, "balance", balance)
    monkeypatch.setattr(paypal_settlement, "case", lambda *_: None)
    return movements


def one_of(name: str) -> Settlement:
    found = next(each for each in settlements(ACCOUNT, DAY - 99 * HOUR) if each.endswith(name))
    return settlement(ACCOUNT, found)


def kinds(report: Settlement) -> list[tuple[str, int]]:
    return [(line.kind, line.gross.cents) for line in report.lines]


def test_what_stays_in_the_balance_is_a_reserve_until_the_next_transfer(
    told: list[Movement],
) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("T1", "transfer", -3000, 1),
        moved("B", "payment", 1000, 2), moved("T2", "transfer", -3000, 3),
    ]  # fmt: skip
    first, second = one_of("T1"), one_of("T2")
    assert (first.net, kinds(first)) == (Money(3000), [("payment", 5000), ("reserve", -2000)])
    assert (second.net, kinds(second)) == (Money(3000), [("payment", 1000), ("reserve", 2000)])
    assert adds_up(first)
    assert adds_up(second)


def test_the_fee_of_a_transfer_is_a_line(told: list[Movement]) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("T1", "transfer", -4900, 1, fee=Money(100)),
    ]  # fmt: skip
    report = one_of("T1")
    assert (report.net, sum(line.fee.cents for line in report.lines)) == (Money(4900), 100)
    assert adds_up(report)


def test_what_was_pending_is_settled_when_it_counts(told: list[Movement]) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("T1", "transfer", -5000, 1),
        moved("B", "payment", 700, 0.5, updated_at=DAY + 2 * HOUR, payment="late"),
        moved("T2", "transfer", -700, 3),
    ]  # fmt: skip
    report = one_of("T2")
    assert [(line.kind, line.payment, line.gross.cents) for line in report.lines] == [
        ("payment", "late", 700)
    ]


def test_what_counts_not_is_in_no_settlement(told: list[Movement]) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("P", "payment", 700, 0.5, counts=False),
        moved("T1", "transfer", -5000, 1),
    ]  # fmt: skip
    assert kinds(one_of("T1")) == [("payment", 5000)]


def test_what_the_report_does_not_explain_is_waited_for_and_then_shown(
    told: list[Movement], monkeypatch: pytest.MonkeyPatch
) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("hidden", "payment", 300, 0.5),
        moved("T1", "transfer", -5300, 1),
    ]  # fmt: skip
    monkeypatch.setattr(paypal_settlement.clock, "now", lambda: DAY + 2 * HOUR)
    with pytest.raises(ProviderDown, match="does not add up yet"):
        one_of("T1")
    monkeypatch.setattr(paypal_settlement.clock, "now", lambda: DAY + 26 * HOUR)
    report = one_of("T1")
    assert kinds(report) == [("payment", 5000), ("other", 300)]
    assert adds_up(report)


def test_a_hold_its_end_and_the_debit_are_one_reversal(told: list[Movement]) -> None:
    of = {"about": "CAP", "payment": "pay-1"}
    told += [
        moved("A", "payment", 5000, 0), moved("H", "reversal", -2000, 0.2, hold=True, **of),
        moved("E", "reversal", 2000, 0.4, hold=True, **of),
        moved("R", "reversal", -2000, 0.5, **of),
        moved("F", "fee", -300, 0.6, about="CAP"), moved("G", "fee", -40, 0.7),
        moved("T1", "transfer", -2660, 1),
    ]  # fmt: skip
    report = one_of("T1")
    assert [line for line in report.lines if line.kind == "reversal"] == [
        SettlementLine("reversal", "pay-1", "CAP", Money(-2000), Money(300))
    ]
    assert [line.fee.cents for line in report.lines if line.kind == "fee"] == [40]
    assert adds_up(report)


@pytest.mark.parametrize(
    ("hold", "lines"),
    [(False, [("reversal", -2000), ("reversal", 1400)]), (True, [("reversal", -600)])],
)
def test_a_part_that_came_back_is_told_beside_what_went_but_not_of_a_hold(
    told: list[Movement], *, hold: bool, lines: list[tuple[str, int]]
) -> None:
    of = {"about": "CAP", "payment": "pay-1"}
    told += [
        moved("A", "payment", 5000, 0), moved("R", "reversal", -2000, 0.2, hold=hold, **of),
        moved("B", "reversal", 1400, 0.4, **of), moved("T1", "transfer", -4400, 1),
    ]  # fmt: skip
    report = one_of("T1")
    assert (kinds(report), adds_up(report)) == ([*lines, ("payment", 5000)], True)


def test_a_hold_that_was_let_go_in_the_same_time_is_told_as_in_two(told: list[Movement]) -> None:
    of = {"about": "CAP", "payment": "pay-1"}
    told += [
        moved("A", "payment", 5000, 0), moved("H", "reversal", -2000, 0.2, hold=True, **of),
        moved("E", "reversal", 2000, 0.4, hold=True, **of),
        moved("T1", "transfer", -5000, 1),
    ]  # fmt: skip
    assert kinds(one_of("T1")) == [("reversal", -2000), ("reversal", 2000), ("payment", 5000)]


def test_each_currency_has_its_own_settlements(told: list[Movement]) -> None:
    told += [
        moved("A", "payment", 5000, 0), moved("Z", "payment", 0, 0.1, amount=Money(900, "PLN"),
              fee=Money(0, "PLN")),
        moved("T1", "transfer", -5000, 1),
        moved("T2", "transfer", 0, 2, amount=Money(-900, "PLN"), fee=Money(0, "PLN")),
    ]  # fmt: skip
    assert kinds(one_of("T1")) == [("payment", 5000)]
    assert (one_of("T2").net, kinds(one_of("T2"))) == (Money(900, "PLN"), [("payment", 900)])


def test_the_transfer_before_is_looked_for_through_a_year(told: list[Movement]) -> None:
    long_ago = -24.0 * 200
    told += [
        moved("OLD", "payment", 100, long_ago - 1), moved("T0", "transfer", -100, long_ago),
        moved("A", "payment", 5000, long_ago + 1), moved("T1", "transfer", -5000, 1),
    ]  # fmt: skip
    assert kinds(one_of("T1")) == [("payment", 5000)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("T0006", "payment"), ("T0000", "payment"), ("T0400", "transfer"), ("T0300", "transfer"),
        ("T1107", "refund"), ("T1106", "reversal"), ("T1110", "reversal"), ("T1111", "reversal"),
        ("T1201", "reversal"), ("T0106", "fee"), ("T0114", "fee"), ("T1108", "fee"),
        ("T2103", "reserve"), ("T1503", "reserve"), ("T0200", "other"), ("T1200", "other"),
    ],
)  # fmt: skip
def test_event_codes_are_what_they_are_by_their_group_or_themselves(code: str, kind: str) -> None:
    assert kind_of(code) == kind


@pytest.mark.parametrize("code", ["T9900", "X0006", "t0006"])
def test_an_event_code_of_no_group_is_loud(code: str) -> None:
    with pytest.raises(UnknownWord):
        kind_of(code)
