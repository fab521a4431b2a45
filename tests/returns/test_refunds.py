"""Money that goes back on order: asked by one, approved by another, sent once."""

from dataclasses import replace

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.approvals import deciding
from portal.db import db, transaction
from portal.ledger import book
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments import accounts
from portal.payments.models import Payment
from portal.payments.record import Source, record
from portal.payments.refund_states import (
    TRANSITIONS,
    UNDECIDED,
    Event,
    IllegalRefundStep,
    State,
    step,
)
from portal.payments.returned import Reason, Refund
from portal.payments.start import NoSuchPayment
from portal.providers import registry
from portal.providers.protocol import Account, Outcome, RefundOrder, RefundReport
from portal.returns import refunds, sending
from portal.settlements import settle
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter, eur
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.payments import races

CARD = Source(TOWN, "card", "notification")
ANNA, BERT = "staff:anna", "staff:bert"


def paid(provider: FakeProvider, cents: int = 10_000, name: str = "K-1") -> tuple[Letter, str]:
    """A letter, and the payment that has paid it."""
    letter = builders.letter(name, amount_cents=cents)
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    return letter, payment


def paid_twice(provider: FakeProvider, cents: int = 10_000) -> tuple[Letter, str]:
    """A letter that was paid twice, and the payment that is all surplus."""
    letter = builders.letter(amount_cents=cents)
    first = builders.begin(letter)
    record(provider.say(first, Outcome.CANCELLED), CARD)
    second = builders.begin(letter)
    record(provider.pay(second), CARD)
    record(provider.pay(first), CARD)
    return letter, first


def asked(
    payment: str, cents: int, reason: str = "wrong_payer", order: str = "AO-1", by: str = ANNA
) -> str:
    return refunds.ask(refunds.Asked(TOWN, payment, Money(cents), Reason(reason), order, by))


def submitted(refund: str) -> State:
    return sending.submit(current_app.extensions["keyring"], TOWN, refund)


def sent(payment: str, cents: int, reason: str = "wrong_payer", order: str = "AO-1") -> str:
    refund = asked(payment, cents, reason, order)
    refunds.approve(TOWN, refund, BERT)
    submitted(refund)
    return refund


def row(refund: str) -> Refund:
    db.session.rollback()
    return db.session.get_one(Refund, (TOWN, refund), populate_existing=True)


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def item(reference: str) -> SuspenseItem:
    db.session.rollback()
    return db.session.scalars(select(SuspenseItem).filter_by(reference=reference)).one()


def last() -> tuple[str, dict[str, object]]:
    event = builders.events()[-1]
    return event.type, event.data


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalRefundStep):
            step(state, event)


def test_only_what_was_approved_is_ever_sent() -> None:
    ways = {(old, new) for (old, _), new in TRANSITIONS.items() if old is not new}
    assert {old for old, new in ways if new is State.SUBMITTED} == {State.APPROVED}
    assert {old for old, new in ways if new is State.SUCCEEDED} == {State.SUBMITTED}
    assert {old for old, new in ways if new is State.FAILED} == UNDECIDED | {State.SUCCEEDED}


def test_a_wrong_payers_money_goes_back_and_the_claim_is_open_again(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 4_000)
    assert row(refund).state == "succeeded"
    assert provider.sent_back() == 4_000
    assert balance("suspense:card") == provider.collected() - provider.sent_back()
    assert balance("claims:tax") == -6_000
    assert (builders.request_of(letter).state, builders.request_of(letter).open) == (
        "partly_paid", eur("40"),
    )  # fmt: skip
    assert builders.payment(payment).refunded_cents == 4_000
    assert last() == (
        "refund.succeeded",
        {
            "refund": refund, "payment": payment, "amount_cents": 4_000, "currency": "EUR",
            "claim_cents": 4_000, "surplus_cents": 0, "loss_cents": 0, "reason": "wrong_payer",
            "order": "AO-1", "suspense_account": "suspense:card", "reopens": True,
        },
    )  # fmt: skip


