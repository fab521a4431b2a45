"""Tasks for staff that open by themselves, and end when the thing is mended."""

from dataclasses import replace

import pytest
from flask import current_app

from portal.db import db
from portal.money import Money
from portal.payments.record import record
from portal.providers.protocol import Outcome, RefundReport, SettlementLine
from portal.returns import closing, custody_returns, refunds, reversals, sending
from portal.settlements import settle
from portal.worklist import reading
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount, won
from tests.returns import giving
from tests.returns.test_custody import kept, unclear
from tests.returns.test_refunds import ANNA, BERT, CARD, asked, balance, paid, row, sent


def tasks() -> list[tuple[str, str, str | None]]:
    """Kind, subject and reference of what is open."""
    db.session.rollback()
    found = reading.open_tasks(db.session(), TOWN)
    return [(str(task.kind), task.subject, task.reference) for task in found]


def test_what_goes_right_is_no_task(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    sent(payment, 1_000)
    refunds.refuse(TOWN, asked(payment, 500, order="AO-2"), ANNA)
    provider.settle("s1", [payment], 25)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert tasks() == []


def test_a_payment_of_which_nobody_knows_is_one_until_the_provider_says(
    provider: FakeProvider,
) -> None:
    letter = builders.letter("K-1")
    provider.down = 2
    payment = builders.begin(letter)
    assert tasks() == [("payment_unknown", payment, "K-1")]
    begun = builders.payment(payment)
    assert begun.state == "unknown"
    again = builders.begin(builders.letter("K-2"))
    record(replace(provider.pay(again), payment=payment), CARD)  # does not fit: still unknown
    assert ("payment_unknown", payment, "K-1") in tasks()


def test_a_report_that_does_not_fit_opens_two_and_the_right_one_ends_them(
    provider: FakeProvider,
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    report = provider.pay(payment)
    record(other_amount(report, 999), CARD)
    item = str(kept().id)
    assert tasks() == [("payment_unknown", payment, "K-1"), ("custody_unclear", item, None)]
    record(other_amount(report, 999), CARD)
    assert len(tasks()) == 2
    record(report, CARD)
    assert tasks() == []


def test_unclear_money_is_one_until_all_of_it_is_given(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=10_000)
    giving.assign(TOWN, found, "K-2", Money(4_000), ANNA)
    assert tasks() == [("custody_unclear", str(found), None)]
    giving.assign(TOWN, found, "K-2", Money(6_000), ANNA)
    assert tasks() == []


def test_unclear_money_is_one_until_it_is_kept_by_order(provider: FakeProvider) -> None:
    found = unclear(provider)
    closing.ask(TOWN, closing.CUSTODY, found, "AO-1", ANNA)
    assert tasks() == [("custody_unclear", str(found), None)]
    closing.approve(TOWN, closing.CUSTODY, found, BERT)
    assert tasks() == []


def test_a_refund_that_failed_is_one_until_it_is_ordered_anew(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    first, second = sent(payment, 1_000), sent(payment, 500, order="AO-2")
    for refund in (first, second):
        sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert tasks() == [("refund_failed", first, "K-1"), ("refund_failed", second, "K-1")]
    asked(payment, 1_000, order="AO-3")
    assert tasks() == [("refund_failed", second, "K-1")]
    asked(payment, 400, order="AO-2")
    assert tasks() == []


def test_one_refund_that_is_ordered_anew_ends_the_task_of_one(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    first, second = (sent(payment, 4_000, order=order) for order in ("AO-1", "AO-2"))
    for refund in (first, second):
        sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    asked(payment, 4_000, "claim_cancelled", "AO-3")
    assert [subject for _, subject, _ in tasks()] == [first, second]
    asked(payment, 4_000, order="AO-4")
    assert [subject for _, subject, _ in tasks()] == [second]


def test_a_refund_on_the_order_of_one_that_failed_stands_for_that_one(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    first, second = (sent(payment, 4_000, order=order) for order in ("AO-1", "AO-2"))
    for refund in (first, second):
        sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    asked(payment, 4_000, order="AO-2")
    assert [subject for _, subject, _ in tasks()] == [first]


def test_what_a_provider_sent_back_on_its_own_is_one(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 1_000)
    report = provider.refunds[refund]
    foreign = replace(report, refund="", provider_reference="r-own", payment=payment)
    for _ in range(2):
        assert not sending.record(TOWN, "card", foreign)
    assert not sending.record(TOWN, "card", replace(foreign, outcome=Outcome.FAILED))
    assert tasks() == [("settlement_difference", "refund:card:r-own", None)]
    assert row(refund).state == "succeeded"


def test_a_reversal_of_what_was_never_ours_is_one_until_it_is_won(provider: FakeProvider) -> None:
    keyring = current_app.extensions["keyring"]
    report = provider.reverse("0" * 32, 500)
    reversals.record_reversal(keyring, TOWN, "card", report)
    assert tasks() == [("settlement_difference", "reversal:card:cb-1", None)]
    reversals.record_reversal(keyring, TOWN, "card", won(report))
    assert tasks() == []


def test_a_settlement_that_does_not_add_up_is_one(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    foreign = SettlementLine("refund", "", "r-own", Money(-300), Money(0))
    provider.settle("s1", [payment], 25, foreign)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert tasks() == [("settlement_difference", "settlement:card:s1", None)]
    db.session.rollback()
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert (task.detail["net_cents"], task.detail["expected_cents"]) == (9_675, 9_975)


def silent_for_a_day(provider: FakeProvider, time: Time) -> str:
    """A refund that was told again and again to a provider that never said a word."""
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 1_000
    for later in ("+0h", "+1260m"):
        time.move(later)
        sending.go_on(current_app.extensions["keyring"])
    provider.down = 0
    assert (row(refund).state, row(refund).ask_at) == ("submitted", None)
    return refund


def test_a_refund_of_which_the_provider_never_says_a_word_is_one(
    provider: FakeProvider, time: Time
) -> None:
    refund = silent_for_a_day(provider, time)
    assert tasks() == [("refund_failed", refund, "K-1")]
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert task.detail["cause"] == "not_asked"


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.PENDING])
def test_any_word_of_a_silent_refund_ends_it(
    provider: FakeProvider, time: Time, outcome: Outcome
) -> None:
    refund = silent_for_a_day(provider, time)
    told = RefundReport(refund, "r-1", outcome, Money(1_000), "m-card", live=False)
    sending.record(TOWN, "card", told)
    assert tasks() == []


def pending_for_a_week(provider: FakeProvider, time: Time, *, told_late: bool) -> str:
    """A refund that a provider has taken and says no more of."""
    if told_late:
        refund = silent_for_a_day(provider, time)
        told = RefundReport(refund, "r-1", Outcome.PENDING, Money(1_000), "m-card", live=False)
        sending.record(TOWN, "card", told)
    else:
        _, payment = paid(provider)
        provider.refunds_end = Outcome.PENDING
        refund = sent(payment, 1_000)
    for later in ("+1260m", "+8d"):
        assert tasks() == []
        time.move(later)
        sending.go_on(current_app.extensions["keyring"])
    return refund


@pytest.mark.parametrize("told_late", [False, True])
def test_a_refund_that_stays_pending_for_a_week_is_one_until_it_has_ended(
    provider: FakeProvider, time: Time, told_late: bool
) -> None:
    refund = pending_for_a_week(provider, time, told_late=told_late)
    assert tasks() == [("refund_failed", refund, "K-1")]
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert (task.detail["cause"], row(refund).state) == ("pending", "submitted")
    name = str(row(refund).provider_reference)
    done = RefundReport(refund, name, Outcome.SUCCEEDED, Money(1_000), "m-card", live=False)
    sending.record(TOWN, "card", done)
    assert (tasks(), row(refund).state) == ([], "succeeded")


def test_a_refund_that_stays_pending_is_not_told_for_ever(
    provider: FakeProvider, time: Time
) -> None:
    _, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    sent(payment, 1_000)
    for later in ("+1200m", "+2d", "+3d", "+8d"):
        time.move(later)
        sending.go_on(current_app.extensions["keyring"])
    assert len(provider.told) == 2


def test_a_silent_refund_that_has_failed_is_one_for_its_failure(
    provider: FakeProvider, time: Time
) -> None:
    refund = silent_for_a_day(provider, time)
    told = RefundReport(refund, "r-1", Outcome.FAILED, Money(1_000), "m-card", live=False)
    for _ in range(2):
        sending.record(TOWN, "card", told)
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert (task.subject, task.detail["cause"]) == (refund, "failed")


def test_a_settlement_that_names_our_refund_proves_that_it_was_sent(
    provider: FakeProvider, time: Time
) -> None:
    refund = silent_for_a_day(provider, time)
    line = SettlementLine("refund", "", "r-1", Money(-1_000), Money(0), refund)
    provider.settle("s1", [row(refund).payment_id], 0, line)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert (row(refund).state, row(refund).provider_reference) == ("succeeded", "r-1")
    assert (balance("suspense:card"), balance("differences:card"), tasks()) == (0, 0, [])


@pytest.mark.parametrize("account", ["card", "paypal"])
def test_another_accounts_settlement_proves_nothing(
    provider: FakeProvider, time: Time, account: str
) -> None:
    refund = silent_for_a_day(provider, time)
    line = SettlementLine("refund", "", "r-1", Money(-999), Money(0), refund)
    made = provider.settle("s1", [], 0, line)
    provider.made["s1"] = replace(made, merchant=f"m-{account}")
    settle.settle(current_app.extensions["keyring"], TOWN, account, "s1")
    assert row(refund).state == "submitted"


def test_unclear_money_of_whose_way_back_nobody_speaks_is_one(
    provider: FakeProvider, time: Time
) -> None:
    found = unclear(provider)
    name = custody_returns.ask(TOWN, found, "AO-1", ANNA)
    custody_returns.approve(TOWN, name, BERT)
    provider.down = 1_000
    for later in ("+0h", "+1260m"):
        time.move(later)
        sending.go_on(current_app.extensions["keyring"])
    assert ("refund_failed", f"custody:{found}", None) in tasks()
