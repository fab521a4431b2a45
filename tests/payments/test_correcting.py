"""An unknown payment that two people take out of the way."""

import pytest
from sqlalchemy import select

from portal.approvals import deciding
from portal.audit import AuditRow
from portal.db import db
from portal.money import Money
from portal.payments import correcting
from portal.payments.record import Verdict, record
from portal.payments.start import NoSuchPayment, Undecided
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount
from tests.payments.test_staff import tasks
from tests.returns import giving
from tests.returns.test_custody import kept
from tests.returns.test_refunds import ANNA, BERT, CARD, balance, paid


def unknown(provider: FakeProvider) -> tuple[Letter, str]:
    """A letter of which one euro came, and the payment that nobody can call paid or not."""
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    record(other_amount(provider.pay(payment), 100), CARD)
    giving.assign(TOWN, kept().id, "K-1", Money(100), ANNA)
    return letter, payment


def corrected(payment: str) -> None:
    correcting.ask(TOWN, payment, "AO-1", ANNA)
    correcting.approve(TOWN, payment, BERT)


def test_two_people_let_a_request_be_paid_again(provider: FakeProvider) -> None:
    letter, payment = unknown(provider)
    with pytest.raises(Undecided):
        builders.begin(letter)
    corrected(payment)
    left = builders.payment(payment)
    assert (left.state, left.current, left.ask_at) == ("failed", False, None)
    assert tasks() == []
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.request_of(letter).state == "paid"


def test_one_alone_corrects_nothing(provider: FakeProvider) -> None:
    _, payment = unknown(provider)
    correcting.ask(TOWN, payment, "AO-1", ANNA)
    with pytest.raises(deciding.SamePerson):
        correcting.approve(TOWN, payment, ANNA)
    with pytest.raises(deciding.NotAPerson):
        correcting.approve(TOWN, payment, "client:finance")
    with pytest.raises(deciding.AskedBefore):
        correcting.ask(TOWN, payment, "AO-2", BERT)
    assert builders.payment(payment).state == "unknown"


@pytest.mark.parametrize(
    ("order", "by", "error"),
    [("", ANNA, deciding.NoOrder), ("AO-1", "client:finance", deciding.NotAPerson)],
)
def test_it_is_asked_by_a_person_with_a_reason(
    provider: FakeProvider, order: str, by: str, error: type[Exception]
) -> None:
    _, payment = unknown(provider)
    with pytest.raises(error):
        correcting.ask(TOWN, payment, order, by)


def test_what_is_refused_or_forgotten_corrects_nothing(provider: FakeProvider, time: Time) -> None:
    _, payment = unknown(provider)
    correcting.ask(TOWN, payment, "AO-1", ANNA)
    correcting.refuse(TOWN, payment, ANNA)
    with pytest.raises(deciding.AlreadyDecided):
        correcting.approve(TOWN, payment, BERT)
    correcting.ask(TOWN, payment, "AO-2", ANNA)
    time.move("+7d")
    assert correcting.run_out() == 1
    with pytest.raises(deciding.AlreadyDecided):
        correcting.approve(TOWN, payment, BERT)
    assert builders.payment(payment).state == "unknown"


def test_a_payment_whose_money_is_booked_is_not_corrected(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    with pytest.raises(correcting.NotCorrectable):
        correcting.ask(TOWN, payment, "AO-1", ANNA)
    with pytest.raises(NoSuchPayment):
        correcting.ask(OTHER_TOWN, payment, "AO-1", ANNA)


def test_the_providers_word_comes_before_the_second_person(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    right = provider.pay(payment)
    record(other_amount(right, 100), CARD)
    correcting.ask(TOWN, payment, "AO-1", ANNA)
    record(right, CARD)
    with pytest.raises(correcting.NotCorrectable):
        correcting.approve(TOWN, payment, BERT)
    assert builders.payment(payment).state == "succeeded"


def test_money_that_comes_after_a_correction_is_booked_as_ever(provider: FakeProvider) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    right = provider.pay(payment)
    record(other_amount(right, 100), CARD)
    corrected(payment)
    assert record(right, CARD) is Verdict.MOVED
    assert builders.request_of(letter).state == "paid"
    assert (balance("suspense:card"), balance("custody:unclear")) == (10_000, 0)


def test_a_report_that_comes_again_after_a_correction_stops_nobody_from_paying(
    provider: FakeProvider,
) -> None:
    letter, payment = unknown(provider)
    corrected(payment)
    assert record(provider.pay(payment), CARD) is Verdict.MISFIT  # its money has moved on
    assert balance("suspense:card") == 100
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.request_of(letter).state == "paid"


def test_who_corrected_it_and_why_is_written_down(provider: FakeProvider) -> None:
    _, payment = unknown(provider)
    corrected(payment)
    db.session.rollback()
    notes = db.session.scalars(select(AuditRow).where(AuditRow.subject == payment)).all()
    assert [(note.act, note.actor, note.detail["order"]) for note in notes] == [
        ("payment.correct.asked", ANNA, "AO-1"), ("payment.correct.approved", BERT, "AO-1"),
    ]  # fmt: skip