def test_what_went_back_wrongly_paid_can_be_paid_again(provider: FakeProvider) -> None:
    items = [
        {"text": "Grundsteuer", "amount_cents": 9_000, "claim": "tax", "rank": 1},
        {"text": "Gebühr", "amount_cents": 1_000, "claim": "fee", "rank": 2},
    ]
    letter = builders.letter(amount_cents=10_000, items=items)
    first = builders.begin(letter)
    record(provider.pay(first), CARD)
    sent(first, 4_000)
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.request_of(letter).state == "paid"
    assert last()[1]["allocations"] == [
        {"claim": "tax", "amount_cents": 3_000}, {"claim": "fee", "amount_cents": 1_000},
    ]  # fmt: skip


def test_surplus_goes_back_and_the_claim_stays_paid(provider: FakeProvider) -> None:
    letter, payment = paid_twice(provider)
    refund = sent(payment, 10_000, "surplus")
    assert builders.request_of(letter).state == "paid"
    assert (balance("custody:surplus"), balance("claims:tax")) == (0, -10_000)
    db.session.rollback()
    assert db.session.scalars(select(CustodyItem)).one().state == "returned"
    told = {event.type: event.data for event in builders.events()}
    assert told["custody.returned"]["amount_cents"] == 10_000
    assert told["custody.returned"]["refund"] == refund
    assert (row(refund).surplus_cents, row(refund).claim_cents) == (10_000, 0)
    assert told["refund.succeeded"]["reopens"] is False


