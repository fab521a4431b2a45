"""What the finance system orders about a request."""

from datetime import date, timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select

from portal.audit import AuditRow
from portal.db import db, transaction
from portal.keys import Keyring
from portal.ledger.models import CustodyItem
from portal.payments.record import Source, record
from portal.requests import elsewhere, expiry, links, opening, orders, replacing, tan
from portal.requests.models import PaymentRequest
from portal.requests.ordered import Elsewhere, How, Rest, Why
from portal.requests.orders import DayIsOver, NothingPaid, NotTheRest, OrderReused, Subject
from portal.requests.register import NoSuchRequest
from portal.requests.states import IllegalStep
from portal.requests.tan import Verdict
from portal.returns import custody, reversals
from tests import builders
from tests.builders import TOWN, Letter
from tests.conftest import Time
from tests.fakes import FakeProvider, won

CARD = Source(TOWN, "card", "notification")


def ring() -> Keyring:
    found: Keyring = current_app.extensions["keyring"]
    return found


def of(reference: str = "K-1") -> Subject:
    return Subject(TOWN, reference, "client:c_1")


def withdrawn(reference: str = "K-1", reason: Why = Why.CANCELLED) -> None:
    with transaction() as session:
        orders.withdraw(session, of(reference), reason)


def restored(reference: str = "K-1", payable_until: object = None) -> None:
    with transaction() as session:
        orders.restore(session, of(reference), payable_until)


def closed(cents: int, order: str = "AO-1", reason: str = "small") -> None:
    with transaction() as session:
        orders.close_rest(session, of(), Rest(amount_cents=cents, reason=reason, order=order))


def told() -> list[tuple[str, object]]:
    return [(event.type, event.data.get("reason")) for event in builders.events()]


def noted() -> int:
    return db.session.scalar(select(func.count()).select_from(AuditRow)) or 0


def paid(provider: FakeProvider, letter: Letter) -> None:
    record(provider.pay(builders.begin(letter)), CARD)


def part(provider: FakeProvider, cents: int) -> Letter:
    """K-1 asks 100.00, of which so much is paid."""
    paid(provider, builders.letter("K-1", amount_cents=cents))
    return builders.letter("K-1", amount_cents=10_000)


@pytest.mark.parametrize("reason", Why)
def test_a_withdrawn_request_says_why_and_is_told(app: Flask, reason: Why) -> None:
    letter = builders.letter("K-1")
    withdrawn(reason=reason)
    request = builders.request_of(letter)
    assert (request.state, request.withdrawn_reason) == ("withdrawn", reason)
    assert told() == [("request.withdrawn", reason)]


def test_withdrawing_again_changes_nothing_and_another_reason_is_told(app: Flask) -> None:
    letter = builders.letter("K-1")
    withdrawn()
    withdrawn()
    assert (len(told()), noted()) == (1, 1)
    withdrawn(reason=Why.ENFORCEMENT)
    assert builders.request_of(letter).withdrawn_reason == "enforcement"
    assert [reason for _, reason in told()] == ["cancelled", "enforcement"]


