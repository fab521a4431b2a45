"""Unclear money that goes back to where it came from: asked by one, approved by another."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from portal.approvals import deciding
from portal.db import db
from portal.ledger.items import NoSuchItem
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import names
from portal.payments.record import record
from portal.payments.refund_states import IllegalRefundStep, State
from portal.payments.returned import CustodyReturn
from portal.providers import registry
from portal.providers.protocol import Outcome, RefundReport, Report, SettlementLine
from portal.returns import closing, custody, custody_returns, refunds, sending
from portal.settlements import settle
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount
from tests.payments import races
from tests.payments.test_staff import tasks
from tests.returns.test_custody import assigned
from tests.returns.test_refunds import ANNA, BERT, CARD, balance, item, last, paid_twice, submitted


def unclear(provider: FakeProvider, cents: int = 10_000, name: str = "x-1") -> int:
    """Money that fits no payment of ours; its item."""
    provider.strays[name] = cents
    record(Report(f"of {name}", name, "m-card", Outcome.SUCCEEDED, Money(cents), live=False), CARD)
    return custody_item(f"unclear:card:{name}").id


def custody_item(reference: str) -> CustodyItem:
    db.session.rollback()
    return db.session.scalars(select(CustodyItem).filter_by(reference=reference)).one()


def asked(item_id: int, order: str = "AO-1", by: str = ANNA) -> str:
    return custody_returns.ask(TOWN, item_id, order, by)


def sent_back(provider: FakeProvider, item_id: int, order: str = "AO-1") -> str:
    name = asked(item_id, order)
    custody_returns.approve(TOWN, name, BERT)
    submitted(name)
    return name


def row(name: str) -> CustodyReturn:
    db.session.rollback()
    return db.session.get_one(CustodyReturn, (TOWN, name), populate_existing=True)


def test_it_goes_back_by_the_providers_own_name_for_it(provider: FakeProvider) -> None:
    found = unclear(provider)
    name = sent_back(provider, found)
    assert (row(name).state, provider.sent_back()) == ("succeeded", 10_000)
    assert (balance("custody:unclear"), balance("suspense:card")) == (0, 0)
    kept = custody_item("unclear:card:x-1")
    assert (kept.state, kept.open_cents) == ("returned", 0)
    assert item(f"returned:{name}").open_cents == -10_000
    assert last() == (
        "custody.returned",
        {
            "item": str(found), "amount_cents": 10_000, "currency": "EUR", "cause": "unclear",
            "suspense_account": "suspense:card", "payment": None, "provider_reference": "x-1",
            "refund": name,
        },
    )  # fmt: skip
    assert tasks() == []


def test_what_was_not_given_to_a_request_goes_back(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=4_000)
    assigned(found, "K-2", 4_000)
    name = sent_back(provider, found)
    assert (row(name).amount_cents, provider.sent_back()) == (6_000, 6_000)
    assert (balance("custody:unclear"), balance("claims:tax")) == (0, -4_000)


def test_money_of_another_amount_goes_back_and_its_payment_stays_unknown(
    provider: FakeProvider,
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    wrong = other_amount(provider.pay(payment), 999)
    record(wrong, CARD)
    sent_back(provider, custody_item(f"unclear:card:{wrong.provider_reference}").id)
    assert (provider.sent_back(payment), builders.payment(payment).state) == (999, "unknown")


def test_the_same_order_is_the_same_return_and_another_waits(provider: FakeProvider) -> None:
    found = unclear(provider)
    name = asked(found)
    assert asked(found) == name
    with pytest.raises(deciding.AskedBefore):
        asked(found, "AO-2")
    custody_returns.approve(TOWN, name, BERT)
    submitted(name)
    assert (asked(found), provider.told) == (name, [name])
    with pytest.raises(custody_returns.NotReturnable):
        asked(found, "AO-2")


@pytest.mark.parametrize(
    ("order", "by", "error"),
    [
        ("", ANNA, deciding.NoOrder), ("AO-1", "client:finance", deciding.NotAPerson),
        ("AO-1", "payments", deciding.NotAPerson),
    ],
)  # fmt: skip
def test_only_staff_asks_and_only_on_an_order(
    provider: FakeProvider, order: str, by: str, error: type[Exception]
) -> None:
    found = unclear(provider)
    with pytest.raises(error):
        asked(found, order, by)


@pytest.mark.parametrize(
    ("by", "error"),
    [
        (ANNA, deciding.SamePerson), ("staff:ANNA ", deciding.SamePerson),
        ("client:finance", deciding.NotAPerson),
    ],
)  # fmt: skip
def test_only_another_person_approves(
    provider: FakeProvider, by: str, error: type[Exception]
) -> None:
    name = asked(unclear(provider))
    with pytest.raises(error):
        custody_returns.approve(TOWN, name, by)
    assert (submitted(name), provider.told) == (State.REQUESTED, [])


def test_what_is_refused_or_forgotten_is_never_sent(provider: FakeProvider, time: Time) -> None:
    found = unclear(provider)
    refused = asked(found)
    custody_returns.refuse(TOWN, refused, BERT)
    forgotten = asked(found, "AO-2")
    time.move("+8d")
    sending.go_on(current_app.extensions["keyring"])
    assert [row(name).failed_by for name in (refused, forgotten)] == ["refused", "run_out"]
    with pytest.raises(deciding.AlreadyDecided):
        custody_returns.approve(TOWN, forgotten, BERT)
    assert (submitted(forgotten), provider.told) == (State.FAILED, [])
    assert custody_item("unclear:card:x-1").open_cents == 10_000
    assert tasks() == [("custody_unclear", str(found), None)]


def test_the_round_sends_what_is_approved(provider: FakeProvider) -> None:
    name = asked(unclear(provider))
    custody_returns.approve(TOWN, name, BERT)
    assert sending.go_on(current_app.extensions["keyring"]) == 1
    assert row(name).state == "succeeded"


def test_an_item_that_may_go_back_is_given_to_nobody(provider: FakeProvider) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=10_000)
    name = asked(found)
    with pytest.raises(custody.Promised):
        assigned(found, "K-2", 1)
    with pytest.raises(custody.Promised):
        closing.ask(TOWN, closing.CUSTODY, found, "AO-2", ANNA)
    custody_returns.refuse(TOWN, name, BERT)
    assigned(found, "K-2", 10_000)


def test_surplus_does_not_go_this_way(provider: FakeProvider) -> None:
    _, payment = paid_twice(provider)
    with pytest.raises(custody_returns.NotReturnable):
        asked(custody_item(f"payment:{payment}").id)


def test_money_without_a_name_of_its_own_stays(provider: FakeProvider) -> None:
    begun = builders.begin(builders.letter())
    nameless = replace(provider.pay(begun), payment="nobodys", provider_reference="")
    record(nameless, CARD)
    with pytest.raises(custody_returns.NotReturnable):
        asked(custody_item(f"unclear:card:{names.clean(nameless).payment}").id)


def test_what_is_not_there_or_another_towns_is_not_found(provider: FakeProvider) -> None:
    found = unclear(provider)
    name = asked(found)
    with pytest.raises(NoSuchItem):
        custody_returns.ask(OTHER_TOWN, found, "AO-1", ANNA)
    for act in (custody_returns.approve, custody_returns.refuse):
        with pytest.raises(custody_returns.NoSuchReturn):
            act(OTHER_TOWN, name, BERT)
    with pytest.raises(refunds.NoSuchRefund):
        sending.submit(current_app.extensions["keyring"], OTHER_TOWN, name)


def test_a_provider_that_sends_nothing_back_is_not_asked(
    app: Flask, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = unclear(provider)
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": object()})
    with pytest.raises(refunds.NoRefunds):
        asked(found)


def test_one_that_does_not_answer_is_told_again_with_the_same_key(
    provider: FakeProvider, time: Time
) -> None:
    name = asked(unclear(provider))
    custody_returns.approve(TOWN, name, BERT)
    provider.down = 2
    assert submitted(name) is State.SUBMITTED
    time.move("+3m")
    sending.go_on(current_app.extensions["keyring"])
    assert (row(name).state, set(provider.told), provider.sent_back()) == (
        "succeeded", {name}, 10_000,
    )  # fmt: skip


def test_a_report_that_comes_twice_books_once(provider: FakeProvider) -> None:
    provider.refunds_end = Outcome.PENDING
    name = sent_back(provider, unclear(provider))
    assert (row(name).state, balance("custody:unclear")) == ("submitted", -10_000)
    report = provider.end_refund(name, Outcome.SUCCEEDED)
    assert [sending.record(TOWN, "card", report) for _ in range(2)] == [True, False]
    assert (balance("custody:unclear"), balance("suspense:card")) == (0, 0)


@pytest.mark.parametrize(
    "wrong", [{"amount": Money(9_999)}, {"provider_reference": "another"}, {"refund": "0" * 32}]
)
def test_a_report_that_does_not_fit_books_nothing(
    provider: FakeProvider, wrong: dict[str, object]
) -> None:
    provider.refunds_end = Outcome.PENDING
    name = sent_back(provider, unclear(provider))
    report = provider.end_refund(name, Outcome.SUCCEEDED)
    assert not sending.record(TOWN, "card", replace(report, **wrong))  # type: ignore[arg-type]
    assert (row(name).state, balance("custody:unclear")) == ("submitted", -10_000)


def test_a_refund_and_a_return_never_share_a_name(provider: FakeProvider) -> None:
    provider.refunds_end = Outcome.PENDING
    first = sent_back(provider, unclear(provider))
    second = sent_back(provider, unclear(provider, 500, "x-2"), "AO-2")
    taken = provider.refunds[first].provider_reference
    report = replace(provider.end_refund(second, Outcome.SUCCEEDED), provider_reference=taken)
    assert not sending.record(TOWN, "card", report)


def test_nothing_is_booked_for_what_was_never_submitted(provider: FakeProvider) -> None:
    name = asked(unclear(provider))
    report = RefundReport(name, "r-1", Outcome.SUCCEEDED, Money(10_000), "m-card", live=False)
    with pytest.raises(IllegalRefundStep):
        sending.record(TOWN, "card", report)


def test_what_the_provider_does_not_send_is_a_task_until_it_is_ordered_anew(
    provider: FakeProvider,
) -> None:
    provider.refunds_end = Outcome.FAILED
    found = unclear(provider)
    sent_back(provider, found)
    assert balance("custody:unclear") == -10_000
    wait = ("custody_unclear", str(found), None)
    assert tasks() == [wait, ("refund_failed", f"custody:{found}", None)]
    provider.refunds_end = Outcome.SUCCEEDED
    name = asked(found, "AO-2")
    assert tasks() == [wait]
    custody_returns.approve(TOWN, name, BERT)
    submitted(name)
    assert tasks() == []


def test_what_comes_back_is_in_custody_again_and_may_go_back_once_more(
    provider: FakeProvider,
) -> None:
    name = sent_back(provider, unclear(provider))
    sending.record(TOWN, "card", provider.end_refund(name, Outcome.FAILED))
    assert (balance("custody:unclear"), balance("suspense:card")) == (-10_000, 10_000)
    went, came = item(f"returned:{name}"), item(f"return-failed:{name}")
    assert (went.open_cents, came.open_cents) == (-10_000, 10_000)
    again = custody_item(f"return-failed:{name}")
    assert (again.cause, again.open_cents, last()[0]) == ("unclear", 10_000, "custody.opened")
    assert tasks() == [("custody_unclear", str(again.id), None)]
    second = sent_back(provider, again.id, "AO-2")
    assert (row(second).payment_reference, provider.sent_back()) == ("x-1", 10_000)


def test_what_has_found_its_place_is_not_approved(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    right = provider.pay(payment)
    record(other_amount(right, 999), CARD)
    name = asked(custody_item(f"unclear:card:{right.provider_reference}").id)
    record(right, CARD)
    with pytest.raises(custody_returns.NotReturnable):
        custody_returns.approve(TOWN, name, BERT)
    assert row(name).state == "requested"


def test_what_finds_its_place_before_it_is_sent_stays(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    right = provider.pay(payment)
    record(other_amount(right, 999), CARD)
    name = asked(custody_item(f"unclear:card:{right.provider_reference}").id)
    custody_returns.approve(TOWN, name, BERT)
    record(right, CARD)
    assert (submitted(name), row(name).failed_by, provider.told) == (State.FAILED, "not_left", [])
    assert (balance("claims:tax"), balance("custody:unclear"), tasks()) == (-10_000, 0, [])


def test_what_finds_its_place_while_it_is_being_sent_is_a_loss(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    right = provider.pay(payment)
    record(other_amount(right, 999), CARD)
    provider.refunds_end = Outcome.PENDING
    name = sent_back(provider, custody_item(f"unclear:card:{right.provider_reference}").id)
    record(right, CARD)
    sending.record(TOWN, "card", provider.end_refund(name, Outcome.SUCCEEDED))
    assert (balance("suspense:card"), balance("losses:card")) == (9_001, 999)
    assert (balance("claims:tax"), balance("custody:unclear")) == (-10_000, 0)
    assert (row(name).lost_cents, tasks()) == (
        999, [("settlement_difference", f"returned:{name}", None)],
    )  # fmt: skip
    sending.record(TOWN, "card", provider.end_refund(name, Outcome.FAILED))
    assert (balance("suspense:card"), balance("losses:card"), row(name).lost_cents) == (
        10_000, 0, 0,
    )  # fmt: skip


def settled(provider: FakeProvider, name: str, *lines: SettlementLine) -> None:
    provider.settle(name, [], 0, *lines)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", name)


def stray(cents: int = 10_000) -> SettlementLine:
    return SettlementLine("payment", "of x-1", "x-1", Money(cents), Money(0))


def test_a_settlement_holds_it_back_and_gives_it_again(provider: FakeProvider) -> None:
    name = sent_back(provider, unclear(provider))
    settled(provider, "s1", stray(), provider.refund_line(name))
    assert (item("unclear:card:x-1").state, item(f"returned:{name}").state) == (
        "settled", "settled",
    )  # fmt: skip
    assert (balance("suspense:card"), balance("differences:card")) == (0, 0)
    settled(provider, "s2", provider.refund_line(name, 1))
    assert row(name).state == "failed"
    assert item(f"return-failed:{name}").state == "settled"
    assert (balance("suspense:card"), balance("differences:card")) == (0, 0)
    assert balance("custody:unclear") == -10_000


def test_a_settlement_tells_that_it_was_sent_when_nobody_else_does(
    provider: FakeProvider,
) -> None:
    provider.refunds_end = Outcome.PENDING
    name = sent_back(provider, unclear(provider))
    settled(provider, "s1", stray(), provider.refund_line(name))
    assert (row(name).state, balance("differences:card")) == ("succeeded", 0)


def test_a_settlement_finds_what_the_provider_gave_us_no_name_for(provider: FakeProvider) -> None:
    name = asked(unclear(provider))
    custody_returns.approve(TOWN, name, BERT)
    provider.down = 2
    submitted(name)
    reference = f"r-{name[:12]}"
    line = SettlementLine("refund", "of x-1", reference, Money(-10_000), Money(0))
    settled(provider, "s1", stray(), line)
    assert (row(name).state, row(name).provider_reference) == ("succeeded", reference)
    assert balance("differences:card") == 0


@pytest.mark.parametrize("rival", ["assign", "keep"])
def test_of_two_ends_at_the_same_moment_there_is_one(
    app: Flask, provider: FakeProvider, rival: str
) -> None:
    found = unclear(provider)
    builders.letter("K-2", amount_cents=10_000)
    closing.ask(TOWN, closing.CUSTODY, found, "AO-9", ANNA)
    rivals: dict[str, Callable[[], object]] = {
        "assign": lambda: assigned(found, "K-2", 10_000),
        "keep": lambda: closing.approve(TOWN, closing.CUSTODY, found, BERT),
    }
    acts, refused = [lambda: asked(found), rivals[rival]], []

    def act() -> None:
        mine = acts.pop()
        try:
            mine()
        except (custody.Promised, custody_returns.NotReturnable) as error:
            refused.append(error)

    races.at_once(app, 2, act)
    assert len(refused) == 1


def test_eight_who_ask_and_send_at_once_send_it_once(app: Flask, provider: FakeProvider) -> None:
    found = unclear(provider)
    names: list[str] = []
    races.at_once(app, 8, lambda: names.append(asked(found)))
    (name,) = set(names)
    custody_returns.approve(TOWN, name, BERT)
    races.at_once(app, 8, lambda: submitted(name))
    assert (row(name).state, provider.sent_back()) == ("succeeded", 10_000)
    assert (balance("custody:unclear"), balance("suspense:card")) == (0, 0)
