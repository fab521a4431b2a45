"""Money that came on the town's own account, and that did not come after all."""

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import db, transaction
from portal.ledger import book
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.record import Source, record
from portal.payments.returned import Reason
from portal.requests import elsewhere
from portal.requests.elsewhere import (
    AlreadyGivenAway,
    FactReused,
    MoreThanOpen,
    NoSuchFact,
    SurplusPromised,
)
from portal.requests.models import PaidElsewhere
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from portal.returns import custody, refunds, sending
from tests import builders
from tests.builders import TOWN
from tests.contract import bearer
from tests.fakes import FakeProvider
from tests.requests.test_orders import withdrawn

CARD = Source(TOWN, "card", "notification")
DAY = date(2026, 11, 12)


def tell(cents: int, fact: str = "B-1", reference: str = "K-1", how: How = How.TRANSFER) -> None:
    told = Elsewhere(id=fact, amount_cents=cents, paid_on=DAY, how=how)
    with transaction() as session:
        elsewhere.tell(session, Subject(TOWN, reference, "client:c_1"), told)


def undo(fact: str = "B-1", reference: str = "K-1") -> None:
    with transaction() as session:
        subject = Subject(TOWN, reference, "client:c_1")
        elsewhere.undo(session, subject, fact, custody.is_about_to_go)


def balance(account: str) -> int:
    db.session.rollback()
    return book.balance(db.session(), TOWN, account).cents


def reasons() -> list[object]:
    return [event.data.get("reason") for event in builders.events()]


