"""What Stripe does beyond the contract: delayed methods, disputes, pay-outs, keys, words."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.fake import Letter as Posted
from fakes.stripe import moved
from fakes.stripe.playing import Stripe as Fake
from portal import clock
from portal.money import Money
from portal.providers import stripe_wire, wire
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    BadNotification,
    Heard,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    ReversalReport,
    SettlementReady,
    UnknownWord,
)
from portal.providers.stripe import Stripe
from portal.providers.wire import Answer
from tests.conftest import Time
from tests.providers.harness_stripe import StripeHarness, stripe_harness
from tests.providers.harnesses import Letter, with_credentials

STRIPE = Stripe()
VECTORS = json.loads((Path(__file__).parent / "specs" / "stripe_signature.json").read_text("utf-8"))


@pytest.fixture
def far(tmp_path: Path) -> Iterator[StripeHarness]:
    with stripe_harness(tmp_path) as harness:
        yield harness


def order(payment: str = "pay-1", cents: int = 4200, **other: Any) -> Order:
    told = {
        "payment": payment,
        "amount": Money(cents),
        "text": "Stadt Musterhausen 7F3K-9QXM",
        "method": "",
        "language": "de",
        "return_url": f"http://localhost:8000/return/{payment}",
        "notify_url": "http://localhost:8000/hook",
    }
    return Order(**told | other)


def started(far: StripeHarness, payment: str = "pay-1") -> str:
    return STRIPE.start(far.account, order(payment)).provider_reference


def paid(far: StripeHarness, payment: str = "pay-1") -> str:
    reference = started(far, payment)
    far.pay(payment)
    return reference


def heard(far: StripeHarness, *letters: Letter) -> list[Heard]:
    now = clock.now()
    return [
        word for letter in letters for word in STRIPE.read_notification(far.account, *letter, now)
    ]


def changed(far: StripeHarness, letter: Letter, *changes: tuple[str, str]) -> Letter:
    """A letter with other words in it, rightly signed."""
    headers, body = letter
    for old, new in changes:
        assert old.encode() in body, old
        body = body.replace(old.encode(), new.encode(), 1)
    return far.sign((headers, body))


def settled(far: StripeHarness) -> str:
    (ready, *_) = heard(far, far.settle())
    assert isinstance(ready, SettlementReady)
    return ready.settlement


def test_the_recorded_signature_is_made_and_taken_on_both_sides(far: StripeHarness) -> None:
    body, secret, header = VECTORS["payload"].encode(), VECTORS["secret"], VECTORS["header"]
    stripe_wire.check_signature(body, header, secret)
    at = datetime.fromtimestamp(VECTORS["t"], UTC)
    merchant: Any = {"webhook_url": "http://127.0.0.1:9/"}
    posted = Posted("evt_1", VECTORS["payload"], merchant, {"webhook_secret": secret}, at, False)
    assert Fake().parcel(posted).headers["stripe-signature"] == header
    with pytest.raises(BadNotification):
        stripe_wire.check_signature(body, header, secret + "x")


@pytest.mark.parametrize(
    "header",
    ["", "t=1,v0=aa", "v1=aa", "t=1,t=2,v1=aa", "t=\u0661,v1=aa", "t=1", "t=+1,v1=aa", "t=1,v1=AA",
     "t=1,v1=aa,t=2", " t=1,v1=aa", "t=1, v1=aa", "t=1,v1=aa,", "t=1,v1=aa\n", "t=1,v1=aa,x=1"],
)  # fmt: skip
def test_a_header_that_says_no_one_moment_is_refused(far: StripeHarness, header: str) -> None:
    started(far)
    _, body = far.pay("pay-1")
    with pytest.raises(BadNotification):
        STRIPE.read_notification(far.account, {"stripe-signature": header}, body, clock.now())


@pytest.mark.parametrize(
    ("live", "key"),
    [(True, "sk_test_1"), (True, "rk_test_1"), (False, "sk_live_1"), (False, "rk_live_1"),
     (True, ""), (False, "pk_test_1"), (True, "sk_live_"), (False, "sk_test_ 1")],
)  # fmt: skip
def test_a_key_of_the_other_mode_is_refused_and_never_sent(
    monkeypatch: pytest.MonkeyPatch, live: bool, key: str
) -> None:
    def never(*_: object, **__: object) -> Answer:
        raise AssertionError("it was sent")

    monkeypatch.setattr(wire, "ask", never)
    credentials = {"secret_key": key, "webhook_secret": "whsec_1"}
    account = Account("tenant", "account", "acct_1", live, credentials)
    with pytest.raises(AccountUnfit) as unfit:
        STRIPE.checked(account)
    assert len(key) < 9 or key not in str(unfit.value)
    with pytest.raises(ProviderDown):
        STRIPE.fetch(account, "pay-1", "cs_1")
    with pytest.raises(ProviderDown):
        STRIPE.start(account, order())


def test_stripes_package_is_not_imported_before_an_account_uses_it() -> None:
    code = "import sys, portal.providers.registry; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_account_that_fits_is_taken_and_what_is_missing_is_said(far: StripeHarness) -> None:
    STRIPE.checked(far.account)
    live = {"secret_key": "rk_live_1", "webhook_secret": "whsec_1"}
    STRIPE.checked(replace(far.account, live=True, credentials=live))
    with pytest.raises(AccountUnfit, match="webhook_secret"):
        STRIPE.checked(with_credentials(far.account, webhook_secret="secret"))
    with pytest.raises(AccountUnfit, match="acct_"):
        STRIPE.checked(replace(far.account, merchant="town"))


def test_an_event_of_the_other_mode_is_refused_before_anything_is_asked_about_it(
    far: StripeHarness,
) -> None:
    paid(far)
    live = replace(far.account, live=True)
    with pytest.raises(BadNotification, match="other mode"):
        STRIPE.read_notification(live, *far.reverse("pay-1", 1000, 500), clock.now())


@pytest.mark.parametrize(
    ("verb", "kind", "outcome"),
    [
        ("pay", "checkout.session.async_payment_succeeded", Outcome.SUCCEEDED),
        ("decline", "checkout.session.async_payment_failed", Outcome.FAILED),
    ],
)
def test_a_delayed_method_is_pending_until_its_end_is_told(
    far: StripeHarness, verb: str, kind: str, outcome: Outcome
) -> None:
    reference = started(far)
    (pending,) = heard(far, *far.told("payments/pay-1/pend"))
    assert isinstance(pending, Report)
    assert pending.outcome is Outcome.PENDING
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is Outcome.PENDING
    assert STRIPE.cancel(far.account, "pay-1", reference).outcome is Outcome.PENDING
    (letter,) = far.told(f"payments/pay-1/{verb}")
    assert json.loads(letter[1])["type"] == kind
    (end,) = heard(far, letter)
    assert isinstance(end, Report)
    assert (end.outcome, end.amount) == (outcome, Money(4200))
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is outcome


def test_a_declined_card_leaves_the_session_open_for_another(far: StripeHarness) -> None:
    reference = started(far)
    assert far.told("payments/pay-1/decline") == []
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is Outcome.STARTED
    far.pay("pay-1")
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is Outcome.SUCCEEDED


def test_a_session_ends_when_we_say_so(far: StripeHarness, time: Time) -> None:
    ends_at = clock.now() + timedelta(hours=1)
    reference = STRIPE.start(far.account, order(ends_at=ends_at)).provider_reference
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is Outcome.STARTED
    time.move("+2h")
    assert STRIPE.fetch(far.account, "pay-1", reference).outcome is Outcome.EXPIRED


def test_an_order_that_ends_sooner_than_a_session_may_lives_as_short_as_it_can(
    far: StripeHarness, time: Time
) -> None:
    began = clock.now()
    brief = order(ends_at=began + timedelta(minutes=10), began_at=began)
    first = STRIPE.start(far.account, brief)
    time.move("+1m")
    assert STRIPE.start(far.account, brief) == first
    time.move("+33m")
    assert STRIPE.fetch(far.account, "pay-1", first.provider_reference).outcome is Outcome.EXPIRED


def test_the_same_order_later_is_still_the_same_order(far: StripeHarness, time: Time) -> None:
    ends_at = clock.now() + timedelta(hours=23)
    first = STRIPE.start(far.account, order(ends_at=ends_at))
    time.move("+1h")
    assert STRIPE.start(far.account, order(ends_at=ends_at)) == first


@pytest.mark.parametrize("cents", [0, 49])
def test_what_stripe_does_not_collect_is_an_order_refused(far: StripeHarness, cents: int) -> None:
    with pytest.raises(OrderRefused):
        STRIPE.start(far.account, order(cents=cents))


def test_a_live_account_is_at_stripe_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can set an account shall not have its key sent to a host of his own."""
    credentials = {"secret_key": "sk_live_1", "webhook_secret": "whsec_1"}
    account = Account("tenant", "account", "acct_1", True, credentials)
    STRIPE.checked(account)
    elsewhere = with_credentials(account, base_url="https://api.stripe.com.evil.example")
    with pytest.raises(AccountUnfit, match="base_url"):
        STRIPE.checked(elsewhere)
    asked: list[str] = []

    def ask(_: str, url: str, *__: Any, **___: Any) -> Answer:
        asked.append(url)
        raise ProviderDown("nothing")

    monkeypatch.setattr(wire, "ask", ask)
    with pytest.raises(ProviderDown):
        STRIPE.fetch(elsewhere, "pay-1", "cs_1")
    assert asked == [] or all(url.startswith(f"{stripe_wire.ADDRESS}/") for url in asked)


