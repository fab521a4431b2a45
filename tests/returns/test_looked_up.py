"""What no provider says of a refund two people say, who have looked it up."""

from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import select

from portal import clock
from portal.approvals import deciding
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.money import Money
from portal.payments.returned import Refund
from portal.providers.protocol import Outcome, RefundReport
from portal.returns import looked_up, sending
from portal.returns.refunds import NoSuchRefund
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.returns.test_custody_returns import custody_item, sent_back, unclear
from tests.returns.test_custody_returns import row as return_row
from tests.returns.test_refunds import ANNA, BERT, balance, last, paid, row, sent
from tests.returns.test_waiting import causes

MADE, NOT_MADE = looked_up.MADE, looked_up.NOT_MADE


def silent(provider: FakeProvider, cents: int = 1_000) -> str:
    """A refund of whose end nobody will say a word any more: it was sent two days ago."""
    _, payment = paid(provider)
    provider.down = 1_000
    refund = sent(payment, cents)
    with transaction() as session:
        row = session.get_one(Refund, (TOWN, refund))
        row.submitted_at, row.ask_at = clock.now() - timedelta(days=2), clock.now()
    sending.go_on(current_app.extensions["keyring"])
    return refund


def said(act: str, refund: str) -> None:
    looked_up.ask(TOWN, act, refund, "AZ-7", ANNA)
    looked_up.approve(TOWN, act, refund, BERT)


def test_what_was_made_is_booked_as_sent_and_the_task_is_over(provider: FakeProvider) -> None:
    refund, told = silent(provider), len(provider.told)
    assert causes() == ["not_asked"]
    said(MADE, refund)
    assert (row(refund).state, balance("suspense:card"), causes()) == ("succeeded", 9_000, [])
    assert last()[0] == "refund.succeeded"
    assert len(provider.told) == told, "nothing is sent by that"


def test_what_was_not_made_has_failed_and_can_be_asked_for_anew(provider: FakeProvider) -> None:
    refund = silent(provider)
    said(NOT_MADE, refund)
    assert (row(refund).state, balance("suspense:card")) == ("failed", 10_000)
    assert causes() == ["found_not_made"]
    name, told = last()
    assert (name, told["cause"]) == ("refund.failed", "found_not_made")
    provider.down = 0
    anew = sent(row(refund).payment_id, 1_000, order="AO-2")
    assert (row(anew).state, causes(), provider.sent_back()) == ("succeeded", [], 1_000)


def test_it_takes_two_and_both_are_noted(provider: FakeProvider) -> None:
    refund = silent(provider)
    looked_up.ask(TOWN, MADE, refund, "AZ-7", ANNA)
    with pytest.raises(deciding.SamePerson):
        looked_up.approve(TOWN, MADE, refund, ANNA)
    assert row(refund).state == "submitted"
    looked_up.refuse(TOWN, MADE, refund, BERT, "it is not there")
    looked_up.ask(TOWN, NOT_MADE, refund, "AZ-7", BERT)
    looked_up.approve(TOWN, NOT_MADE, refund, ANNA)
    mine = (AuditRow.subject == refund) & (AuditRow.detail["order"].astext == "AZ-7")
    notes = db.session.scalars(select(AuditRow).where(mine).order_by(AuditRow.id))
    assert [(note.act, note.actor) for note in notes] == [
        ("refund.made.asked", ANNA), ("refund.made.refused", BERT),
        ("refund.not_made.asked", BERT), ("refund.not_made.approved", ANNA),
    ]  # fmt: skip


def test_what_may_still_be_told_is_not_in_doubt(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    provider.down = 1_000
    refund = sent(payment, 1_000)
    for act in (MADE, NOT_MADE):
        with pytest.raises(looked_up.NotInDoubt):
            looked_up.ask(TOWN, act, refund, "AZ-7", ANNA)


def test_the_providers_word_is_faster_than_the_second_person(provider: FakeProvider) -> None:
    refund = silent(provider)
    looked_up.ask(TOWN, NOT_MADE, refund, "AZ-7", ANNA)
    assert sending.record(TOWN, "card", report(refund, Outcome.SUCCEEDED))
    with pytest.raises(looked_up.NotInDoubt):
        looked_up.approve(TOWN, NOT_MADE, refund, BERT)
    assert row(refund).state == "succeeded"


def test_what_was_made_may_still_come_back(provider: FakeProvider) -> None:
    refund = silent(provider)
    said(MADE, refund)
    assert not sending.record(TOWN, "card", report(refund, Outcome.SUCCEEDED))
    assert row(refund).provider_reference == "theirs"
    assert sending.record(TOWN, "card", report(refund, Outcome.FAILED))
    assert (row(refund).state, balance("suspense:card"), causes()) == ("failed", 10_000, ["failed"])


def test_what_was_not_made_and_yet_went_is_a_task(provider: FakeProvider) -> None:
    refund = silent(provider)
    said(NOT_MADE, refund)
    sending.record(TOWN, "card", report(refund, Outcome.SUCCEEDED))
    assert row(refund).state == "failed"
    assert "settlement_difference" in builders.tasks().values()


def test_unclear_money_is_looked_up_in_the_same_way(provider: FakeProvider, time: Time) -> None:
    found = unclear(provider)
    provider.down = 1_000
    name = sent_back(provider, found)
    time.move("+2d")
    sending.go_on(current_app.extensions["keyring"])
    said(NOT_MADE, name)
    assert (return_row(name).state, causes()) == ("failed", ["found_not_made"])
    again = sent_back(provider, found, "AO-2")
    time.move("+4d")
    sending.go_on(current_app.extensions["keyring"])
    said(MADE, again)
    assert (return_row(again).state, causes()) == ("succeeded", [])
    assert custody_item("unclear:card:x-1").open_cents == 0


def test_another_towns_refund_is_not_there(provider: FakeProvider) -> None:
    refund = silent(provider)
    with pytest.raises(NoSuchRefund):
        looked_up.ask(OTHER_TOWN, MADE, refund, "AZ-7", ANNA)


@pytest.mark.parametrize(
    ("order", "by", "error"),
    [("", ANNA, deciding.NoOrder), ("AZ-7", "client:finance", deciding.NotAPerson)],
)
def test_only_a_person_says_it_and_only_on_an_order(
    provider: FakeProvider, order: str, by: str, error: type[Exception]
) -> None:
    refund = silent(provider)
    with pytest.raises(error):
        looked_up.ask(TOWN, MADE, refund, order, by)


def report(refund: str, outcome: Outcome) -> RefundReport:
    return RefundReport(refund, "theirs", outcome, Money(1_000), "m-card", live=False)
