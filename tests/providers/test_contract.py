"""What every adapter must do. A new one joins ``peers.PEERS`` and passes unchanged.

What a provider cannot do by its nature its harness says by a flag; the reason is told when a test
is skipped for it.
"""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal import clock
from portal.money import Money
from portal.providers import registry
from portal.providers.capabilities import (
    Cancels,
    Checks,
    Collects,
    Fetches,
    FetchesRefunds,
    FindsRefunds,
    ListsSettlements,
    Notifies,
    Provider,
    Refunds,
    Settles,
    Starts,
    Sums,
)
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    BadNotification,
    Heard,
    KeyRefused,
    Moved,
    Order,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    ReversalReport,
    Settlement,
    SettlementReady,
    UnknownWord,
)
from tests.providers.harnesses import Harness, Letter, with_credentials
from tests.providers.peers import PEERS


@pytest.fixture(params=PEERS, ids=lambda peer: peer[0].name)
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Provider, Harness]]:
    provider, open_harness = request.param
    with open_harness(tmp_path) as harness:
        yield provider, harness


@pytest.fixture
def provider(peer: tuple[Provider, Harness]) -> Provider:
    return peer[0]


@pytest.fixture
def harness(peer: tuple[Provider, Harness]) -> Harness:
    return peer[1]


def order(payment: str = "pay-1", cents: int = 4200) -> Order:
    return Order(
        payment=payment,
        amount=Money(cents),
        text="Stadt Musterhausen 7F3K-9QXM",
        method="",
        language="de",
        return_url=f"http://localhost:8000/return/{payment}",
        notify_url="http://localhost:8000/hook",
    )


def able(provider: Provider, capability: type) -> None:
    if not isinstance(provider, capability):
        pytest.skip(f"{provider.name} is not one that {capability.__name__}")


def unless(possible: bool, reason: str) -> None:
    """Skip what a provider by its nature does not do."""
    if not possible:
        pytest.skip(reason)


def test_every_adapter_of_the_program_is_in_this_test() -> None:
    assert {provider.name for provider, _ in PEERS} == set(registry.PROVIDERS)


def test_an_account_that_works_is_fit_and_one_without_credentials_is_not(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Checks)
    assert isinstance(provider, Checks)
    provider.checked(harness.account)
    with pytest.raises(AccountUnfit):
        provider.checked(replace(harness.account, credentials={}))
    with pytest.raises(AccountUnfit):
        provider.checked(replace(harness.account, live=not harness.account.live))


def test_an_adapter_starts_and_fetches(provider: Provider) -> None:
    assert isinstance(provider, Starts)
    assert isinstance(provider, Fetches)


def test_our_tables_hold_every_word_of_the_far_side(harness: Harness) -> None:
    for theirs, ours in harness.words:
        assert theirs == ours


def test_fetch_reports_on_what_was_started(provider: Provider, harness: Harness) -> None:
    handover = provider.start(harness.account, order())
    report = provider.fetch(harness.account, "pay-1", handover.provider_reference)
    assert report == Report(
        payment="pay-1",
        provider_reference=handover.provider_reference,
        merchant=harness.account.merchant,
        outcome=Outcome.STARTED,
        amount=Money(4200),
        live=False,
        happened_at=report.happened_at,
    )


def test_without_the_providers_name_it_is_found_by_ours_or_nobody_was_ever_sent_there(
    provider: Provider, harness: Harness
) -> None:
    handover = provider.start(harness.account, order())
    named = provider.fetch(harness.account, "pay-1", handover.provider_reference)
    report = provider.fetch(harness.account, "pay-1", "")
    if harness.finds_by_our_id:
        assert report == named
    else:
        assert (report.payment, report.outcome) == ("pay-1", Outcome.NOT_FOUND)


def test_started_twice_with_one_id_it_is_one_payment(provider: Provider, harness: Harness) -> None:
    first = provider.start(harness.account, order())
    if harness.repeats_itself:
        assert provider.start(harness.account, order()) == first
        return
    with pytest.raises(ProviderDown):
        provider.start(harness.account, order())
    report = provider.fetch(harness.account, "pay-1", first.provider_reference)
    assert (report.payment, report.outcome) == ("pay-1", Outcome.STARTED)


