"""GiroCheckout's money through the whole house: started, heard by GET, asked about, sent back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, current_app
from sqlalchemy import update

from fakes.girocheckout import api
from fakes.girocheckout import report as fakes_report
from portal.db import db, transaction
from portal.ledger import book
from portal.money import Money
from portal.payments import accounts, sweep
from portal.payments.models import ProviderAccount, ProviderRule
from portal.providers.girocheckout import METHODS, Girocheckout
from portal.returns import custody_returns, refunds, sending
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.providers.harness_girocheckout import GirocheckoutHarness, girocheckout_harness
from tests.providers.harnesses import Letter
from tests.providers.test_contract import order
from tests.returns.test_refunds import ANNA, BERT, asked, row

SAMPLE = Path(__file__).parent / "samples" / "girocheckout.csv"


@dataclass
class House:
    """The town's card account is one at GiroCheckout."""

    app: Flask
    giro: GirocheckoutHarness

    def hand_in(self, letter: Letter) -> int:
        browser = builders.browser(self.app)
        path = "/webhooks/girocheckout/card"
        return browser.get(path, query_string=letter[1].decode()).status_code

    def by(self, method: str) -> str:
        """A payment that is begun by a method."""
        with transaction() as session:
            session.execute(
                update(ProviderRule)
                .where(ProviderRule.tenant_id == TOWN, ProviderRule.account_id == "card")
                .values(method=method)
            )
        return builders.begin(builders.letter(f"K-{method}", amount_cents=10_000))


@pytest.fixture
def house(app: Flask, tmp_path: Path) -> Iterator[House]:
    keyring = current_app.extensions["keyring"]
    with girocheckout_harness(tmp_path) as harness:
        sealed = accounts.sealed(keyring, TOWN, "card", dict(harness.account.credentials))
        with transaction() as session:
            session.execute(
                update(ProviderAccount)
                .where(ProviderAccount.tenant_id == TOWN, ProviderAccount.id == "card")
                .values(
                    provider="girocheckout",
                    merchant=harness.account.merchant,
                    credentials_sealed=sealed,
                )
            )
        yield House(app, harness)


def sums() -> Mapping[str, int]:
    db.session.rollback()
    session = db.session()
    names = ("suspense:card", "custody:unclear", "custody:surplus")
    found = {name: book.balance(session, TOWN, name).cents for name in names}
    db.session.rollback()
    return {name: cents for name, cents in found.items() if cents}


@pytest.mark.parametrize("method", ["wero", "paypal", "card", "transfer", "page"])
def test_each_method_is_paid_when_its_bell_rings(house: House, method: str) -> None:
    payment = house.by(method)
    assert (builders.payment(payment).provider_reference or "").startswith(f"{method}/")
    bell = house.giro.let_happen(payment, "pay")
    assert house.hand_in(bell) == 204
    assert builders.payment(payment).state == "succeeded"
    assert house.hand_in(bell) == 204, "an old one rings once more, and nothing comes of it"
    assert sums() == {"suspense:card": 10_000}


def test_a_bell_that_tells_of_more_than_came_books_what_came(house: House) -> None:
    """A payer can move a digit from one signed value into the next."""
    payment = house.by("wero")
    _, query = house.giro.let_happen(payment, "pay", amount_cents=999)
    assert house.hand_in(({}, query)) == 204
    assert builders.payment(payment).state == "unknown"
    assert sums() == {"suspense:card": 999, "custody:unclear": -999}


def test_a_forged_or_turned_bell_changes_nothing(house: House) -> None:
    payment = house.by("wero")
    _, query = house.giro.let_happen(payment, "pay")
    first, *rest = query.split(b"&")
    for bad in (query.replace(b"4000", b"4502"), b"&".join([*rest, first]), query + b"&gcAmount=1"):
        assert house.hand_in(({}, bad)) == 400
    assert builders.payment(payment).state == "started"


def test_a_bell_is_not_taken_while_giro_checkout_does_not_answer(house: House, time: Time) -> None:
    payment = house.by("card")
    bell = house.giro.let_happen(payment, "pay")
    house.giro.fall_silent()
    assert house.hand_in(bell) == 503
    house.giro.post("/test/settings", {"down": False})
    time.move("+11s")
    assert house.hand_in(bell) == 204
    assert builders.payment(payment).state == "succeeded"


def test_a_start_whose_answer_was_lost_ends_by_itself(house: House, time: Time) -> None:
    house.giro.post("/test/settings", {"down": "after"})
    payment = house.by("wero")
    assert builders.payment(payment).state == "unknown"
    keyring = current_app.extensions["keyring"]
    assert sweep.ask(keyring, TOWN, payment, "sweep") is None, "it is silent: nothing is known"
    assert builders.payment(payment).state == "unknown"
    house.giro.post("/test/settings", {"down": False})
    sweep.ask(keyring, TOWN, payment, "sweep")
    assert builders.payment(payment).state == "failed"


