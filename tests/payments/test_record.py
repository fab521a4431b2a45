"""What a provider's word does to the books."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select

from portal import clock
from portal.db import db, transaction
from portal.ledger import book
from portal.ledger.models import CustodyItem, EntryRow, SuspenseItem
from portal.money import Money
from portal.payments.models import Payment, ProviderReport
from portal.payments.record import Source, Verdict, record
from portal.payments.start import NotPayable, Undecided
from portal.providers.protocol import Outcome, Report, SettlementLine
from portal.requests import expiry
from portal.settlements import settle
from portal.worklist import reading
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount
from tests.returns import giving

ZONE = "Europe/Berlin"
CARD = Source(TOWN, "card", "notification")


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_success_clears_books_and_tells(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=14_850)
    payment = builders.begin(letter)

    assert record(provider.pay(payment), CARD) is Verdict.MOVED

    assert builders.request_of(letter).state == "paid"
    assert balance("suspense:card") == provider.collected() == 14_850
    assert balance("claims:tax") == -14_850
    (event,) = builders.events()
    assert (event.type, event.reference, event.position) == ("payment.succeeded", "K-2026-1", 1)
    assert event.data["claim_cents"] == 14_850
    assert event.data["suspense_account"] == "suspense:card"


def test_the_same_report_again_changes_nothing(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    report = provider.pay(payment)
    record(report, CARD)

    assert [record(report, CARD) for _ in range(3)] == [Verdict.REPEATED] * 3
    assert count(EntryRow) == 1
    assert len(builders.events()) == 1


@pytest.mark.parametrize("before", [Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED])
def test_money_that_comes_after_the_end_is_booked(provider: FakeProvider, before: Outcome) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    record(provider.say(payment, before), CARD)
    assert builders.payment(payment).state == str(before)

    record(provider.pay(payment), CARD)

    assert builders.request_of(letter).state == "paid"
    assert balance("suspense:card") == 14_850


def test_paying_twice_makes_a_surplus(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=5_000)
    first = builders.begin(letter)
    record(provider.say(first, Outcome.CANCELLED), CARD)
    second = builders.begin(letter)
    record(provider.pay(second), CARD)
    record(provider.pay(first), CARD)

    assert balance("suspense:card") == 10_000
    assert balance("claims:tax") == -5_000
    assert balance("custody:surplus") == -5_000
    assert [event.type for event in builders.events()] == [
        "payment.succeeded",
        "payment.succeeded",
        "custody.opened",
    ]


def _misfits(report: Report) -> dict[str, Report]:
    return {
        "amount": other_amount(report, report.amount.cents - 1),
        "currency": replace(report, amount=Money(report.amount.cents, "PLN")),
        "merchant": replace(report, merchant="somebody"),
        "reference": replace(report, provider_reference="other"),
        "payment": replace(report, payment="0" * 32),
    }


@pytest.mark.parametrize("what", ["amount", "currency", "merchant", "reference", "payment"])
def test_a_report_that_does_not_fit_never_clears_and_is_kept(
    provider: FakeProvider, what: str
) -> None:
    letter = builders.letter()
    told = _misfits(provider.pay(builders.begin(letter)))[what]

    assert record(told, CARD) is Verdict.MISFIT
    assert record(told, CARD) is Verdict.MISFIT

    assert builders.request_of(letter).state == "open"
    db.session.rollback()
    (item,) = db.session.scalars(select(CustodyItem))
    assert (item.cause, item.amount_cents, item.currency) == (
        "unclear", told.amount.cents, told.amount.currency,
    )  # fmt: skip
    assert count(SuspenseItem) == 1
    assert [event.type for event in builders.events()] == ["custody.opened"]


def test_a_report_under_another_payments_name_does_not_clear(provider: FakeProvider) -> None:
    first, second = builders.begin(builders.letter("K-1")), builders.begin(builders.letter("K-2"))
    with transaction() as session:
        session.get_one(Payment, (TOWN, second)).provider_reference = None
    told = replace(provider.pay(second), provider_reference=provider.books[first].reference)
    assert record(told, CARD) is Verdict.MISFIT
    assert builders.payment(second).state == "unknown"


def test_a_wrong_amount_that_is_put_right_is_booked_once(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=10_000)
    right = provider.pay(builders.begin(letter))
    record(other_amount(right, 9_000), CARD)
    assert builders.payment(right.payment).state == "unknown"

    assert record(right, CARD) is Verdict.MOVED

    assert builders.request_of(letter).state == "paid"
    assert balance("suspense:card") == provider.collected() == 10_000
    assert balance("custody:unclear") == 0
    assert [event.type for event in builders.events()] == [
        "custody.opened",
        "custody.assigned",
        "payment.succeeded",
    ]


def test_money_that_is_booked_is_not_booked_under_another_payments_id(
    provider: FakeProvider,
) -> None:
    right = provider.pay(builders.begin(builders.letter()))
    record(right, CARD)
    assert record(replace(right, payment="f" * 32), CARD) is Verdict.MISFIT
    assert balance("suspense:card") == provider.collected()


@pytest.mark.parametrize("ended", [Outcome.FAILED, Outcome.CANCELLED])
def test_nobody_is_asked_again_while_money_that_does_not_fit_is_looked_at(
    provider: FakeProvider, ended: Outcome
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    record(provider.say(payment, ended), CARD)
    record(other_amount(provider.pay(payment), 9_000), CARD)
    assert builders.payment(payment).state == "unknown"
    with pytest.raises(Undecided):
        builders.begin(letter)


def test_a_success_over_nothing_is_noted_and_held(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    assert record(other_amount(provider.pay(payment), 0), CARD) is Verdict.MISFIT
    assert builders.payment(payment).state == "unknown"
    assert count(EntryRow) == 0


def test_the_day_of_payment_is_the_providers_not_the_day_we_heard(
    provider: FakeProvider, time: Time
) -> None:
    payment = builders.begin(builders.letter())
    told = replace(provider.pay(payment), happened_at=time.now)
    day = clock.today(ZONE)
    time.move("+2d")
    record(told, CARD)
    (event,) = builders.events()
    assert event.data["effective_on"] == day.isoformat()
    assert event.data["confirmed_at"] > event.data["effective_on"]


def test_a_warning_paid_in_time_and_heard_late_is_cleared(
    provider: FakeProvider, time: Time
) -> None:
    until = (clock.today(ZONE) + timedelta(days=1)).isoformat()
    letter = builders.letter(kind="warning", amount_cents=5_500, payable_until=until)
    told = replace(provider.pay(builders.begin(letter)), happened_at=time.now)
    time.move("+4d")
    expiry.expire_due()
    record(told, CARD)
    assert builders.request_of(letter).state == "paid"


def test_the_last_day_ends_a_request_even_if_no_job_ran(provider: FakeProvider, time: Time) -> None:
    until = clock.today(ZONE).isoformat()
    letter = builders.letter(payable_until=until)
    time.move("+2d")
    with pytest.raises(NotPayable):
        builders.begin(letter)


def test_money_for_a_replaced_letter_counts_for_the_newer_one(provider: FakeProvider) -> None:
    older = builders.letter("K-1", amount_cents=5_000)
    payment = builders.begin(older)
    newer = builders.letter("K-2", kind="reminder", amount_cents=6_500, replaces=["K-1"])
    record(provider.pay(payment), CARD)
    assert builders.request_of(older).state == "replaced"
    assert builders.request_of(newer).state == "partly_paid"
    assert builders.request_of(newer).open == Money(1_500)
    assert builders.events()[-1].reference == "K-2"


def test_practice_money_on_a_live_account_is_no_money(provider: FakeProvider) -> None:
    letter = builders.letter()
    told = replace(provider.pay(builders.begin(letter)), live=True)
    assert record(told, CARD) is Verdict.MISFIT
    assert count(EntryRow) == 0
    assert count(ProviderReport) == 1


def test_a_report_for_another_account_does_not_clear(provider: FakeProvider) -> None:
    letter = builders.letter()
    payment = builders.begin(letter, account_id="card")
    told = replace(provider.pay(payment), merchant="m-paypal")
    assert record(told, Source(TOWN, "paypal", "notification")) is Verdict.MISFIT
    assert builders.request_of(letter).state == "open"
    assert balance("suspense:paypal") == 14_850
    assert builders.payment(payment).state == "started"


def test_pending_money_is_told_so_that_no_reminder_is_sent(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    record(provider.say(payment, Outcome.PENDING), CARD)
    assert [event.type for event in builders.events()] == ["payment.pending"]
    record(provider.pay(payment), CARD)
    assert [event.type for event in builders.events()][-1] == "payment.succeeded"


def test_a_warning_paid_too_late_goes_to_custody(provider: FakeProvider, time: Time) -> None:
    until = clock.today(ZONE).isoformat()
    letter = builders.letter(kind="warning", amount_cents=5_500, payable_until=until)
    payment = builders.begin(letter)
    time.move("+2d")
    assert expiry.expire_due() == 1
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "expired"
    assert (balance("custody:surplus"), balance("claims:warning")) == (-5_500, 0)


def _in_parallel(app: Flask, reports: list[Report]) -> list[object]:
    done: list[object] = []
    gate = threading.Barrier(len(reports))

    def tell(report: Report) -> None:
        with app.app_context():
            gate.wait()
            done.append(record(report, CARD))

    threads = [threading.Thread(target=tell, args=(report,)) for report in reports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def test_eight_at_once_with_the_same_report_make_one_entry(
    app: Flask, provider: FakeProvider
) -> None:
    for number in range(5):
        payment = builders.begin(builders.letter(f"K-{number}"))
        verdicts = _in_parallel(app, [provider.pay(payment)] * 8)
        assert sorted(map(str, verdicts)) == ["moved"] + ["repeated"] * 7
    assert count(EntryRow) == 5
    assert len(builders.events()) == 5


def test_failed_and_paid_at_the_same_moment_is_paid(app: Flask, provider: FakeProvider) -> None:
    for number in range(10):
        letter = builders.letter(f"K-{number}")
        payment = builders.begin(letter)
        _in_parallel(app, [provider.say(payment, Outcome.FAILED), provider.pay(payment)])
        assert builders.request_of(letter).state == "paid"
    assert balance("suspense:card") == provider.collected() == 10 * 14_850


def test_unclear_money_that_was_given_away_is_not_booked_again_when_the_provider_is_right(
    provider: FakeProvider,
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    right = provider.pay(builders.begin(letter))
    record(replace(right, merchant="somebody"), CARD)
    found = db.session.scalars(select(CustodyItem.id)).one()
    giving.assign(TOWN, found, "K-1", Money(10_000), "staff:anna")
    for _ in range(2):
        assert record(right, CARD) is Verdict.MISFIT
    assert (balance("suspense:card"), balance("claims:tax")) == (10_000, -10_000)
    assert (balance("custody:surplus"), provider.collected()) == (0, 10_000)
    left = builders.payment(right.payment)
    assert (left.state, left.ask_at) == ("unknown", None)
    (task,) = reading.open_tasks(db.session(), TOWN)
    assert (task.kind, task.subject) == ("payment_unknown", right.payment)


@pytest.mark.parametrize(("wrong", "owed"), [(10_000, 0), (12_000, -2_000), (9_000, 1_000)])
def test_unclear_money_that_was_paid_out_is_not_expected_again(
    provider: FakeProvider, wrong: int, owed: int
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    right = provider.say(builders.begin(letter), Outcome.PENDING)
    told = replace(other_amount(right, wrong), merchant="somebody", outcome=Outcome.SUCCEEDED)
    record(told, CARD)
    line = SettlementLine("payment", "", right.provider_reference, Money(wrong), Money(0))
    provider.settle("s1", [], 0, line)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert record(provider.pay(right.payment), CARD) is Verdict.MOVED
    assert builders.request_of(letter).state == "paid"
    assert (balance("custody:unclear"), balance("claims:tax")) == (0, -10_000)
    assert (balance("suspense:card"), balance("transit:card")) == (owed, wrong)
    db.session.rollback()
    still_open = select(SuspenseItem.open_cents).where(SuspenseItem.open_cents != 0)
    assert list(db.session.scalars(still_open)) == ([owed] if owed else [])


def test_unclear_money_that_was_paid_out_in_part_is_expected_for_the_rest(
    provider: FakeProvider,
) -> None:
    right = provider.pay(builders.begin(builders.letter("K-1", amount_cents=10_000)))
    record(replace(right, merchant="somebody"), CARD)
    line = SettlementLine("payment", "", right.provider_reference, Money(4_000), Money(0))
    provider.settle("s1", [], 0, line)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    record(right, CARD)
    assert (balance("suspense:card"), balance("custody:unclear")) == (6_000, 0)