def test_one_id_with_another_amount_is_no_second_payment(
    provider: Provider, harness: Harness
) -> None:
    unless(harness.refuses_other_amount, "here the first order stands, whatever comes after")
    handover = provider.start(harness.account, order())
    with pytest.raises(ProviderDown):
        provider.start(harness.account, order(cents=4201))
    report = provider.fetch(harness.account, "pay-1", handover.provider_reference)
    assert report.amount == Money(4200)


@pytest.mark.parametrize("reference", ["", "no-such"])
def test_an_unknown_payment_is_not_found(
    provider: Provider, harness: Harness, reference: str
) -> None:
    report = provider.fetch(harness.account, "no-such", reference)
    assert (report.payment, report.outcome) == ("no-such", Outcome.NOT_FOUND)


def test_one_merchant_does_not_find_anothers_payment(provider: Provider, harness: Harness) -> None:
    handover = provider.start(harness.account, order())
    reference = handover.provider_reference
    assert provider.fetch(harness.other_account, "pay-1", reference).outcome is Outcome.NOT_FOUND


def test_money_that_came_is_reported(provider: Provider, harness: Harness) -> None:
    reference = paid(provider, harness)
    report = provider.fetch(harness.account, "pay-1", reference)
    assert (report.outcome, report.amount) == (Outcome.SUCCEEDED, Money(4200))


def test_what_nobody_agreed_to_is_not_collected(provider: Provider, harness: Harness) -> None:
    able(provider, Collects)
    assert isinstance(provider, Collects)
    reference = provider.start(harness.account, order()).provider_reference
    report = provider.collect(harness.account, "pay-1", reference)
    assert report == provider.fetch(harness.account, "pay-1", reference)
    assert report.outcome is Outcome.STARTED
    for unknown in ("", "no-such"):
        found = provider.collect(harness.account, "no-such", unknown)
        assert found.outcome is Outcome.NOT_FOUND


def test_what_is_paid_is_not_collected_again(provider: Provider, harness: Harness) -> None:
    able(provider, Collects)
    assert isinstance(provider, Collects)
    reference = paid(provider, harness)
    report = provider.collect(harness.account, "pay-1", reference)
    assert report == provider.fetch(harness.account, "pay-1", reference)
    assert report.outcome is Outcome.SUCCEEDED


def test_a_cancelled_payment_stays_cancelled(provider: Provider, harness: Harness) -> None:
    able(provider, Cancels)
    handover = provider.start(harness.account, order())
    reference = handover.provider_reference
    report = provider.cancel(harness.account, "pay-1", reference)
    assert (report.payment, report.outcome) == ("pay-1", harness.cancelled)
    again = "" if harness.finds_by_our_id else reference
    assert provider.cancel(harness.account, "pay-1", again) == report
    assert provider.fetch(harness.account, "pay-1", again) == report


def test_what_is_paid_cannot_be_cancelled(provider: Provider, harness: Harness) -> None:
    able(provider, Cancels)
    handover = provider.start(harness.account, order())
    harness.pay("pay-1")
    report = provider.cancel(harness.account, "pay-1", handover.provider_reference)
    assert report.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("reference", ["", "no-such"])
def test_what_was_never_there_is_not_cancelled(
    provider: Provider, harness: Harness, reference: str
) -> None:
    able(provider, Cancels)
    report = provider.cancel(harness.account, "no-such", reference)
    assert report.outcome is Outcome.NOT_FOUND


def test_a_signed_notification_is_read(provider: Provider, harness: Harness) -> None:
    able(provider, Notifies)
    unless(not harness.rings, "it only rings a bell, and fetch says what became of it")
    handover = provider.start(harness.account, order())
    report = read(provider, harness, harness.pay("pay-1"))
    assert isinstance(report, Report)
    assert bool(report.event_id) is harness.names_events
    assert report == Report(
        payment="pay-1",
        provider_reference=handover.provider_reference,
        merchant=harness.account.merchant,
        outcome=Outcome.SUCCEEDED,
        amount=Money(4200),
        live=False,
        event_id=report.event_id,
        happened_at=report.happened_at,
    )
    if harness.says_when:
        assert report.happened_at is not None
        assert abs(clock.now() - report.happened_at) < timedelta(minutes=1)


