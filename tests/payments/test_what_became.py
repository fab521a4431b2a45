"""What a citizen is told of the money: paid in part, elsewhere, twice, sent back, taken back."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from portal import clock
from portal.db import transaction
from portal.payments.models import Payment
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.requests import elsewhere, orders
from portal.requests.ordered import Elsewhere, Why
from portal.requests.orders import Subject
from portal.returns import refunds
from tests import builders, pages
from tests.builders import TOWN, Letter
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount, won
from tests.house.test_routes import give_tan, open_letter
from tests.returns.test_refunds import ANNA, BERT, CARD, asked, paid, paid_twice, sent, submitted
from tests.returns.test_reversals import heard


def look(client: FlaskClient, letter: Letter, language: str = "en") -> tuple[str, str]:
    """What the letter's page says to who has its TAN: its heading, and all of it."""
    client.get(f"/impressum?lang={language}")
    page = client.get(f"/r/{known(client, letter)}/payment", follow_redirects=True)
    seen = pages.Look(page.text, page.request.path, "localhost")
    return pages.words(seen.of("h1")[0]), pages.words(seen.of("main")[0]).replace("\u00a0", " ")


def known(client: FlaskClient, letter: Letter) -> str:
    """The handle of a letter whose TAN was given, now or before."""
    handle = open_letter(client, letter)
    is_known = client.get(f"/r/{handle}/").location
    return handle if is_known else give_tan(client, letter)


def tell_paid(letter: Letter, cents: int, how: str = "transfer") -> None:
    with transaction() as session:
        subject = Subject(TOWN, letter.reference, "client:finance")
        fact = Elsewhere(id="e-1", amount_cents=cents, paid_on="2026-11-02", how=how)
        elsewhere.tell(session, subject, fact)


def test_a_part_that_was_paid_says_what_is_open(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter(amount_cents=14_850)
    tell_paid(letter, 5_000)
    heading, text = look(client, letter)
    assert heading == "A part is paid already"
    assert "€50.00 is paid. €98.50 is still open." in text
    assert "Paid by bank transfer 2 November 2026 €50.00" in text
    assert "Continue to the payment method" in text


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("transfer", "Es wurde am 2. November 2026 durch Überweisung bezahlt."),
        ("cash", "Es wurde am 2. November 2026 bar bezahlt."),
        ("debit", "Der Betrag wurde am 2. November 2026 abgebucht."),
        ("offset", "Der Betrag wurde am 2. November 2026 mit einem Guthaben verrechnet."),
        ("other", "Es wurde am 2. November 2026 auf anderem Weg bezahlt."),
    ],
)
def test_paid_elsewhere_says_when_and_how(client: FlaskClient, how: str, sentence: str) -> None:
    letter = builders.letter(amount_cents=14_850)
    tell_paid(letter, 14_850, how)
    heading, text = look(client, letter, "de")
    assert heading == "Dieses Schreiben ist schon bezahlt"
    assert sentence in text
    assert "Bitte zahlen Sie nicht noch einmal." in text


def test_what_was_paid_online_leads_to_its_confirmation(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider)
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/payment?lang=en")
    assert f'href="/r/{handle}/payment/{payment}"' in page.text
    assert "Show the confirmation" in page.text


