"""Closing a day: what one person may, what two must, and that it stays so."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal import clock
from portal.approvals import deciding
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance.models import EventRow
from portal.payments.record import Source, record
from portal.proof import afterwards, chain, closing, open_items, reconciling, rows
from portal.proof.equations import Reconciliation
from portal.proof.figures import FIGURES
from portal.proof.models import DayClosing
from portal.tenants import Tenant
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.proof import small_town

CARD = Source(TOWN, "card", "notification")
ANNA, BERT = "staff:anna", "staff:bert"
DIFFERENCE = "UPDATE payments SET amount_cents = amount_cents + 7 WHERE state = 'succeeded'"


def today() -> date:
    return clock.today("Europe/Berlin")


def paid(provider: FakeProvider, name: str = "K-1", cents: int = 10_000) -> str:
    payment = builders.begin(builders.letter(name, amount_cents=cents))
    record(provider.pay(payment), CARD)
    return payment


def closed(day: date) -> DayClosing | None:
    db.session.rollback()
    found = db.session.get(DayClosing, (TOWN, day))
    db.session.rollback()
    return found


def reconciled(day: date) -> Reconciliation:
    db.session.rollback()
    return reconciling.at(TOWN, day)


def town() -> Tenant:
    return db.session.get_one(Tenant, TOWN)


@pytest.fixture
def yesterday(provider: FakeProvider, time: Time) -> date:
    """A day with a payment, which is over."""
    day = today()
    paid(provider)
    time.move("+25h")
    return day


@pytest.fixture
def broken(yesterday: date, owner_url: str) -> date:
    """The same with a difference: somebody has changed a row by hand."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text(DIFFERENCE))
    engine.dispose()
    return yesterday


def test_one_person_closes_a_day_that_holds(yesterday: date) -> None:
    closing.close(TOWN, yesterday, ANNA)
    row = closed(yesterday)
    assert row is not None
    assert (row.holds, row.closed_by, row.second, row.reason) == (True, ANNA, None, "")
    assert row.figures["day"] == yesterday.isoformat()
    (received,) = [
        figure["cents"]
        for equation in row.figures["equations"]
        for side in equation["sides"]
        for figure in side
        if figure["figure"] == "received"
    ]
    assert received == 10_000
    notes = db.session.scalars(select(AuditRow.act).where(AuditRow.actor == ANNA)).all()
    assert notes == ["day.closed"]


def test_a_closing_writes_down_where_the_audit_chain_ends_and_tells_it(yesterday: date) -> None:
    closing.close(TOWN, yesterday, ANNA)
    row = closed(yesterday)
    assert row is not None
    head = chain.Head(row.head_seq, row.head_hash)
    assert closing.last_head(db.session(), TOWN) == head
    assert chain.verify(db.session(), TOWN, head).wrong == 0
    told = db.session.scalars(select(EventRow.data).where(EventRow.type == "audit.anchored")).all()
    expected = {"links": row.head_seq, "head": row.head_hash.hex(), "day": yesterday.isoformat()}
    assert told == [expected]


@pytest.mark.rows_by_hand
def test_a_day_with_a_difference_is_never_closed_by_one(broken: date) -> None:
    with pytest.raises(closing.Differs):
        closing.close(TOWN, broken, ANNA)
    closing.ask(TOWN, broken, "Zeile von Hand geändert, Betreiber gerufen", ANNA)
    for same in (ANNA, "staff:ANNA ", "staff: anna"):
        with pytest.raises(deciding.SamePerson):
            closing.approve(TOWN, broken.isoformat(), same)
    with pytest.raises(deciding.NotAPerson):
        closing.approve(TOWN, broken.isoformat(), "client:finance")
    assert closed(broken) is None


@pytest.mark.rows_by_hand
def test_two_people_close_it_with_a_reason_and_it_stays_listed_until_explained(
    broken: date,
) -> None:
    closing.ask(TOWN, broken, " Zeile von\n Hand  geändert ", ANNA)
    closing.approve(TOWN, broken.isoformat(), BERT)
    row = closed(broken)
    assert row is not None
    assert (row.holds, row.closed_by, row.second) == (False, ANNA, BERT)
    assert row.reason == "Zeile von Hand geändert"
    assert [each.day for each in closing.unexplained(db.session(), TOWN)] == [broken]
    closing.explain(TOWN, broken, "Zeile zurückgesetzt", BERT)
    assert list(closing.unexplained(db.session(), TOWN)) == []


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("", closing.NoReason),
        ("  \n ", closing.NoReason),
        ("x" * 501, closing.NoReason),
        ("Geld kam von DE02 1203 0000 0000 2020 51", closing.NamesAPerson),
        ("siehe mail an jemand@example.org", closing.NamesAPerson),
    ],
)
def test_a_difference_needs_a_reason_that_names_nobody(
    broken: date, reason: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        closing.ask(TOWN, broken, reason, ANNA)


@pytest.mark.rows_by_hand
def test_what_has_changed_since_it_was_asked_for_is_not_closed(
    broken: date, owner_url: str
) -> None:
    closing.ask(TOWN, broken, "Differenz von 7 Cent", ANNA)
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text(DIFFERENCE))
    with pytest.raises(closing.Changed):
        closing.approve(TOWN, broken.isoformat(), BERT)
    with engine.begin() as connection:
        connection.execute(text(DIFFERENCE.replace("+ 7", "- 14")))
    engine.dispose()
    with pytest.raises(closing.Changed):
        closing.approve(TOWN, broken.isoformat(), BERT)
    assert closed(broken) is None
    closing.close(TOWN, broken, ANNA)  # it holds now, and nobody is asked any more
    assert closing.waiting(db.session(), TOWN, broken) is None


