"""Starting a payment: what leaves the house, and what is written down."""

import threading
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select

from portal import clock
from portal.db import db, transaction
from portal.money import Money
from portal.payments.models import Payment, PaymentStep, ProviderAccount, ProviderRule
from portal.payments.record import Source, record
from portal.payments.start import (
    ChangedSince,
    Choice,
    NotOffered,
    NotPayable,
    Undecided,
    start,
)
from portal.providers.protocol import Account, Handover, Order, Outcome, ProviderDown
from portal.requests import register
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, Letter
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")
URL = "https://localhost"


def choice(letter: Letter, account_id: str = "card", **changes: object) -> Choice:
    """What the page showed just now, and what the citizen chose on it."""
    request = builders.request_of(letter)
    rule = select(ProviderRule.id).where(
        ProviderRule.tenant_id == TOWN, ProviderRule.account_id == account_id
    )
    made = Choice(
        TOWN, request.id, db.session.scalars(rule).one(), request.version, request.open.cents,
        "web", "de",
    )  # fmt: skip
    db.session.rollback()
    return replace(made, **changes)  # type: ignore[arg-type]


def begin(chosen: Choice) -> str:
    return start(current_app.extensions["keyring"], chosen, URL)


def payments() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Payment)) or 0


def test_a_payment_is_written_down_and_the_citizen_handed_over(provider: FakeProvider) -> None:
    payment = builders.payment(begin(choice(builders.letter(amount_cents=14_850))))
    assert (payment.state, payment.amount, payment.current) == ("started", Money(14_850), True)
    assert payment.redirect_url == f"https://pay.example/{payment.provider_reference}"
    assert payment.ask_at is not None
    (step,) = db.session.scalars(select(PaymentStep))
    assert (step.old, step.new, step.source) == ("created", "started", "start")


def test_what_leaves_to_the_provider_is_neutral(provider: FakeProvider) -> None:
    letter = builders.letter("K-2026-77", purpose="Hundesteuer, Waldi", payment_sign="5.01.77")
    payment = begin(choice(letter))
    order = provider.books[payment].order
    assert order.payment == payment
    assert order.text == f"Stadt Musterhausen {letter.short_code[:9]}"
    told = str(asdict(order)).lower()
    secret = letter.url.rsplit("/", 1)[1]
    for private in ("K-2026-77", "Hundesteuer", "Waldi", "5.01.77", "tax", letter.tan,
                    letter.short_code, secret[12:]):  # fmt: skip
        assert private.lower() not in told


def test_the_provider_is_told_where_to_come_back_to_and_where_to_call(
    provider: FakeProvider,
) -> None:
    payment = begin(choice(builders.letter()))
    order = provider.books[payment].order
    assert order.return_url == f"{URL}/return/{payment}"
    assert order.notify_url == f"{URL}/webhooks/fake/card"
    assert len(bytes.fromhex(payment)) * 8 == 128