def test_a_bell_names_the_payment_that_is_to_be_asked_about(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    unless(harness.rings, "its notifications say themselves what became of a payment")
    handover = provider.start(harness.account, order())
    moved = read(provider, harness, harness.pay("pay-1"))
    assert isinstance(moved, Moved)
    assert moved.payment or moved.provider_reference, "it must be found by one of them"
    assert moved == Moved(
        payment=moved.payment and "pay-1",
        provider_reference=moved.provider_reference and handover.provider_reference,
        merchant=harness.account.merchant,
        live=False,
        event_id=moved.event_id,
    )


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_notification_of_the_last_or_next_five_minutes_is_read(
    provider: Provider, harness: Harness, minutes: int
) -> None:
    able(provider, Notifies)
    unless(harness.dated, "its notifications do not say when they were signed")
    provider.start(harness.account, order())
    headers, body = harness.pay("pay-1")
    now = harness.signed_at(headers) + timedelta(minutes=minutes)
    assert provider.read_notification(harness.account, headers, body, now)


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 365 * 86400])
def test_an_old_or_future_notification_is_refused(
    provider: Provider, harness: Harness, seconds: int
) -> None:
    able(provider, Notifies)
    unless(harness.dated, "its notifications do not say when they were signed")
    provider.start(harness.account, order())
    headers, body = harness.pay("pay-1")
    now = harness.signed_at(headers) + timedelta(seconds=seconds)
    with pytest.raises(BadNotification):
        provider.read_notification(harness.account, headers, body, now)