def test_nothing_but_what_the_api_needs_is_sent_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, far: StripeHarness
) -> None:
    asked: list[Mapping[str, str]] = []
    answers = {"body": b'{"error":{"type":"api_error"}}'}

    def ask(method: str, url: str, headers: Mapping[str, str], **_: Any) -> Answer:
        asked.append(headers)
        return Answer(409, answers["body"])

    monkeypatch.setattr(wire, "ask", ask)
    with pytest.raises(ProviderDown):
        STRIPE.start(far.account, order())
    (headers,) = asked
    assert {name.lower() for name in headers} == {
        "authorization", "content-type", "idempotency-key", "stripe-version",
    }  # fmt: skip
    assert headers["Idempotency-Key"] == "pay-1"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 418])
@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"sk_test_1 x"}}', b"no JSON", b"[]", b"\xff"]
)
def test_no_error_of_stripe_is_a_word_about_a_payment_or_says_a_secret(
    monkeypatch: pytest.MonkeyPatch, far: StripeHarness, status: int, body: bytes
) -> None:
    monkeypatch.setattr(wire, "ask", lambda *_, **__: Answer(status, body))
    with pytest.raises(ProviderDown) as down:
        STRIPE.fetch(far.account, "pay-1", "cs_1")
    assert "sk_test_1" not in str(down.value)


