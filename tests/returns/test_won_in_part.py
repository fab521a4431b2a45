"""Disputes of which only a part is won, and what is taken again: what came back is booked."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.db import db, transaction
from portal.ledger.models import SuspenseItem
from portal.money import Money
from portal.payments.record import record
from portal.payments.returned import Reason, Reversal
from portal.providers.protocol import Outcome, ReversalReport
from portal.returns import custody, left, sending
from tests import builders
from tests.builders import TOWN, Letter, eur
from tests.fakes import FakeProvider, won
from tests.payments.test_staff import tasks
from tests.returns import giving
from tests.returns.test_refunds import ANNA, CARD, balance, item, last, paid, sent
from tests.returns.test_reversals import custody_item, heard, line, row, settled, unclear

TELLING = ("amount_cents", "surplus_cents", "claim_cents", "loss_cents", "fee_cents", "reason")


def told() -> list[object]:
    """What the finance system heard last of a reversal."""
    return [last()[1][name] for name in TELLING]


def taken(provider: FakeProvider, fee: int = 0) -> tuple[Letter, str, ReversalReport]:
    """A payment of 100.00 that a bank took back."""
    letter, payment = paid(provider)
    report = provider.reverse(payment, 10_000, fee_cents=fee)
    heard(report)
    return letter, payment, report


def states() -> set[str]:
    """Of all suspense items."""
    db.session.rollback()
    return {each.state for each in db.session.scalars(select(SuspenseItem))}


def books() -> list[int]:
    """Of suspense, differences, fees, losses and claims."""
    names = ("suspense:card", "differences:card", "fees:card", "losses:card", "claims:tax")
    return [balance(name) for name in names]


def names_and_amounts() -> list[tuple[str, int, int]]:
    """Of all reversals: name, what was taken, what came back."""
    db.session.rollback()
    found = db.session.scalars(select(Reversal).order_by(Reversal.id))
    return [(each.provider_reference, each.amount_cents, each.back_cents) for each in found]


def test_a_dispute_that_is_won_in_part_gives_back_what_came(provider: FakeProvider) -> None:
    letter, payment, report = taken(provider)
    assert heard(won(report, 7_000))
    assert builders.request_of(letter).open == eur("30")
    assert told() == [-7_000, 0, -7_000, 0, 0, "won"]
    assert item("reversal-won:card:cb-1").open_cents == 7_000
    assert builders.payment(payment).reversed_cents == 3_000
    assert (row().state, row().claim_cents, row().counted_cents) == ("taken", 3_000, 3_000)


def test_the_same_or_older_news_of_it_changes_nothing(provider: FakeProvider) -> None:
    _, _, report = taken(provider, fee=500)
    first, second = won(report, 4_000, 100), won(report, 7_000, 300)
    assert [heard(each) for each in (second, second, first, report)] == [True, False, False, False]
    assert names_and_amounts() == [("cb-1", 10_000, 7_000)]
    assert (row().fee_back_cents, balance("fees:card")) == (300, 200)


def test_the_rest_may_still_be_won(provider: FakeProvider) -> None:
    letter, payment, report = taken(provider, fee=500)
    for cents, fee in ((4_000, 0), (7_000, 200), (10_000, 500)):
        assert heard(won(report, cents, fee))
    assert (builders.request_of(letter).state, row().state) == ("paid", "won")
    assert builders.payment(payment).reversed_cents == 0
    assert told() == [-3_000, 0, -3_000, 0, -300, "won"]
    wins = [item(f"reversal-won{which}:card:cb-1").open_cents for which in ("", "-2", "-3")]
    assert wins == [4_000, 3_200, 3_300]
    assert books() == [10_000, 0, 0, 0, -10_000]


def test_what_was_lost_comes_back_first_then_the_claim_and_the_surplus_last(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    sent(payment, 2_000)
    builders.letter("K-1", amount_cents=5_000)
    report = provider.reverse(payment, 10_000)
    heard(report)
    parts = (row().surplus_cents, row().claim_cents, row().loss_cents)
    assert parts == (3_000, 5_000, 2_000)
    expected = {1_500: (0, 0, 1_500), 4_000: (0, 2_000, 500), 8_000: (1_000, 3_000, 0)}
    for back, (surplus, claim, loss) in expected.items():
        heard(won(report, back))
        assert told()[1:4] == [-surplus, -claim, -loss], back
    assert (row().surplus_cents, row().claim_cents, row().loss_cents) == (2_000, 0, 0)
    assert builders.request_of(letter).state == "paid"
    assert (balance("custody:surplus"), balance("losses:card")) == (-1_000, 0)


def test_surplus_of_a_second_part_belongs_to_its_payment(provider: FakeProvider) -> None:
    letter, payment, report = taken(provider)
    heard(won(report, 6_000))
    record(provider.pay(builders.begin(letter)), CARD)
    heard(won(report))
    assert (balance("claims:tax"), balance("custody:surplus")) == (-10_000, -4_000)
    db.session.rollback()
    of = builders.payment(payment)
    assert left.free(db.session(), of, Reason.SURPLUS) == Money(4_000)


@pytest.mark.parametrize("notified", [True, False])
def test_a_report_settles_what_went_and_the_part_that_came(
    provider: FakeProvider, notified: bool
) -> None:
    letter, payment = paid(provider)
    if notified:
        report = provider.reverse(payment, 10_000, fee_cents=500)
        heard(report)
        heard(won(report, 7_000, 200))
    provider.settle("s1", [payment], 0, line(payment, -10_000, 500))
    settled("s1")
    for name, gross, fee in (("s2", 7_000, -200), ("s3", 3_000, -300)):
        provider.settle(name, [], 0, line(payment, gross, fee))
        settled(name)
        came = gross if name == "s2" else 10_000
        assert builders.request_of(letter).open == eur("100") - Money(came), name
        assert (states(), books()[:2]) == ({"settled"}, [0, 0]), name
    assert (builders.request_of(letter).state, balance("fees:card")) == ("paid", 0)
    assert not heard(won(provider.reverse(payment, 10_000, fee_cents=500)))


def test_lines_of_one_report_are_heard_together_in_whatever_order(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    lines = [line(payment, gross) for gross in (3_000, -10_000, 4_000)]
    provider.settle("s1", [payment], 0, *lines)
    settled()
    assert names_and_amounts() == [("cb-1", 10_000, 7_000)]
    assert (builders.request_of(letter).open, states()) == (eur("30"), {"settled"})
    assert books()[:2] == [0, 0]


def test_one_that_came_and_went_in_one_report_settles_both(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    provider.settle("s1", [payment], 0, line(payment, 10_000), line(payment, -10_000))
    settled()
    assert (builders.request_of(letter).state, states()) == ("paid", {"settled"})


@pytest.mark.parametrize(
    ("parts", "lines"), [((4_000, 10_000), (10_000,)), ((10_000,), (4_000, 6_000))]
)
def test_what_came_in_parts_may_be_told_otherwise_by_a_report(
    provider: FakeProvider, parts: tuple[int, ...], lines: tuple[int, ...]
) -> None:
    _, payment, report = taken(provider)
    for back in parts:
        heard(won(report, back))
    both = [line(payment, gross) for gross in (-10_000, *lines)]
    provider.settle("s1", [payment], 0, *both)
    settled()
    assert (states(), books()[:2]) == ({"settled"}, [0, 0])
    assert names_and_amounts() == [("cb-1", 10_000, 10_000)]


def test_what_is_taken_again_is_a_reversal_of_its_own(provider: FakeProvider) -> None:
    letter, payment, report = taken(provider)
    heard(won(report, 7_000))
    again = replace(won(report, 7_000), amount=Money(17_000))
    assert [heard(again), heard(again), heard(won(report, 7_000))] == [True, False, False]
    assert names_and_amounts() == [("cb-1", 10_000, 7_000), ("cb-1~2", 7_000, 0)]
    assert (builders.request_of(letter).open, told()[0]) == (eur("100"), 7_000)
    lines = [line(payment, gross) for gross in (-10_000, 7_000, -7_000)]
    provider.settle("s1", [payment], 0, *lines)
    settled()
    assert (states(), books()[:2]) == ({"settled"}, [0, 0])


def test_of_what_was_taken_twice_the_last_comes_back_first(provider: FakeProvider) -> None:
    letter, _, report = taken(provider)
    again = replace(won(report, 7_000), amount=Money(17_000))
    heard(again)
    assert heard(replace(again, back=Money(15_000)))
    assert names_and_amounts() == [("cb-1", 10_000, 8_000), ("cb-1~2", 7_000, 7_000)]
    assert builders.request_of(letter).open == eur("20")


def test_an_appeal_that_was_lost_opens_the_claim_again(provider: FakeProvider) -> None:
    letter, payment, report = taken(provider)
    heard(won(report))
    lost = replace(won(report), amount=Money(20_000))
    assert [heard(lost), heard(lost), heard(won(report)), heard(report)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert (builders.request_of(letter).open, balance("suspense:card")) == (eur("100"), 0)
    for name, gross in (("s1", -10_000), ("s2", 10_000), ("s3", -10_000)):
        provider.settle(name, [payment] if name == "s1" else [], 0, line(payment, gross))
        settled(name)
    assert (states(), books()[:2]) == ({"settled"}, [0, 0])
    assert names_and_amounts() == [("cb-1", 10_000, 10_000), ("cb-1~2", 10_000, 0)]


def test_a_dispute_heard_of_when_a_part_is_won_is_booked_both_ways(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    heard(won(provider.reverse(payment, 10_000), 7_000))
    kinds = [event.type for event in builders.events()]
    assert kinds == ["payment.succeeded", "payment.reversed", "payment.reversed"]
    assert builders.request_of(letter).open == eur("30")


def test_a_refund_that_bounces_after_a_part_was_won_goes_to_what_is_still_away(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 10_000)
    report = provider.reverse(payment, 10_000)
    heard(report)
    heard(won(report, 7_000))
    assert (row().counted_cents, row().loss_cents) == (0, 3_000)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert (row().counted_cents, row().claim_cents, row().loss_cents) == (3_000, 3_000, 0)
    assert builders.request_of(letter).open == eur("30")


def test_unclear_money_of_which_a_part_is_won_is_unclear_money_again(
    provider: FakeProvider,
) -> None:
    payment, _ = unclear(provider)
    report = provider.reverse(payment, 12_000)
    heard(report)
    for back, came in ((5_000, 5_000), (12_000, 7_000)):
        heard(won(report, back))
        assert (custody_item().cause, custody_item().open_cents) == ("unclear", came)
    assert (balance("suspense:card"), balance("custody:unclear")) == (12_000, -12_000)
    giving.assign(TOWN, custody_item().id, "K-1", Money(7_000), ANNA)
    with pytest.raises(custody.NotThere):
        giving.assign(TOWN, custody_item().id, "K-1", Money(1), ANNA)


def test_the_task_of_a_loss_stays_until_all_has_come_back(provider: FakeProvider) -> None:
    report = provider.reverse("0" * 32, 500)
    heard(report)
    task = ("settlement_difference", "reversal:card:cb-1", None)
    heard(won(report, 400))
    assert (task in tasks(), balance("losses:card")) == (True, 100)
    heard(won(report))
    assert (task in tasks(), balance("losses:card")) == (False, 0)


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    "wrong",
    [
        {"back_cents": 10_001},
        {"back_cents": 6_000},
        {"state": "won"},
        {"counted_cents": 3_001},
        {"claim_cents": 10_000},
    ],
)
def test_the_database_refuses_a_part_that_cannot_be(
    provider: FakeProvider, wrong: dict[str, object]
) -> None:
    _, _, report = taken(provider)
    heard(won(report, 7_000))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(Reversal).values(**wrong))