class Unreliable(FakeProvider):
    """Takes every order, and loses so many of its answers."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost, self.asked = lost, list[str]()

    def start(self, account: Account, order: Order) -> Handover:
        self.asked.append(order.payment)
        made = super().start(account, order)
        if len(self.asked) <= self.lost:
            raise ProviderDown("the answer was lost")
        return made


def unreliable(monkeypatch: pytest.MonkeyPatch, lost: int) -> Unreliable:
    from portal.providers import registry

    fake = Unreliable(lost)
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": fake})
    return fake


def test_a_lost_answer_is_asked_for_once_more_with_the_same_id(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = unreliable(monkeypatch, lost=1)
    payment = begin(choice(builders.letter()))
    assert fake.asked == [payment, payment]
    assert builders.payment(payment).state == "started"
    assert len(fake.books) == 1


def test_two_lost_answers_make_it_unknown_and_the_money_still_counts(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = unreliable(monkeypatch, lost=2)
    letter = builders.letter()
    payment = begin(choice(letter))
    assert fake.asked == [payment, payment]
    assert builders.payment(payment).state == "unknown"
    with pytest.raises(Undecided):
        begin(choice(letter))
    record(fake.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"


def test_no_transaction_is_open_while_the_provider_is_called(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watching(FakeProvider):
        def start(self, account: Account, order: Order) -> Handover:
            seen.append(db.session().in_transaction())
            return super().start(account, order)

    from portal.providers import registry

    seen: list[bool] = []
    monkeypatch.setattr(registry, "PROVIDERS", {"fake": Watching()})
    begin(choice(builders.letter()))
    assert seen == [False]


def test_a_notification_may_overtake_our_note(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(FakeProvider):
        def start(self, account: Account, order: Order) -> Handover:
            made = super().start(account, order)
            record(self.pay(order.payment), CARD)
            return made

    from portal.providers import registry

    monkeypatch.setattr(registry, "PROVIDERS", {"fake": Hasty()})
    letter = builders.letter()
    payment = begin(choice(letter))
    assert builders.payment(payment).state == "succeeded"
    assert builders.request_of(letter).state == "paid"


@pytest.mark.parametrize("change", [{"version": 2}, {"amount_cents": 14_849}, {"version": 0}])
def test_what_the_page_showed_must_still_be_so(
    provider: FakeProvider, change: dict[str, int]
) -> None:
    with pytest.raises(ChangedSince):
        begin(choice(builders.letter(), **change))
    assert payments() == 0
    assert provider.books == {}


def test_a_new_version_between_page_and_choice_is_never_paid(provider: FakeProvider) -> None:
    chosen = choice(builders.letter(amount_cents=14_850))
    builders.letter(amount_cents=9_900)
    with pytest.raises(ChangedSince):
        begin(chosen)
    assert provider.books == {}


def test_a_second_payment_waits_until_the_first_is_decided(provider: FakeProvider) -> None:
    letter = builders.letter()
    chosen = choice(letter)
    first = begin(chosen)
    with pytest.raises(Undecided):
        begin(chosen)
    record(provider.say(first, Outcome.FAILED), CARD)
    second = begin(chosen)
    assert (builders.payment(first).current, builders.payment(second).current) == (False, True)


def test_a_provider_above_its_limit_is_refused_whatever_the_form_says(
    provider: FakeProvider,
) -> None:
    letter = builders.letter(amount_cents=80_001)
    with pytest.raises(NotOffered):
        begin(choice(letter, "paypal"))
    begin(choice(letter, "card"))


def test_another_towns_rule_is_not_offered(provider: FakeProvider) -> None:
    rule = select(ProviderRule.id).where(ProviderRule.tenant_id == OTHER_TOWN)
    letter = builders.letter()
    theirs = db.session.scalars(rule).first()
    with pytest.raises(NotOffered):
        begin(choice(letter, rule=theirs))


def test_another_towns_request_is_not_there(provider: FakeProvider) -> None:
    letter = builders.letter()
    with pytest.raises(register.NoSuchRequest):
        begin(choice(letter, tenant_id=OTHER_TOWN))


@pytest.mark.rows_by_hand
@pytest.mark.parametrize("state", ["paid", "withdrawn", "expired", "replaced"])
def test_only_what_is_open_can_be_paid(provider: FakeProvider, state: str) -> None:
    letter = builders.letter()
    chosen = choice(letter)
    with transaction() as session:
        register.get(session, TOWN, letter.request_id).state = state
    with pytest.raises(NotPayable):
        begin(chosen)


def test_eight_who_start_at_once_make_one_payment(app: Flask, provider: FakeProvider) -> None:
    chosen = choice(builders.letter())
    done: list[str] = []
    gate = threading.Barrier(8, timeout=10)

    def run() -> None:
        with app.app_context():
            gate.wait()
            try:
                begin(chosen)
                done.append("started")
            except Undecided:
                done.append("undecided")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["started"] + ["undecided"] * 7
    assert payments() == len(provider.books) == 1


def second_account(app: Flask, label: str = "Card") -> None:
    """Another account under the same label, which stands behind the first."""
    with transaction() as session:
        builders.account(session, app.extensions["keyring"], TOWN, "card-b")
        session.add(builders.rule(TOWN, "card-b", label=label, position=200))


def close(account_id: str) -> None:
    with transaction() as session:
        account = session.get_one(ProviderAccount, (TOWN, account_id))
        account.valid_until = clock.today("Europe/Berlin") - timedelta(days=1)


def test_what_was_chosen_and_is_closed_meanwhile_is_paid_by_what_stands_for_its_label(
    app: Flask, provider: FakeProvider
) -> None:
    second_account(app)
    chosen = choice(builders.letter())
    close("card")
    payment = builders.payment(begin(chosen))
    assert (payment.account_id, payment.label) == ("card-b", "Card")


def test_what_is_closed_meanwhile_is_not_paid_by_another_label(
    app: Flask, provider: FakeProvider
) -> None:
    second_account(app, "Wero")
    chosen = choice(builders.letter())
    close("card")
    with pytest.raises(NotOffered):
        begin(chosen)
    with pytest.raises(NotOffered):
        begin(replace(chosen, rule=10**9))
    assert payments() == 0
