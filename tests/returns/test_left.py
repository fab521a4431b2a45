"""What of a payment may go back when promises, lowered surplus, newer letters, banks and surplus
that was given away stand beside it.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.db import db
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.record import record
from portal.providers.protocol import Outcome
from portal.requests.models import ClosedRest
from portal.returns import closing, custody, left, refunds, sending
from tests import builders
from tests.builders import TOWN, Letter
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.returns import giving
from tests.returns.test_refunds import (
    ANNA,
    BERT,
    CARD,
    asked,
    balance,
    last,
    paid,
    paid_twice,
    row,
    sent,
    submitted,
)
from tests.returns.test_reversals import heard


def asks(letter: Letter) -> int:
    """What a request asks now, in cents."""
    return builders.request_of(letter).open_cents


def approved(payment: str, cents: int, reason: str = "surplus", order: str = "AO-1") -> str:
    refund = asked(payment, cents, reason, order)
    refunds.approve(TOWN, refund, BERT)
    return refund


def pending(provider: FakeProvider, payment: str, cents: int, reason: str, order: str) -> str:
    """A refund that is on its way and not there yet."""
    provider.refunds_end = Outcome.PENDING
    refund = sent(payment, cents, reason, order)
    provider.refunds_end = Outcome.SUCCEEDED
    return refund


def ends(provider: FakeProvider, refund: str, outcome: Outcome = Outcome.SUCCEEDED) -> None:
    sending.record(TOWN, "card", provider.end_refund(refund, outcome))


def parts(refund: str) -> tuple[int, int, int]:
    """What a refund took: of surplus, of the claim, and what was a loss."""
    found = row(refund)
    return found.surplus_cents, found.claim_cents, found.loss_cents


def free(payment: str, reason: str = "surplus") -> int:
    """What may go back of a payment for a reason, in cents."""
    found = builders.payment(payment)
    return left.free(db.session(), found, reason).cents


def surplus(open_only: bool = True) -> list[CustodyItem]:
    db.session.rollback()
    query = select(CustodyItem).order_by(CustodyItem.id)
    return [each for each in db.session.scalars(query) if each.open_cents or not open_only]


def waived() -> list[ClosedRest]:
    db.session.rollback()
    return list(db.session.scalars(select(ClosedRest)))


def lowered(provider: FakeProvider, came: int = 15_000, now: int = 10_000) -> tuple[Letter, str]:
    """A letter that was paid and asks less since."""
    letter, payment = paid(provider, came)
    builders.letter(letter.reference, amount_cents=now)
    return letter, payment


# surplus that a refund is about to send


def test_a_bank_takes_the_claim_where_the_surplus_is_on_its_way_back(
    provider: FakeProvider,
) -> None:
    letter, payment = lowered(provider)
    refund = pending(provider, payment, 5_000, "surplus", "AO-1")
    heard(provider.reverse(payment, 15_000))
    assert (asks(letter), balance("custody:surplus")) == (10_000, -5_000)
    ends(provider, refund)
    assert (parts(refund), asks(letter)) == ((5_000, 0, 0), 10_000)
    assert (waived(), balance("losses:card"), balance("custody:surplus")) == ([], 5_000, 0)


def test_what_a_bank_left_for_a_refund_it_takes_when_that_fails(provider: FakeProvider) -> None:
    letter, payment = lowered(provider)
    refund = pending(provider, payment, 5_000, "surplus", "AO-1")
    heard(provider.reverse(payment, 15_000))
    ends(provider, refund, Outcome.FAILED)
    assert (asks(letter), balance("custody:surplus"), balance("losses:card")) == (10_000, 0, 0)


@pytest.mark.parametrize("on_its_way", [True, False])
def test_a_wrong_payers_refund_leaves_the_surplus_to_the_refund_that_was_promised_it(
    provider: FakeProvider, on_its_way: bool
) -> None:
    letter, payment = lowered(provider)
    if on_its_way:
        first = pending(provider, payment, 5_000, "surplus", "AO-1")
    else:
        first = approved(payment, 5_000)
    second = sent(payment, 10_000, order="AO-2")
    assert (parts(second), asks(letter)) == ((0, 10_000, 0), 10_000)
    ends(provider, first) if on_its_way else submitted(first)
    assert (parts(first), asks(letter), waived()) == ((5_000, 0, 0), 10_000, [])


def test_a_refund_that_was_asked_for_first_does_not_keep_a_later_one_from_the_surplus(
    provider: FakeProvider,
) -> None:
    letter, payment = lowered(provider)
    claim = approved(payment, 10_000, "wrong_payer")
    assert free(payment) == 5_000
    spare = approved(payment, 5_000, order="AO-2")
    submitted(claim)
    submitted(spare)
    assert (parts(claim), parts(spare)) == ((0, 10_000, 0), (5_000, 0, 0))
    assert asks(letter) == 10_000


def test_a_bank_takes_surplus_that_is_promised_and_not_yet_sent(provider: FakeProvider) -> None:
    letter, payment = lowered(provider)
    refund = approved(payment, 5_000)
    heard(provider.reverse(payment, 15_000))
    assert (asks(letter), balance("custody:surplus"), balance("losses:card")) == (10_000, 0, 0)
    submitted(refund)
    assert (row(refund).failed_by, provider.told) == ("not_left", [])


def test_surplus_that_is_gone_when_its_refund_arrives_opens_the_claim_and_waives_nothing(
    provider: FakeProvider,
) -> None:
    """The finance system took its own fact back, and with it what a lower version had left."""
    from portal.db import transaction
    from portal.requests import elsewhere
    from portal.requests.ordered import Elsewhere, How
    from portal.requests.orders import Subject

    letter, payment = paid(provider, 10_000)
    builders.letter(letter.reference, amount_cents=15_000)
    subject = Subject(TOWN, letter.reference, "client:c_1")
    fact = Elsewhere(id="B-1", amount_cents=5_000, paid_on=builders.today(), how=How.TRANSFER)
    with transaction() as session:
        elsewhere.tell(session, subject, fact)
    builders.letter(letter.reference, amount_cents=10_000)
    refund = pending(provider, payment, 5_000, "surplus", "AO-1")
    with transaction() as session:
        elsewhere.undo(session, subject, "B-1", custody.is_about_to_go)
    ends(provider, refund)
    assert (parts(refund), asks(letter), waived()) == ((0, 5_000, 0), 5_000, [])
    assert (last()[0], last()[1]["reopens"]) == ("refund.succeeded", True)


# several payments, and letters that took the place of others


def both_paid(provider: FakeProvider) -> tuple[Letter, str, str]:
    """O over 100 was paid; N over 150 replaced it, was paid too, and asks 100 since."""
    _, first = paid(provider, 10_000, "O")
    newer = builders.letter("N", amount_cents=15_000, replaces=["O"])
    second = builders.begin(newer)
    record(provider.pay(second), CARD)
    builders.letter("N", amount_cents=10_000, replaces=["O"])
    return newer, first, second


@pytest.mark.parametrize("older_first", [True, False])
def test_what_a_newer_letter_left_goes_back_once(provider: FakeProvider, older_first: bool) -> None:
    _, *payments = both_paid(provider)
    mine, other = payments if older_first else payments[::-1]
    assert (free(mine), free(other)) == (5_000, 5_000)
    pending(provider, mine, 5_000, "surplus", "AO-1")
    assert free(other) == 0
    with pytest.raises(refunds.NotRefundable):
        asked(other, 5_000, "surplus", "AO-2")


def test_what_an_older_letter_left_belongs_to_its_own_payments(provider: FakeProvider) -> None:
    _, first = lowered(provider)
    newer = builders.letter("N", amount_cents=12_000, replaces=["K-1"])
    second = builders.begin(newer)
    record(provider.pay(second), CARD)
    assert (free(first), free(second)) == (5_000, 0)


def test_a_promise_is_met_by_its_own_letter_before_one_that_others_share(
    provider: FakeProvider,
) -> None:
    """O left 50 to its payment, N left 20 to both: 50 for the one leave 20 for the other."""
    _, first = lowered(provider)
    newer = builders.letter("N", amount_cents=12_000, replaces=["K-1"])
    second = builders.begin(newer)
    record(provider.pay(second), CARD)
    builders.letter("N", amount_cents=10_000, replaces=["K-1"])
    refund = approved(first, 5_000)
    assert (free(first), free(second)) == (2_000, 2_000)
    submitted(refund)
    assert {each.request_reference: each.open_cents for each in surplus()} == {"N": 2_000}
    assert sent(second, 2_000, "surplus", "AO-2")
    assert balance("custody:surplus") == 0


def test_a_payments_own_surplus_is_not_set_against_what_others_are_promised(
    provider: FakeProvider,
) -> None:
    _, spare = paid_twice(provider)
    refund = approved(spare, 10_000)
    payment = next(
        event.data["payment"] for event in builders.events() if event.data.get("claim_cents")
    )
    asked(str(payment), 10_000, "claim_cancelled", "AO-2")
    submitted(refund)
    assert (row(refund).state, parts(refund)) == ("succeeded", (10_000, 0, 0))


def test_no_more_of_the_claim_is_promised_than_counts_for_it(provider: FakeProvider) -> None:
    """What a lower version left was given away: both payments cannot go back whole."""
    _, first, second = both_paid(provider)
    builders.letter("K-9", amount_cents=5_000)
    giving.assign(TOWN, surplus()[0].id, "K-9", Money(5_000), ANNA)
    pending(provider, first, 8_000, "wrong_payer", "AO-1")
    assert free(second, "wrong_payer") == 2_000


# surplus that was given away


def given(provider: FakeProvider, how: str) -> tuple[Letter, str]:
    """A paid and its bank took it; B paid; A's dispute was won, and its surplus was given away."""
    letter, payment = paid(provider)
    report = provider.reverse(payment, 10_000)
    heard(report)
    record(provider.pay(builders.begin(letter)), CARD)
    heard(provider.reverse(payment, 10_000, won=True))
    (item,) = surplus()
    if how == "assigned":
        builders.letter("K-9", amount_cents=10_000)
        giving.assign(TOWN, item.id, "K-9", Money(10_000), ANNA)
    else:
        closing.ask(TOWN, closing.CUSTODY, item.id, "AO-7", ANNA)
        closing.approve(TOWN, closing.CUSTODY, item.id, BERT)
    return letter, payment


