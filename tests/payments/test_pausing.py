"""An account whose provider does not answer is paused, said so, probed and taken back."""

import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.operating import figures
from portal.payments import accounts, calls, probing, sweep
from portal.payments.models import AccountSilence, ProviderAccount
from portal.payments.offers import Reason
from portal.payments.record import record
from portal.payments.start import NotOffered, offers_for
from portal.providers import registry, wire
from portal.providers.protocol import (
    Account,
    Handover,
    KeyRefused,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    Report,
    UnknownWord,
    Unwilling,
)
from portal.returns import refunds, sending
from portal.worklist import reading
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan
from tests.returns.test_refunds import BERT, CARD, asked, paid

pytestmark = pytest.mark.usefixtures("app")

SAID = (
    "Diese Zahlungsart ist zurzeit gestört (Card). Bitte wählen Sie eine andere Zahlungsart oder"
    " versuchen Sie es später noch einmal."
)


def account(account_id: str = "card") -> Account:
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        return accounts.unsealed(keyring, accounts.get(session, TOWN, account_id))


def ask(provider: FakeProvider, times: int = 1, account_id: str = "card") -> None:
    """Ask about a payment that never was, so many times, answered or not."""
    mine = account(account_id)
    for _ in range(times):
        try:
            calls.made(provider.fetch, mine, "0" * 32, "")
        except ProviderDown:
            continue


def silence(account_id: str = "card") -> tuple[int, bool] | None:
    """How many calls in a row failed, and whether the account is paused."""
    db.session.rollback()
    row = db.session.get(AccountSilence, (TOWN, account_id), populate_existing=True)
    return row and (row.failures, row.paused_at is not None)


def pause(provider: FakeProvider, account_id: str = "card") -> None:
    provider.down = calls.FAILURES
    ask(provider, calls.FAILURES, account_id)
    assert silence(account_id) == (5, True)


def tasks() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(task.kind, task.subject) for task in reading.open_tasks(db.session(), TOWN)]


def offered() -> set[str]:
    request = builders.request_of(builders.letter("K-offered"))
    return {offer.label for offer in offers_for(db.session(), request, "web").offered}


def probe() -> int:
    return probing.probe(current_app.extensions["keyring"])


# --- Counting ------------------------------------------------------------------------------------


def test_the_fifth_silence_in_a_row_pauses_and_the_fourth_does_not(provider: FakeProvider) -> None:
    provider.down = 5
    ask(provider, 4)
    assert (silence(), tasks()) == ((4, False), [])
    assert "Card" in offered()
    ask(provider)
    assert (silence(), tasks()) == ((5, True), [("account_paused", "card")])
    assert offered() == {"Paypal"}


def test_an_answer_begins_the_row_anew(provider: FakeProvider) -> None:
    provider.down = 4
    ask(provider, 5)
    assert silence() is None
    provider.down = 4
    ask(provider, 4)
    assert silence() == (4, False)


def test_one_accounts_silence_is_not_anothers(provider: FakeProvider) -> None:
    pause(provider)
    assert silence("paypal") is None
    with transaction() as session:
        assert probing.paused(session, TOWN) == {"card"}
        assert probing.paused(session, OTHER_TOWN) == frozenset()


def test_an_adapters_own_error_is_counted_as_silence(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Account) -> Report:
        return {}["token"]  # type: ignore[no-any-return]

    mine = account()
    for _ in range(5):
        with pytest.raises(ProviderDown):
            calls.made(broken, mine)
    assert (silence(), tasks()) == ((5, True), [("account_paused", "card")])
    with wire.patience(3.0), pytest.raises(ProviderDown):
        calls.made(broken, account("paypal"))
    assert silence("paypal") is None, "a page counts nothing"
    assert [each.getMessage() for each in caplog.records].count("adapter_failed") == 6


