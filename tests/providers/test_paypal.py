"""PayPal's adapter where it is its own: capture, money as text, tokens, refunds, disputes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from portal import clock
from portal.money import Money
from portal.providers import paypal, paypal_events, paypal_refund, paypal_wire
from portal.providers.paypal import PayPal
from portal.providers.paypal_order import descriptor, order_body
from portal.providers.paypal_wire import call, money, written
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    Moved,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    ReversalReport,
    UnknownWord,
    Unwilling,
)
from tests.providers import paypal_spec
from tests.providers.harness_paypal import MERCHANT, PayPalHarness, paypal_harness
from tests.providers.harnesses import Letter, with_credentials
from tests.providers.test_contract import order

PROVIDER = PayPal()
ACCOUNT = Account(
    "tenant",
    "account",
    MERCHANT,
    False,
    {
        "base_url": "http://127.0.0.1:8003/paypal",
        "client_id": "client",
        "secret": "s3cr3t",
        "webhook_id": "WEBHOOK",
        "ca": "PEM",
    },
)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[PayPalHarness]:
    with paypal_harness(tmp_path) as opened:
        yield opened


def started(harness: PayPalHarness, payment: str = "pay-1") -> str:
    return PROVIDER.start(harness.account, order(payment)).provider_reference


def fetched(harness: PayPalHarness, reference: str) -> Report:
    return PROVIDER.fetch(harness.account, "pay-1", reference)


def collected(harness: PayPalHarness, reference: str) -> Report:
    return PROVIDER.collect(harness.account, "pay-1", reference)


def heard(harness: PayPalHarness, letter: Letter) -> tuple[Any, ...]:
    return PROVIDER.read_notification(harness.account, *letter, clock.now())


def changed(harness: PayPalHarness, letter: Letter, **fields: Any) -> Letter:
    """A letter with other fields of its resource (``None``: without them), rightly signed."""
    event = json.loads(letter[1])
    for name, value in fields.items():
        event["resource"].pop(name, None)
        if value is not None:
            event["resource"][name] = value
    return harness.sign((letter[0], json.dumps(event).encode()))


@given(some.integers(0, 10**11))
def test_an_amount_is_written_and_read_to_the_cent(cents: int) -> None:
    told = written(Money(cents))
    assert money({"amount": told}, "amount") == Money(cents)
    paypal_spec.hold("orders", "money", told)


@pytest.mark.parametrize(
    ("value", "cents"),
    [("0.05", 5), ("42", 4200), ("42.5", 4250), ("-0.35", -35), ("-42.00", -4200)],
)
def test_amounts_are_read_as_paypal_writes_them(value: str, cents: int) -> None:
    told = {"amount": {"currency_code": "EUR", "value": value}}
    assert money(told, "amount", -(10**6)) == Money(cents)


@pytest.mark.parametrize("currency", ["HUF", "JPY", "TWD"])
def test_an_order_in_a_currency_without_cents_is_refused(currency: str) -> None:
    with pytest.raises(OrderRefused):
        order_body(replace(order(), amount=Money(4200, currency)))


def test_an_order_says_no_more_than_it_must() -> None:
    body = order_body(order())
    assert body["purchase_units"] == [
        {
            "custom_id": "pay-1",
            "invoice_id": "pay-1",
            "description": "Stadt Musterhausen 7F3K-9QXM",
            "soft_descriptor": "Stadt Muster 7F3K-9QXM",
            "amount": {"currency_code": "EUR", "value": "42.00"},
        }
    ]
    context = body["payment_source"]["paypal"]["experience_context"]
    assert (context["user_action"], context["shipping_preference"]) == ("PAY_NOW", "NO_SHIPPING")
    assert context["locale"] == "de-DE"
    assert set(body) == {"intent", "purchase_units", "payment_source"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Stadt Musterhausen 7F3K-9QXM", "Stadt Muster 7F3K-9QXM"),
        ("Gemeinde Großöringen 7F3K-9QXM", "Gemeinde Gro 7F3K-9QXM"),
        ("Łódź 7F3K-9QXM", "odz 7F3K-9QXM"),
        ("Місто 7F3K-9QXM", "7F3K-9QXM"),
        ("Місто", "Zahlung"),
    ],
)
def test_a_card_statement_shows_the_short_code_whatever_the_town_is_called(
    text: str, shown: str
) -> None:
    assert descriptor(text) == shown
    paypal_spec.hold("orders", "order_request", {**order_body(replace(order(), text=text))})


@given(some.text(max_size=200))
def test_any_text_fits_into_an_order(text: str) -> None:
    unit = order_body(replace(order(), text=text or "x"))["purchase_units"][0]
    assert len(unit["soft_descriptor"]) <= 22
    assert len(unit["description"]) <= 127


def test_what_the_payer_agreed_to_is_money_only_once_it_is_captured(
    harness: PayPalHarness,
) -> None:
    reference = started(harness)
    (word,) = heard(harness, harness.approve("pay-1"))
    assert word == Moved("pay-1", reference, harness.account.merchant, False, word.event_id)
    assert harness.books()["totals"]["succeeded_cents"] == 0
    assert fetched(harness, reference).outcome is Outcome.AGREED
    assert harness.books()["totals"]["succeeded_cents"] == 0, "to ask takes nothing"
    report = collected(harness, reference)
    assert (report.outcome, report.amount) == (Outcome.SUCCEEDED, Money(4200))
    assert harness.books()["totals"]["succeeded_cents"] == 4200
    assert fetched(harness, reference) == collected(harness, reference) == report
    assert sum(path.endswith("/capture") for _, path, _ in harness.called) == 1


def test_a_completed_order_with_a_pending_capture_is_pending(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.approve("pay-1", "pend")
    assert collected(harness, reference).outcome is Outcome.PENDING
    told = call(harness.account, "GET", f"/v2/checkout/orders/{reference}")
    assert told["status"] == "COMPLETED"
    (word,) = heard(harness, harness.door("payments/pay-1/pay"))
    assert word.outcome is Outcome.SUCCEEDED
    assert fetched(harness, reference).outcome is Outcome.SUCCEEDED


def test_a_pending_capture_that_is_denied_has_failed(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.approve("pay-1", "pend")
    collected(harness, reference)
    (word,) = heard(harness, harness.door("payments/pay-1/decline"))
    assert word.outcome is Outcome.FAILED
    assert fetched(harness, reference).outcome is Outcome.FAILED


def test_a_declined_instrument_leads_the_payer_back_to_the_same_order(
    harness: PayPalHarness,
) -> None:
    reference = started(harness)
    harness.approve("pay-1", "decline")
    assert collected(harness, reference).outcome is Outcome.STARTED
    harness.approve("pay-1")
    assert collected(harness, reference).outcome is Outcome.SUCCEEDED


def test_a_capture_that_paypal_refuses_has_failed(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.approve("pay-1", "refuse")
    assert collected(harness, reference).outcome is Outcome.FAILED


def test_an_issue_that_no_table_has_is_no_word_about_the_payment(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = started(harness)
    harness.approve("pay-1", "refuse")
    monkeypatch.delitem(paypal.CAPTURE_ISSUE, "TRANSACTION_REFUSED")
    with pytest.raises(ProviderDown):
        collected(harness, reference)


@pytest.mark.parametrize(
    ("verb", "outcome"), [("void", Outcome.CANCELLED), ("expire", Outcome.NOT_FOUND)]
)
def test_an_order_that_is_over_is_told_as_it_ended(
    harness: PayPalHarness, verb: str, outcome: Outcome
) -> None:
    reference = started(harness)
    harness.post(f"payments/pay-1/{verb}", {})
    assert fetched(harness, reference).outcome is outcome
    assert collected(harness, reference).outcome is outcome


def test_a_payer_who_gives_up_may_still_pay(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.post("payments/pay-1/cancel", {})
    assert fetched(harness, reference).outcome is Outcome.STARTED


def test_who_was_faster_with_the_capture_is_believed(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = started(harness)
    harness.approve("pay-1")
    stale = call(harness.account, "GET", f"/v2/checkout/orders/{reference}")
    harness.door("payments/pay-1/capture")
    answers = iter([stale])
    real = paypal.order_of
    monkeypatch.setattr(paypal, "order_of", lambda *asked: next(answers, None) or real(*asked))
    assert collected(harness, reference).outcome is Outcome.SUCCEEDED
    assert harness.books()["totals"]["succeeded_cents"] == 4200


def test_anothers_order_is_reported_and_never_captured(harness: PayPalHarness) -> None:
    reference = started(harness, "pay-2")
    harness.approve("pay-2")
    for report in (fetched(harness, reference), collected(harness, reference)):
        assert (report.payment, report.outcome) == ("pay-2", Outcome.AGREED)
    assert harness.books()["totals"]["succeeded_cents"] == 0


def test_a_capture_whose_answer_is_lost_is_found_by_asking(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = started(harness)
    harness.approve("pay-1")

    def lost(account: Any, method: str, path: str, *more: Any, **named: Any) -> Any:
        answer = call(account, method, path, *more, **named)
        if path.endswith("/capture"):
            raise ProviderDown("its answer was lost")
        return answer

    monkeypatch.setattr(paypal, "call", lost)
    with pytest.raises(ProviderDown):
        collected(harness, reference)
    assert fetched(harness, reference).outcome is Outcome.SUCCEEDED


def test_other_money_than_was_ordered_is_told_as_it_came(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.approve("pay-1")
    letter = harness.door("payments/pay-1/capture", amount_cents=4199, currency="PLN")
    (word,) = heard(harness, letter)
    assert word.amount == Money(4199, "PLN")
    assert fetched(harness, reference).amount == Money(4199, "PLN")


def test_a_token_is_kept_and_fetched_anew_when_it_is_not_taken(harness: PayPalHarness) -> None:
    reference = started(harness)
    fetched(harness, reference)
    tokens = [path for _, path, _ in harness.called if path.endswith("/token")]
    assert len(tokens) == 1
    for place, (_, ends) in list(paypal_wire._tokens.items()):
        paypal_wire._tokens[place] = ("A21AAwithdrawn", ends)
    assert fetched(harness, reference).outcome is Outcome.STARTED
    assert [status for _, _, status in harness.called[-3:]] == [401, 200, 200]


def test_a_refund_is_not_sent_again_when_paypal_has_forgotten_its_key(
    harness: PayPalHarness, tmp_path: Path
) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    back = RefundOrder("ref-1", "pay-1", reference, Money(1000))
    harness.post("settings", {"down": "after"})
    with pytest.raises(ProviderDown):
        PROVIDER.refund(harness.account, back)
    harness.post("settings", {"down": False})
    first = PROVIDER.refund(harness.account, back)
    moved = tmp_path / "clock"
    moved.write_text("+20h")
    clock.move_by(moved)
    try:
        assert PROVIDER.refund(harness.account, back) == first
    finally:
        clock.move_by(None)
    assert harness.books()["totals"]["refunded_cents"] == 1000


@pytest.mark.parametrize("issue", ["DUPLICATE_INVOICE_ID", "PREVIOUS_REQUEST_IN_PROGRESS"])
def test_a_refund_that_is_there_already_has_not_failed(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch, issue: str
) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    real = call

    def refuse(account: Any, method: str, path: str, *more: Any, **named: Any) -> Any:
        if path.endswith("/refund"):
            raise Unwilling("no", 422, "UNPROCESSABLE_ENTITY", issue)
        return real(account, method, path, *more, **named)

    monkeypatch.setattr(paypal_refund, "call", refuse)
    with pytest.raises(ProviderDown):
        PROVIDER.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(1)))


def test_a_pending_capture_is_not_refunded(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.approve("pay-1", "pend")
    collected(harness, reference)
    back = RefundOrder("ref-1", "pay-1", reference, Money(1))
    assert PROVIDER.refund(harness.account, back).outcome is Outcome.FAILED


def test_what_was_refunded_at_paypal_itself_has_no_id_of_ours(harness: PayPalHarness) -> None:
    started(harness)
    harness.pay("pay-1")
    (word,) = heard(harness, harness.door("payments/pay-1/refund", amount_cents=100))
    assert isinstance(word, RefundReport)
    assert (word.refund, word.payment, word.outcome) == ("", "pay-1", Outcome.SUCCEEDED)


def test_a_refund_without_our_id_in_the_event_is_asked_about(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    harness.let_refunds_wait()
    PROVIDER.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(100)))
    letter = harness.end_refund("ref-1", sent=True)
    (word,) = heard(harness, changed(harness, letter, invoice_id=None))
    assert (word.refund, word.outcome) == ("ref-1", Outcome.SUCCEEDED)


@pytest.mark.parametrize("missing", ["payee", "supplementary_data", "custom_id"])
def test_an_event_that_does_not_say_whose_it_is_is_completed_by_asking(
    harness: PayPalHarness, missing: str
) -> None:
    reference = started(harness)
    letter = harness.pay("pay-1")
    (whole,) = heard(harness, letter)
    assert heard(harness, changed(harness, letter, **{missing: None})) == (whole,)
    assert whole.provider_reference == reference


def test_what_a_letter_says_of_money_is_asked_about(harness: PayPalHarness) -> None:
    """Its body is under a checksum only: who has one signed letter can write another."""
    started(harness)
    harness.approve("pay-1", "pend")
    pending = harness.door("payments/pay-1/capture")
    (word,) = heard(harness, changed(harness, pending, status="COMPLETED"))
    assert word.outcome is Outcome.PENDING
    started(harness, "pay-2")
    more = {"currency_code": "EUR", "value": "9999.00"}
    other = changed(harness, harness.pay("pay-2"), amount=more, custom_id="pay-1")
    (word,) = heard(harness, other)
    assert (word.payment, word.amount) == ("pay-2", Money(4200))


def test_what_a_letter_says_of_a_refund_is_asked_about(harness: PayPalHarness) -> None:
    """Or it would be ordered anew, and go back twice."""
    reference = started(harness)
    harness.pay("pay-1")
    harness.let_refunds_wait()
    PROVIDER.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(100)))
    letter = harness.end_refund("ref-1", sent=True)
    other = {"currency_code": "EUR", "value": "1.01"}
    (word,) = heard(harness, changed(harness, letter, status="FAILED", amount=other))
    assert (word.outcome, word.amount) == (Outcome.SUCCEEDED, Money(100))


def test_what_a_letter_says_of_a_dispute_is_asked_about(harness: PayPalHarness) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.reverse("pay-1", 1000, 500)
    (taken,) = heard(harness, letter)
    won = {"outcome_code": "RESOLVED_SELLER_FAVOUR"}
    other = {"currency_code": "EUR", "value": "0.01"}
    forged = changed(harness, letter, status="RESOLVED", dispute_outcome=won, dispute_amount=other)
    assert heard(harness, forged) == (taken,)


def test_unclear_money_without_an_order_goes_back_once(harness: PayPalHarness) -> None:
    """As of another shop of the town: only its capture has a name."""
    reference = started(harness)
    harness.pay("pay-1")
    told = call(harness.account, "GET", f"/v2/checkout/orders/{reference}")
    capture = told["purchase_units"][0]["payments"]["captures"][0]["id"]
    back = RefundOrder("ref-1", "", capture, Money(1000))
    first = PROVIDER.refund(harness.account, back)
    assert (first.refund, first.outcome, first.amount) == (
        "ref-1", Outcome.SUCCEEDED, Money(1000),
    )  # fmt: skip
    assert PROVIDER.refund(harness.account, back) == first
    assert harness.books()["totals"]["refunded_cents"] == 1000
    gone = PROVIDER.refund(harness.account, replace(back, provider_reference="NOSUCHCAPTURE"))
    assert gone.outcome is Outcome.FAILED


def test_money_of_another_shop_of_the_town_names_no_payment_of_ours(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    letter = harness.pay("pay-1")
    real = paypal_events.captured

    def nameless(*asked: Any) -> Any:
        return {name: value for name, value in real(*asked).items() if name != "custom_id"}

    monkeypatch.setattr(paypal_events, "captured", nameless)
    (word,) = heard(harness, changed(harness, letter, custom_id=None))
    assert (word.payment, word.outcome, word.amount) == ("", Outcome.SUCCEEDED, Money(4200))


def say(patch: pytest.MonkeyPatch, **fields: Any) -> None:
    """From now on PayPal says something else of each dispute."""

    def told(*asked: Any) -> Any:
        found = call(*asked)
        return found | fields if "/disputes/" in asked[2] else found

    patch.setattr(paypal_events, "call", told)


def test_an_inquiry_takes_no_money(harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.reverse("pay-1", 1000, 500)
    say(monkeypatch, dispute_life_cycle_stage="INQUIRY")
    assert heard(harness, letter) == ()


def test_a_fee_that_is_kept_does_not_come_back_with_the_money(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    harness.pay("pay-1")
    (taken,) = heard(harness, harness.reverse("pay-1", 1000, 500))
    letter = harness.win(taken.reversal)
    (won,) = heard(harness, letter)
    assert (won.back, won.fee_back) == (Money(1000), Money(500))
    moved = json.loads(letter[1])["resource"]["money_movements"]
    kept = [one for one in moved if one["type"] == "DEBIT" or "FEE" not in one["reason"]]
    say(monkeypatch, money_movements=kept)
    (won,) = heard(harness, letter)
    assert (won.back, won.fee_back) == (Money(1000), Money(0))


@pytest.mark.parametrize("outcome", sorted(paypal_events.OUTCOME))
def test_what_moved_counts_and_not_how_a_dispute_ended(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    started(harness)
    harness.pay("pay-1")
    (taken,) = heard(harness, harness.reverse("pay-1", 1000, 500))
    letter = harness.win(taken.reversal, 300)
    got = {"currency_code": "EUR", "value": "9.99"}
    say(monkeypatch, dispute_outcome={"outcome_code": outcome, "amount_refunded": got})
    (word,) = heard(harness, letter)
    assert (word.amount, word.back) == (Money(1000), Money(300))


def test_only_what_moved_is_taken_and_not_all_that_is_disputed(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.reverse("pay-1", 300, 0)
    say(monkeypatch, dispute_amount={"currency_code": "EUR", "value": "42.00"})
    (word,) = heard(harness, letter)
    assert word.amount == Money(300)


def test_money_that_moved_between_others_is_not_the_towns(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.reverse("pay-1", 1000, 500)
    moved = json.loads(letter[1])["resource"]["money_movements"]
    say(monkeypatch, money_movements=[one | {"affected_party": "BUYER"} for one in moved])
    assert heard(harness, letter) == ()


def test_an_inquiry_that_a_refund_settles_is_no_reversal(harness: PayPalHarness) -> None:
    started(harness)
    harness.pay("pay-1")
    asked = harness.post("payments/pay-1/inquire", {"amount_cents": 4200})["reversal"]
    letter = harness.door(f"reversals/{asked}/settle", amount_cents=3000)
    assert json.loads(letter[1])["resource"]["dispute_outcome"]["amount_refunded"] == {
        "currency_code": "EUR", "value": "30.00",
    }  # fmt: skip
    assert heard(harness, letter) == ()


def test_an_inquiry_that_the_towns_own_refund_settles_is_no_reversal(
    harness: PayPalHarness,
) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    asked = harness.post("payments/pay-1/inquire", {"amount_cents": 4200})["reversal"]
    PROVIDER.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(4200)))
    assert heard(harness, harness.door(f"reversals/{asked}/settle")) == ()


def test_an_inquiry_that_becomes_a_claim_takes_what_moves(harness: PayPalHarness) -> None:
    started(harness)
    harness.pay("pay-1")
    told = {"amount_cents": 1000, "fee_cents": 500}
    asked = harness.post("payments/pay-1/inquire", told)["reversal"]
    (word,) = heard(harness, harness.door(f"reversals/{asked}/escalate"))
    assert (word.reversal, word.amount, word.fee) == (asked, Money(1000), Money(500))


@pytest.mark.parametrize("stage", ["CHARGEBACK", "INQUIRY"])
@pytest.mark.parametrize("outcome", sorted(paypal_events.OUTCOME))
def test_where_no_movement_is_told_what_the_payer_got_of_the_town_was_taken(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch, outcome: str, stage: str
) -> None:
    started(harness)
    harness.pay("pay-1")
    lost = harness.post("payments/pay-1/reverse", {"amount_cents": 4200})["reversal"]
    letter = harness.door(f"reversals/{lost}/lose")
    got = {"currency_code": "EUR", "value": "30.00"}
    ended = {"outcome_code": outcome, "amount_refunded": got}
    say(monkeypatch, money_movements=[], dispute_outcome=ended, dispute_life_cycle_stage=stage)
    found = [word.amount for word in heard(harness, letter)]
    takes = stage != "INQUIRY" and outcome in {"RESOLVED_BUYER_FAVOUR", "ACCEPTED"}
    assert found == ([Money(3000)] if takes else [])


def test_what_the_payer_got_may_be_the_towns_own_refund_and_its_report_tells(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    lost = harness.post("payments/pay-1/reverse", {"amount_cents": 1000})["reversal"]
    PROVIDER.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(1000)))
    letter = harness.door(f"reversals/{lost}/lose")
    say(monkeypatch, money_movements=[])
    assert heard(harness, letter) == ()


def test_while_a_dispute_tells_of_no_movement_it_takes_nothing(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.reverse("pay-1", 1000, 500)
    say(monkeypatch, money_movements=[])
    assert heard(harness, letter) == ()


def test_of_a_reversal_whose_dispute_tells_of_no_movement_the_transaction_says_how_much(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(harness)
    harness.pay("pay-1")
    letter = harness.door("payments/pay-1/reverse", 1, amount_cents=1000, fee_cents=0)
    (as_told,) = heard(harness, letter)
    more = {"currency_code": "EUR", "value": "42.00"}
    say(monkeypatch, money_movements=[], dispute_amount=more)
    assert heard(harness, letter) == (as_told,)


def test_the_reversal_and_its_dispute_are_one_thing(harness: PayPalHarness) -> None:
    reference = started(harness)
    harness.pay("pay-1")
    told = {"amount_cents": 1000, "fee_cents": 500}
    sent = harness.post("payments/pay-1/reverse", told)["deliveries"]
    letters = [(one["sent"]["headers"], one["sent"]["body"].encode()) for one in sent]
    (dispute,), (reversed_) = heard(harness, letters[0]), heard(harness, letters[1])
    assert [replace(word, event_id="") for word in reversed_] == [replace(dispute, event_id="")]
    assert dispute.provider_reference == reference


def without_dispute(harness: PayPalHarness, patch: pytest.MonkeyPatch) -> Letter:
    """PayPal took 1,000 cents back, and there is no dispute about it."""
    started(harness)
    harness.pay("pay-1")
    patch.setattr(paypal_events, "case", lambda *_: None)
    return harness.door("payments/pay-1/reverse", 1, amount_cents=1000, fee_cents=0)


def test_how_much_was_taken_without_a_dispute_says_the_transaction_and_not_the_letter(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = without_dispute(harness, monkeypatch)
    more = {"currency_code": "EUR", "value": "42.00"}
    (word,) = heard(harness, changed(harness, letter, amount=more))
    assert isinstance(word, ReversalReport)
    assert (word.amount, word.fee) == (Money(1000), Money(0))


def test_a_reversal_of_which_no_transaction_tells_yet_shall_come_again(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = without_dispute(harness, monkeypatch)
    real = paypal_events.search
    monkeypatch.setattr(paypal_events, "search", lambda *asked: replace(real(*asked), movements=()))
    with pytest.raises(ProviderDown, match="yet"):
        heard(harness, letter)


def test_a_reversal_without_a_dispute_is_named_by_its_capture(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (word,) = heard(harness, without_dispute(harness, monkeypatch))
    assert isinstance(word, ReversalReport)
    (capture,) = (
        path.rpartition("/")[2] for _, path, _ in harness.called[-1:] if "/captures/" in path
    )
    assert (word.reversal, word.payment, word.reason) == (capture, "pay-1", "other")


def test_a_second_dispute_about_a_capture_is_another_reversal(harness: PayPalHarness) -> None:
    started(harness)
    harness.pay("pay-1")
    (first,) = heard(harness, harness.reverse("pay-1", 1000, 500))
    harness.win(first.reversal)
    (second,) = heard(harness, harness.door("payments/pay-1/reverse", 1, amount_cents=700))
    assert second.reversal != first.reversal
    assert second.amount == Money(700)


def test_what_is_of_no_interest_says_nothing(harness: PayPalHarness) -> None:
    started(harness)
    headers, body = harness.approve("pay-1")
    for name in paypal_events.OF_NO_INTEREST:
        event = json.loads(body) | {"event_type": name}
        assert heard(harness, harness.sign((headers, json.dumps(event).encode()))) == ()


def test_an_order_that_is_approved_under_no_name_of_ours_only_rings(
    harness: PayPalHarness,
) -> None:
    reference = started(harness)
    letter = harness.approve("pay-1")
    units = json.loads(letter[1])["resource"]["purchase_units"]
    del units[0]["custom_id"]
    (word,) = heard(harness, changed(harness, letter, purchase_units=units))
    assert (word.payment, word.provider_reference) == ("", reference)


def test_an_unknown_order_status_is_loud(
    harness: PayPalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = started(harness)
    monkeypatch.delitem(paypal.ORDER_STATUS, "PAYER_ACTION_REQUIRED")
    with pytest.raises(UnknownWord):
        fetched(harness, reference)


@pytest.mark.parametrize(
    ("live", "changes", "words"),
    [
        (False, {"client_id": ""}, "client_id"),
        (False, {"secret": "", "webhook_id": ""}, "secret, webhook_id"),
        (False, {"ca": ""}, "base_url of a test account must"),
        (
            False,
            {"base_url": "https://api-m.paypal.com", "ca": ""},
            "base_url of a test account must",
        ),
        (True, {"base_url": "https://api-m.sandbox.paypal.com", "ca": ""}, "of a live account"),
        (True, {"base_url": "https://api-m.paypal.com.evil.example", "ca": ""}, "of a live"),
        (True, {"base_url": "http://api-m.paypal.com", "ca": ""}, "of a live account"),
        (True, {}, "ca is for"),
        (True, {"base_url": "https://api-m.paypal.com"}, "ca is for"),
    ],
)
def test_an_account_that_cannot_work_is_refused_in_words(
    live: bool, changes: dict[str, str], words: str
) -> None:
    account = replace(with_credentials(ACCOUNT, **changes), live=live)
    with pytest.raises(AccountUnfit, match=words) as refused:
        PROVIDER.checked(account)
    assert ACCOUNT.credentials["secret"] not in str(refused.value)


def test_accounts_in_their_own_mode_are_taken() -> None:
    PROVIDER.checked(ACCOUNT)
    for live, url in (
        (True, "https://api-m.paypal.com"),
        (False, "https://api-m.sandbox.paypal.com/"),
    ):
        account = with_credentials(ACCOUNT, base_url=url, ca="")
        PROVIDER.checked(replace(account, live=live))


def test_a_merchant_that_is_no_merchant_id_is_refused() -> None:
    with pytest.raises(AccountUnfit, match="merchant id"):
        PROVIDER.checked(replace(ACCOUNT, merchant="kasse@town.example"))


def test_start_never_leads_to_an_order_of_another_payment(harness: PayPalHarness) -> None:
    started(harness)
    other: Order = replace(order(), text="Stadt Musterhausen AAAA-BBBB")
    assert PROVIDER.start(harness.account, other).provider_reference
    with pytest.raises(ProviderDown):
        PROVIDER.start(harness.account, replace(order(), amount=Money(1)))
