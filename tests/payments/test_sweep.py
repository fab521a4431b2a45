"""Asking providers: nothing that was paid stays unheard."""

from datetime import timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import update

from portal.db import transaction
from portal.ledger import book
from portal.payments import sweep
from portal.payments.models import ProviderAccount
from portal.payments.record import Source, Verdict, record
from portal.providers import registry
from portal.providers.protocol import Account, Outcome, Report
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount

CARD = Source(TOWN, "card", "notification")


def swept() -> int:
    return sweep.sweep(current_app.extensions["keyring"])


def give_up(payment: str) -> None:
    sweep.give_up(current_app.extensions["keyring"], TOWN, payment)


class Watched(FakeProvider):
    """Counts how often it is asked."""

    asked = 0

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        self.asked += 1
        return super().fetch(account, payment, provider_reference)


@pytest.fixture
def watched(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Watched:
    fake = Watched()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def asked_by(time: Time, distance: str, fake: Watched) -> int:
    time.move(distance)
    swept()
    return fake.asked


def test_an_open_payment_is_asked_about_after_2_10_30_minutes_2_and_24_hours(
    watched: Watched, time: Time
) -> None:
    builders.begin(builders.letter())
    told = [
        asked_by(time, distance, watched)
        for distance in ("+119s", "+2m", "+9m", "+10m", "+29m", "+30m", "+119m", "+120m", "+23h",
                         "+24h")
    ]  # fmt: skip
    assert told == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


@pytest.mark.parametrize("ended", [Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED])
def test_what_ended_without_money_is_asked_about_daily_for_thirty_days(
    watched: Watched, time: Time, ended: Outcome
) -> None:
    payment = builders.begin(builders.letter())
    record(watched.say(payment, ended), CARD)
    asked_by(time, "+24h", watched)
    before = watched.asked
    told = [asked_by(time, f"+{hours}h", watched) - before for hours in (47, 48, 72, 29 * 24)]
    assert told == [0, 1, 2, 3]
    assert asked_by(time, "+720h", watched) - before == 4
    assert asked_by(time, "+5000h", watched) - before == 4


def test_what_succeeded_is_not_asked_about(watched: Watched, time: Time) -> None:
    payment = builders.begin(builders.letter())
    record(watched.pay(payment), CARD)
    assert asked_by(time, "+24h", watched) == 0


def test_a_lost_notification_is_found(provider: FakeProvider, time: Time) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    provider.pay(payment)
    time.move("+2m")
    assert swept() == 1
    assert builders.request_of(letter).state == "paid"
    assert builders.payment(payment).state == "succeeded"
    assert swept() == 0


def test_money_that_comes_after_the_end_is_found_even_when_nobody_tells(
    provider: FakeProvider, time: Time
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    record(provider.say(payment, Outcome.FAILED), CARD)
    provider.pay(payment)
    time.move("+20d")
    swept()
    assert builders.request_of(letter).state == "paid"


def test_nothing_expires_without_asking_first(provider: FakeProvider, time: Time) -> None:
    paid, left = builders.letter("paid"), builders.letter("left")
    payments = [builders.begin(letter) for letter in (paid, left)]
    provider.pay(payments[0])
    time.move("+25h")
    swept()
    assert [builders.payment(each).state for each in payments] == ["succeeded", "expired"]


def test_nothing_expires_before_a_day_is_over(provider: FakeProvider, time: Time) -> None:
    payment = builders.begin(builders.letter())
    time.move("+23h")
    swept()
    assert builders.payment(payment).state == "started"


def test_while_the_provider_is_silent_nothing_expires(provider: FakeProvider, time: Time) -> None:
    payment = builders.begin(builders.letter())
    provider.down = 1
    time.move("+25h")
    assert swept() == 1
    assert builders.payment(payment).state == "started"


def test_pending_money_does_not_run_out(provider: FakeProvider, time: Time) -> None:
    payment = builders.begin(builders.letter())
    record(provider.say(payment, Outcome.PENDING), CARD)
    time.move("+25d")
    swept()
    provider.say(payment, Outcome.STARTED)
    time.move("+26d")
    swept()
    assert builders.payment(payment).state == "pending"


def test_pending_money_that_a_provider_mislaid_stays_pending(
    provider: FakeProvider, time: Time
) -> None:
    payment = builders.begin(builders.letter())
    record(provider.say(payment, Outcome.PENDING), CARD)
    del provider.books[payment]
    time.move("+2m")
    swept()
    assert builders.payment(payment).state == "pending"


def test_an_order_that_never_arrived_has_failed(provider: FakeProvider, time: Time) -> None:
    provider.down = 2
    letter = builders.letter()
    payment = builders.begin(letter)
    assert builders.payment(payment).state == "unknown"
    time.move("+2m")
    swept()
    assert builders.payment(payment).state == "failed"
    builders.begin(letter)


def test_one_that_cannot_be_asked_about_does_not_stop_the_others(
    provider: FakeProvider, time: Time
) -> None:
    broken, good = builders.letter("broken"), builders.letter("good")
    first = builders.begin(broken, account_id="paypal")
    second = builders.begin(good)
    with transaction() as session:
        paypal = ProviderAccount.id == "paypal"
        session.execute(update(ProviderAccount).where(paypal).values(credentials_sealed=b"k1:x"))
    provider.pay(second)
    time.move("+3m")
    assert swept() == 2
    assert builders.request_of(good).state == "paid"
    asked = builders.payment(first)
    assert asked.ask_at is not None
    assert asked.ask_at > time.now + timedelta(minutes=6), "it must not come first every time"


def test_a_page_that_refreshes_need_not_ask_again(provider: FakeProvider, time: Time) -> None:
    payment = builders.begin(builders.letter())
    sweep.ask(current_app.extensions["keyring"], TOWN, payment, "return")
    assert sweep.asked_lately(builders.payment(payment))
    time.move("+11s")
    assert not sweep.asked_lately(builders.payment(payment))


def test_who_starts_again_gives_up_the_old_payment_at_the_provider(
    provider: FakeProvider,
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    give_up(payment)
    assert provider.books[payment].outcome is Outcome.CANCELLED
    assert builders.payment(payment).state == "cancelled"
    assert builders.begin(letter) != payment


def test_giving_up_what_was_paid_books_it(provider: FakeProvider) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    provider.pay(payment)
    give_up(payment)
    assert builders.request_of(letter).state == "paid"
    assert builders.payment(payment).state == "succeeded"


def test_giving_up_while_the_provider_is_silent_lets_go_and_late_money_counts(
    provider: FakeProvider,
) -> None:
    letter = builders.letter(amount_cents=5_000)
    old = builders.begin(letter)
    provider.down = 1
    give_up(old)
    record(provider.pay(builders.begin(letter)), CARD)
    assert record(provider.pay(old), CARD) is Verdict.MOVED
    with transaction() as session:
        assert book.balance(session, TOWN, "suspense:card").cents == provider.collected() == 10_000
        assert book.balance(session, TOWN, "custody:surplus").cents == -5_000


def test_pending_money_is_not_given_up(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    record(provider.say(payment, Outcome.PENDING), CARD)
    give_up(payment)
    assert builders.payment(payment).state == "pending"
    assert builders.payment(payment).current


def test_an_unknown_payment_is_let_go_but_only_the_provider_says_what_became_of_it(
    provider: FakeProvider,
) -> None:
    letter = builders.letter()
    provider.down = 3  # the order, once more, and the giving up
    payment = builders.begin(letter)
    give_up(payment)
    assert (builders.payment(payment).state, builders.payment(payment).current) == (
        "unknown", False,
    )  # fmt: skip
    assert builders.begin(letter) != payment


def test_nobody_pays_again_while_money_that_did_not_fit_waits_for_a_person(
    provider: FakeProvider,
) -> None:
    payment = builders.begin(builders.letter())
    assert record(other_amount(provider.pay(payment), 1), CARD) is Verdict.MISFIT
    provider.down = 1
    give_up(payment)
    assert (builders.payment(payment).state, builders.payment(payment).current) == ("unknown", True)