@pytest.mark.parametrize(
    "body", [b"<html>404 Not Found</html>", b"", b'{"error":{"type":"invalid_request_error"}}']
)
def test_a_404_that_names_nothing_missing_is_no_word_about_money(
    monkeypatch: pytest.MonkeyPatch, far: StripeHarness, body: bytes
) -> None:
    """As an edge before Stripe answers."""
    reference = paid(far)
    back = RefundOrder("ref-1", "pay-1", reference, Money(1000))
    asked = wire.ask
    for wrong in ("GET", "POST"):

        def ask(method: str, *told: Any, wrong: str = wrong, **more: Any) -> Answer:
            return Answer(404, body) if method == wrong else asked(method, *told, **more)

        monkeypatch.setattr(wire, "ask", ask)
        with pytest.raises(ProviderDown):
            STRIPE.refund(far.account, back)
    monkeypatch.setattr(wire, "ask", lambda *_, **__: Answer(404, body))
    with pytest.raises(ProviderDown):
        STRIPE.fetch(far.account, "pay-1", reference)
    with pytest.raises(ProviderDown):
        STRIPE.start(far.account, order("pay-2"))


def test_a_refund_that_is_asked_for_days_later_still_goes_back_once(
    far: StripeHarness, time: Time
) -> None:
    reference = paid(far)
    back = RefundOrder("ref-1", "pay-1", reference, Money(1000))
    first = STRIPE.refund(far.account, back)
    time.move("+25h")  # Stripe has forgotten the key
    assert STRIPE.refund(far.account, back) == first
    assert far.books()["totals"]["refunded_cents"] == 1000


def test_a_refund_ordered_at_stripe_itself_names_the_payment(far: StripeHarness) -> None:
    paid(far)
    (word,) = heard(far, *far.told("payments/pay-1/refund", amount_cents=700))
    assert isinstance(word, RefundReport)
    assert (word.refund, word.payment, word.amount) == ("", "pay-1", Money(700))
    assert word.outcome is Outcome.SUCCEEDED