def test_money_of_a_start_whose_answer_was_lost_is_booked(house: House, time: Time) -> None:
    house.giro.post("/test/settings", {"down": "after"})
    payment = house.by("wero")
    house.giro.post("/test/settings", {"down": False})
    sweep.ask(current_app.extensions["keyring"], TOWN, payment, "sweep")
    time.move("+11s")
    assert house.hand_in(house.giro.let_happen(payment, "pay")) == 204
    assert builders.payment(payment).state == "succeeded"
    assert sums() == {"suspense:card": 10_000}


def test_what_is_unknown_there_is_waited_for(house: House, time: Time) -> None:
    payment = house.by("transfer")
    house.giro.let_happen(payment, "4500")
    keyring = current_app.extensions["keyring"]
    sweep.ask(keyring, TOWN, payment, "return")
    assert builders.payment(payment).state == "pending"
    time.move("+2d")
    sweep.ask(keyring, TOWN, payment, "sweep")
    assert builders.payment(payment).state == "pending", "nobody is asked to pay again"
    house.giro.let_happen(payment, "4000")
    sweep.ask(keyring, TOWN, payment, "sweep")
    assert builders.payment(payment).state == "succeeded"


def test_a_refund_goes_back_once_though_its_answer_is_lost(house: House, time: Time) -> None:
    payment = house.by("wero")
    house.hand_in(house.giro.let_happen(payment, "pay"))
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    house.giro.post("/test/settings", {"down": "after"})
    keyring = current_app.extensions["keyring"]
    assert sending.submit(keyring, TOWN, refund) == "submitted"
    house.giro.post("/test/settings", {"down": False})
    time.move("+3m")
    assert sending.submit(keyring, TOWN, refund) == "succeeded"
    assert row(refund).provider_reference
    assert sums() == {"suspense:card": 9_000}


def test_a_refund_that_is_refused_as_a_duplicate_of_itself_has_not_failed(
    house: House, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "REFUNDED_AGAIN_NAMES", "second")
    payment = house.by("wero")
    house.hand_in(house.giro.let_happen(payment, "pay"))
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    house.giro.post("/test/settings", {"down": "after"})
    keyring = current_app.extensions["keyring"]
    sending.submit(keyring, TOWN, refund)
    house.giro.post("/test/settings", {"down": False})
    time.move("+3m")
    assert sending.submit(keyring, TOWN, refund) == "submitted", "nobody orders it anew"


SENT_BACK = [name for name, method in METHODS.items() if method.refunds]


def refunded(house: House, method: str) -> str:
    """A refund that is under way; none of its bells is heard before this."""
    payment = house.by(method)
    assert house.hand_in(house.giro.let_happen(payment, "pay")) == 204
    house.giro.let_refunds_wait()
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    return refund


@pytest.mark.parametrize("method", SENT_BACK)
def test_a_bell_of_a_refund_is_news_of_the_refund_and_no_money_that_came(
    house: House, method: str
) -> None:
    refund = refunded(house, method)
    bell = house.giro.end_refund(refund, sent=True)
    assert [house.hand_in(bell) for _ in range(2)] == [204, 204]
    assert (row(refund).state, sums()) == ("succeeded", {"suspense:card": 9_000})
    assert house.hand_in(house.giro.end_refund(refund, sent=False)) == 204
    assert (row(refund).state, sums()) == ("failed", {"suspense:card": 10_000})


@pytest.mark.parametrize("method", SENT_BACK)
def test_a_bell_brings_the_name_of_a_refund_whose_answer_was_lost(
    house: House, method: str, time: Time
) -> None:
    payment = house.by(method)
    house.hand_in(house.giro.let_happen(payment, "pay"))
    house.giro.let_refunds_wait()
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    house.giro.post("/test/settings", {"down": "after"})
    assert sending.submit(current_app.extensions["keyring"], TOWN, refund) == "submitted"
    house.giro.post("/test/settings", {"down": False})
    assert not row(refund).provider_reference
    assert house.hand_in(house.giro.end_refund(refund, sent=True)) == 204
    assert (row(refund).state, sums()) == ("succeeded", {"suspense:card": 9_000})
    assert row(refund).provider_reference


def test_a_bell_of_a_refund_is_not_taken_while_giro_checkout_does_not_answer(
    house: House,
) -> None:
    refund = refunded(house, "wero")
    bell = house.giro.end_refund(refund, sent=True)
    house.giro.fall_silent()
    assert house.hand_in(bell) == 503
    assert row(refund).state == "submitted"


