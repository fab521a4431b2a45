"""Money that a bank takes back: surplus first, then the claim, which is open again."""

from dataclasses import replace

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.db import db, transaction
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments import accounts
from portal.payments.record import record
from portal.payments.returned import Reversal
from portal.providers.protocol import Outcome, ReversalReport, SettlementLine
from portal.requests import orders
from portal.requests.ordered import Why
from portal.requests.orders import Subject
from portal.returns import custody, custody_returns, refunds, reversals, sending
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN, eur
from tests.fakes import FakeProvider, other_amount, won
from tests.payments import races
from tests.payments.test_staff import tasks
from tests.returns import giving
from tests.returns.test_refunds import (
    ANNA,
    BERT,
    CARD,
    asked,
    balance,
    item,
    last,
    paid,
    paid_twice,
    sent,
    submitted,
)


def heard(report: ReversalReport, account: str = "card") -> bool:
    return reversals.record_reversal(current_app.extensions["keyring"], TOWN, account, report)


def settled(name: str = "s1") -> bool:
    return settle.settle(current_app.extensions["keyring"], TOWN, "card", name)


def line(payment: str, gross: int, fee: int = 0, name: str = "cb-1") -> SettlementLine:
    return SettlementLine("reversal", payment, name, Money(gross), Money(fee))


def row() -> Reversal:
    db.session.rollback()
    return db.session.scalars(select(Reversal)).one()