def test_an_inquiry_moves_no_money_and_says_nothing(far: StripeHarness) -> None:
    paid(far)
    letter = far.reverse("pay-1", 1000, 500)
    for status in ("warning_needs_response", "warning_closed", "prevented"):
        inquiry = changed(far, letter, ('"status":"needs_response"', f'"status":"{status}"'))
        assert heard(far, inquiry) == []
    body = json.loads(letter[1])
    body["data"]["object"]["balance_transactions"] = []
    early = far.sign((letter[0], json.dumps(body).encode()))
    assert heard(far, early) == []


def test_a_lost_dispute_is_the_same_reversal_again(far: StripeHarness) -> None:
    paid(far)
    (taken,) = heard(far, far.reverse("pay-1", 1000, 500))
    assert isinstance(taken, ReversalReport)
    (lost,) = heard(far, *far.told(f"reversals/{taken.reversal}/lose"))
    assert lost == replace(taken, event_id=lost.event_id)


def test_a_fee_that_is_kept_does_not_come_back_with_the_money(far: StripeHarness) -> None:
    paid(far)
    (taken,) = heard(far, far.reverse("pay-1", 1000, 500))
    assert isinstance(taken, ReversalReport)
    letter = changed(far, far.win(taken.reversal), ('"fee":-500', '"fee":0'))
    (won,) = heard(far, letter)
    assert isinstance(won, ReversalReport)
    assert (won.back, won.fee_back) == (Money(1000), Money(0))


def test_how_much_came_back_say_the_balance_transactions_and_no_status(far: StripeHarness) -> None:
    paid(far)
    (taken,) = heard(far, far.reverse("pay-1", 1000, 500))
    assert isinstance(taken, ReversalReport)
    for letter in far.told(f"reversals/{taken.reversal}/win", amount_cents=700):
        for status in ("won", "lost", "under_review"):
            (word,) = heard(far, changed(far, letter, ('"status":"won"', f'"status":"{status}"')))
            assert isinstance(word, ReversalReport)
            assert (word.amount, word.back) == (Money(1000), Money(700))


def test_an_appeal_that_is_lost_takes_again_what_was_won(far: StripeHarness) -> None:
    paid(far)
    (taken,) = heard(far, far.reverse("pay-1", 1000, 500))
    assert isinstance(taken, ReversalReport)
    far.win(taken.reversal)
    for letter in far.told(f"reversals/{taken.reversal}/withdraw"):
        (word,) = heard(far, letter)
        assert isinstance(word, ReversalReport)
        assert (word.amount, word.back, word.reversal) == (
            Money(2000), Money(1000), taken.reversal,
        )  # fmt: skip


def test_which_payment_a_dispute_is_of_must_be_known(far: StripeHarness) -> None:
    paid(far)
    letter = far.reverse("pay-1", 1000, 500)
    far.fall_silent()
    with pytest.raises(ProviderDown):
        heard(far, letter)


def test_a_dispute_about_an_old_charge_names_the_charge(far: StripeHarness) -> None:
    """Charges of before payment intents have none; asked with an empty name, Stripe says 400."""
    paid(far)
    letter = far.reverse("pay-1", 1000, 500)
    about = json.loads(letter[1])["data"]["object"]
    old = changed(far, letter, (f'"payment_intent":"{about["payment_intent"]}"',
                                '"payment_intent":null'))  # fmt: skip
    (word,) = heard(far, old)
    assert isinstance(word, ReversalReport)
    assert (word.payment, word.provider_reference) == ("", about["charge"])
    assert (word.amount, word.fee) == (Money(1000), Money(500))


def test_an_event_of_another_account_names_it(far: StripeHarness) -> None:
    started(far)
    letter = changed(
        far, far.pay("pay-1"), ('"object":"event"', '"object":"event","account":"acct_2"')
    )
    (report,) = heard(far, letter)
    assert isinstance(report, Report)
    assert report.merchant == "acct_2"


def test_money_of_a_session_that_is_not_ours_is_reported_all_the_same(far: StripeHarness) -> None:
    started(far)
    ours, nobody = '"client_reference_id":"pay-1"', '"client_reference_id":null'
    (report,) = heard(far, changed(far, far.pay("pay-1"), (ours, nobody)))
    assert isinstance(report, Report)
    assert (report.payment, report.outcome) == ("", Outcome.SUCCEEDED)


def test_what_is_of_no_interest_says_nothing(far: StripeHarness) -> None:
    started(far)
    letter = far.pay("pay-1")
    for old, new in (
        ('"mode":"payment"', '"mode":"subscription"'),
        ('"checkout.session.completed"', '"customer.created"'),
        ('"checkout.session.completed"', '"payout.created"'),
    ):
        assert heard(far, changed(far, letter, (old, new))) == []