def test_a_bell_of_a_return_of_unclear_money_is_news_of_the_return(house: House) -> None:
    told = replace(order("another", 700), method="card")
    Girocheckout().start(house.giro.account, told)
    assert house.hand_in(house.giro.let_happen(told.payment, "pay")) == 204
    (found,) = builders.tasks()
    house.giro.let_refunds_wait()
    name = custody_returns.ask(TOWN, int(found), "AO-1", ANNA)
    custody_returns.approve(TOWN, name, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, name)
    assert house.hand_in(house.giro.end_refund(name, sent=True)) == 204
    assert sums() == {}


def test_a_refund_that_the_pay_page_made_without_us_is_no_money_that_came(house: House) -> None:
    payment = house.by("page")
    house.hand_in(house.giro.let_happen(payment, "pay"))
    told = house.giro.post(f"/test/payments/{payment}/refund", {"amount_cents": 300})
    query = urlsplit(told["deliveries"][0]["sent"]["url"]).query.encode()
    assert house.hand_in(({}, query)) == 204
    assert sums() == {"suspense:card": 10_000}


def test_the_second_try_of_a_refund_that_is_refused_is_no_end_of_the_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "REFUNDED_AGAIN_NAMES", "second")
    payment = house.by("wero")
    house.hand_in(house.giro.let_happen(payment, "pay"))
    house.giro.let_refunds_wait()
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    house.giro.post("/test/settings", {"down": "after"})
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    house.giro.post("/test/settings", {"down": False})
    _, first = house.giro.end_refund(refund, sent=True)
    unsigned = first.rpartition(b"&gcHash=")[0].replace(b"4000", b"4503", 1)
    unsigned = unsigned.replace(b"gcReference=", b"gcReference=second-try-of-", 1)
    assert house.hand_in(house.giro.sign(({}, unsigned + b"&gcHash="))) == 503
    assert row(refund).state == "submitted"
    assert house.hand_in(({}, first)) == 204
    assert row(refund).state == "succeeded"


def test_money_of_no_payment_of_ours_is_kept(house: House) -> None:
    far = house.giro.account
    for method in ("wero", "card"):
        told = replace(order(f"another-{method}", 700), method=method)
        Girocheckout().start(far, told)
        bell = house.giro.let_happen(told.payment, "pay")
        assert [house.hand_in(bell) for _ in range(2)] == [204, 204]
    assert sums() == {"suspense:card": 1_400, "custody:unclear": -1_400}


def test_a_bell_for_what_is_not_there_is_not_taken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = house.giro.account
    told = replace(order("another", 700), method="wero")
    Girocheckout().start(far, told)
    bell = house.giro.let_happen(told.payment, "pay")
    house.giro.fall_silent()
    assert house.hand_in(bell) == 503
    house.giro.post("/test/settings", {"down": False})
    assert house.hand_in(bell) == 204


def test_who_rings_again_and_again_makes_us_ask_once(house: House, time: Time) -> None:
    """Every payer has a signed query of his own way back."""
    payment = house.by("wero")
    bell = house.giro.let_happen(payment, "4500")
    asked_before = builders.payment(payment).asked_at
    assert asked_before is None
    assert house.hand_in(bell) == 204
    first = builders.payment(payment).asked_at
    assert [house.hand_in(bell) for _ in range(3)] == [503] * 3
    assert builders.payment(payment).asked_at == first
    time.move("+11s")
    house.giro.let_happen(payment, "4000")
    assert house.hand_in(bell) == 204
    assert builders.payment(payment).state == "succeeded"
    last = builders.payment(payment).asked_at
    time.move("+1h")
    assert house.hand_in(bell) == 204
    assert builders.payment(payment).asked_at == last, "what is paid is not asked about"


def test_a_direct_transfer_is_not_promised_back(house: House) -> None:
    payment = house.by("transfer")
    house.hand_in(house.giro.let_happen(payment, "pay"))
    with pytest.raises(refunds.NoRefunds):
        asked(payment, 1_000)


def test_the_sample_of_a_settlement_report_is_read_as_it_says() -> None:
    mappings = pytest.importorskip("portal.settlements.file_mapping")
    rows = pytest.importorskip("portal.settlements.rows")
    told = rows.read(SAMPLE.read_bytes(), mappings.load("girocheckout"))
    assert told.faults == []
    assert [each.line.kind for each in told.rows] == [
        "payment", "payment", "refund", "reversal", "fee",
    ]  # fmt: skip
    assert {each.merchant for each in told.rows} == {"1000001"}
    refund = told.rows[2].line
    assert (refund.refund[:4], refund.payment[-1], refund.gross) == ("0f2e", "1", Money(-200))
    assert sum(each.line.gross.cents - each.line.fee.cents for each in told.rows) == 1_225_924


def test_the_fakes_report_has_the_columns_of_the_sample() -> None:
    names = SAMPLE.read_text("utf-8").splitlines()[0].split(";")
    assert tuple(names) == fakes_report.COLUMNS
