"""How long a refund is waited for, and who is asked about it when."""

from dataclasses import replace

import pytest
from flask import Flask, current_app

from portal.db import db
from portal.money import Money
from portal.payments.accounts import Misdirected
from portal.providers import registry
from portal.providers.protocol import Outcome
from portal.returns import sending
from portal.worklist import reading
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeThatSaysMore
from tests.returns.test_refunds import balance, paid, row, sent


@pytest.fixture
def provider(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FakeThatSaysMore:
    """A provider that can say what became of a refund."""
    fake = FakeThatSaysMore()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": fake})
    return fake


def pending(provider: FakeThatSaysMore) -> str:
    """A refund that the provider has taken, and of whose end it tells nobody by itself."""
    _, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    return sent(payment, 1_000)


def rounds(time: Time, *days: int) -> None:
    for day in days:
        time.move(f"+{day}d")
        sending.go_on(current_app.extensions["keyring"])


def causes() -> list[str]:
    """Why the tasks about refunds are open."""
    db.session.rollback()
    found = reading.open_tasks(db.session(), TOWN)
    return [str(task.detail["cause"]) for task in found if task.kind == "refund_failed"]


@pytest.mark.parametrize(
    ("outcome", "state", "left"),
    [(Outcome.SUCCEEDED, "succeeded", 9_000), (Outcome.FAILED, "failed", 10_000)],
)
def test_a_refund_whose_end_nobody_told_is_found_by_asking(
    provider: FakeThatSaysMore, time: Time, outcome: Outcome, state: str, left: int
) -> None:
    refund = pending(provider)
    provider.end_refund(refund, outcome)
    rounds(time, 2)
    assert (row(refund).state, balance("suspense:card")) == (state, left)
    assert (provider.told, provider.asked) == ([refund], [refund])
    assert causes() == (["failed"] if outcome is Outcome.FAILED else [])


def test_what_has_a_name_is_asked_about_and_not_told_again(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = pending(provider)
    time.move("+3m")
    sending.go_on(current_app.extensions["keyring"])
    assert (provider.told, provider.asked) == ([refund], [refund])
    assert row(refund).state == "submitted"


def test_after_a_week_a_person_asks_too_and_any_end_ends_the_task(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = pending(provider)
    rounds(time, 2, 4, 6)
    assert causes() == []
    rounds(time, 8)
    assert causes() == ["pending"]
    rounds(time, 9)
    assert causes() == ["pending"], "that it is still under way is no news"
    provider.end_refund(refund, Outcome.SUCCEEDED)
    rounds(time, 11)
    assert (causes(), row(refund).state) == ([], "succeeded")


def test_an_end_that_came_within_the_week_is_no_task(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = pending(provider)
    provider.end_refund(refund, Outcome.SUCCEEDED)
    rounds(time, 8)
    assert (causes(), row(refund).state) == ([], "succeeded")


def test_after_a_month_nobody_asks_any_more(provider: FakeThatSaysMore, time: Time) -> None:
    refund = pending(provider)
    rounds(time, 29, 31, 40)
    assert (len(provider.asked), row(refund).ask_at) == (2, None)
    assert causes() == ["pending"]


@pytest.mark.parametrize("silent", ["down", "forgotten"])
def test_a_provider_that_says_nothing_is_no_word_about_the_refund(
    provider: FakeThatSaysMore, time: Time, silent: str
) -> None:
    refund = pending(provider)
    if silent == "down":
        provider.down = 1_000
    else:
        provider.refunds.clear()
    rounds(time, 8)
    assert (row(refund).state, balance("suspense:card")) == ("submitted", 10_000)
    assert causes() == ["pending"]


def test_an_answer_of_another_merchant_changes_nothing_and_is_a_task_all_the_same(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = pending(provider)
    other = replace(provider.refunds[refund], merchant="m-paypal", outcome=Outcome.SUCCEEDED)
    provider.refunds[refund] = other
    time.move("+8d")
    with pytest.raises(Misdirected):
        sending.submit(current_app.extensions["keyring"], TOWN, refund)
    assert (row(refund).state, causes()) == ("submitted", ["pending"])


def test_an_answer_over_another_amount_changes_nothing(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = pending(provider)
    other = replace(provider.refunds[refund], amount=Money(999), outcome=Outcome.SUCCEEDED)
    provider.refunds[refund] = other
    rounds(time, 2)
    assert (row(refund).state, balance("suspense:card")) == ("submitted", 10_000)
