"""How long a refund is waited for, and who is asked about it when."""

from dataclasses import replace

import pytest
from flask import Flask, current_app

from portal.db import db
from portal.money import Money
from portal.payments.accounts import Misdirected
from portal.providers import registry
from portal.providers.protocol import Outcome
from portal.returns import refunds, sending
from portal.worklist import reading
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, FakeThatFindsRefunds, FakeThatSaysMore
from tests.returns.test_custody_returns import row as return_row
from tests.returns.test_custody_returns import sent_back, unclear
from tests.returns.test_refunds import BERT, asked, balance, paid, row, sent, submitted


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


@pytest.fixture
def finder(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FakeThatFindsRefunds:
    """A provider that can be asked for a refund whose answer was lost."""
    fake = FakeThatFindsRefunds()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": fake})
    return fake


def silent(provider: FakeProvider) -> str:
    """A refund that the provider was told of for a day, and never answered: nor did it send it."""
    _, payment = paid(provider)
    provider.down = 1_000
    return sent(payment, 1_000)


def lost(finder: FakeThatFindsRefunds) -> str:
    """A refund that was sent, and the provider's answers were lost."""
    _, payment = paid(finder)
    finder.lost = 1_000
    return sent(payment, 1_000)


def test_after_a_day_it_is_never_told_again_but_asked_about(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    refund = lost(finder)
    told = len(finder.told)
    rounds(time, 2)
    assert (row(refund).state, balance("suspense:card")) == ("succeeded", 9_000)
    assert (finder.told, finder.looked) == ([refund] * told, [refund])
    assert (finder.sent_back(), causes()) == (1_000, [])


def test_what_the_provider_never_had_has_failed_and_its_money_is_free(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    refund = silent(finder)
    rounds(time, 2)
    assert (row(refund).state, causes()) == ("submitted", ["silent"])
    finder.down = 0
    rounds(time, 3)
    assert (row(refund).state, row(refund).failed_by) == ("failed", "never_arrived")
    assert causes() == ["never_arrived"]
    assert finder.sent_back() == 0
    anew = sent(row(refund).payment_id, 10_000, order="AO-2")
    assert (row(anew).state, finder.sent_back()) == ("succeeded", 10_000)


def test_it_is_asked_about_daily_for_a_month_while_nobody_answers(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    refund = silent(finder)
    told = len(finder.told)
    for _ in range(2):
        time.move("+1d")
        sending.go_on(current_app.extensions["keyring"])
        sending.go_on(current_app.extensions["keyring"])
    assert len(finder.looked) == 1
    rounds(time, 10, 20, 31, 40)
    assert len(finder.looked) == 4
    assert (len(finder.told), row(refund).state, causes()) == (told, "submitted", ["silent"])


def test_one_that_takes_it_as_pending_when_asked_is_no_silence(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    finder.refunds_end = Outcome.PENDING
    refund = lost(finder)
    rounds(time, 2)
    assert (row(refund).state, causes()) == ("submitted", [])
    assert row(refund).provider_reference == f"r-{refund[:12]}"


def test_of_one_that_cannot_be_asked_a_person_hears_at_once(
    provider: FakeThatSaysMore, time: Time
) -> None:
    refund = silent(provider)
    told = len(provider.told)
    rounds(time, 2)
    assert (row(refund).state, causes(), row(refund).ask_at) == ("submitted", ["not_asked"], None)
    assert (len(provider.told), provider.asked) == (told, [])


def test_a_return_of_unclear_money_is_asked_about_as_a_refund(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    found = unclear(finder)
    finder.down = 1_000
    name = sent_back(finder, found)
    rounds(time, 2)
    assert (return_row(name).state, causes()) == ("submitted", ["silent"])
    finder.down = 0
    rounds(time, 3)
    assert (return_row(name).failed_by, causes()) == ("never_arrived", ["never_arrived"])
    again = sent_back(finder, found, "AO-2")
    assert (return_row(again).state, causes()) == ("succeeded", [])


def test_what_went_though_the_provider_knew_nothing_of_it_is_a_task(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    refund = silent(finder)
    rounds(time, 2)
    finder.down = 0
    rounds(time, 3)
    sent(row(refund).payment_id, 1_000)
    other = next(iter(finder.refunds.values()))
    late = replace(other, refund=refund, provider_reference="late")
    assert not sending.record(TOWN, "card", late)
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert (task.kind, task.detail["refund"]) == ("settlement_difference", refund)


def test_a_key_that_is_refused_has_sent_nothing_and_no_time_runs(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    _, payment = paid(finder)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    finder.shut = 3
    assert submitted(refund) == "approved"
    assert finder.told == [refund], "it is not told twice"
    assert row(refund).submitted_at is None
    rounds(time, 2, 4)
    assert (row(refund).state, causes()) == ("approved", [])
    rounds(time, 6)
    assert (row(refund).state, finder.sent_back()) == ("succeeded", 1_000)


def test_a_key_that_is_refused_after_a_lost_answer_says_nothing(
    finder: FakeThatFindsRefunds, time: Time
) -> None:
    refund = lost(finder)
    finder.lost, finder.shut = 0, 1
    time.move("+3m")
    assert submitted(refund) == "submitted"
    assert row(refund).submitted_at is not None