def test_an_old_notification_that_claims_to_be_of_now_is_refused(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    unless(harness.dated, "its notifications do not say when they were signed")
    provider.start(harness.account, order())
    letter = harness.pay("pay-1")
    now = harness.signed_at(letter[0]) + timedelta(days=1)
    assert isinstance(provider, Notifies)
    with pytest.raises(BadNotification):
        provider.read_notification(harness.account, *harness.dated_anew(letter, now), now)


def test_a_notification_signed_with_another_merchants_secret_is_refused(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    provider.start(harness.account, order())
    headers, body = harness.pay("pay-1")
    with pytest.raises(BadNotification):
        provider.read_notification(harness.other_account, headers, body, clock.now())


def test_an_account_without_a_secret_takes_no_notification(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    provider.start(harness.account, order())
    letter = harness.pay("pay-1")
    for changed in harness.no_secrets:
        refused(provider, with_credentials(harness.account, **changed), letter)


def test_a_notification_without_any_one_of_its_headers_is_refused(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    provider.start(harness.account, order())
    headers, body = harness.pay("pay-1")
    for name in harness.signature_headers:
        assert name in headers
        for wrong in ({}, {name: ""}, {name: "\udc80"}, {name: "v1,AAAA 1e3"}):
            forged = {key: value for key, value in headers.items() if key != name} | wrong
            refused(provider, harness.account, (forged, body))


def test_one_flipped_bit_anywhere_is_refused(provider: Provider, harness: Harness) -> None:
    able(provider, Notifies)
    provider.start(harness.account, order())
    headers, body = harness.pay("pay-1")
    for place in range(len(body)):
        flipped = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        refused(provider, harness.account, (headers, flipped))


def test_a_signed_notification_that_makes_no_sense_is_refused(
    provider: Provider, harness: Harness
) -> None:
    """Of each kind: the harness knows what of its letters must not be taken for anything else."""
    found = letters(provider, harness)
    assert set(found) <= set(harness.spoilt)
    for about, (headers, body) in found.items():
        for old, new in harness.spoilt[about]:
            assert old in body, (about, old)
            spoilt = harness.sign((headers, body.replace(old, new, 1)))
            try:
                refused(provider, harness.account, spoilt)
            except pytest.fail.Exception:
                pytest.fail(f"{about}: {new[:80]!r} for {old!r} was taken")


def test_an_unknown_word_is_a_loud_error(provider: Provider, harness: Harness) -> None:
    found = letters(provider, harness)
    for about, old, new in harness.unknown_words:
        headers, body = found[about]
        assert old in body, (about, old)
        strange = harness.sign((headers, body.replace(old, new, 1)))
        with pytest.raises(UnknownWord):
            read(provider, harness, strange)


def letters(provider: Provider, harness: Harness) -> dict[str, Letter]:
    """A notification of each kind that this provider sends."""
    able(provider, Notifies)
    handover = provider.start(harness.account, order())
    found = {"payment": harness.pay("pay-1")}
    if isinstance(provider, Refunds) and harness.refunds_wait:
        harness.let_refunds_wait()
        back = RefundOrder("ref-1", "pay-1", handover.provider_reference, Money(200))
        provider.refund(harness.account, back)
        found["refund"] = harness.end_refund("ref-1", sent=True)
    if harness.reverses:
        found["reversal"] = harness.reverse("pay-1", 1000, 500)
    if isinstance(provider, Settles) and (letter := harness.settle()):
        found["settlement"] = letter
    return found


def refused(provider: Provider, account: Account, letter: Letter) -> None:
    """The letter is a bad notification."""
    assert isinstance(provider, Notifies)
    with pytest.raises(BadNotification):
        provider.read_notification(account, *letter, clock.now())


def read(
    provider: Provider, harness: Harness, letter: Letter, now: datetime | None = None
) -> Heard:
    """The one thing that a genuine letter says."""
    assert isinstance(provider, Notifies)
    (word,) = provider.read_notification(harness.account, *letter, now or clock.now())
    return word


def test_each_kind_of_notification_is_read_as_what_it_is(
    provider: Provider, harness: Harness
) -> None:
    kinds = {
        "payment": Moved if harness.rings else Report,
        "refund": Moved if harness.rings else RefundReport,
        "reversal": ReversalReport, "settlement": SettlementReady,
    }  # fmt: skip
    for about, letter in letters(provider, harness).items():
        word = read(provider, harness, letter)
        assert type(word) is kinds[about]
        assert bool(word.event_id) is harness.names_events
        assert (word.merchant, word.live) == (harness.account.merchant, harness.account.live)


def test_nothing_of_the_payer_comes_through(provider: Provider, harness: Harness) -> None:
    found = letters(provider, harness)
    for about in harness.tell_of_the_payer & set(found):
        for word in harness.payer:
            assert word in found[about][1], "the far side must tell it, or this proves nothing"
    told: list[object] = [read(provider, harness, letter) for letter in found.values()]
    reference = str(getattr(told[0], "provider_reference", ""))
    told.append(provider.fetch(harness.account, "pay-1", reference))
    if isinstance(provider, Settles):
        if isinstance(told[-2], SettlementReady):
            told.append(provider.settlement(harness.account, told[-2].settlement))
        else:
            told.append(newest(provider, harness))
    if isinstance(provider, Refunds):
        back = RefundOrder("ref-9", "pay-1", reference, Money(1))
        told.append(provider.refund(harness.account, back))
    for word in harness.payer:
        assert word.decode() not in repr(told)


def settled(provider: Provider, harness: Harness) -> Settlement:
    """The report of a settlement that is made now, however its name is told."""
    assert isinstance(provider, Settles)
    letter = harness.settle()
    if letter is None:
        return newest(provider, harness)
    ready = read(provider, harness, letter)
    assert isinstance(ready, SettlementReady)
    return provider.settlement(harness.account, ready.settlement)


def newest(provider: Provider, harness: Harness) -> Settlement:
    """The last report of those that are listed."""
    assert isinstance(provider, Settles)
    assert isinstance(provider, ListsSettlements), "untold and unlisted nobody would find it"
    names = provider.settlements(harness.account, clock.now() - timedelta(days=1))
    return provider.settlement(harness.account, names[-1])


def test_finished_settlements_are_listed_in_order(provider: Provider, harness: Harness) -> None:
    able(provider, ListsSettlements)
    assert isinstance(provider, ListsSettlements)
    yesterday, tomorrow = (clock.now() + timedelta(days=days) for days in (-1, 1))
    assert provider.settlements(harness.account, yesterday) == ()
    made = []
    for payment in ("pay-1", "pay-2"):
        paid(provider, harness, payment)
        made.append(settled(provider, harness).settlement)
    assert provider.settlements(harness.account, yesterday) == tuple(made)
    assert provider.settlements(harness.account, tomorrow) == ()
    assert provider.settlements(harness.other_account, yesterday) == ()


def test_a_settlement_names_our_refund(provider: Provider, harness: Harness) -> None:
    able(provider, Settles)
    able(provider, Refunds)
    unless(harness.names_our_refunds, "its reports name refunds by its own name only")
    reference = paid(provider, harness)
    provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(200)))
    report = settled(provider, harness)
    assert [line.refund for line in report.lines if line.kind == "refund"] == ["ref-1"]
    assert {line.refund for line in report.lines if line.kind != "refund"} == {""}


def test_of_each_kind_what_is_forged_old_or_anothers_is_refused(
    provider: Provider, harness: Harness
) -> None:
    for headers, body in letters(provider, harness).values():
        refused(provider, harness.account, (headers, body + b" "))
        refused(provider, harness.other_account, (headers, body))
        if harness.dated:
            late = harness.signed_at(headers) + timedelta(seconds=301)
            with pytest.raises(BadNotification):
                read(provider, harness, (headers, body), late)


def paid(provider: Provider, harness: Harness, payment: str = "pay-1", cents: int = 4200) -> str:
    """A payment that was paid; the provider's name for it."""
    handover = provider.start(harness.account, order(payment, cents))
    harness.pay(payment)
    return handover.provider_reference


def test_a_refund_under_way_ends_by_notification(provider: Provider, harness: Harness) -> None:
    able(provider, Refunds)
    able(provider, Notifies)
    unless(harness.refunds_wait, "here a refund is never under way")
    unless(not harness.rings, "it rings only: see the next")
    reference = paid(provider, harness)
    harness.let_refunds_wait()
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    answered = provider.refund(harness.account, back)
    assert answered.outcome is Outcome.PENDING
    told = read(provider, harness, harness.end_refund("ref-1", sent=True))
    assert isinstance(told, RefundReport)
    assert told == RefundReport(
        refund="ref-1",
        provider_reference=answered.provider_reference,
        outcome=Outcome.SUCCEEDED,
        amount=Money(4000),
        merchant=harness.account.merchant,
        live=False,
        payment="pay-1",
        event_id=told.event_id,
    )
    after = read(provider, harness, harness.end_refund("ref-1", sent=False))
    assert isinstance(after, RefundReport)
    assert (after.refund, after.outcome) == ("ref-1", Outcome.FAILED)
    assert provider.refund(harness.account, back).outcome is Outcome.FAILED


def test_a_bell_of_a_refund_names_it_and_is_asked_about(
    provider: Provider, harness: Harness
) -> None:
    able(provider, FetchesRefunds)
    assert isinstance(provider, FetchesRefunds)
    unless(harness.rings, "its notifications say themselves what became of a refund")
    reference = paid(provider, harness)
    harness.let_refunds_wait()
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    pending = provider.refund(harness.account, back)
    for sent, outcome in ((True, Outcome.SUCCEEDED), (False, Outcome.FAILED)):
        told = read(provider, harness, harness.end_refund("ref-1", sent=sent))
        assert isinstance(told, Moved)
        assert told.payment == pending.refund
        ended = provider.fetch_refund(harness.account, back, told.provider_reference)
        assert ended == replace(pending, outcome=outcome)


@pytest.mark.parametrize("debit", [False, True])
def test_a_reversal_is_told_with_its_fee_and_again_when_it_is_won(
    provider: Provider, harness: Harness, debit: bool
) -> None:
    able(provider, Notifies)
    unless(harness.reverses, "it tells of no bank that takes money back")
    unless(harness.debits or not debit, "no direct debits are collected by it")
    reference = paid(provider, harness)
    told = read(provider, harness, harness.reverse("pay-1", 1000, 500, debit=debit))
    assert isinstance(told, ReversalReport)
    assert told.payment or told.provider_reference, "it must be found by one of them"
    assert told == ReversalReport(
        reversal=told.reversal,
        payment=told.payment and "pay-1",
        merchant=harness.account.merchant,
        amount=Money(1000),
        back=Money(0),
        fee=Money(500),
        fee_back=Money(0),
        live=False,
        reason="return" if debit else "chargeback",
        provider_reference=told.provider_reference and reference,
        event_id=told.event_id,
    )
    won = read(provider, harness, harness.win(told.reversal))
    assert isinstance(won, ReversalReport)
    assert won == replace(told, back=Money(1000), fee_back=Money(500), event_id=won.event_id)
    assert provider.fetch(harness.account, "pay-1", reference).outcome is Outcome.SUCCEEDED


def test_what_came_back_and_was_taken_again_is_told_to_the_cent(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Notifies)
    unless(harness.reverses and harness.wins_in_part, "what is won there is won wholly")
    paid(provider, harness)
    told = read(provider, harness, harness.reverse("pay-1", 1000, 500))
    assert isinstance(told, ReversalReport)
    for letter, sums in (
        (lambda: harness.win(told.reversal, 700), (1000, 700, 500, 0)),
        (lambda: harness.win(told.reversal, 300), (1000, 1000, 500, 500)),
        (lambda: harness.take_again(told.reversal), (2000, 1000, 1000, 500)),
    ):
        word = read(provider, harness, letter())
        assert isinstance(word, ReversalReport)
        moneys = (word.amount, word.back, word.fee, word.fee_back)
        assert (word.reversal, tuple(each.cents for each in moneys)) == (told.reversal, sums)


def test_a_settlement_tells_what_was_taken_and_the_part_that_came_back(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Settles)
    unless(harness.reverses and harness.wins_in_part, "what is won there is won wholly")
    paid(provider, harness)
    harness.settle()
    told = read(provider, harness, harness.reverse("pay-1", 1000, 500))
    assert isinstance(told, ReversalReport)
    harness.win(told.reversal, 700)
    report = settled(provider, harness)
    lines = [line for line in report.lines if line.kind == "reversal"]
    assert sorted(line.gross.cents for line in lines) == [-1000, 700]
    assert {line.provider_reference for line in lines} == {told.reversal}
    assert report.net == Money(-800)


def test_a_settlement_of_what_went_back_and_came_again_adds_up(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Settles)
    able(provider, Refunds)
    unless(harness.reverses, "it tells of no bank that takes money back")
    unless(harness.pays_out_below_zero, "it waits for what is below zero")
    reference = paid(provider, harness)
    harness.settle()
    refund = provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(200)))
    told = read(provider, harness, harness.reverse("pay-1", 4000, 500))
    assert isinstance(told, ReversalReport)
    refunded, reversed_ = ("refund", refund.provider_reference), ("reversal", told.reversal)
    report = settled(provider, harness)
    assert gross(report) == {refunded: -200, reversed_: -4000}
    assert (fees(report), report.net) == (500, Money(-4700))
    harness.end_refund("ref-1", sent=False)
    harness.win(told.reversal)
    report = settled(provider, harness)
    assert gross(report) == {refunded: 200, reversed_: 4000}
    assert (fees(report), report.net) == (-500, Money(4700))


