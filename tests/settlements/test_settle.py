"""Settlement reports: suspense becomes transit."""

from dataclasses import replace

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from portal.db import db
from portal.ledger import book
from portal.ledger.models import SettlementRow, SuspenseItem
from portal.money import Money
from portal.payments.record import Source, record
from portal.providers import registry
from portal.providers.protocol import Outcome, ProviderDown, Report, SettlementLine
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.returns.test_custody_returns import sent_back, unclear

CARD = Source(TOWN, "card", "notification")


def booked(name: str = "s1") -> bool:
    return settle.settle(current_app.extensions["keyring"], TOWN, "card", name)


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def balances() -> dict[str, int]:
    names = ("suspense", "transit", "fees", "differences")
    return {name: balance(f"{name}:card") for name in names}


def items() -> dict[str, str]:
    db.session.rollback()
    return {item.reference: item.state for item in db.session.scalars(select(SuspenseItem))}


def paid(provider: FakeProvider, *amounts: int) -> list[str]:
    """Payments that were made and heard."""
    made = []
    for number, cents in enumerate(amounts):
        made.append(builders.begin(builders.letter(f"K-{number}", amount_cents=cents)))
        record(provider.pay(made[-1]), CARD)
    return made


def test_what_is_settled_leaves_suspense_and_is_on_its_way(provider: FakeProvider) -> None:
    first, second, third = paid(provider, 10_000, 20_000, 5_000)
    provider.settle("s1", [first, second], fee_cents=35)
    assert booked()
    assert balances() == {"suspense": 5_000, "transit": 29_930, "fees": 70, "differences": 0}
    assert items() == {
        f"payment:{first}": "settled", f"payment:{second}": "settled", f"payment:{third}": "open"
    }  # fmt: skip


def test_the_finance_system_is_told_of_the_payout_with_its_lines(provider: FakeProvider) -> None:
    first, second = paid(provider, 10_000, 20_000)
    provider.settle("s1", [first, second], fee_cents=35)
    booked()
    told = builders.events()[-1]
    assert (told.type, told.reference) == ("payout.announced", None)
    assert (told.data["gross_cents"], told.data["fee_cents"], told.data["net_cents"]) == (
        30_000, 70, 29_930,
    )  # fmt: skip
    assert [line["payment"] for line in told.data["lines"]] == [first, second]


def test_a_report_heard_twice_is_booked_once(provider: FakeProvider) -> None:
    provider.settle("s1", paid(provider, 10_000))
    assert [booked(), booked()] == [True, False]
    assert balance("transit:card") == 10_000
    assert [event.type for event in builders.events()].count("payout.announced") == 1


def test_the_same_payment_in_two_reports_settles_once_and_shows_the_difference(
    provider: FakeProvider,
) -> None:
    (payment,) = paid(provider, 10_000)
    provider.settle("s1", [payment])
    provider.settle("s2", [payment])
    booked("s1")
    booked("s2")
    assert balances() == {"suspense": 0, "transit": 20_000, "fees": 0, "differences": -10_000}


@pytest.mark.parametrize("kind", ["payment", "refund", "reversal", "correction"])
def test_a_line_that_is_none_of_ours_becomes_a_difference(
    provider: FakeProvider, kind: str
) -> None:
    made = provider.settle("s1", paid(provider, 10_000))
    stranger = SettlementLine(kind, "0" * 32, "x-1", Money(700), Money(0))
    provider.made["s1"] = replace(made, lines=(*made.lines, stranger), net=Money(10_700))
    booked()
    assert balances() == {"suspense": 0, "transit": 10_700, "fees": 0, "differences": -700}


def test_a_report_whose_net_is_wrong_becomes_a_difference(provider: FakeProvider) -> None:
    made = provider.settle("s1", paid(provider, 10_000))
    provider.made["s1"] = replace(made, net=Money(9_999))
    booked()
    assert balances() == {"suspense": 0, "transit": 9_999, "fees": 0, "differences": 1}