def test_a_chargeback_opens_the_claim_again_and_books_its_fee(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    assert heard(provider.reverse(payment, 10_000, fee_cents=2_000))
    assert (builders.request_of(letter).state, builders.request_of(letter).open) == (
        "open", eur("100"),
    )  # fmt: skip
    assert (balance("claims:tax"), balance("fees:card")) == (0, 2_000)
    assert balance("suspense:card") == -2_000
    assert builders.payment(payment).state == "succeeded"
    assert builders.payment(payment).reversed_cents == 10_000
    assert last() == (
        "payment.reversed",
        {
            "reversal": "cb-1", "payment": payment, "amount_cents": 10_000, "currency": "EUR",
            "claim_cents": 10_000, "surplus_cents": 0, "loss_cents": 0, "fee_cents": 2_000,
            "reason": "chargeback", "suspense_account": "suspense:card",
        },
    )  # fmt: skip
    assert builders.events()[-1].reference == letter.reference


def test_the_same_reversal_again_changes_nothing(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    report = provider.reverse(payment, 10_000, fee_cents=500)
    assert [heard(report), heard(report), heard(replace(report, amount=Money(1)))] == [
        True, False, False,
    ]  # fmt: skip
    assert balance("suspense:card") == -500
    assert [event.type for event in builders.events()].count("payment.reversed") == 1


def test_surplus_is_taken_before_the_claim(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    builders.letter("K-1", amount_cents=7_000)
    heard(provider.reverse(payment, 5_000))
    assert (row().surplus_cents, row().claim_cents, row().loss_cents) == (3_000, 2_000, 0)
    assert builders.request_of(letter).open == eur("20")
    assert balance("custody:surplus") == 0


def test_a_double_payment_taken_back_leaves_the_claim_paid(provider: FakeProvider) -> None:
    letter, payment = paid_twice(provider)
    heard(provider.reverse(payment, 10_000))
    assert builders.request_of(letter).state == "paid"
    assert (balance("custody:surplus"), balance("claims:tax")) == (0, -10_000)


def test_the_claim_that_another_payment_covers_is_not_touched(provider: FakeProvider) -> None:
    letter, _ = paid_twice(provider)
    surplus = next(
        event.data["payment"] for event in builders.events() if event.data.get("surplus_cents")
    )
    sent(str(surplus), 10_000, "surplus")
    heard(provider.reverse(str(surplus), 10_000))
    assert builders.request_of(letter).state == "paid"
    assert (balance("losses:card"), balance("claims:tax")) == (10_000, -10_000)


def test_beyond_what_is_left_it_is_a_loss(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    sent(payment, 6_000)
    heard(provider.reverse(payment, 10_000, fee_cents=100))
    assert (row().claim_cents, row().loss_cents, row().counted_cents) == (4_000, 6_000, 4_000)
    assert (balance("losses:card"), balance("claims:tax")) == (6_000, 0)
    assert builders.request_of(letter).state == "open"


def test_what_is_on_its_way_back_already_is_a_loss_when_a_bank_takes_it(
    provider: FakeProvider,
) -> None:
    from portal.returns import sending

    _, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 10_000)
    heard(provider.reverse(payment, 10_000))
    assert balance("losses:card") == 10_000
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.SUCCEEDED))
    assert balance("claims:tax") == 0
    assert balance("suspense:card") == -10_000


def test_money_of_a_withdrawn_request_is_taken_back_and_it_stays_withdrawn(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why.CANCELLED)
    heard(provider.reverse(payment, 10_000))
    assert builders.request_of(letter).state == "withdrawn"
    assert balance("claims:tax") == 0


def test_a_dispute_that_is_won_is_the_reverse(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    report = provider.reverse(payment, 10_000, fee_cents=2_000)
    heard(report)
    told = won(report)
    assert [heard(told), heard(told), heard(report)] == [True, False, False]
    assert builders.request_of(letter).state == "paid"
    assert (balance("suspense:card"), balance("fees:card")) == (10_000, 0)
    assert builders.payment(payment).reversed_cents == 0
    went, came = item("reversal:card:cb-1"), item("reversal-won:card:cb-1")
    assert (went.open_cents, came.open_cents) == (-12_000, 12_000)
    told = last()[1]
    assert (told["amount_cents"], told["claim_cents"], told["fee_cents"], told["reason"]) == (
        -10_000, -10_000, -2_000, "won",
    )  # fmt: skip


def test_a_provider_may_keep_its_fee_of_a_dispute_that_is_won(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    report = provider.reverse(payment, 10_000, fee_cents=2_000)
    heard(report)
    heard(won(report, fee_cents=500))
    assert (balance("suspense:card"), balance("fees:card")) == (8_500, 1_500)
    assert (item("reversal:card:cb-1").open_cents, item("reversal-won:card:cb-1").open_cents) == (
        -12_000, 10_500,
    )  # fmt: skip
    assert last()[1]["fee_cents"] == -500
    both = line(payment, -10_000, 2_000), line(payment, 10_000, -500)
    provider.settle("s1", [payment], 0, *both)
    settled()
    assert (balance("suspense:card"), balance("differences:card")) == (0, 0)
    assert (balance("fees:card"), balance("transit:card")) == (1_500, 8_500)


def test_a_dispute_won_after_the_claim_was_paid_again_is_surplus(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    report = provider.reverse(payment, 10_000)
    heard(report)
    record(provider.pay(builders.begin(letter)), CARD)
    heard(won(report))
    assert (balance("claims:tax"), balance("custody:surplus")) == (-10_000, -10_000)
    heard(provider.reverse(payment, 10_000, name="cb-2"))
    assert (balance("claims:tax"), balance("custody:surplus")) == (-10_000, 0)


def test_a_dispute_heard_of_when_it_is_won_moves_nothing(provider: FakeProvider) -> None:
    _, payment = paid(provider)
    report = provider.reverse(payment, 10_000, won=True)
    assert [heard(report), heard(provider.reverse(payment, 10_000))] == [True, False]
    assert balance("suspense:card") == 10_000
    assert "payment.reversed" not in {event.type for event in builders.events()}


def test_a_payment_whose_success_was_never_heard_is_asked_about_first(
    provider: FakeProvider,
) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    provider.pay(payment)
    heard(provider.reverse(payment, 10_000))
    assert [event.type for event in builders.events()] == ["payment.succeeded", "payment.reversed"]
    assert (builders.request_of(letter).state, balance("losses:card")) == ("open", 0)


def test_while_the_provider_is_silent_about_the_payment_its_reversal_is_not_taken(
    provider: FakeProvider,
) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    provider.pay(payment)
    provider.down = 1
    with pytest.raises(reversals.ProviderSilent):
        heard(provider.reverse(payment, 10_000))
    assert (balance("losses:card"), balance("suspense:card")) == (0, 0)
    assert heard(provider.reverse(payment, 10_000))
    assert [event.type for event in builders.events()] == ["payment.succeeded", "payment.reversed"]


@pytest.mark.parametrize("heard_before", [True, False])
def test_a_payment_is_found_by_the_name_that_the_provider_gave_it(
    provider: FakeProvider, heard_before: bool
) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    report = provider.pay(payment)
    if heard_before:
        record(report, CARD)
    theirs = replace(
        provider.reverse(payment, 10_000), payment="", provider_reference=report.provider_reference
    )
    assert heard(theirs)
    assert (row().payment_id, builders.request_of(letter).state) == (payment, "open")


@pytest.mark.parametrize(
    "change",
    [
        {"payment": "0" * 32},
        dict.fromkeys(("back", "fee", "fee_back"), Money(0, "PLN")) | {"amount": Money(500, "PLN")},
        {"provider_reference": "another payment's"},
        {"payment": "", "provider_reference": "another payment's"},
        {"payment": ""},
    ],
)
def test_what_fits_no_payment_of_ours_is_a_loss(
    provider: FakeProvider, change: dict[str, object]
) -> None:
    letter, payment = paid(provider)
    assert heard(replace(provider.reverse(payment, 500), **change))  # type: ignore[arg-type]
    assert (row().payment_id, row().loss_cents) == (None, 500)
    assert builders.request_of(letter).state == "paid"
    assert (last()[1]["payment"], builders.events()[-1].reference) == (None, None)
    assert heard(won(replace(provider.reverse(payment, 500), **change)))  # type: ignore[arg-type]
    went, came = item("reversal:card:cb-1"), item("reversal-won:card:cb-1")
    assert (went.open_cents, came.open_cents) == (-500, 500)


@pytest.mark.parametrize("change", [{"merchant": "somebody"}, {"live": True}])
def test_another_merchants_report_or_practice_on_a_live_account_changes_nothing(
    provider: FakeProvider, change: dict[str, object]
) -> None:
    _, payment = paid(provider)
    with pytest.raises(accounts.Misdirected):
        heard(replace(provider.reverse(payment, 500), **change))  # type: ignore[arg-type]
    assert balance("suspense:card") == 10_000


@pytest.mark.parametrize(("told", "netted"), [(0, 0), (2_000, 2_000), (0, 2_000), (500, 2_000)])
def test_a_settlement_nets_a_reversal_and_its_fee_once(
    provider: FakeProvider, told: int, netted: int
) -> None:
    _, payment = paid(provider)
    heard(provider.reverse(payment, 10_000, fee_cents=told))
    provider.settle("s1", [payment], 0, line(payment, -10_000, netted))
    settled()
    assert {each.state for each in db.session.scalars(select(SuspenseItem))} == {"settled"}
    assert (balance("suspense:card"), balance("fees:card")) == (0, netted)
    assert (balance("transit:card"), balance("differences:card")) == (-netted, 0)


def test_a_reversal_first_heard_of_in_a_settlement_is_recorded(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    provider.settle("s1", [payment], 0, line(payment, -10_000, 2_000))
    settled()
    assert builders.request_of(letter).state == "open"
    assert (balance("suspense:card"), balance("fees:card")) == (0, 2_000)
    assert balance("differences:card") == 0
    assert not heard(provider.reverse(payment, 10_000, fee_cents=2_000))


def test_a_settled_reversal_that_is_won_comes_back_with_a_later_payout(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    heard(provider.reverse(payment, 10_000, fee_cents=2_000))
    provider.settle("s1", [payment], 0, line(payment, -10_000, 2_000))
    settled()
    provider.settle("s2", [], 0, line(payment, 10_000, -2_000))
    settled("s2")
    assert builders.request_of(letter).state == "paid"
    accounts = ("suspense:card", "transit:card", "fees:card", "differences:card")
    assert [balance(account) for account in accounts] == [0, 10_000, 0, 0]


def test_eight_who_tell_one_reversal_at_once_book_it_once(
    app: Flask, provider: FakeProvider
) -> None:
    _, payment = paid(provider)
    for name, named in (("cb-1", payment), ("cb-2", "0" * 32)):
        done: list[bool] = []
        report = replace(provider.reverse(payment, 1_000, name=name), payment=named)
        races.at_once(app, 8, lambda told=report, to=done: to.append(heard(told)))
        assert sorted(done) == [False] * 7 + [True]
    assert (balance("suspense:card"), balance("losses:card")) == (8_000, 1_000)


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    "wrong", [{"state": "won"}, {"amount_cents": 1}, {"loss_cents": 1}, {"state": "gone"}]
)
def test_the_database_refuses_a_reversal_that_cannot_be(
    provider: FakeProvider, wrong: dict[str, object]
) -> None:
    _, payment = paid(provider)
    heard(provider.reverse(payment, 10_000))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(Reversal).values(**wrong))


def test_a_refund_that_bounces_after_a_chargeback_leaves_nothing_to_send_back_again(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 10_000)
    heard(provider.reverse(payment, 10_000))
    assert (row().counted_cents, row().loss_cents) == (0, 10_000)
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert (row().counted_cents, row().claim_cents, row().loss_cents) == (10_000, 10_000, 0)
    assert builders.payment(payment).reversed_cents == 10_000
    assert (builders.request_of(letter).state, builders.request_of(letter).open) == (
        "open", eur("100"),
    )  # fmt: skip
    books = [balance(name) for name in ("claims:tax", "losses:card", "suspense:card")]
    assert books == [0, 0, 0]
    with pytest.raises(refunds.NotRefundable):
        asked(payment, 1, order="AO-2")


def test_its_correction_is_told_with_a_sum_of_zero(provider: FakeProvider) -> None:
    letter, payment = paid(provider)
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, 6_000)
    heard(provider.reverse(payment, 10_000))
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    kind, told = last()
    assert (kind, builders.events()[-1].reference) == ("payment.reversed", letter.reference)
    assert {key: told[key] for key in ("reason", "reversal", "payment")} == {
        "reason": "corrected", "reversal": "cb-1", "payment": payment,
    }  # fmt: skip
    parts = ("amount_cents", "claim_cents", "surplus_cents", "loss_cents", "fee_cents")
    assert [told[part] for part in parts] == [0, 6_000, 0, -6_000, 0]


def test_a_refund_that_comes_back_long_after_a_chargeback_opens_the_claim(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    refund = sent(payment, 10_000)
    heard(provider.reverse(payment, 10_000))
    assert balance("losses:card") == 10_000
    sending.record(TOWN, "card", provider.end_refund(refund, Outcome.FAILED))
    assert (builders.request_of(letter).state, balance("losses:card")) == ("open", 0)


def test_of_two_chargebacks_the_one_that_is_not_won_still_takes_the_money(
    provider: FakeProvider,
) -> None:
    letter, payment = paid(provider)
    heard(provider.reverse(payment, 10_000))
    heard(provider.reverse(payment, 10_000, name="cb-2"))
    assert balance("losses:card") == 10_000
    heard(provider.reverse(payment, 10_000, won=True))
    assert (builders.request_of(letter).state, balance("losses:card")) == ("open", 0)
    heard(provider.reverse(payment, 10_000, name="cb-2", won=True))
    assert (builders.request_of(letter).state, balance("suspense:card")) == ("paid", 10_000)


def unclear(provider: FakeProvider, cents: int = 12_000) -> tuple[str, int]:
    """A payment whose money came with another amount: its id, and the custody item."""
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    record(other_amount(provider.pay(payment), cents), CARD)
    provider.books[payment].order = replace(provider.books[payment].order, amount=Money(cents))
    return payment, custody_item().id


def custody_item() -> CustodyItem:
    """The newest one."""
    db.session.rollback()
    return db.session.scalars(select(CustodyItem).order_by(CustodyItem.id.desc()).limit(1)).one()


def test_unclear_money_that_a_bank_takes_back_can_not_be_given_away(
    provider: FakeProvider,
) -> None:
    payment, found = unclear(provider)
    heard(provider.reverse(payment, 12_000))
    assert (custody_item().state, row().surplus_cents, row().loss_cents) == ("returned", 12_000, 0)
    names = ("suspense:card", "custody:unclear", "losses:card", "custody:surplus")
    assert [balance(name) for name in names] == [0, 0, 0, 0]
    assert tasks() == [("payment_unknown", payment, "K-1")]
    with pytest.raises(custody.NotThere):
        giving.assign(TOWN, found, "K-1", Money(1), ANNA)
    told = [(event.type, event.data["amount_cents"]) for event in builders.events()]
    assert told == [
        ("custody.opened", 12_000), ("custody.returned", 12_000), ("payment.reversed", 12_000),
    ]  # fmt: skip
    assert builders.events()[1].data["refund"] is None, "a bank took it, and nobody ordered it"


def test_what_was_given_away_of_unclear_money_before_is_a_loss(provider: FakeProvider) -> None:
    payment, found = unclear(provider)
    giving.assign(TOWN, found, "K-1", Money(5_000), ANNA)
    theirs = provider.books[payment].reference
    report = replace(provider.reverse(payment, 12_000), payment="", provider_reference=theirs)
    heard(replace(report, payment="0" * 32))
    assert (row().surplus_cents, row().loss_cents) == (7_000, 5_000)
    assert (balance("custody:unclear"), balance("losses:card")) == (0, 5_000)
    assert ("settlement_difference", "reversal:card:cb-1", None) in tasks()


def test_a_dispute_over_unclear_money_that_is_won_is_unclear_money_again(
    provider: FakeProvider,
) -> None:
    payment, first = unclear(provider)
    heard(provider.reverse(payment, 12_000))
    heard(provider.reverse(payment, 12_000, won=True))
    again = custody_item()
    assert (again.cause, again.open_cents, again.id > first) == ("unclear", 12_000, True)
    assert (balance("suspense:card"), balance("custody:unclear")) == (12_000, -12_000)
    giving.assign(TOWN, again.id, "K-1", Money(10_000), ANNA)


@pytest.mark.parametrize("sending_it", [False, True])
def test_unclear_money_that_should_go_back_and_a_bank_took_is_not_sent_for_nothing(
    provider: FakeProvider, sending_it: bool
) -> None:
    payment, found = unclear(provider)
    ordered = custody_returns.ask(TOWN, found, "AO-1", ANNA)
    custody_returns.approve(TOWN, ordered, BERT)
    provider.refunds_end = Outcome.PENDING
    if sending_it:
        submitted(ordered)
    heard(provider.reverse(payment, 12_000))
    if sending_it:
        sending.record(TOWN, "card", provider.end_refund(ordered, Outcome.FAILED))
    else:
        submitted(ordered)
    assert provider.told == ([ordered] if sending_it else [])
    assert (custody_item().open_cents, balance("custody:unclear")) == (0, 0)
    assert (balance("losses:card"), balance("suspense:card")) == (0, 0)