def gross(report: Settlement) -> dict[tuple[str, str], int]:
    """What a report settles of one payment: kind and the provider's name -> cents.

    A fee may stand with its thing or in a line of its own.
    """
    lines = [line for line in report.lines if line.kind != "fee"]
    assert {line.payment for line in lines} == {"pay-1"}
    return {(line.kind, line.provider_reference): line.gross.cents for line in lines}


def fees(report: Settlement) -> int:
    return sum(line.fee.cents for line in report.lines)


def test_a_refund_ordered_twice_goes_back_once(provider: Provider, harness: Harness) -> None:
    able(provider, Refunds)
    handover = provider.start(harness.account, order())
    harness.pay("pay-1")
    back = RefundOrder("ref-1", "pay-1", handover.provider_reference, Money(4000))
    report = provider.refund(harness.account, back)
    assert (report.refund, report.amount) == ("ref-1", Money(4000))
    assert report.outcome in {Outcome.SUCCEEDED, Outcome.PENDING}
    assert provider.refund(harness.account, back) == report


def test_what_became_of_a_refund_is_said_by_its_own_name(
    provider: Provider, harness: Harness
) -> None:
    able(provider, FetchesRefunds)
    assert isinstance(provider, FetchesRefunds)
    back = RefundOrder("ref-1", "pay-1", paid(provider, harness), Money(200))
    made = provider.refund(harness.account, back)
    told = provider.fetch_refund(harness.account, back, made.provider_reference)
    assert told == made
    assert not [word for word in harness.payer if word.decode() in repr(told)]
    assert provider.fetch_refund(harness.account, back, "no-such") is None
    assert provider.fetch_refund(harness.other_account, back, made.provider_reference) is None