def test_a_payment_never_heard_of_is_asked_about_first(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    provider.pay(payment)
    provider.settle("s1", [payment])
    booked()
    assert builders.request_of(letter).state == "paid"
    assert balances() == {"suspense": 0, "transit": 10_000, "fees": 0, "differences": 0}


def test_a_payment_that_the_provider_itself_calls_failed_is_a_difference(
    provider: FakeProvider,
) -> None:
    letter = builders.letter(amount_cents=10_000)
    payment = builders.begin(letter)
    provider.say(payment, Outcome.FAILED)
    provider.settle("s1", [payment])
    booked()
    assert builders.request_of(letter).state == "open"
    assert balances() == {"suspense": 0, "transit": 10_000, "fees": 0, "differences": -10_000}


@pytest.mark.parametrize("named", ["{}", "otherwise-than-{}"])
def test_unclear_money_is_settled_by_its_provider_reference(
    provider: FakeProvider, named: str
) -> None:
    payment = builders.begin(builders.letter(amount_cents=10_000))
    books = provider.books[payment]
    books.order = replace(books.order, amount=Money(9_000))
    record(provider.pay(payment), CARD)
    made = provider.settle("s1", [])
    name = named.format(books.reference)
    line = SettlementLine("payment", payment, name, Money(9_000), Money(0))
    provider.made["s1"] = replace(made, lines=(line,), net=Money(9_000))
    booked()
    assert balances() == {"suspense": 0, "transit": 9_000, "fees": 0, "differences": 0}
    assert set(items().values()) == {"settled"}


def test_unclear_money_that_went_back_is_told_by_our_name_of_its_return(
    provider: FakeProvider,
) -> None:
    name = sent_back(provider, unclear(provider))
    provider.settle("s1", [], 0, provider.refund_line(name))
    booked()
    (line,) = builders.events()[-1].data["lines"]
    assert (line["refund"], line["provider_reference"]) == (name, f"r-{name[:12]}")


def test_a_negative_payout_is_booked(provider: FakeProvider) -> None:
    made = provider.settle("s1", [])
    fee = SettlementLine("fee", "", "monthly", Money(0), Money(1_200))
    provider.made["s1"] = replace(made, lines=(fee,), net=Money(-1_200))
    booked()
    assert balances() == {"suspense": 0, "transit": -1_200, "fees": 1_200, "differences": 0}


def test_an_empty_report_is_kept_and_posts_nothing(provider: FakeProvider) -> None:
    provider.settle("s1", [])
    assert [booked(), booked()] == [True, False]
    assert balances() == dict.fromkeys(balances(), 0)


def test_another_merchants_report_changes_nothing(provider: FakeProvider) -> None:
    made = provider.settle("s1", paid(provider, 10_000))
    provider.made["s1"] = replace(made, merchant="m-paypal")
    with pytest.raises(settle.WrongMerchant):
        booked()
    assert balance("suspense:card") == 10_000
    assert db.session.scalars(select(SettlementRow)).all() == []


def test_a_silent_provider_is_asked_again_later(provider: FakeProvider) -> None:
    provider.settle("s1", paid(provider, 10_000))
    provider.down = 1
    with pytest.raises(settle.NoSettlements):
        booked()
    assert booked()


def test_a_report_is_not_booked_before_the_provider_spoke_of_its_payments(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = builders.begin(builders.letter(amount_cents=10_000))
    provider.pay(payment)
    provider.settle("s1", [payment])

    def silent(*_: object) -> Report:
        raise ProviderDown("no answer")

    with monkeypatch.context() as silence:
        silence.setattr(provider, "fetch", silent)
        with pytest.raises(settle.NoSettlements):
            booked()
    assert booked()
    assert balances() == {"suspense": 0, "transit": 10_000, "fees": 0, "differences": 0}


def test_a_provider_without_reports_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": object()})
    with pytest.raises(settle.NoSettlements):
        booked()
