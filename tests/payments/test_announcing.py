"""Ends are announced as tasks, one an account or rule, which end by themselves when mended."""

from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import update

from portal import clock
from portal.db import db, transaction
from portal.money import Money
from portal.payments import account_setting, announcing, offering, rule_setting
from portal.payments.models import ProviderAccount, ProviderRule
from portal.payments.offering import Case
from portal.providers import ended
from portal.providers.ended import EVERYWHERE, Ended
from portal.worklist import reading, writing
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time

pytestmark = pytest.mark.usefixtures("app")
BY = "operator"


def day(distance: int):
    return clock.today("Europe/Berlin") + timedelta(days=distance)


def rule_of(account_id: str) -> int:
    db.session.rollback()
    mine = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == account_id)
    number = db.session.query(ProviderRule.id).where(mine).scalar()
    db.session.rollback()
    return number


def ends(account_id: str = "paypal", distance: int = 30) -> None:
    rule_setting.put(TOWN, rule_of(account_id), {"valid_until": day(distance)}, BY)


def tasks() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(task.kind, task.subject) for task in reading.open_tasks(db.session(), TOWN)]


def details() -> list[dict]:
    db.session.rollback()
    return [task.detail for task in reading.open_tasks(db.session(), TOWN)]


def subject(account_id: str = "paypal", distance: int = 30) -> str:
    return f"rule:{rule_of(account_id)}:{day(distance)}"


def test_a_rule_that_ends_is_one_task_at_once_and_each_hour() -> None:
    ends()
    assert tasks() == [("method_ends", subject())]
    announcing.look_all()
    assert tasks() == [("method_ends", subject())]
    assert details() == [
        {
            "rule": str(rule_of("paypal")), "labels": ["Paypal"], "last_day": str(day(30)),
            "left_without": [],
        }
    ]  # fmt: skip


def test_the_worker_announces_what_was_far_away_when_it_was_set(time: Time) -> None:
    ends(distance=90)
    announcing.look_all()
    assert tasks() == []
    time.move("+30d")
    assert announcing.look_all() == 1
    assert [kind for kind, _ in tasks()] == ["method_ends"]


def test_the_last_way_to_pay_is_told_louder() -> None:
    ends("card")
    assert [kind for kind, _ in tasks()] == ["last_method_ends"], "Paypal goes up to 800 only"
    (gap,) = details()[0]["left_without"]
    assert (gap["least"], gap["most"], "fine" in gap["kinds"]) == (80_001, None, True)
    ends("paypal")
    assert [kind for kind, _ in tasks()] == ["last_method_ends"] * 2


def test_the_task_gets_louder_or_quieter_with_what_is_left() -> None:
    ends("paypal")
    assert tasks() == [("method_ends", subject())]
    ends("card", 20)
    assert ("method_ends", subject()) not in tasks(), "it is the last one then"
    assert ("last_method_ends", subject()) in tasks()
    rule_setting.put(TOWN, rule_of("card"), {"valid_until": None}, BY)
    assert tasks() == [("method_ends", subject())]


def test_a_successor_from_the_next_day_on_ends_it() -> None:
    ends()
    successor: rule_setting.Said = {
        "account_id": "card", "label": "Paypal", "maximum_cents": 80_000, "valid_from": day(32),
    }  # fmt: skip
    number = rule_setting.put(TOWN, None, successor, BY)
    assert tasks() == [("method_ends", subject())]
    rule_setting.put(TOWN, number, {"valid_from": day(31)}, BY)
    assert tasks() == []
    rule_setting.put(TOWN, number, {"valid_from": day(33)}, BY)
    assert tasks() == [("method_ends", subject())], "and it comes back when nothing follows again"


def test_a_day_that_is_moved_ends_it_or_makes_it_another() -> None:
    ends()
    ends(distance=40)
    assert tasks() == [("method_ends", subject(distance=40))]
    ends(distance=100)
    assert tasks() == []


def test_an_account_that_ends_is_one_task_for_all_its_rules() -> None:
    with transaction() as session:
        session.add(builders.rule(TOWN, "paypal", label="Raten"))
    account_setting.end(TOWN, "paypal", day(10), BY)
    assert tasks() == [("method_ends", f"account:paypal:{day(10)}")]
    account_setting.put(
        current_app.extensions["keyring"], TOWN, "paypal", account_setting.Said(endless=True), BY
    )
    assert tasks() == []


def test_what_ended_stays_a_task_until_something_follows(time: Time) -> None:
    ends()
    name = subject()
    time.move("+40d")
    announcing.look_all()
    assert tasks() == [("method_ends", name)]
    successor: rule_setting.Said = {"account_id": "card", "label": "Paypal"}
    rule_setting.put(TOWN, None, successor, BY)
    assert tasks() == []


def test_what_is_ended_at_once_is_a_task_too() -> None:
    rule_setting.end(TOWN, rule_of("card"), day(-1), BY)
    assert [kind for kind, _ in tasks()] == ["last_method_ends"]


def test_what_a_person_has_ended_is_not_opened_again_for_the_same_day() -> None:
    ends()
    with transaction() as session:
        writing.end_number(session, TOWN, 1, "staff:anna", "we know")
    announcing.look_all()
    assert tasks() == []
    ends(distance=31)
    assert len(tasks()) == 1


@pytest.mark.parametrize("ago", [1, 30, 900])
def test_a_method_whose_end_is_learned_late_is_a_task_until_its_label_is_another_rule_s(
    monkeypatch: pytest.MonkeyPatch, ago: int
) -> None:
    monkeypatch.setattr(ended, "ENDED", (Ended("paypal", EVERYWHERE, day(-ago), "its own pages"),))
    announcing.look_all()
    assert tasks() == [("method_ends", subject(distance=-ago))]
    assert account_of("Paypal") == "paypal", "it is still offered: our table may be wrong"
    successor: rule_setting.Said = {"account_id": "card", "label": "Paypal", "position": 900}
    rule_setting.put(TOWN, None, successor, BY)
    assert tasks() == []
    assert account_of("Paypal") == "card"


def account_of(label: str) -> str | None:
    """Which account stands for a label."""
    case = Case(Money(1_000, "EUR"), "tax", "web", day(0))
    found = offering.on(db.session(), TOWN, case).under(label)
    db.session.rollback()
    return found and found.account


def test_ends_of_long_ago_are_not_announced() -> None:
    with transaction() as session:
        mine = (ProviderAccount.tenant_id == TOWN) & (ProviderAccount.id == "paypal")
        session.execute(update(ProviderAccount).where(mine).values(valid_until=day(-20)))
    assert announcing.look_all() == 0
    assert tasks() == []