def test_a_refund_whose_answer_was_lost_is_found_by_our_name_and_not_sent(
    provider: Provider, harness: Harness
) -> None:
    able(provider, FindsRefunds)
    assert isinstance(provider, FindsRefunds)
    back = RefundOrder("ref-1", "pay-1", paid(provider, harness), Money(200))
    another = RefundOrder("ref-2", "pay-1", back.provider_reference, Money(200))
    assert provider.find_refund(harness.account, back) is None
    made = provider.refund(harness.account, back)
    assert provider.find_refund(harness.account, back) == made
    assert provider.find_refund(harness.account, another) is None
    assert provider.find_refund(harness.account, another) is None, "it is not sent by that"


def test_who_does_not_know_a_payment_says_nothing_of_its_refunds(
    provider: Provider, harness: Harness
) -> None:
    """As after a new key of another account: it shall not pass for "never sent"."""
    able(provider, FindsRefunds)
    assert isinstance(provider, FindsRefunds)
    back = RefundOrder("ref-1", "pay-1", paid(provider, harness), Money(200))
    provider.refund(harness.account, back)
    for account, reference in (
        (harness.other_account, back.provider_reference),
        (harness.account, "no-such"),
    ):
        with pytest.raises(ProviderDown):
            provider.find_refund(account, replace(back, provider_reference=reference))