@pytest.mark.parametrize("how", ["assigned", "kept"])
def test_a_second_chargeback_of_surplus_that_was_given_away_is_a_loss(
    provider: FakeProvider, how: str
) -> None:
    letter, payment = given(provider, how)
    heard(provider.reverse(payment, 10_000, name="cb-2"))
    assert (builders.request_of(letter).state, balance("losses:card")) == ("paid", 10_000)
    assert builders.payment(payment).reversed_cents == 0


@pytest.mark.parametrize("how", ["assigned", "kept"])
def test_surplus_that_was_given_away_is_not_refunded(provider: FakeProvider, how: str) -> None:
    _, payment = given(provider, how)
    assert (free(payment, "wrong_payer"), free(payment)) == (0, 0)


def test_a_lost_second_chargeback_comes_back_as_the_loss_that_it_was(
    provider: FakeProvider,
) -> None:
    letter, payment = given(provider, "assigned")
    heard(provider.reverse(payment, 10_000, name="cb-2"))
    heard(provider.reverse(payment, 10_000, name="cb-2", won=True))
    assert (balance("losses:card"), surplus(), asks(letter)) == (0, [], 0)


def test_of_surplus_that_was_given_away_in_part_the_rest_still_goes_back(
    provider: FakeProvider,
) -> None:
    letter, payment = paid_twice(provider)
    builders.letter("K-9", amount_cents=4_000)
    giving.assign(TOWN, surplus()[0].id, "K-9", Money(4_000), ANNA)
    assert (free(payment), free(payment, "wrong_payer")) == (6_000, 6_000)
    heard(provider.reverse(payment, 10_000))
    assert (asks(letter), balance("losses:card"), balance("custody:surplus")) == (0, 4_000, 0)


# what comes back


def test_money_that_comes_back_is_judged_by_the_day_on_which_it_was_paid(
    provider: FakeProvider, time: Time
) -> None:
    until = (builders.today() + timedelta(days=3)).isoformat()
    letter = builders.letter(amount_cents=5_500, kind="warning", payable_until=until)
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    heard(provider.reverse(payment, 5_500))
    time.move("+10d")
    heard(provider.reverse(payment, 5_500, won=True))
    assert (builders.request_of(letter).state, surplus()) == ("paid", [])
