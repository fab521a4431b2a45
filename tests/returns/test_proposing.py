"""Surplus that may go back is proposed by itself, and decided by people."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from portal import clock
from portal.db import db, transaction
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.record import record
from portal.providers import registry
from portal.providers.protocol import Outcome
from portal.requests import elsewhere
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from portal.returns import custody, proposing, refunds, sending, tasks
from portal.returns.refunds import NotRefundable
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.contract import bearer
from tests.fakes import FakeProvider
from tests.returns import giving
from tests.returns.test_refunds import ANNA, BERT, CARD, asked, paid, paid_twice


def item() -> CustodyItem:
    db.session.rollback()
    return db.session.scalars(select(CustodyItem).order_by(CustodyItem.id.desc())).first()


def proposed() -> list[dict[str, Any]]:
    """What is proposed now."""
    proposing.look()
    db.session.rollback()
    tasks = reading.open_tasks(db.session(), TOWN, kinds=[Kind.REFUND_PROPOSED])
    return [task.detail for task in tasks]


def parts() -> list[tuple[str, int]]:
    return [
        (part["payment"], part["amount_cents"]) for told in proposed() for part in told["payments"]
    ]


def test_a_payment_that_came_twice_is_proposed_to_go_back(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    (told,) = proposed()
    assert told["payments"] == [{"payment": payment, "amount_cents": 10_000}]
    assert (told["item"], told["amount_cents"], told["currency"]) == (item().id, 10_000, "EUR")
    assert len(proposed()) == 1


def test_a_proposal_orders_nothing(provider: FakeProvider) -> None:
    paid_twice(provider)
    proposed()
    sending.go_on(current_app.extensions["keyring"])
    assert provider.told == []


def test_a_lower_version_is_proposed_by_the_payments_of_its_request(provider: FakeProvider) -> None:
    _, payment = paid(provider, 10_000)
    builders.letter("K-1", amount_cents=8_000)
    assert parts() == [(payment, 2_000)]


def test_a_surplus_over_two_payments_is_proposed_by_both(provider: FakeProvider) -> None:
    letter = builders.letter("K-1", amount_cents=6_000)
    first = builders.begin(letter)
    record(provider.pay(first), CARD)
    second = builders.begin(builders.letter("K-1", amount_cents=10_000))
    record(provider.pay(second), CARD)
    builders.letter("K-1", amount_cents=1_000)
    assert dict(parts()) == {second: 4_000, first: 5_000}


def test_who_asks_for_all_of_it_ends_the_proposal(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    assert len(proposed()) == 1
    asked(payment, 10_000, "surplus")
    assert builders.tasks() == {}
    assert proposed() == []


def test_who_asks_for_a_part_leaves_it_open(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    proposed()
    asked(payment, 4_000, "surplus")
    assert len(proposed()) == 1


def test_a_stale_proposal_is_refused_when_it_is_asked_for(
    app: Flask, provider: FakeProvider
) -> None:
    letter, payment = paid_twice(provider)
    (told,) = proposed()
    number = item().id
    builders.letter("K-9", amount_cents=500)
    giving.assign(TOWN, number, "K-9", Money(500), ANNA)
    with pytest.raises(NotRefundable, match="9500 cents"):
        asked(payment, told["amount_cents"], "surplus")
    headers = bearer(app, TOWN, "requests:write")
    order = {"payment": payment, "amount_cents": told["amount_cents"], "reason": "surplus"}
    answer = app.test_client().post(
        f"/api/v1/payment-requests/{letter.reference}/refunds",
        json=order | {"order": "AO-1"},
        headers=headers,
    )
    assert (answer.status_code, (answer.json or {})["code"]) == (409, "not_refundable")


def test_a_refused_refund_is_proposed_again(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    proposed()
    refunds.refuse(TOWN, asked(payment, 10_000, "surplus"), BERT)
    assert parts() == [(payment, 10_000)]


def test_a_failed_refund_is_a_task_of_its_own_and_no_proposal(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    proposed()
    provider.refunds_end = Outcome.FAILED
    refund = asked(payment, 10_000, "surplus")
    refunds.approve(TOWN, refund, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    assert proposed() == []
    assert builders.tasks() == {refund: "refund_failed"}


def test_what_was_given_away_or_sent_back_is_proposed_no_longer(provider: FakeProvider) -> None:
    paid_twice(provider)
    proposed()
    builders.letter("K-9", amount_cents=10_000)
    giving.assign(TOWN, item().id, "K-9", Money(10_000), ANNA)
    assert builders.tasks() == {}


def test_what_the_finance_system_took_of_it_ends_the_proposal(provider: FakeProvider) -> None:
    paid(provider, 8_000)
    builders.letter("K-1", amount_cents=10_000)
    told = Elsewhere(id="B-1", amount_cents=2_000, paid_on=builders.today(), how=How.TRANSFER)
    subject = Subject(TOWN, "K-1", "client:c_1")
    with transaction() as session:
        elsewhere.tell(session, subject, told)
    builders.letter("K-1", amount_cents=9_000)
    assert len(proposed()) == 1
    with transaction() as session:
        elsewhere.undo(session, subject, "B-1", custody.is_about_to_go)
    assert item().open_cents == 0
    assert proposed() == []


def test_what_a_person_has_decided_is_not_proposed_again(provider: FakeProvider) -> None:
    paid_twice(provider)
    proposed()
    db.session.rollback()
    with transaction() as session:
        (task,) = reading.open_tasks(session, TOWN, kinds=[Kind.REFUND_PROPOSED])
        writing.end_number(session, TOWN, task.number, ANNA, "it is kept for the next instalment")
    assert proposed() == []


def test_what_no_provider_sends_back_is_not_proposed(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_twice(provider)
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": object()})
    assert proposed() == []


def test_more_surplus_than_a_page_is_proposed(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposing, "MOST_AT_ONCE", 1)
    for number in range(3):
        paid(provider, 1_000, f"K-{number}")
        builders.letter(f"K-{number}", amount_cents=900)
    assert len(proposed()) == 3


def test_what_a_newer_letter_left_is_proposed_by_the_payment_of_the_older(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider, 6_000, "O")
    builders.letter("N", amount_cents=11_000, replaces=["O"])
    builders.letter("N", amount_cents=5_000, replaces=["O"])
    assert parts() == [(payment, 1_000)]


def test_older_surplus_is_looked_at_once_an_hour(provider: FakeProvider, time: Time) -> None:
    paid_twice(provider)
    mine = item().id % 60
    time.move("+61m")
    others = [minute for minute in range(60) if minute != mine]
    assert [proposing.look(minute) for minute in (*others[:3], mine)] == [0, 0, 0, 1]


def test_the_round_of_a_minute_looks_at_what_is_due_in_it(
    provider: FakeProvider, time: Time
) -> None:
    paid_twice(provider)
    due = clock.now().replace(minute=item().id % 60, second=0) + timedelta(hours=3)
    for moment, opened in ((due - timedelta(minutes=1), []), (due, ["refund_proposed"])):
        time.move(moment.isoformat())
        tasks.propose_refunds(timestamp=0)
        assert list(builders.tasks().values()) == opened


def test_new_surplus_is_looked_at_each_minute(provider: FakeProvider) -> None:
    paid_twice(provider)
    assert proposing.look((item().id + 7) % 60) == 1


def test_a_round_begins_with_the_newest_and_ends_in_time(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("K-1", "K-2", "K-3"):
        paid(provider, 1_000, name)
        builders.letter(name, amount_cents=900)
    looked_at: list[int] = []

    def late(place: tuple[str, int]) -> bool:
        looked_at.append(place[1])
        monkeypatch.setattr(proposing, "LONGEST_ROUND", -1.0)
        return True

    monkeypatch.setattr(proposing, "_proposed", late)
    assert (proposing.look(), proposing.look()) == (3, 0)
    assert looked_at == sorted(looked_at, reverse=True)