def test_a_long_payout_is_read_page_by_page(
    far: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_wire, "PAGE", 2)
    references = {payment: paid(far, payment) for payment in ("pay-1", "pay-2", "pay-3")}
    back = RefundOrder("ref-1", "pay-1", references["pay-1"], Money(100))
    STRIPE.refund(far.account, back)
    report = STRIPE.settlement(far.account, settled(far))
    assert {line.provider_reference for line in report.lines if line.kind == "payment"} == set(
        references.values()
    )
    assert [line.payment for line in report.lines if line.kind == "refund"] == ["pay-1"]
    made = []
    for payment in ("pay-4", "pay-5", "pay-6"):
        paid(far, payment)
        made.append(settled(far))
    yesterday = clock.now() - timedelta(days=1)
    assert STRIPE.settlements(far.account, yesterday)[1:] == tuple(made)
    totals = far.books()["totals"]
    assert totals["unsettled_cents"] == 0
    assert (
        report.net.cents + sum(STRIPE.settlement(far.account, name).net.cents for name in made)
        == totals["settled_cents"]
    )


def test_single_fees_reserves_and_other_things_have_lines_of_their_own(
    far: StripeHarness,
) -> None:
    paid(far)
    merchant = far.account.merchant
    for kind, cents in (("fee", -250), ("reserve", -1000), ("other", 30)):
        far.post(f"merchants/{merchant}/adjust", kind=kind, amount_cents=cents)
    report = STRIPE.settlement(far.account, settled(far))
    lines = {line.kind: (line.gross.cents, line.fee.cents, line.payment) for line in report.lines}
    assert lines == {
        "payment": (4200, 75, "pay-1"), "fee": (0, 250, ""), "reserve": (-1000, 0, ""),
        "other": (30, 0, ""),
    }  # fmt: skip
    assert report.net == Money(4200 - 75 - 250 - 1000 + 30)


def test_a_payout_that_fails_after_it_was_paid_comes_back_with_a_later_one(
    far: StripeHarness,
) -> None:
    paid(far)
    first = STRIPE.settlement(far.account, settled(far))
    (again,) = heard(far, *far.told(f"settlements/{first.settlement}/fail"))
    assert isinstance(again, SettlementReady)
    assert STRIPE.settlement(far.account, again.settlement) == first
    later = STRIPE.settlement(far.account, settled(far))
    (line,) = later.lines
    assert (line.kind, line.gross, later.net) == ("other", first.net, first.net)


def test_a_refund_of_long_ago_still_names_its_payment(far: StripeHarness) -> None:
    reference = paid(far)
    settled(far)
    paid(far, "pay-2")
    STRIPE.refund(far.account, RefundOrder("ref-1", "", reference, Money(100)))
    report = STRIPE.settlement(far.account, settled(far))
    assert {(line.kind, line.payment) for line in report.lines} == {
        ("payment", "pay-2"), ("refund", "pay-1"),
    }  # fmt: skip


def altered(monkeypatch: pytest.MonkeyPatch, **words: Any) -> None:
    """From now on the far side says other words of its pay-outs."""
    before = moved.payout
    monkeypatch.setattr(moved, "payout", lambda *of: before(*of) | words)


def test_a_payout_that_does_not_add_up_is_no_report(
    far: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(far)
    name = settled(far)
    altered(monkeypatch, amount=4126)
    with pytest.raises(ProviderDown):
        STRIPE.settlement(far.account, name)


@pytest.mark.parametrize("status", ["in_progress", "not_applicable"])
def test_what_cannot_be_listed_yet_is_neither_ready_nor_fetched_nor_listed(
    far: StripeHarness, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    paid(far)
    name = settled(far)
    altered(monkeypatch, reconciliation_status=status)
    with pytest.raises(ProviderDown):
        STRIPE.settlement(far.account, name)
    assert STRIPE.settlements(far.account, clock.now() - timedelta(days=1)) == ()
    paid(far, "pay-2")
    assert heard(far, far.settle()) == []


def test_a_category_that_no_table_has_is_loud(
    far: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(far)
    name = settled(far)
    monkeypatch.setitem(moved.MOVEMENT, "sale", ("charge", "on_the_moon"))
    with pytest.raises(UnknownWord):
        STRIPE.settlement(far.account, name)