def test_paid_twice_says_what_comes_back_and_promises_no_day(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, _ = paid_twice(provider)
    heading, text = look(client, letter)
    assert heading == "Too much was paid for this letter"
    assert "€100.00 was paid too much. We keep this money safe for you." in text
    assert "We send it back in the way in which you paid, unless" in text
    assert text.count("Paid online, Card") == 2


def test_a_surplus_of_money_that_came_by_transfer_cannot_go_back_by_a_provider(
    client: FlaskClient,
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell_paid(letter, 10_000)
    builders.letter("K-1", amount_cents=6_000)
    heading, text = look(client, letter)
    assert heading == "Too much was paid for this letter"
    assert "€40.00 was paid too much." in text
    assert "Please call us, so that we know where to send it." in text
    assert "in the way in which you paid" not in text


def test_a_refund_is_told_when_it_was_approved_and_when_it_was_sent(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, second = paid_twice(provider)
    refund = asked(second, 10_000, "surplus")
    assert look(client, letter)[0] == "Too much was paid for this letter"
    refunds.approve(TOWN, refund, BERT)
    heading, text = look(client, letter)
    assert heading == "Money is on its way back to you"
    assert "€100.00 is on its way back to you by Card." in text
    submitted(refund)
    heading, text = look(client, letter)
    assert heading == "Money was sent back to you"
    assert "we sent €100.00 back to you by Card." in text
    assert "was paid too much" not in text


def test_a_refund_that_was_refused_is_not_told(client: FlaskClient, provider: FakeProvider) -> None:
    letter, second = paid_twice(provider)
    refunds.refuse(TOWN, asked(second, 10_000, "surplus"), ANNA)
    heading, text = look(client, letter)
    assert heading == "Too much was paid for this letter"
    assert "on its way" not in text


def test_a_claim_that_was_cancelled_and_sent_back_asks_nothing(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider)
    sent(payment, 10_000, "claim_cancelled")
    heading, text = look(client, letter)
    assert heading == "Money was sent back to you"
    assert "Nothing is left to pay for this letter." in text


def test_what_went_back_to_a_wrong_payer_is_asked_again(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider)
    sent(payment, 10_000, "wrong_payer")
    heading, text = look(client, letter)
    assert heading == "A payment was sent back"
    assert "The demand is therefore open again." in text
    assert "Continue to the payment method" in text


def test_what_a_bank_took_back_is_open_again_until_it_is_won(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, payment = paid(provider)
    heard(provider.reverse(payment, 10_000))
    heading, text = look(client, letter)
    assert heading == "A payment was taken back by the bank"
    assert "the bank took back €100.00 that was paid by Card." in text
    assert "please ask your bank" in text
    heard(won(provider.reverse(payment, 10_000), 7_000))
    assert "the bank took back €30.00 that was paid by Card." in look(client, letter)[1]
    heard(provider.reverse(payment, 10_000, won=True))
    heading, text = look(client, letter)
    assert heading == "This letter is already paid"
    assert "taken back" not in text.lower()


def test_money_that_does_not_fit_is_looked_at_by_a_person(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    record(other_amount(provider.pay(payment), 9_900), CARD)
    heading, text = look(client, letter)
    assert heading == "We are checking your payment"
    assert "Please do not pay again before this is clear." in text
    assert "Start again" not in text
    provider.down = 1000
    handle = known(client, letter)
    page = client.get(f"/r/{handle}/payment/{payment}")
    assert "We are checking your payment" in page.text


def test_what_is_pending_for_minutes_is_confirmed_within_days(
    client: FlaskClient, provider: FakeProvider, time: Time
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    record(provider.say(payment, Outcome.PENDING), CARD)
    assert look(client, letter)[0] == "Your payment is being confirmed"
    time.move("+4m")
    heading, text = look(client, letter)
    assert heading == "Your payment is under way"
    assert "It can take up to 6 working days until it is confirmed." in text
    assert "Please do not pay a second time" in text
    handle = known(client, letter)
    page = client.get(f"/r/{handle}/payment/{payment}")
    assert 'http-equiv="refresh"' not in page.text
    assert "Your payment is under way" in page.text


def test_a_page_that_waits_looks_again_softly_and_not_for_ever(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    handle = give_tan(client, letter)
    seconds, page = [], f"/r/{handle}/payment/{payment}?lang=en"
    for again in range(99):
        found = client.get(f"{page}&again={again}").text.partition('http-equiv="refresh" content="')
        if not found[1]:
            break
        seconds.append(int(found[2].partition(";")[0]))
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (3, 60)
    assert 15 * 60 < sum(seconds) < 30 * 60
    assert "Look again now" in client.get(f"{page}&again=99").text


@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [(0, "It was just begun with Card."), (4, "It was begun 4 minutes ago with Card."),
     (61, "It was begun 1 hour ago with Card."), (2 * 1440, "It was begun 2 days ago with Card.")],
)  # fmt: skip
def test_what_was_begun_elsewhere_says_when(
    client: FlaskClient, provider: FakeProvider, minutes: int, sentence: str
) -> None:
    letter = builders.letter()
    payment = builders.begin(letter)
    with transaction() as session:
        began = clock.now() - timedelta(minutes=minutes)
        session.execute(update(Payment).where(Payment.id == payment).values(started_at=began))
    heading, text = look(client, letter)
    assert heading == "A payment was already begun"
    assert sentence in text
    for said in ("Continue this payment", "Start again", "please do not start again"):
        assert said in text


def test_a_replaced_letter_leads_to_the_newer_one_only_who_has_opened_that(
    app: Flask, client: FlaskClient
) -> None:
    old = builders.letter("K-1")
    new = builders.letter("K-2", replaces=["K-1"], issued_on="2026-12-01")
    heading, text = look(client, old)
    assert heading == "There is a newer letter"
    assert "A letter of 1 December 2026 replaces this one." in text
    assert "Please take the newer letter" in text
    mine = open_letter(client, new)
    page = client.get(f"/r/{known(client, old)}/payment")
    assert f'href="/r/{mine}/"' in page.text
    assert "On to the newer letter" in page.text
    stranger = builders.browser(app)
    assert "On to the newer letter" not in look(stranger, old)[1]


def test_a_letter_replaced_twice_leads_to_the_last(client: FlaskClient) -> None:
    first = builders.letter("K-1")
    builders.letter("K-2", replaces=["K-1"], issued_on="2026-11-01")
    builders.letter("K-3", replaces=["K-2"], issued_on="2026-12-01")
    assert "A letter of 1 December 2026 replaces this one." in look(client, first)[1]


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("cancelled", "Die Forderung wurde aufgehoben. Sie müssen für dieses Schreiben nichts"),
        ("paid", "Bitte zahlen Sie nicht noch einmal."),
        ("deferred", "wie es mit Ihnen vereinbart ist."),
        ("debit", "Bitte zahlen Sie ihn nicht selbst."),
        ("enforcement", "Bitte zahlen Sie jetzt an die Vollstreckungsstelle."),
        ("other", "Bitte rufen Sie uns an, bevor Sie bezahlen."),
    ],
)
def test_a_withdrawn_letter_says_why_and_what_to_do(
    client: FlaskClient, reason: str, sentence: str
) -> None:
    letter = builders.letter()
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why(reason))
    heading, text = look(client, letter, "de")
    assert heading == "Dieses Schreiben kann nicht mehr online bezahlt werden"
    assert sentence in text


def test_a_cancelled_claim_that_was_paid_says_what_becomes_of_the_money(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter, _ = paid(provider)
    with transaction() as session:
        orders.withdraw(session, Subject(TOWN, letter.reference, "client:1"), Why.CANCELLED)
    text = look(client, letter)[1]
    assert "€100.00 was paid for it. The cash office decides whether this money goes back." in text
    assert "Paid online, Card" in text


def test_a_warning_fine_ends_hard_and_other_demands_do_not(client: FlaskClient, time: Time) -> None:
    fine = builders.letter("K-1", kind="warning", payable_until="2026-11-28", due_on=None)
    tax = builders.letter("K-2", payable_until="2026-11-28")
    time.move("+3000d")
    heading, text = look(client, fine)
    assert heading == "The deadline of this letter is over"
    assert "It could be paid until 28 November 2026." in text
    assert "neither online nor by bank transfer" in text
    heading, text = look(client, tax)
    assert heading == "The time for online payment is over"
    assert "please call us to ask how you can pay now" in text.lower()


def test_after_the_last_day_nothing_can_be_chosen_before_the_job_has_ended_the_request(
    client: FlaskClient, time: Time
) -> None:
    letter = builders.letter(payable_until="2026-11-28")
    time.move("+3000d")
    handle = give_tan(client, letter)
    assert builders.request_of(letter).state == "open"
    for page in ("choice", "amount"):
        assert client.get(f"/r/{handle}/{page}").location == f"/r/{handle}/payment"


def test_the_changed_page_names_the_old_and_the_new_amount(client: FlaskClient) -> None:
    letter = builders.letter(amount_cents=14_850)
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/choice?lang=en")
    builders.letter(amount_cents=9_900)
    answer = client.post(
        f"/r/{handle}/pay",
        data={"csrf_token": builders.token(page), "offer": "1", "version": "1",
              "amount_cents": "14850", "part": "whole", "part_cents": "14850"},
    )  # fmt: skip
    assert answer.status_code == 409
    assert ("€148.50" in answer.text, "€99.00" in answer.text) == (True, True)
    assert "Nothing was paid just now." in answer.text
    assert "The amount is the same" not in answer.text