@pytest.mark.rows_by_hand
def test_what_nobody_agrees_to_within_seven_days_ends(broken: date, time: Time) -> None:
    closing.ask(TOWN, broken, "Differenz von 7 Cent", ANNA)
    time.move("+9d")
    with pytest.raises(deciding.RunOut):
        closing.approve(TOWN, broken.isoformat(), BERT)
    closing.run_out()
    assert closing.waiting(db.session(), TOWN, broken) is None


def test_a_closed_day_stays_closed(yesterday: date, owner_url: str) -> None:
    closing.close(TOWN, yesterday, ANNA)
    for again in (
        lambda: closing.close(TOWN, yesterday, BERT),
        lambda: closing.ask(TOWN, yesterday, "doch nicht", BERT),
    ):
        with pytest.raises(closing.ClosedBefore):
            again()
    change = "UPDATE day_closings SET holds = false, second = 'staff:x', reason = 'x'"
    for statement in (change, "DELETE FROM day_closings"):
        with pytest.raises(DBAPIError, match=r"append only|permission denied|never"):
            db.session.execute(text(statement))
        db.session.rollback()
    engine = create_engine(owner_url)  # not even the owner
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()


def test_the_database_refuses_a_difference_by_one(yesterday: date) -> None:
    found = {"figures": {}, "head_seq": 0, "head_hash": bytes(32), "closed_at": clock.now()}
    for second, reason in ((None, "x"), (BERT, ""), ("staff:Anna", "x")):
        row = DayClosing(
            tenant_id=TOWN, day=yesterday, closed_by=ANNA, second=second, reason=reason,
            holds=False, **found,
        )  # fmt: skip
        with pytest.raises(IntegrityError), transaction() as session:
            session.add(row)


def test_today_is_not_over(provider: FakeProvider) -> None:
    paid(provider)
    with pytest.raises(closing.NotOver):
        closing.close(TOWN, today(), ANNA)


def test_what_is_heard_later_is_shown_with_the_day_and_changes_no_figure_of_it(
    provider: FakeProvider, time: Time
) -> None:
    day = today()
    begun = builders.begin(builders.letter("K-1", amount_cents=4_000))
    paid(provider, "K-2")
    report = replace(provider.pay(begun), happened_at=clock.now())  # heard on the next day
    time.move("+25h")
    closing.close(TOWN, day, ANNA)
    before = closed(day)
    record(report, CARD)
    assert before is not None
    assert closed(day).figures == before.figures  # type: ignore[union-attr]
    found = afterwards.page(db.session(), TOWN, day, before.closed_at)
    told = [(later.reference, later.amount.cents, later.booked_on) for later in found]
    assert told == [(f"payment:{begun}", 4_000, today())]
    assert reconciled(today()).holds


# --- Rows and open items ------------------------------------------------------------------------


def places(found: Reconciliation) -> list[tuple[rows.Place, int]]:
    return [
        (rows.Place(figure.key, found.day, equation.part, equation.currency), figure.money.cents)
        for equation in found.equations
        for side in equation.sides
        for figure in side
        if figure.money is not None
    ]


def test_the_pages_of_rows_of_every_figure_sum_to_it_to_the_cent(
    app: Flask, provider: FakeProvider, time: Time
) -> None:
    small_town.build(app, provider)
    first = today()
    time.move("+30h")
    paid(provider, "K-90", 1_234)
    seen = set()
    for day in (first, today()):
        found = reconciled(day)
        assert found.holds
        for place, cents in places(found):
            behind = rows.behind(db.session(), town(), place)
            assert behind.total.cents == cents, place
            paged, last = [], ("", "")
            while more := rows.page(db.session(), town(), place, last, most=2):
                paged += more
                last = (more[-1].source, more[-1].name)
            assert sum(row.money.cents for row in paged) == behind.of_the_day.cents, place
            assert len(paged) == behind.count
            assert paged == list(rows.every(db.session(), town(), place))
            seen.add(place.key)
        db.session.rollback()
    assert seen >= set(FIGURES) - {"provider_says", "reserves", "kept", "kept_by_order"}


def test_the_list_for_the_annual_accounts_is_as_the_day_ended(
    app: Flask, provider: FakeProvider, time: Time
) -> None:
    day = today()
    small_town.build(app, provider)
    then = [
        (i.kind, i.reference, i.open.cents) for i in open_items.every(db.session(), town(), day)
    ]
    found = reconciled(day)
    for kind in ("suspense", "custody"):
        figures = [cents for place, cents in places(found) if place.key == f"{kind}_items"]
        assert sum(figures) == sum(cents for sort, _, cents in then if sort == kind)
        assert any(sort == kind for sort, *_ in then)
    time.move("+40h")
    provider.settle("s9", [], fee_cents=0)
    paid(provider, "K-91")
    later = open_items.every(db.session(), town(), day)
    assert [(i.kind, i.reference, i.open.cents) for i in later] == then
    now = list(open_items.every(db.session(), town(), today()))
    assert len(now) == len(then) + 1
    assert now[0].age == (today() - day).days
    assert now == sorted(now, key=lambda i: (i.opened_on, i.kind, i.id))
    paged, place = [], open_items.START
    while more := open_items.page(db.session(), town(), today(), place, most=2):
        paged += more
        place = (more[-1].opened_on, more[-1].kind, more[-1].id)
    assert paged == now
    sums = open_items.sums(db.session(), town(), today())
    assert sum(s.open.cents for s in sums) == sum(i.open.cents for i in now)
    assert sum(s.count for s in sums) == len(now)
    earlier = day - timedelta(days=1)
    assert open_items.sums(db.session(), town(), earlier) == []