def surplus() -> list[tuple[int, str]]:
    db.session.rollback()
    items = db.session.scalars(select(CustodyItem).order_by(CustodyItem.id))
    return [(item.open_cents, item.state) for item in items]


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize(("cents", "state"), [(1, "partly_paid"), (10_000, "paid")])
def test_what_came_elsewhere_covers_and_is_booked(
    app: Flask, how: How, cents: int, state: str
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(cents, how=how)
    request = builders.request_of(letter)
    assert (request.state, request.open.cents) == (state, 10_000 - cents)
    assert (balance("elsewhere"), balance("claims:tax")) == (cents, -cents)
    assert reasons() == ["paid_elsewhere"]


def test_the_same_fact_again_changes_nothing(app: Flask) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(10_000)
    tell(10_000)
    assert builders.request_of(letter).covered_cents == 10_000
    assert len(reasons()) == 1


@pytest.mark.parametrize(("cents", "how"), [(4_001, How.TRANSFER), (4_000, How.CASH)])
def test_the_same_id_with_other_facts_is_refused(app: Flask, cents: int, how: How) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(4_000)
    with pytest.raises(FactReused):
        tell(cents, how=how)
    assert builders.request_of(letter).covered_cents == 4_000


def test_two_facts_add_up_and_one_id_may_be_used_for_two_requests(app: Flask) -> None:
    letters = [builders.letter(name, amount_cents=10_000) for name in ("K-1", "K-2")]
    tell(4_000)
    tell(5_000, "B-2")
    tell(10_000, "B-1", "K-2")
    assert [builders.request_of(each).open.cents for each in letters] == [1_000, 0]


def test_more_than_open_is_refused(app: Flask) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(4_000)
    with pytest.raises(MoreThanOpen):
        tell(6_001, "B-2")
    assert builders.request_of(letter).covered_cents == 4_000


def test_it_is_taken_while_a_payment_is_under_way_whose_money_is_then_surplus(
    provider: FakeProvider,
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    tell(7_000)
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "paid"
    assert surplus() == [(7_000, "open")]


def test_it_is_taken_for_a_withdrawn_request_which_stays_withdrawn(app: Flask) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    withdrawn()
    tell(10_000)
    request = builders.request_of(letter)
    assert (request.state, request.open.cents) == ("withdrawn", 0)


def test_undone_it_is_open_again(app: Flask) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(10_000)
    undo()
    undo()
    request = builders.request_of(letter)
    assert (request.state, request.open.cents) == ("open", 10_000)
    assert (balance("elsewhere"), balance("claims:tax")) == (0, 0)
    assert reasons() == ["paid_elsewhere", "paid_elsewhere_undone"]


def test_a_late_repetition_of_what_was_undone_covers_nothing(app: Flask) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    tell(10_000)
    undo()
    tell(10_000)
    assert builders.request_of(letter).state == "open"


def test_what_was_never_told_cannot_be_undone(app: Flask) -> None:
    builders.letter("K-1")
    with pytest.raises(NoSuchFact):
        undo()


def test_told_for_a_replaced_letter_it_counts_for_the_newer_and_is_undone_there(
    app: Flask,
) -> None:
    builders.letter("K-1", amount_cents=10_000)
    newer = builders.letter("K-2", amount_cents=12_000, kind="reminder", replaces=["K-1"])
    tell(4_000)
    assert builders.request_of(newer).open.cents == 8_000
    assert balance("claims:reminder") == -4_000
    undo()
    assert builders.request_of(newer).open.cents == 12_000


def test_what_moved_on_with_a_newer_letter_and_kind_is_undone_there(app: Flask) -> None:
    builders.letter("K-1", amount_cents=10_000)
    tell(4_000)
    builders.letter("K-1", amount_cents=10_000, kind="fee")
    newer = builders.letter("K-2", amount_cents=12_000, kind="reminder", replaces=["K-1"])
    undo()
    assert builders.request_of(newer).covered_cents == 0
    assert [balance(f"claims:{kind}") for kind in ("tax", "fee", "reminder")] == [0, 0, 0]


def test_what_a_lower_version_made_surplus_is_undone_first(app: Flask) -> None:
    builders.letter("K-1", amount_cents=10_000)
    tell(6_000)
    tell(4_000, "B-2")
    letter = builders.letter("K-1", amount_cents=7_000)
    assert surplus() == [(3_000, "open")]
    undo("B-2")
    request = builders.request_of(letter)
    assert (request.covered_cents, request.state) == (6_000, "partly_paid")
    assert surplus() == [(0, "assigned")]
    assert "custody.assigned" in [event.type for event in builders.events()]
    undo("B-1")
    assert builders.request_of(letter).covered_cents == 0


def test_what_undoes_less_than_the_surplus_leaves_the_rest_in_custody(app: Flask) -> None:
    builders.letter("K-1", amount_cents=10_000)
    tell(9_000)
    tell(1_000, "B-2")
    letter = builders.letter("K-1", amount_cents=7_000)
    undo("B-2")
    assert (surplus(), builders.request_of(letter).covered_cents) == ([(2_000, "open")], 7_000)


def test_what_was_given_away_meanwhile_cannot_be_undone(app: Flask) -> None:
    builders.letter("K-1", amount_cents=10_000)
    tell(10_000)
    builders.letter("K-1", amount_cents=7_000)
    withdrawn()
    with transaction() as session:
        from portal.ledger import entries, items
        from portal.money import Money

        items.lower(session.scalars(select(CustodyItem)).one(), 3_000, "kept_by_order")
        book.post(session, TOWN, entries.custody_kept("AO-9", "surplus", Money(3_000)))
    with pytest.raises(AlreadyGivenAway):
        undo()
    assert db.session.scalars(select(PaidElsewhere.undone_at)).one() is None


def with_promised_surplus(provider: FakeProvider) -> tuple[builders.Letter, str]:
    """7,000 cents came by card and 3,000 elsewhere; of them 7,000 are asked by now."""
    payment = builders.begin(builders.letter("K-1", amount_cents=7_000))
    record(provider.pay(payment), CARD)
    builders.letter("K-1", amount_cents=10_000)
    tell(3_000)
    letter = builders.letter("K-1", amount_cents=7_000)
    wanted = refunds.Asked(TOWN, payment, Money(3_000), Reason.SURPLUS, "AO-1", "staff:anna")
    return letter, refunds.ask(wanted)


def test_surplus_that_waits_to_be_sent_back_is_not_taken_in_silence(
    provider: FakeProvider,
) -> None:
    letter, refund = with_promised_surplus(provider)
    with pytest.raises(SurplusPromised, match="not decided"):
        undo()
    assert surplus() == [(3_000, "open")]
    assert db.session.scalars(select(PaidElsewhere.undone_at)).one() is None
    refunds.refuse(TOWN, refund, "staff:bert")
    undo()
    assert (surplus(), builders.request_of(letter).covered_cents) == ([(0, "assigned")], 7_000)


def test_what_was_sent_back_meanwhile_is_asked_again_when_it_is_undone(
    app: Flask, provider: FakeProvider
) -> None:
    letter, refund = with_promised_surplus(provider)
    refunds.approve(TOWN, refund, "staff:bert")
    with pytest.raises(SurplusPromised):
        undo()
    sending.submit(app.extensions["keyring"], TOWN, refund)
    undo()
    assert builders.request_of(letter).open.cents == 3_000


def test_the_finance_system_is_told_why_it_cannot_be_undone_now(
    app: Flask, client: FlaskClient, provider: FakeProvider
) -> None:
    with_promised_surplus(provider)
    answer = client.post(
        "/api/v1/payment-requests/K-1/paid-elsewhere/B-1/undo",
        headers=bearer(app, TOWN, "requests:write"),
    )
    assert (answer.status_code, answer.json["code"]) == (409, "custody_promised")


def test_what_is_paid_online_afterwards_is_split_among_the_claims_that_are_left(
    provider: FakeProvider,
) -> None:
    items = [
        {"text": "Grundsteuer", "amount_cents": 6_000, "claim": "OP-1", "rank": 1},
        {"text": "Gebühr", "amount_cents": 4_000, "claim": "OP-2", "rank": 2},
    ]
    letter = builders.letter("K-1", amount_cents=10_000, items=items)
    tell(7_000)
    record(provider.pay(builders.begin(letter)), CARD)
    assert builders.events()[-1].data["allocations"] == [{"claim": "OP-2", "amount_cents": 3_000}]
