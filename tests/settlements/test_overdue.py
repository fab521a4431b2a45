"""Suspense items that a provider should have paid out by now are tasks."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal import clock
from portal.db import db, transaction
from portal.ledger.models import SuspenseItem
from portal.returns import closing
from portal.settlements import missing, overdue
from portal.tenants import Tenant
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.returns.test_refunds import ANNA, BERT, paid, sent


@pytest.fixture(autouse=True)
def reports_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts are not quiet as a whole."""
    monkeypatch.setattr(missing, "quiet", lambda *_: iter(()))


def aged(days: int) -> None:
    with transaction() as session:
        moment = clock.now() - timedelta(days=days, minutes=1)
        session.execute(update(SuspenseItem).values(opened_at=moment))


def looked() -> dict[str, str]:
    overdue.look_all()
    return builders.tasks()


def item(at: int = 0) -> SuspenseItem:
    db.session.rollback()
    return db.session.scalars(select(SuspenseItem).order_by(SuspenseItem.id)).all()[at]


def test_an_item_is_a_task_from_the_towns_day_on_and_once(provider: FakeProvider) -> None:
    paid(provider)
    aged(29)
    assert looked() == {}
    aged(30)
    assert looked() == looked() == {str(item().id): "suspense_overdue"}
    with transaction() as session:
        (task,) = session.scalars(select(StaffTask)).all()
        assert (task.detail["amount_cents"], task.detail["account"]) == (10_000, "card")


def test_the_number_of_days_is_the_towns(provider: FakeProvider) -> None:
    paid(provider)
    with transaction() as session:
        session.get_one(Tenant, TOWN).suspense_days = 5
    aged(5)
    assert list(looked().values()) == ["suspense_overdue"]


def test_what_should_have_been_held_back_is_overdue_too(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    sent(payment, 4_000)
    aged(31)
    assert set(looked()) == {str(item(0).id), str(item(1).id)}
    assert item(1).open_cents == -4_000


def test_an_account_that_is_quiet_as_a_whole_is_one_task_and_its_items_are_none(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(provider)
    aged(40)
    monkeypatch.setattr(missing, "quiet", lambda *_: iter([("card", clock.now())]))
    assert looked() == {}


def test_a_task_ends_when_the_item_is_settled_or_closed_by_two(provider: FakeProvider) -> None:
    paid(provider)
    aged(40)
    looked()
    closing.ask(TOWN, closing.SUSPENSE, item().id, "AO-1", ANNA)
    assert Kind.SUSPENSE_OVERDUE in looked().values(), "asked for is not done"
    closing.approve(TOWN, closing.SUSPENSE, item().id, BERT)
    assert builders.tasks() == {}
    assert looked() == {}


def test_what_a_report_settles_is_over_by_itself(provider: FakeProvider) -> None:
    paid(provider)
    aged(40)
    looked()
    with transaction() as session:
        tasks = session.scalars(select(StaffTask)).one()
        tasks.subject = "0"  # as if its item were not open any more
    assert list(looked()) == [str(item().id)]
    db.session.rollback()
    ended = db.session.scalars(select(StaffTask).where(StaffTask.ended_at.is_not(None))).one()
    assert (ended.ended_by, ended.reason) == ("settlements", "not overdue")