def test_a_refund_under_way_is_pending_until_it_has_ended(
    provider: Provider, harness: Harness
) -> None:
    able(provider, FetchesRefunds)
    assert isinstance(provider, FetchesRefunds)
    unless(harness.refunds_wait, "here a refund is never under way")
    back = RefundOrder("ref-1", "pay-1", paid(provider, harness), Money(200))
    harness.let_refunds_wait()
    name = provider.refund(harness.account, back).provider_reference
    pending = provider.fetch_refund(harness.account, back, name)
    assert pending is not None
    assert (pending.refund, pending.outcome) == ("ref-1", Outcome.PENDING)
    for sent, outcome in ((True, Outcome.SUCCEEDED), (False, Outcome.FAILED)):
        harness.end_refund("ref-1", sent=sent)
        ended = provider.fetch_refund(harness.account, back, name)
        assert ended == replace(pending, outcome=outcome)


def test_money_goes_back_by_the_providers_own_name_alone(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Refunds)
    reference = paid(provider, harness)
    report = provider.refund(harness.account, RefundOrder("ref-1", "", reference, Money(4200)))
    assert (report.refund, report.amount) == ("ref-1", Money(4200))
    assert report.outcome in {Outcome.SUCCEEDED, Outcome.PENDING}


def test_more_than_was_paid_does_not_go_back(provider: Provider, harness: Harness) -> None:
    able(provider, Refunds)
    handover = provider.start(harness.account, order())
    harness.pay("pay-1")
    reference = handover.provider_reference
    provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(4000)))
    report = provider.refund(harness.account, RefundOrder("ref-2", "pay-1", reference, Money(201)))
    assert report.outcome is Outcome.FAILED
    rest = provider.refund(harness.account, RefundOrder("ref-3", "pay-1", reference, Money(200)))
    assert rest.outcome is not Outcome.FAILED


def test_what_was_not_paid_does_not_go_back(provider: Provider, harness: Harness) -> None:
    able(provider, Refunds)
    handover = provider.start(harness.account, order())
    for reference in (handover.provider_reference, "no-such"):
        back = RefundOrder(f"ref-{reference}", "pay-1", reference, Money(1))
        assert provider.refund(harness.account, back).outcome is Outcome.FAILED


def test_a_settlement_adds_up(provider: Provider, harness: Harness) -> None:
    able(provider, Settles)
    able(provider, Refunds)
    references = {}
    least = harness.least_cents
    for payment, cents in (("pay-1", 4200), ("pay-2", least), ("pay-3", 1_248_000)):
        references[payment] = provider.start(harness.account, order(payment, cents))
        harness.pay(payment)
    provider.start(harness.account, order("never-paid"))
    reference = references["pay-1"].provider_reference
    back = provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(200)))
    report = settled(provider, harness)
    assert report.merchant == harness.account.merchant
    settled_gross = {(line.kind, line.payment, line.gross.cents) for line in report.lines}
    assert settled_gross - {("fee", "", 0)} == {
        ("payment", "pay-1", 4200),
        ("payment", "pay-2", least),
        ("payment", "pay-3", 1_248_000),
        ("refund", "pay-1", -200),
    }
    assert back.provider_reference in {line.provider_reference for line in report.lines}
    net = sum(line.gross.cents - line.fee.cents for line in report.lines)
    assert report.net == Money(net)
    assert abs(report.made_at - clock.now()) < timedelta(minutes=1)


