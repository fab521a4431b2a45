"""Four eyes: who asks never approves, and nothing is approved twice, late or by a machine."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.approvals.states import TRANSITIONS, AlreadyDecided, Event, State, step
from portal.audit import AuditRow
from portal.db import db, transaction
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.payments import races

ANNA, BERT = "staff:anna", "staff:bert"


def ask(by: str = ANNA, subject: str = "7", act: str = "custody.keep") -> None:
    with transaction() as session:
        deciding.ask(session, TOWN, deciding.Wanted(act, subject, "AO-1", {"cents": 5}), by)


def approve(by: str = BERT, tenant_id: str = TOWN) -> dict[str, object]:
    with transaction() as session:
        return deciding.approve(session, tenant_id, "custody.keep", "7", by).facts


def state() -> str:
    db.session.rollback()
    return db.session.scalars(select(Approval.state).order_by(Approval.id.desc())).first() or ""


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(AlreadyDecided):
            step(state, event)


def test_another_person_approves_what_was_asked(app: Flask) -> None:
    ask()
    assert approve() == {"cents": 5}
    assert state() == "approved"
    db.session.rollback()
    notes = db.session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(note.actor, note.act, note.detail["order"]) for note in notes] == [
        (ANNA, "custody.keep.asked", "AO-1"), (BERT, "custody.keep.approved", "AO-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("same", [ANNA, "staff:Anna", "staff:ANNA", "staff: anna "])
def test_who_asked_may_not_approve(app: Flask, same: str) -> None:
    ask()
    with pytest.raises(deciding.SamePerson):
        approve(same)
    assert state() == "asked"


@pytest.mark.parametrize("machine", ["client:finance", "worker", "anna", "staff:", "staff: "])
def test_no_machine_approves_or_refuses(app: Flask, machine: str) -> None:
    ask("client:finance")
    for act in (deciding.approve, deciding.refuse):
        with pytest.raises(deciding.NotAPerson), transaction() as session:
            act(session, TOWN, "custody.keep", "7", machine)


def test_what_was_decided_stays_so(app: Flask) -> None:
    ask()
    approve()
    with pytest.raises(AlreadyDecided):
        approve("staff:carla")
    with pytest.raises(AlreadyDecided), transaction() as session:
        deciding.refuse(session, TOWN, "custody.keep", "7", BERT)


def test_who_asked_may_take_it_back_and_ask_anew(app: Flask) -> None:
    ask()
    with pytest.raises(deciding.AskedBefore):
        ask(BERT)
    with transaction() as session:
        deciding.refuse(session, TOWN, "custody.keep", "7", ANNA)
    with pytest.raises(AlreadyDecided):
        approve()
    ask(BERT)
    assert approve(ANNA)


def test_an_approval_runs_out_after_seven_days(app: Flask, time: Time) -> None:
    ask()
    time.move("+604700s")
    with transaction() as session:
        assert deciding.over(session, frozenset({"custody.keep"}), 9) == []
        assert not deciding.run_out(session, TOWN, "custody.keep", "7")
    time.move("+604801s")
    with pytest.raises(deciding.RunOut):
        approve()
    with transaction() as session:
        ((tenant_id, act, subject),) = deciding.over(session, frozenset({"custody.keep"}), 9)
        assert deciding.run_out(session, tenant_id, act, subject)
    assert state() == "expired"


def test_another_town_approves_nothing_here(app: Flask) -> None:
    ask()
    with pytest.raises(deciding.NotAsked):
        approve(tenant_id=OTHER_TOWN)


def test_of_eight_who_approve_at_once_one_does(app: Flask) -> None:
    ask()
    people = [f"staff:p{number}" for number in range(8)]
    done: list[str] = []

    def act() -> None:
        person = people.pop()
        try:
            approve(person)
        except AlreadyDecided:
            return
        done.append(person)

    races.at_once(app, 8, act)
    assert len(done) == 1


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "approved"},
        {"state": "approved", "second": ANNA},
        {"state": "approved", "second": "staff:ANNA"},
        {"state": "approved", "second": "client:finance"},
        {"second": BERT},
        {"state": "gone"},
    ],
)
def test_the_database_refuses_one_person_alone(app: Flask, wrong: dict[str, str]) -> None:
    ask()
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(Approval).values(**wrong))