def test_what_a_lower_version_made_surplus_goes_back(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    builders.letter("K-1", amount_cents=7_000)
    sent(payment, 3_000, "surplus")
    assert builders.request_of(letter).state == "paid"
    assert (balance("custody:surplus"), balance("claims:tax")) == (0, -7_000)


def test_a_cancelled_claim_is_not_asked_for_again(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    sent(payment, 10_000, "claim_cancelled")
    request = builders.request_of(letter)
    assert (request.covered_cents, request.closed_cents, request.open) == (0, 10_000, eur("0"))
    assert request.state == "paid"
    assert last()[1]["reopens"] is False


def test_surplus_goes_first_and_then_of_the_claim(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    builders.letter("K-1", amount_cents=7_000)
    refund = sent(payment, 5_000)
    assert (row(refund).surplus_cents, row(refund).claim_cents) == (3_000, 2_000)
    assert builders.request_of(letter).open == eur("20")


def test_money_of_a_replaced_letter_goes_back_from_the_newer_one(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    newer = builders.letter("K-2", amount_cents=12_000, kind="fee", replaces=["K-1"])
    sent(payment, 4_000)
    assert builders.request_of(newer).open == eur("60")
    assert (balance("claims:tax"), balance("claims:fee")) == (0, -6_000)
    assert builders.events()[-1].reference == "K-2"


@pytest.mark.parametrize(
    ("cents", "reason"),
    [(10_001, "wrong_payer"), (1, "surplus"), (0, "wrong_payer"), (-5, "claim_cancelled")],
)
def test_no_more_is_refunded_than_is_left_for_the_reason(
    provider: FakeProvider, cents: int, reason: str
) -> None:
    _, payment = paid(provider)
    with pytest.raises(refunds.NotRefundable):
        asked(payment, cents, reason)


def test_a_refund_that_is_not_decided_is_set_aside(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    asked(payment, 6_000)
    with pytest.raises(refunds.NotRefundable):
        asked(payment, 4_001, order="AO-2")
    asked(payment, 4_000, order="AO-3")


def test_another_currency_and_what_was_never_paid_are_refused(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    with pytest.raises(refunds.NotRefundable):
        refunds.ask(refunds.Asked(TOWN, payment, Money(1, "PLN"), Reason.WRONG_PAYER, "AO-1", ANNA))
    unpaid = builders.begin(builders.letter("K-9"))
    with pytest.raises(refunds.NotRefundable):
        asked(unpaid, 1)


def test_another_towns_payment_and_refund_are_not_there(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    with pytest.raises(NoSuchPayment):
        refunds.ask(refunds.Asked(OTHER_TOWN, payment, Money(1), Reason.WRONG_PAYER, "AO-1", ANNA))
    refund = asked(payment, 1)
    with pytest.raises(refunds.NoSuchRefund):
        refunds.approve(OTHER_TOWN, refund, BERT)


def test_a_provider_that_sends_nothing_back_says_so(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payment = paid(provider)
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": object()})
    with pytest.raises(refunds.NoRefunds):
        asked(payment, 1)


@pytest.mark.parametrize("method", ["card", "transfer"])
def test_what_came_by_a_method_that_sends_nothing_back_is_not_promised(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    _, payment = paid(provider)
    monkeypatch.setattr(FakeProvider, "can_refund", lambda _, by: by == method, raising=False)
    if method == "card":
        assert asked(payment, 1)
    else:
        with pytest.raises(refunds.NoRefunds):
            asked(payment, 1)


def test_the_same_order_again_is_the_same_refund(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    first = asked(payment, 6_000)
    assert asked(payment, 6_000) == first
    with pytest.raises(refunds.OrderUsed):
        asked(payment, 5_000)


def test_an_order_that_comes_again_after_a_restore_is_the_same_refund_at_the_provider(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    wanted = refunds.Asked(TOWN, payment, Money(4_000), Reason.WRONG_PAYER, "AO-1", ANNA)
    names = []

    def unknown_to_the_backup() -> None:
        with transaction() as session:
            names.append(refunds.enter(session, wanted)[0].id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        unknown_to_the_backup()
    (lost,) = names
    assert refunds.ask(wanted) == lost
    refunds.refuse(TOWN, lost, BERT)
    assert refunds.ask(wanted) != lost, "what has failed is not asked for again under its name"
    assert asked(payment, 4_000, order="AO-2") != lost


@pytest.mark.parametrize("order", ["", " ", "x" * 65, "AO\n1"])
def test_without_an_order_number_nothing_goes_back(provider: FakeProvider, order: str) -> None:
    _, payment = paid(provider)
    with pytest.raises(deciding.NoOrder):
        asked(payment, 1, order=order)
    db.session.rollback()
    assert db.session.scalars(select(Refund)).all() == []


@pytest.mark.parametrize("second", [ANNA, "staff:ANNA", "staff: anna ", "STAFF:anna"])
def test_who_asked_does_not_approve(provider: FakeProvider, second: str) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    with pytest.raises((deciding.SamePerson, deciding.NotAPerson)):
        refunds.approve(TOWN, refund, second)
    assert submitted_or_none(refund) == "requested"
    assert provider.told == []


def submitted_or_none(refund: str) -> str:
    submitted(refund)
    return row(refund).state


def test_an_order_of_the_finance_system_counts_as_the_first(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000, by="client:finance")
    with pytest.raises(deciding.NotAPerson):
        refunds.approve(TOWN, refund, "client:other")
    refunds.approve(TOWN, refund, ANNA)
    assert submitted(refund) is State.SUCCEEDED


def test_what_is_refused_goes_nowhere_and_is_told(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.refuse(TOWN, refund, BERT)
    assert last()[0] == "refund.failed"
    assert (last()[1]["cause"], last()[1]["claim_cents"]) == ("refused", 0)
    assert (row(refund).state, row(refund).failed_by) == ("failed", "refused")
    with pytest.raises(deciding.AlreadyDecided):
        refunds.approve(TOWN, refund, BERT)
    assert (submitted(refund), provider.told) == (State.FAILED, [])
    assert builders.request_of(letter).state == "paid"


def test_what_nobody_approves_in_seven_days_runs_out(provider: FakeProvider, time: Time) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 10_000)
    time.move("+7d")
    with pytest.raises(deciding.RunOut):
        refunds.approve(TOWN, refund, BERT)
    assert sending.go_on(current_app.extensions["keyring"]) == 1
    assert (row(refund).state, row(refund).failed_by) == ("failed", "run_out")
    assert asked(payment, 10_000)  # free again, on the same order


def test_an_approved_refund_is_sent_by_the_worker(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    sending.go_on(current_app.extensions["keyring"])
    assert row(refund).state == "succeeded"


def test_a_provider_that_stumbles_once_is_told_again_at_once(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 1
    assert submitted(refund) is State.SUCCEEDED
    assert (provider.told, provider.sent_back()) == ([refund] * 2, 1_000)


def test_a_silent_provider_is_told_later_with_the_same_key(
    provider: FakeProvider, time: Time
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 2
    assert submitted(refund) is State.SUBMITTED
    sending.go_on(current_app.extensions["keyring"])
    assert row(refund).state == "submitted"  # its time has not come
    time.move("+3m")
    sending.go_on(current_app.extensions["keyring"])
    assert row(refund).state == "succeeded"
    assert (set(provider.told), provider.sent_back()) == ({refund}, 1_000)


def test_once_keys_may_be_forgotten_a_refund_is_not_told_again(
    provider: FakeProvider, time: Time
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 2
    submitted(refund)
    time.move("+2d")
    sending.go_on(current_app.extensions["keyring"])
    assert submitted(refund) is State.SUBMITTED
    assert len(provider.told) == 2


def test_what_the_provider_will_not_send_has_failed(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    provider.refunds_end = Outcome.FAILED
    refund = sent(payment, 1_000)
    assert (row(refund).state, row(refund).failed_by) == ("failed", "failed")
    assert builders.request_of(letter).state == "paid"
    assert balance("suspense:card") == 10_000
    assert last()[1]["cause"] == "failed"


def test_a_refund_under_way_is_booked_when_it_has_arrived(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 1_000)
    assert (row(refund).state, balance("suspense:card")) == ("submitted", 10_000)
    report = provider.end_refund(refund, Outcome.SUCCEEDED)
    assert [sending.record(TOWN, "card", report) for _ in range(2)] == [True, False]
    assert balance("suspense:card") == 9_000


def test_a_refund_that_bounces_later_clears_the_claim_again(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 4_000)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert builders.request_of(letter).state == "paid"
    assert (balance("suspense:card"), balance("claims:tax")) == (10_000, -10_000)
    went, came = item(f"refund:{refund}"), item(f"refund-failed:{refund}")
    assert (went.open_cents, came.open_cents) == (-4_000, 4_000)
    assert builders.payment(payment).refunded_cents == 0
    assert (last()[0], last()[1]["claim_cents"]) == ("refund.failed", 4_000)
    assert sent(payment, 4_000)  # it may be sent anew


def test_a_refund_that_bounces_when_another_has_paid_is_surplus(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 10_000)
    record(provider.pay(builders.begin(letter)), CARD)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert (balance("claims:tax"), balance("custody:surplus")) == (-10_000, -10_000)
    assert sent(payment, 10_000, "surplus", "AO-2")
    assert balance("custody:surplus") == 0


def test_a_report_of_another_amount_or_account_changes_nothing(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 1_000)
    report = provider.end_refund(refund, Outcome.SUCCEEDED)
    assert not sending.record(TOWN, "card", replace(report, amount=Money(999)))
    assert not sending.record(TOWN, "paypal", replace(report, merchant="m-paypal"))
    assert not sending.record(TOWN, "card", replace(report, refund="0" * 32))
    for wrong in ({"merchant": "m-paypal"}, {"live": True}):
        with pytest.raises(accounts.Misdirected):
            sending.record(TOWN, "card", replace(report, **wrong))  # type: ignore[arg-type]
    assert row(refund).state == "submitted"


def test_the_name_of_another_refund_or_a_second_name_changes_nothing(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    first = sent(payment, 1_000)
    provider.refunds_end = Outcome.PENDING
    second = sent(payment, 1_000, order="AO-2")
    report = provider.end_refund(second, Outcome.SUCCEEDED)
    for name in (str(row(first).provider_reference), "r-another"):
        assert not sending.record(TOWN, "card", replace(report, provider_reference=name))
    assert row(second).state == "submitted"
    assert sending.record(TOWN, "card", report)
    assert row(second).state == "succeeded"


def test_the_end_of_a_refund_is_known_before_its_own_answer_came(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 2
    assert submitted(refund) is State.SUBMITTED
    report = RefundReport(refund, "r-1", Outcome.SUCCEEDED, Money(1_000), "m-card", live=False)
    assert sending.record(TOWN, "card", report)
    assert (row(refund).state, row(refund).provider_reference) == ("succeeded", "r-1")
    assert submitted(refund) is State.SUCCEEDED
    assert (balance("suspense:card"), balance("claims:tax")) == (9_000, -9_000)


@pytest.mark.parametrize("approved", [False, True])
def test_the_end_of_a_refund_that_was_never_submitted_is_not_taken(
    provider: FakeProvider, approved: bool
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    if approved:
        refunds.approve(TOWN, refund, BERT)
    report = RefundReport(refund, "r-1", Outcome.SUCCEEDED, Money(1_000), "m-card", live=False)
    with pytest.raises(IllegalRefundStep):
        sending.record(TOWN, "card", report)
    assert balance("suspense:card") == 10_000


@pytest.mark.parametrize("first", [True, False], ids=["settled before", "in one report"])
def test_a_settlement_that_gives_a_refund_back_says_that_it_failed(
    provider: FakeProvider, first: bool
) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 4_000)
    back = provider.refund_line(refund, sign=1)
    if first:
        provider.settle("s1", [payment], 0, provider.refund_line(refund))
        settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
        provider.settle("s2", [], 0, back)
    else:
        provider.settle("s2", [payment], 0, provider.refund_line(refund), back)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s2")
    assert row(refund).state == "failed"
    assert builders.request_of(letter).state == "paid"
    assert (balance("suspense:card"), balance("transit:card")) == (0, 10_000)
    assert balance("differences:card") == 0
    assert not sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))


def test_a_settlement_nets_a_refund(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 4_000)
    assert (item(f"refund:{refund}").amount_cents, item(f"refund:{refund}").state) == (
        -4_000, "open",
    )  # fmt: skip
    provider.settle("s1", [payment], 0, provider.refund_line(refund))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert item(f"refund:{refund}").state == item(f"payment:{payment}").state == "settled"
    accounts = ("suspense:card", "transit:card", "differences:card")
    assert [balance(account) for account in accounts] == [0, 6_000, 0]
    lines = last()[1]["lines"]
    assert [line.get("refund") for line in lines] == [None, refund]  # type: ignore[attr-defined]


def test_a_refund_after_the_payout_makes_suspense_negative_until_it_is_netted(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    provider.settle("s1", [payment])
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    refund = sent(payment, 4_000)
    assert balance("suspense:card") == -4_000
    provider.settle("s2", [], 0, provider.refund_line(refund))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s2")
    assert (balance("suspense:card"), balance("transit:card")) == (0, 6_000)


def test_a_settled_refund_that_bounces_comes_back_with_a_later_payout(
    provider: FakeProvider,
) -> None:
    _, payment = paid(provider)
    refund = sent(payment, 4_000)
    provider.settle("s1", [payment], 0, provider.refund_line(refund))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert balance("suspense:card") == 4_000
    provider.settle("s2", [], 0, provider.refund_line(refund, sign=1))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s2")
    assert (balance("suspense:card"), balance("transit:card")) == (0, 10_000)
    assert balance("differences:card") == 0


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.SUCCEEDED])
def test_a_refund_that_a_settlement_holds_back_has_succeeded(
    provider: FakeProvider, outcome: Outcome
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 4_000)
    refunds.approve(TOWN, refund, BERT)
    provider.refunds_end = outcome
    if outcome is Outcome.SUCCEEDED:
        provider.down = 2  # it was sent, but we never heard so
    submitted(refund)
    if outcome is Outcome.SUCCEEDED:
        provider.books[payment].outcome = Outcome.SUCCEEDED
        mine = Account(TOWN, "card", "m-card", live=False, credentials={})
        provider.refund(mine, RefundOrder(refund, payment, "", Money(4_000)))
    provider.settle("s1", [payment], 0, provider.refund_line(refund))
    settle.settle(current_app.extensions["keyring"], TOWN, "card", "s1")
    assert row(refund).state == "succeeded"
    assert (balance("suspense:card"), balance("differences:card")) == (0, 0)


def test_what_a_bank_took_before_it_was_sent_is_not_sent(provider: FakeProvider) -> None:
    from portal.returns import reversals

    _, payment = paid(provider)
    refund = asked(payment, 6_000)
    refunds.approve(TOWN, refund, BERT)
    keyring = current_app.extensions["keyring"]
    reversals.record_reversal(keyring, TOWN, "card", provider.reverse(payment, 10_000))
    assert (submitted(refund), provider.told) == (State.FAILED, [])
    assert row(refund).failed_by == "not_left"


def test_of_40_who_ask_for_the_same_money_at_once_one_gets_it(
    app: Flask, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    orders = [f"AO-{number}" for number in range(40)]
    refused: list[str] = []

    def act() -> None:
        order = orders.pop()
        try:
            asked(payment, 10_000, order=order)
        except refunds.NotRefundable:
            refused.append(order)

    races.at_once(app, 8, act)
    for _ in range(4):
        races.at_once(app, 8, act)
    assert len(refused) == 39


def test_eight_who_approve_and_send_at_once_send_once(app: Flask, provider: FakeProvider) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 10_000)
    people = [f"staff:p{number}" for number in range(8)]
    late: list[str] = []

    def act() -> None:
        person = people.pop()
        try:
            refunds.approve(TOWN, refund, person)
        except deciding.AlreadyDecided:
            late.append(person)
        submitted(refund)

    races.at_once(app, 8, act)
    assert (len(late), row(refund).state, provider.sent_back()) == (7, "succeeded", 10_000)


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    "wrong",
    [
        {"approved_by": ANNA},
        {"approved_by": "STAFF:Anna"},
        {"state": "submitted", "approved_by": None},
        {"state": "succeeded", "approved_by": BERT},
        {"amount_cents": 0},
        {"reason": "kindness"},
        {"claim_cents": 5},
    ],
)
def test_the_database_refuses_a_refund_that_cannot_be(
    provider: FakeProvider, wrong: dict[str, object]
) -> None:
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(Refund).where(Refund.id == refund).values(**wrong))


@pytest.mark.rows_by_hand
def test_the_database_lets_no_more_go_back_than_came(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    with pytest.raises(IntegrityError), transaction() as session:
        session.get_one(Payment, (TOWN, payment)).refunded_cents = 10_001


def test_a_report_of_a_refund_of_another_payment_is_a_task_and_changes_nothing(
    provider: FakeProvider,
) -> None:
    provider.refunds_end = Outcome.PENDING
    _, payment = paid(provider)
    refund = sent(payment, 1_000)
    told = provider.end_refund(refund, Outcome.SUCCEEDED)
    assert sending.record(TOWN, "card", replace(told, payment="a" * 32)) is False
    assert row(refund).state == "submitted"
    assert set(builders.tasks().values()) == {"settlement_difference"}
    assert sending.record(TOWN, "card", replace(told, payment=payment)) is True
    assert row(refund).state == "succeeded"