def test_it_is_withdrawn_while_a_payment_is_under_way_and_the_money_is_surplus(
    provider: FakeProvider,
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    withdrawn()
    record(provider.pay(payment), CARD)
    assert builders.request_of(letter).state == "withdrawn"
    (item,) = db.session.scalars(select(CustodyItem))
    assert (item.cause, item.open_cents) == ("surplus", 10_000)


def test_a_request_that_was_replaced_stays_so_when_it_is_withdrawn(app: Flask) -> None:
    letter = builders.letter("K-1")
    builders.letter("K-2", replaces=["K-1"])
    withdrawn()
    request = builders.request_of(letter)
    assert (request.state, request.withdrawn_reason) == ("replaced", None)
    assert ("request.withdrawn", "cancelled") not in told()


def test_a_new_version_does_not_bring_a_withdrawn_request_back(app: Flask) -> None:
    builders.letter("K-1")
    withdrawn()
    assert builders.request_of(builders.letter("K-1", amount_cents=1)).state == "withdrawn"


def test_a_restored_request_can_be_paid_again(provider: FakeProvider) -> None:
    letter = builders.letter("K-1")
    withdrawn()
    restored()
    assert builders.request_of(letter).withdrawn_reason is None
    assert told()[-1] == ("request.restored", "withdrawn")
    paid(provider, letter)
    assert builders.request_of(letter).state == "paid"


@pytest.mark.parametrize(("cents", "state"), [(4_000, "partly_paid"), (10_000, "paid")])
def test_what_was_covered_decides_what_is_restored(
    provider: FakeProvider, cents: int, state: str
) -> None:
    letter = part(provider, cents)
    withdrawn()
    restored()
    assert builders.request_of(letter).state == state


def test_an_expired_request_is_restored_until_a_later_day(app: Flask, time: Time) -> None:
    letter = builders.letter("K-1", payable_until=builders.today().isoformat())
    time.move("+3d")
    expiry.expire_due()
    restored(payable_until=builders.today() + timedelta(days=5))
    assert expiry.expire_due() == 0
    assert builders.request_of(letter).state == "open"
    time.move("+9d")
    assert expiry.expire_due() == 1


def test_the_same_push_does_not_undo_a_restored_last_day(app: Flask, time: Time) -> None:
    day = builders.today().isoformat()
    builders.letter("K-1", payable_until=day)
    time.move("+3d")
    expiry.expire_due()
    restored()
    letter = builders.letter("K-1", payable_until=day)
    assert builders.request_of(letter).payable_until is None


def test_a_day_that_is_over_restores_nothing(app: Flask, time: Time) -> None:
    letter = builders.letter("K-1")
    withdrawn()
    with pytest.raises(DayIsOver):
        restored(payable_until=builders.today() - timedelta(days=2))
    assert builders.request_of(letter).state == "withdrawn"


def test_restoring_what_had_not_ended_is_refused_but_repeating_is_not(app: Flask) -> None:
    builders.letter("K-1")
    with pytest.raises(IllegalStep):
        restored(payable_until=date(2099, 1, 31))
    withdrawn()
    restored()
    restored()
    assert [kind for kind, _ in told()] == ["request.withdrawn", "request.restored"]


def test_a_replaced_request_whose_money_moved_on_is_not_restored(provider: FakeProvider) -> None:
    letter = part(provider, 4_000)
    newer = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    with pytest.raises(orders.MoneyMovedOn):
        restored()
    assert builders.request_of(letter).state == "replaced"
    assert builders.request_of(newer).open.cents == 6_000


def test_a_later_version_of_a_replaced_request_does_not_bring_its_money_back(
    provider: FakeProvider,
) -> None:
    letter = part(provider, 4_000)
    builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    builders.letter("K-1", amount_cents=11_000)
    with pytest.raises(orders.MoneyMovedOn):
        restored()
    assert builders.request_of(letter).state == "replaced"


def test_a_request_is_not_restored_when_its_money_came_while_it_was_replaced(
    provider: FakeProvider,
) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    payment = builders.begin(letter)
    newer = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    record(provider.pay(payment), CARD)
    with pytest.raises(orders.MoneyMovedOn):
        restored()
    back = provider.reverse(payment, 10_000, 0)
    reversals.record_reversal(ring(), TOWN, "card", back)
    assert builders.request_of(newer).open.cents == 10_000
    assert builders.events()[-1].data["loss_cents"] == 0


def test_a_request_is_not_restored_when_it_was_paid_elsewhere_while_it_was_replaced(
    app: Flask,
) -> None:
    builders.letter("K-1", amount_cents=10_000)
    newer = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    fact = Elsewhere(id="B-1", amount_cents=900, paid_on=date(2026, 11, 12), how=How.CASH)
    with transaction() as session:
        elsewhere.tell(session, of(), fact)
    with pytest.raises(orders.MoneyMovedOn):
        restored()
    with transaction() as session:
        elsewhere.undo(session, of(), "B-1", custody.is_about_to_go)
    assert builders.request_of(newer).open.cents == 10_000


def test_none_between_is_restored_when_the_first_ones_money_came_for_the_last(
    provider: FakeProvider,
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    builders.letter("K-3", amount_cents=10_000, replaces=["K-2"])
    record(provider.pay(payment), CARD)
    for reference in ("K-1", "K-2"):
        with pytest.raises(orders.MoneyMovedOn):
            restored(reference)


def test_a_request_is_not_restored_when_a_refund_that_failed_counts_for_the_newer_one(
    provider: FakeProvider,
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=10_000))
    record(provider.pay(payment), CARD)
    report = provider.reverse(payment, 10_000, 0)
    reversals.record_reversal(ring(), TOWN, "card", report)
    newer = builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    reversals.record_reversal(ring(), TOWN, "card", won(report))
    assert builders.request_of(newer).state == "paid"
    with pytest.raises(orders.MoneyMovedOn):
        restored()


def test_a_replaced_request_on_which_nothing_was_paid_is_restored(provider: FakeProvider) -> None:
    letter = builders.letter("K-1", amount_cents=10_000)
    builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    restored()
    paid(provider, letter)
    assert builders.request_of(letter).state == "paid"


def test_what_is_replaced_restored_and_replaced_again_moves_once_each_time(
    provider: FakeProvider,
) -> None:
    older = builders.letter("K-1", amount_cents=10_000)
    builders.letter("K-2", amount_cents=10_000, replaces=["K-1"])
    restored()
    paid(provider, older)
    newer = builders.letter("K-2", amount_cents=12_000, replaces=["K-1"])
    assert builders.request_of(newer).open.cents == 2_000


def test_a_request_in_another_currency_takes_no_ones_place(app: Flask) -> None:
    builders.letter("K-1")
    with pytest.raises(replacing.OtherCurrency):
        builders.letter("K-2", currency="PLN", replaces=["K-1"])


def test_a_new_link_kills_the_old_one_and_keeps_the_tan(app: Flask) -> None:
    old = builders.letter("K-1")
    with transaction() as session:
        orders.new_link(session, ring(), of())
    new = builders.letter("K-1")
    assert (new.url == old.url, new.short_code == old.short_code) == (False, False)
    assert new.tan == old.tan
    found = {
        letter: links.find_by_link(db.session(), ring(), TOWN, letter.url.rsplit("/", 1)[1])
        for letter in (old, new)
    }
    assert found[old] is None
    assert found[new] is not None
    assert told() == [("request.changed", "new_link")]


def test_a_new_link_passes_over_a_code_that_is_taken(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, letter = builders.letter("K-2"), builders.letter("K-1")
    real = links.short_code

    def colliding(key: object, identity: links.Identity) -> str:
        taken = links.Identity(TOWN, "K-2", 1)
        return real(
            key, taken if (identity.reference, identity.version) == ("K-1", 2) else identity
        )

    monkeypatch.setattr(links, "short_code", colliding)
    with transaction() as session:
        orders.new_link(session, ring(), of())
    assert builders.request_of(letter).link_version == 3
    assert builders.request_of(other).link_version == 1


def test_a_new_tan_kills_the_old_one_keeps_the_link_and_forgets_the_tries(app: Flask) -> None:
    old = builders.letter("K-1")
    for _ in range(tan.TRIES_IN_HOUR):
        opening.by_tan(ring(), TOWN, old.request_id, "00000000", "v")
    with transaction() as session:
        orders.new_tan(session, of())
    new = builders.letter("K-1")
    assert (new.url, new.tan != old.tan) == (old.url, True)
    verdicts = [
        opening.by_tan(ring(), TOWN, old.request_id, each.tan, "v").verdict for each in (old, new)
    ]
    assert verdicts == [Verdict.WRONG, Verdict.RIGHT]
    assert told() == [("request.changed", "new_tan")]


def test_a_closed_rest_pays_the_request(provider: FakeProvider) -> None:
    letter = part(provider, 9_950)
    closed(50)
    request = builders.request_of(letter)
    assert (request.state, request.open.cents, request.covered_cents) == ("paid", 0, 9_950)
    event = builders.events()[-1]
    assert (event.type, event.data) == (
        "request.rest_closed",
        {"version": 2, "reason": "small", "amount_cents": 50, "order": "AO-1"},
    )


def test_the_same_order_closes_once_and_with_other_words_nothing(provider: FakeProvider) -> None:
    part(provider, 9_950)
    closed(50)
    events = told()
    closed(50)
    assert told() == events
    with pytest.raises(OrderReused):
        closed(40)
    with pytest.raises(OrderReused):
        closed(50, reason="other")


@pytest.mark.parametrize("cents", [49, 51, 10_000])
def test_only_all_that_is_open_is_a_rest(provider: FakeProvider, cents: int) -> None:
    letter = part(provider, 9_950)
    with pytest.raises(NotTheRest):
        closed(cents)
    assert builders.request_of(letter).state == "partly_paid"


def test_where_nothing_was_paid_there_is_no_rest(app: Flask) -> None:
    builders.letter("K-1", amount_cents=50)
    with pytest.raises(NothingPaid):
        closed(50)


def test_money_that_comes_after_the_rest_was_closed_is_surplus(provider: FakeProvider) -> None:
    letter = part(provider, 9_950)
    payment = builders.begin(letter)
    closed(50)
    record(provider.pay(payment), CARD)
    (item,) = db.session.scalars(select(CustodyItem))
    assert item.open_cents == 50


def test_a_new_version_of_the_same_amount_keeps_the_rest_closed(provider: FakeProvider) -> None:
    part(provider, 9_950)
    closed(50)
    letter = builders.letter("K-1", amount_cents=10_000, purpose="Grundsteuer")
    assert builders.request_of(letter).state == "paid"


@pytest.mark.parametrize(
    ("amount", "state", "still"),
    [(9_950, "paid", 0), (9_000, "paid", 0), (10_001, "partly_paid", 51)],
)
def test_a_new_amount_says_anew_what_is_asked(
    provider: FakeProvider, amount: int, state: str, still: int
) -> None:
    part(provider, 9_950)
    closed(50)
    request = builders.request_of(builders.letter("K-1", amount_cents=amount))
    assert (request.state, request.open.cents, request.closed_cents) == (state, still, 0)


def test_what_an_older_letter_brings_makes_a_closed_rest_void(provider: FakeProvider) -> None:
    part(provider, 9_950)
    closed(50)
    paid(provider, builders.letter("K-0", amount_cents=30))
    letter = builders.letter("K-1", amount_cents=10_000, replaces=["K-0"])
    request = builders.request_of(letter)
    assert (request.covered_cents, request.closed_cents, request.state) == (9_980, 20, "paid")


@pytest.mark.parametrize("reference", ["K-9", "K-2"])
def test_what_is_not_there_cannot_be_ordered_about(app: Flask, reference: str) -> None:
    builders.letter("K-2", tenant_id=builders.OTHER_TOWN)
    with pytest.raises(NoSuchRequest):
        withdrawn(reference)
    assert told() == []


def test_every_order_is_noted_with_who_gave_it(provider: FakeProvider) -> None:
    part(provider, 9_950)
    closed(50)
    withdrawn()
    restored()
    with transaction() as session:
        orders.new_link(session, ring(), of())
        orders.new_tan(session, of())
    rows = db.session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(row.act, row.actor, row.subject) for row in rows] == [
        (act, "client:c_1", "K-1")
        for act in (
            "request.close_rest", "request.withdraw", "request.restore",
            "request.new_link", "request.new_tan",
        )
    ]  # fmt: skip
    request = db.session.scalars(select(PaymentRequest)).one()
    assert tan.of_request(ring(), request) not in str([vars(row) for row in rows])
