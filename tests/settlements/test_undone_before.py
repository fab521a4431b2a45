"""What went and came back before any report told of it: each report finds what is its own."""

from dataclasses import replace

from flask import current_app
from sqlalchemy import select

from portal.db import db
from portal.ledger import book
from portal.ledger.models import SuspenseItem
from portal.money import Money
from portal.providers.protocol import Outcome, SettlementLine
from portal.returns import closing, reversals, sending
from portal.settlements import settle, undoing
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider, won
from tests.returns.test_refunds import ANNA, BERT, paid, sent


def booked(name: str, *, anew: bool = False) -> bool:
    return settle.settle(current_app.extensions["keyring"], TOWN, "card", name, anew=anew)


def balances() -> tuple[int, int]:
    """What is left in suspense, and what differs."""
    db.session.rollback()
    suspense, differences = (
        book.balance(db.session(), TOWN, f"{name}:card").cents
        for name in ("suspense", "differences")
    )
    return suspense, differences


def states() -> set[str]:
    db.session.rollback()
    return {item.state for item in db.session.scalars(select(SuspenseItem))}


def test_a_bounced_refund_whose_second_report_comes_first_is_no_difference(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 5_000)
    provider.settle("s1", [payment], 0, provider.refund_line(refund))
    provider.settle("s2", [], 0, provider.refund_line(refund, sign=1))
    booked("s2")
    assert builders.payment(payment).refunded_cents == 0, "the line has told that it bounced"
    assert balances() == (5_000, 0), "the payment, less what went back by the first report"
    booked("s1")
    assert (balances(), states()) == ((0, 0), {"settled"})
    assert "settlement_difference" not in builders.tasks().values()


def test_a_refund_that_bounces_while_its_report_is_undone_is_no_difference(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 5_000)
    provider.settle("s1", [payment], 0, provider.refund_line(refund))
    booked("s1")
    undoing.undo_report(TOWN, "card", "s1", "wrong mapping", ANNA)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    booked("s1", anew=True)
    provider.settle("s2", [], 0, provider.refund_line(refund, sign=1))
    booked("s2")
    assert (balances(), states()) == ((0, 0), {"settled"})


def test_a_dispute_that_is_won_before_its_report_is_fetched_is_no_difference(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    took = provider.reverse(payment, 10_000, fee_cents=2_000)
    keyring = current_app.extensions["keyring"]
    for told in (took, won(took)):
        reversals.record_reversal(keyring, TOWN, "card", told)
    went = SettlementLine("reversal", payment, "cb-1", Money(-10_000), Money(2_000))
    came = SettlementLine("reversal", payment, "cb-1", Money(10_000), Money(-2_000))
    provider.settle("s1", [payment], 0, went)
    booked("s1")
    assert balances() == (12_000, 0)
    provider.settle("s2", [], 0, came)
    booked("s2")
    assert (balances(), states()) == ((0, 0), {"settled"})


def test_what_went_and_came_back_in_one_report_settles_both(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 5_000)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    lines = (provider.refund_line(refund), provider.refund_line(refund, sign=1))
    provider.settle("s1", [payment], 0, *lines)
    booked("s1")
    assert (balances(), states()) == ((0, 0), {"settled"})


def test_a_dispute_that_was_won_may_be_taken_again_under_its_name(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    took = provider.reverse(payment, 10_000, fee_cents=2_000)
    keyring = current_app.extensions["keyring"]
    went = SettlementLine("reversal", payment, "cb-1", Money(-10_000), Money(2_000))
    came = SettlementLine("reversal", payment, "cb-1", Money(10_000), Money(-2_000))
    provider.settle("s0", [payment])
    booked("s0")
    states_of = []
    for number, line in enumerate((went, came, went, came, went), start=1):
        provider.settle(f"s{number}", [], 0, line)
        booked(f"s{number}")
        states_of.append(builders.request_of(letter).state)
        assert (balances(), states()) == ((0, 0), {"settled"}), number
        assert not reversals.record_reversal(keyring, TOWN, "card", took), "told again, it is old"
    assert states_of == ["open", "paid", "open", "paid", "open"]
    all_of_it = replace(took, amount=Money(30_000), back=Money(30_000))
    assert reversals.record_reversal(keyring, TOWN, "card", all_of_it), "the last one"
    assert builders.request_of(letter).state == "paid"


def test_the_late_report_of_a_dispute_closed_by_order_is_a_difference_and_no_new_dispute(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    took = provider.reverse(payment, 10_000, fee_cents=2_000)
    keyring = current_app.extensions["keyring"]
    for told in (took, won(took)):
        reversals.record_reversal(keyring, TOWN, "card", told)
    db.session.rollback()
    went = SuspenseItem.reference.startswith("reversal:")
    number = db.session.scalars(select(SuspenseItem.id).where(went)).one()
    closing.ask(TOWN, closing.SUSPENSE, number, "A-7", ANNA)
    closing.approve(TOWN, closing.SUSPENSE, number, BERT)
    line = SettlementLine("reversal", payment, "cb-1", Money(-10_000), Money(2_000))
    provider.settle("s1", [], 0, line)
    booked("s1")
    assert builders.request_of(letter).state == "paid"
    assert balances()[1] == 10_000, "visible, but for its fee"