def test_who_comes_back_while_the_adapter_fails_gets_a_page(
    client: FlaskClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Report:
        raise KeyError("token")

    letter = builders.letter()
    payment = builders.begin(letter)
    monkeypatch.setattr(provider, "fetch", broken)
    answer = client.get(f"/return/{payment}")
    assert answer.status_code == 200
    assert builders.payment(payment).state == "started"


@pytest.mark.parametrize("sealed", [b"k0:other", b"k1:other"])
def test_who_comes_back_while_no_key_opens_the_account_gets_a_page(
    client: FlaskClient, provider: FakeProvider, sealed: bytes
) -> None:
    payment = builders.begin(builders.letter())
    with transaction() as session:
        session.get_one(ProviderAccount, (TOWN, "card")).credentials_sealed = sealed
    assert client.get(f"/return/{payment}").status_code == 200
    assert builders.payment(payment).state == "started"
    sweep.give_up(current_app.extensions["keyring"], TOWN, payment)
    assert not builders.payment(payment).current, "as when nobody answers"


def no_answer(_: Account) -> Report:
    raise ProviderDown("no answer")


def test_silences_at_one_moment_are_all_counted_and_make_one_task(app: Flask) -> None:
    mine, together = account(), threading.Barrier(8)

    def one() -> None:
        with app.app_context():
            together.wait()
            with pytest.raises(ProviderDown):
                calls.made(no_answer, mine)
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (silence(), tasks()) == ((8, True), [("account_paused", "card")])


class Refuses(FakeProvider):
    """Answers, but with nothing that helps."""

    def start(self, account: Account, order: Order) -> Handover:
        raise OrderRefused("no")

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        raise UnknownWord("what?")


def test_who_refuses_or_says_a_word_that_we_do_not_know_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Refuses()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    for number in range(6):
        builders.begin(builders.letter(f"K-{number}"))
    assert silence() is None
    with pytest.raises(ProviderDown):
        calls.made(no_answer, account())
    with pytest.raises(UnknownWord):
        calls.made(fake.fetch, account(), "0" * 32, "")
    assert silence() is None


def unwilling(_: Account) -> Report:
    raise Unwilling("it answered 422", 422, "UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID")


def key_refused(_: Account) -> Report:
    raise KeyRefused("it does not take the key")


def made(call: Callable[[Account], Report], times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ProviderDown):
            calls.made(call, account())


def test_who_understands_and_does_not_want_to_has_answered() -> None:
    made(no_answer, 4)
    made(unwilling)
    assert silence() is None


def causes() -> list[object]:
    db.session.rollback()
    return [task.detail["cause"] for task in reading.open_tasks(db.session(), TOWN)]


def test_a_key_that_is_not_taken_pauses_at_once_and_is_told_once(provider: FakeProvider) -> None:
    with wire.patience(3.0):  # it is an answer: it came in time
        made(key_refused, 3)
    assert (silence(), causes()) == ((5, True), ["key_refused"])
    assert offered() == {"Paypal"}
    acts = db.session.scalars(select(AuditRow.act).where(AuditRow.subject == "card")).all()
    assert acts == ["account.paused"]
    ask(provider)
    assert (silence(), tasks()) == (None, []), "another key"


def test_who_is_silent_first_and_then_takes_no_key_is_told_anew(provider: FakeProvider) -> None:
    pause(provider)
    assert causes() == ["silent"]
    made(key_refused)
    assert (tasks(), causes()) == ([("account_paused", "card")], ["key_refused"])
    made(no_answer)
    assert (silence(), causes()) == ((7, True), ["key_refused"])


def test_an_account_without_a_key_is_not_taken_back_by_its_probe(
    monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    made(key_refused)
    fake = FakeProvider()
    monkeypatch.setattr(fake, "fetch", lambda account, *_: key_refused(account))
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    time.move("+1m")
    assert probe() == 1
    assert (silence(), causes()) == ((5, True), ["key_refused"])


def test_a_payment_that_was_declined_is_an_answer(provider: FakeProvider) -> None:
    payment = builders.begin(builders.letter())
    provider.down = 4
    ask(provider, 4)
    provider.say(payment, Outcome.FAILED)
    sweep.ask(current_app.extensions["keyring"], TOWN, payment, "sweep")
    assert silence() is None


def test_a_page_that_waits_three_seconds_only_pauses_nothing(provider: FakeProvider) -> None:
    provider.down = 5
    with wire.patience(3.0):
        ask(provider, 5)
    assert silence() is None


def test_start_sweep_giving_up_and_refunds_are_counted(provider: FakeProvider) -> None:
    keyring = current_app.extensions["keyring"]
    _, payment = paid(provider)
    refund = asked(payment, 1_000)
    refunds.approve(TOWN, refund, BERT)
    provider.down = 6
    second = builders.begin(builders.letter("K-2"))
    assert silence() == (2, False), "the order, and once more"
    sweep.ask(keyring, TOWN, second, "sweep")
    assert silence() == (3, False)
    sweep.give_up(keyring, TOWN, second)
    assert silence() == (4, False)
    sending.submit(keyring, TOWN, refund)
    assert silence() == (6, True)
    sending.submit(keyring, TOWN, refund)
    assert silence() is None


def test_an_account_that_is_over_is_not_counted_nor_probed(
    provider: FakeProvider, time: Time
) -> None:
    pause(provider)
    with transaction() as session:
        row = session.get_one(ProviderAccount, (TOWN, "card"))
        row.valid_until = clock.today("Europe/Berlin") - timedelta(days=1)
    time.move("+2m")
    provider.down = 9
    assert probe() == 1
    assert (silence(), tasks(), provider.down) == (None, [], 9)
    ask(provider, 5)
    assert silence() is None


# --- The money is not held up --------------------------------------------------------------------


def test_a_count_that_cannot_be_written_holds_up_no_payment(
    provider: FakeProvider, owner_url: str
) -> None:
    provider.down = 1
    ask(provider)
    with psycopg.connect(owner_url) as other:
        other.execute("SELECT FROM account_silences FOR UPDATE")
        letter = builders.letter()
        payment = builders.begin(letter)
        assert builders.payment(payment).state == "started"
        other.rollback()
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"


def test_what_a_provider_tells_of_itself_is_taken_while_the_account_is_paused(
    provider: FakeProvider,
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    pause(provider)
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"


def test_payments_under_way_are_asked_about_as_soon_as_the_account_answers(
    provider: FakeProvider, time: Time
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    pause(provider)
    provider.down = 0
    provider.pay(payment)
    time.move("+2m")
    assert sweep.sweep(current_app.extensions["keyring"]) == 0
    probe()
    assert (silence(), tasks()) == (None, [])
    sweep.sweep(current_app.extensions["keyring"])
    assert builders.request_of(letter).state == "paid"


def test_a_paused_account_with_many_payments_does_not_starve_the_sweep_of_others(
    provider: FakeProvider, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "MOST_AT_ONCE", 2)
    keyring = current_app.extensions["keyring"]
    for number in range(3):
        builders.begin(builders.letter(f"K-{number}"))
    other = builders.begin(builders.letter("K-other"), account_id="paypal")
    pause(provider)
    provider.down = 0
    provider.pay(other)
    time.move("+3m")
    assert sweep.sweep(keyring) == 1
    assert builders.payment(other).state == "succeeded"
    ask(provider)
    assert [sweep.sweep(keyring), sweep.sweep(keyring)] == [2, 1], "it answers again"


def test_on_a_paused_account_no_payment_is_begun(provider: FakeProvider) -> None:
    pause(provider)
    with pytest.raises(NotOffered):
        builders.begin(builders.letter())


# --- Saying so -----------------------------------------------------------------------------------


def test_the_choice_says_so_once_and_offers_the_others(
    client: FlaskClient, provider: FakeProvider
) -> None:
    handle = give_tan(client, builders.letter())
    pause(provider)
    page = client.get(f"/r/{handle}/choice").text
    assert page.count(SAID) == 1
    assert (page.count('type="radio"'), page.count(">Card<")) == (1, 1), "what is said, and Paypal"
    english = client.get(f"/r/{handle}/choice?lang=en").text
    assert "Card does not answer at the moment. Please choose another payment method" in english


def test_another_account_steps_in_and_nothing_is_said(
    app: Flask, client: FlaskClient, provider: FakeProvider
) -> None:
    with transaction() as session:
        builders.account(session, app.extensions["keyring"], TOWN, "card-b")
        session.add(builders.rule(TOWN, "card-b", label="Card", position=200))
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/choice")
    assert page.text.count(">Card<") == 1
    pause(provider)
    again = client.get(f"/r/{handle}/choice")
    assert again.text.count(">Card<") == 1
    assert "antwortet zurzeit nicht" not in again.text


def test_the_figures_and_the_audit_know_of_it(provider: FakeProvider, time: Time) -> None:
    def told() -> float:
        found = figures.gather(db.session(), clock.now())
        return next(each.value for each in found if each.name == "quitt_accounts_paused")

    assert told() == 0
    pause(provider)
    assert told() == 1
    time.move("+1m")
    probe()
    assert told() == 0
    acts = db.session.scalars(select(AuditRow.act).where(AuditRow.subject == "card")).all()
    assert acts == ["account.paused", "account.resumed"]


# --- Probing -------------------------------------------------------------------------------------


class Asked(FakeProvider):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.for_: list[tuple[str, str]] = []

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        self.for_.append((payment, provider_reference))
        return super().fetch(account, payment, provider_reference)


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A provider that is down; its card account is paused."""
    fake = Asked()
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    pause(fake)
    fake.for_.clear()
    fake.down = 1_000
    return fake


def test_it_is_probed_after_1_2_5_10_minutes_and_then_every_10(probed: Asked, time: Time) -> None:
    told = []
    for minutes in range(50):
        time.move(f"+{minutes}m")
        probe()
        told.append(len(probed.for_))
    when = [minute for minute in range(1, 50) if told[minute] > told[minute - 1]]
    assert when == [1, 3, 8, 18, 28, 38, 48]


def test_each_probe_asks_for_a_payment_that_never_was(probed: Asked, time: Time) -> None:
    for distance in ("+1m", "+3m"):
        time.move(distance)
        probe()
    names = {payment for payment, reference in probed.for_ if reference == ""}
    assert len(names) == 2
    assert all(len(bytes.fromhex(name)) == 16 for name in names)


def test_that_there_is_no_such_payment_takes_it_back(probed: Asked, time: Time) -> None:
    time.move("+1m")
    probe()
    assert offered() == {"Paypal"}
    probed.down = 0
    assert probe() == 0, "it is not its turn"
    time.move("+3m")
    assert probe() == 1
    assert (silence(), tasks()) == (None, [])
    assert "Card" in offered()


def test_while_one_account_of_a_provider_is_silent_the_others_wait_for_the_next_round(
    probed: Asked, time: Time
) -> None:
    probed.down = 5
    ask(probed, 5, "paypal")
    probed.for_.clear()
    probed.down = 1
    time.move("+1m")
    assert probe() == 1
    assert probe() == 1, "the other one, which has its turn now"
    assert (silence("card"), silence("paypal")) == ((6, True), None)


def test_a_paused_account_that_cannot_be_opened_stops_no_other(probed: Asked, time: Time) -> None:
    probed.down = 5
    ask(probed, 5, "paypal")
    with transaction() as session:
        session.get_one(ProviderAccount, (TOWN, "card")).credentials_sealed = b"k1:x"
    time.move("+1m")
    assert probe() == 2
    assert silence("paypal") is None


def test_why_it_is_not_offered_is_a_reason_of_its_own(provider: FakeProvider) -> None:
    pause(provider)
    request = builders.request_of(builders.letter())
    (refusal,) = offers_for(db.session(), request, "web").refused
    assert (refusal.label, refusal.reason) == ("Card", Reason.PAUSED)


def pay_anyway(client: FlaskClient, meanwhile: Callable[[], object]) -> str:
    """The answer to a form on which the card was chosen, and what has happened meanwhile."""
    letter = builders.letter()
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/choice")
    meanwhile()
    sent = {
        "csrf_token": token(page), "offer": "1", "version": "1", "part": "whole",
        "amount_cents": str(letter.amount_cents), "part_cents": str(letter.amount_cents),
    }  # fmt: skip
    answer = client.post(f"/r/{handle}/pay", data=sent)
    assert answer.status_code == 409
    return answer.text


def test_the_choice_that_was_shown_before_is_refused_with_the_reason(
    client: FlaskClient, provider: FakeProvider
) -> None:
    page = pay_anyway(client, lambda: pause(provider))
    assert SAID in page
    assert "für diesen Betrag" not in page


def test_what_a_town_has_no_more_is_said_to_be_gone(
    client: FlaskClient, provider: FakeProvider
) -> None:
    def close() -> None:
        with transaction() as session:
            yesterday = clock.today("Europe/Berlin") - timedelta(days=1)
            session.get_one(ProviderAccount, (TOWN, "card")).valid_until = yesterday

    page = pay_anyway(client, close)
    assert "Diese Zahlungsart ist nicht mehr verfügbar." in page
    assert "für diesen Betrag" not in page