def test_a_settlement_of_refunds_alone_is_below_zero(provider: Provider, harness: Harness) -> None:
    able(provider, Settles)
    able(provider, Refunds)
    unless(harness.pays_out_below_zero, "it waits for what is below zero")
    reference = paid(provider, harness)
    harness.settle()
    provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(4200)))
    assert settled(provider, harness).net == Money(-4200)


def test_what_was_taken_is_the_sum_of_all_successes(provider: Provider, harness: Harness) -> None:
    able(provider, Sums)
    hour = timedelta(hours=1)
    assert provider.taken(harness.account, clock.now() + hour) == (Money(0),)
    for payment, cents in (("pay-1", 4200), ("pay-2", 1)):
        paid(provider, harness, payment, cents)
    provider.start(harness.account, order("never-paid"))
    assert provider.taken(harness.account, clock.now() + hour) == (Money(4201),)
    assert provider.taken(harness.account, clock.now() - hour) == (Money(0),)
    assert provider.taken(harness.other_account, clock.now() + hour) == (Money(0),)


def test_what_went_back_or_was_paid_out_was_taken_all_the_same(
    provider: Provider, harness: Harness
) -> None:
    able(provider, Sums)
    reference = paid(provider, harness)
    if isinstance(provider, Refunds):
        provider.refund(harness.account, RefundOrder("ref-1", "pay-1", reference, Money(200)))
    if isinstance(provider, Notifies) and harness.reverses:
        won = read(provider, harness, harness.reverse("pay-1", 1000, 500))
        assert isinstance(won, ReversalReport)
        harness.win(won.reversal)
        harness.reverse("pay-1", 4000, 500)
    if isinstance(provider, Settles):
        harness.settle()
    until = clock.now() + timedelta(hours=1)
    assert provider.taken(harness.account, until) == (Money(4200),)


def test_a_provider_that_answers_with_errors_is_down(provider: Provider, harness: Harness) -> None:
    provider.fetch(harness.account, "pay-0", "")  # what it remembers of that is no answer later
    harness.fall_silent()
    _all_are_down(provider, harness)


def test_a_provider_that_is_gone_is_down(provider: Provider, harness: Harness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    harness.account = with_credentials(harness.account, base_url=f"http://127.0.0.1:{port}")
    _all_are_down(provider, harness)


def test_wrong_credentials_are_no_word_about_a_payment_and_stay_secret(
    provider: Provider, harness: Harness
) -> None:
    for name, value in harness.wrong_credentials:
        account = with_credentials(harness.account, **{name: value})
        with pytest.raises(ProviderDown) as down:
            provider.fetch(account, "pay-1", "reference")
        assert value not in str(down.value)
        for secret in harness.secrets:
            assert harness.account.credentials[secret] not in str(down.value)


def test_a_key_that_is_not_taken_is_told_from_silence(provider: Provider, harness: Harness) -> None:
    unless(harness.says_who_is_not_let_in, "what it says then is not signed")
    name, value = harness.wrong_credentials[0]
    account = with_credentials(harness.account, **{name: value})
    for reference in ("", "reference"):
        with pytest.raises(KeyRefused):
            provider.fetch(account, "pay-1", reference)
    with pytest.raises(KeyRefused):
        provider.start(account, order())


def _all_are_down(provider: Provider, harness: Harness) -> None:
    account, back = harness.account, RefundOrder("ref-1", "pay-1", "reference", Money(1))
    calls: tuple[tuple[type, Callable[[], object]], ...] = (
        (Starts, lambda: provider.start(account, order())),
        (Fetches, lambda: provider.fetch(account, "pay-1", "reference")),
        (Fetches, lambda: provider.fetch(account, "pay-1", "")),
        (Collects, lambda: provider.collect(account, "pay-1", "reference")),
        (Cancels, lambda: provider.cancel(account, "pay-1", "reference")),
        (Refunds, lambda: provider.refund(account, back)),
        (FetchesRefunds, lambda: provider.fetch_refund(account, back, "refund")),
        (FindsRefunds, lambda: provider.find_refund(account, back)),
        (Settles, lambda: provider.settlement(account, "settlement")),
        (ListsSettlements, lambda: provider.settlements(account, clock.now())),
        (Sums, lambda: provider.taken(account, clock.now())),
    )
    for capability, call in calls:
        if isinstance(provider, capability):
            with pytest.raises(ProviderDown):
                call()
