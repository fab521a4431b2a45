"""Stage two: a small town over fifteen years. Nothing goes early, nothing stays a day too long."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import current_app
from sqlalchemy import select, text

from portal import audit, clock
from portal.approvals import deciding, rules
from portal.approvals.models import Approval, ApprovalRule
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import correcting
from portal.payments.record import record
from portal.payments.returned import Reason
from portal.proof import chain, invariants, reconciling
from portal.proof.models import DayClosing, DayExplanation
from portal.providers.protocol import Outcome
from portal.requests import elsewhere, orders
from portal.requests.models import PaymentRequest
from portal.requests.ordered import Elsewhere, How, Rest, Why
from portal.requests.orders import Subject
from portal.requests.purged import ReferenceUsed
from portal.retention import noting
from portal.returns import closing, custody, refunds, sending
from portal.staff import granting, members, new_keys
from portal.staff.models import StaffMember
from portal.staff.roles import Grant, Role
from portal.tenants import Tenant
from portal.worklist import writing
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.retention.conftest import CARD, Town
from tests.retention.test_details import push

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
DETAILS = timedelta(days=180)
FIRST, LAST, END = 2026, 2027, 2041
LETTERS = 11  # a year
ALONE = 4_000  # cents: up to which one person is enough
CLIENT = "client:c_1"
STAFF = ("staff:anna", "staff:bert", "carla", "Carla")
# The last rule is in force; the accounts were noted in years whose books are still kept.
IN_FORCE = {"approval_rules": 1, "annual_accounts": LAST - FIRST + 1}


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens, and the request that it moves last."""

    at: datetime
    do: Callable[[], object]
    moves: str | None = None
    money: bool = True


class Years:
    """The letters of the town's years."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.payments: dict[str, str] = {}

    def of(self, year: int) -> Iterator[Act]:
        """What happens with one year's letters."""
        names = {number: f"K-{year}-{number}" for number in range(1, LETTERS + 1)}
        yield Act(at(year, 1, 10), lambda: self.town.done(names[1]), names[1])
        yield Act(at(year, 3, 5), lambda: self.told(names[2]), names[2])
        yield Act(at(year, 4, 5), lambda: self.undone(names[3]), names[3])
        yield Act(at(year, 5, 5), lambda: self.withdrawn(names[4]), names[4], money=False)
        yield Act(at(year, 6, 5), lambda: self.refunded(names[5]), names[5])
        yield Act(at(year, 12, 20), lambda: self.unsettled(names[6]), names[6])
        yield Act(at(year + 1, 1, 5), lambda: self.town.settle(self.payments[names[6]]))
        yield Act(at(year, 7, 5), lambda: self.town.done(names[7]))
        yield Act(at(year, 8, 5), lambda: self.replaced(names[7], names[8]), names[8])
        yield Act(at(year, 8, 5, 13), lambda: None, names[7])
        yield Act(at(year, 9, 5), lambda: self.lowered(names[9]), names[9])
        yield Act(at(year, 10, 5), lambda: self.kept_alone(names[10]), names[10])
        yield Act(at(year, 11, 5), lambda: self.refunded_alone(names[11]), names[11])
        yield Act(at(year, 11, 10), lambda: self.people(year))
        told = noting.Accounts(year, date(year + 1, 7, 1), date(year + 1, 12, 10))
        yield Act(at(year + 2, 1, 20), lambda: noting.accounts(TOWN, told, "staff:anna"))

    def subject(self, name: str) -> Subject:
        return Subject(TOWN, name, CLIENT)

    def told(self, name: str) -> None:
        builders.letter(name, amount_cents=10_000)
        fact = Elsewhere(id="B-1", amount_cents=9_990, paid_on=date(FIRST, 1, 1), how=How.TRANSFER)
        with transaction() as session:
            elsewhere.tell(session, self.subject(name), fact)
        with transaction() as session:
            rest = Rest(amount_cents=10, reason="small", order="AO-1")
            orders.close_rest(session, self.subject(name), rest)

    def undone(self, name: str) -> None:
        builders.letter(name, amount_cents=10_000)
        fact = Elsewhere(id="B-1", amount_cents=10_000, paid_on=date(FIRST, 1, 1), how=How.CASH)
        with transaction() as session:
            elsewhere.tell(session, self.subject(name), fact)
        with transaction() as session:
            elsewhere.undo(session, self.subject(name), "B-1", custody.is_about_to_go)
        self.withdraw(name)

    def withdrawn(self, name: str) -> None:
        builders.letter(name)
        self.withdraw(name)

    def withdraw(self, name: str) -> None:
        with transaction() as session:
            orders.withdraw(session, self.subject(name), Why.OTHER)

    def refunded(self, name: str) -> None:
        """Paid twice, and the surplus sent back."""
        letter = builders.letter(name, amount_cents=10_000)
        first = builders.begin(letter)
        record(self.town.provider.say(first, Outcome.CANCELLED), CARD)
        second = builders.begin(letter)
        record(self.town.provider.pay(second), CARD)
        record(self.town.provider.pay(first), CARD)
        self.town.settle(first, second)
        asked = refunds.Asked(TOWN, first, Money(10_000), Reason.SURPLUS, "AO-2", "staff:anna")
        refund = refunds.ask(asked)
        refunds.approve(TOWN, refund, "staff:bert")
        sending.submit(current_app.extensions["keyring"], TOWN, refund)
        self.town.settle_lines(self.town.provider.refund_line(refund))

    def unsettled(self, name: str) -> None:
        self.payments[name] = self.town.paid(name)[1]

    def replaced(self, old: str, new: str) -> None:
        builders.letter(new, replaces=[old], amount_cents=10_000)

    def lowered(self, name: str) -> None:
        """Paid, then asked for less; the rest is kept by order."""
        self.town.done(name)
        builders.letter(name, amount_cents=4_000)
        query = select(CustodyItem.id).filter_by(request_reference=name)
        db.session.rollback()
        item = db.session.scalars(query).one()
        closing.ask(TOWN, closing.CUSTODY, item, "AO-3", "staff:anna")
        closing.approve(TOWN, closing.CUSTODY, item, "staff:bert")

    def kept_alone(self, name: str) -> None:
        """Paid, then asked for less; the rest is kept by one person, as the town's rule allows."""
        self.town.done(name)
        builders.letter(name, amount_cents=10_000 - ALONE)
        query = select(CustodyItem.id).filter_by(request_reference=name)
        db.session.rollback()
        closing.ask(TOWN, closing.CUSTODY, db.session.scalars(query).one(), "AO-4", "staff:anna")

    def refunded_alone(self, name: str) -> None:
        """Paid, then asked for less; one person has the rest sent back."""
        _, payment = self.town.paid(name)
        self.town.settle(payment)
        builders.letter(name, amount_cents=10_000 - ALONE)
        asked = refunds.Asked(TOWN, payment, Money(ALONE), Reason.SURPLUS, "AO-5", "staff:anna")
        refund = refunds.ask(asked)
        sending.submit(current_app.extensions["keyring"], TOWN, refund)
        self.town.settle_lines(self.town.provider.refund_line(refund))

    def people(self, year: int) -> None:
        """A colleague comes and goes; a rule, a hold, a day that did not add up."""
        login = f"carla{year}"
        with transaction() as session:
            members.add(session, TOWN, login, "Carla Carlsen", "staff:anna")
        granting.ask(TOWN, login, Grant(Role.CLERK), "staff:anna")
        granting.approve(TOWN, f"{login}:clerk::", "staff:bert")
        new_keys.ask(TOWN, login, "staff:anna")
        new_keys.refuse(TOWN, login, "staff:bert", "doch nicht")
        rules.ask(TOWN, correcting.ACT, Money(year), "staff:anna")
        rules.approve(TOWN, correcting.ACT, "staff:bert")
        held = noting.hold(TOWN, f"K-{year}-1", "Prüfung", "staff:anna")
        noting.release(TOWN, held, "staff:bert")
        day, now = date(year, 11, 9), clock.now()
        with transaction() as session:
            members.end(session, members.locked(session, TOWN, login), "staff:anna")
            closed = DayClosing(
                tenant_id=TOWN, day=day, closed_at=now, closed_by="staff:anna",
                second="staff:bert", reason="staff:anna sucht", holds=False, figures={},
                head_seq=0, head_hash=bytes(32),
            )  # fmt: skip
            session.add(closed)
            session.flush()
            found = DayExplanation(
                tenant_id=TOWN, day=day, at=now, by="staff:bert", text="staff:bert fand es"
            )
            session.add(found)


def nights(acts: list[Act]) -> Iterator[datetime]:
    """Four a year, and those around every day on which something is due."""
    moment = acts[0].at
    while moment.year < END:
        yield moment
        moment += 91 * DAY
    for act in acts:
        if act.moves:
            yield act.at + DETAILS - timedelta(minutes=5)
            yield act.at + DETAILS + timedelta(hours=14)
    for year in range(FIRST, LAST + 1):
        begins = datetime(year + 12, 1, 1, tzinfo=BERLIN)
        yield begins - timedelta(minutes=5)
        yield begins + timedelta(hours=3)


def figures() -> dict[tuple[str, ...], object]:
    """Every figure of every equation on some days of the first years."""
    found: dict[tuple[str, ...], object] = {}
    db.session.rollback()
    days = [date(year, month, 15) for year in (2026, 2027, 2028) for month in (1, 6, 12)]
    for day in days:
        told = reconciling.at(TOWN, day)
        assert told.holds, told.broken
        for equation in told.equations:
            name = (str(day), equation.key, equation.part, equation.currency)
            found[name] = tuple(
                (figure.key, figure.money) for side in equation.sides for figure in side
            )
    return found


def live(town: Town, time: Time, acts: list[Act]) -> dict[str, PaymentRequest]:
    """Live through the years; every request in its last state, by its reference of then."""
    moments = [(act.at, 0, act.do) for act in acts]
    moments += [(night, 1, town.night) for night in nights(acts)]
    moments.append((at(2028, 2, 1), 2, lambda: before.update(figures())))
    ids: dict[str, int] = {}
    before: dict[tuple[str, ...], object] = {}
    for moment, _, do in sorted(moments, key=lambda each: each[:2]):
        time.move(moment.isoformat())
        do()
        db.session.rollback()
        rows = db.session.execute(select(PaymentRequest.reference, PaymentRequest.id)).all()
        db.session.rollback()
        ids |= {name: request_id for name, request_id in rows if not name.startswith("~")}
        if moment.month == 1 and moment.year in {2026, 2032, 2038}:
            chain.extend_all(everything=True)
    assert before == figures(), "the past days still say the same"
    db.session.rollback()
    return {
        name: db.session.get_one(PaymentRequest, (TOWN, request_id))
        for name, request_id in ids.items()
    }


@pytest.fixture
def years(town: Town, time: Time) -> tuple[list[Act], dict[str, PaymentRequest]]:
    with transaction() as session:
        session.get_one(Tenant, TOWN).retention_days = DETAILS.days
        for act in (closing.CUSTODY, refunds.ACT):
            session.add(
                ApprovalRule(
                    tenant_id=TOWN, act=act, up_to_cents=ALONE, currency="EUR",
                    given_by="operator", given_at=at(FIRST, 1, 1),
                )
            )  # fmt: skip
    acts = sorted(
        (act for year in range(FIRST, LAST + 1) for act in Years(town).of(year)),
        key=lambda act: act.at,
    )
    return acts, live(town, time, acts)


def test_fifteen_years_of_a_small_town(
    town: Town, years: tuple[list[Act], dict[str, PaymentRequest]]
) -> None:
    acts, requests = years
    moved = {act.moves: act for act in acts if act.moves}
    assert len(moved) == LETTERS * (LAST - FIRST + 1) == len(requests)
    for name, request in requests.items():
        act = moved[name]
        gone, whole = request.details_purged_at, request.purged_at
        assert gone is not None, name
        assert whole is not None, name
        assert act.at + DETAILS - timedelta(hours=2) <= gone <= act.at + DETAILS + DAY, name
        year = act.at.astimezone(BERLIN).year
        due = datetime(year + 12, 1, 1, tzinfo=BERLIN) if act.money else gone
        assert due <= whole <= due + DAY, name
    assert town.overdue() == []
    with transaction() as session:
        assert invariants.broken(session) == {}
    for name in requests:
        with pytest.raises(ReferenceUsed):
            push(name)
    _nothing_names_a_request()
    _the_audit_still_holds()
    db.session.rollback()
    alone = db.session.scalars(select(Approval).where(Approval.alone)).all()
    assert len(alone) == 2 * (LAST - FIRST + 1)
    assert {(each.first, each.second) for each in alone} == {("client:~", None)}


def _nothing_names_a_request() -> None:
    """No table tells a reference of the purged years, but the hashes of the audit's chain."""
    db.session.rollback()
    tables = db.session.scalars(
        text(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
    ).all()
    for table in tables:
        rows = db.session.scalars(text(f'SELECT CAST(t AS text) FROM "{table}" t')).all()
        named = [row for row in rows if "K-2026-" in row or "K-2027-" in row]
        if table == "audit":  # of notes made later than the last purged year
            continue
        assert not named, table
        staff = [row for row in rows if any(each in row for each in STAFF)]
        assert len(staff) == IN_FORCE.get(table, 0), (table, staff)


def _the_audit_still_holds() -> None:
    with transaction() as session:
        oldest = session.execute(text("SELECT min(at) FROM audit")).scalar_one()
        assert oldest >= datetime(LAST + 1, 1, 1, tzinfo=BERLIN)
        purged = session.execute(
            text("SELECT purged_through FROM audit_heads WHERE tenant_id = :tenant"),
            {"tenant": TOWN},
        ).scalar_one()
        assert purged > 0
    with transaction() as session:
        assert chain.verify(session, TOWN).purged == purged


# --- The year-end rule ------------------------------------------------------------------------


def due_on(year: int = 2026, what: str = "books") -> object:
    db.session.rollback()
    query = text("SELECT retention_year_due(:tenant, :year, :what)")
    return db.session.scalar(query, {"tenant": TOWN, "year": year, "what": what})


# adopted, discharged, books, vouchers, whether the discharge counts -> due
RULES = (
    ((2027, 6, 30), (2027, 12, 10), 10, 10, True, date(2038, 1, 1)),
    ((2028, 2, 1), (2028, 3, 1), 10, 10, True, date(2039, 1, 1)),
    ((2027, 6, 30), (2038, 9, 30), 10, 10, True, date(2039, 3, 30)),
    ((2027, 6, 30), None, 10, 10, True, None),
    ((2027, 6, 30), None, 10, 10, False, date(2038, 1, 1)),
    ((2027, 6, 30), (2027, 12, 10), 12, 6, True, date(2040, 1, 1)),
)


@pytest.mark.parametrize("rule", RULES)
def test_the_clock_begins_after_the_annual_accounts(
    town: Town, time: Time, rule: tuple[object, ...]
) -> None:
    adopted, discharged, books, vouchers, counts, due = rule
    with transaction() as session:
        tenant = session.get_one(Tenant, TOWN)
        tenant.books_years, tenant.voucher_years = books, vouchers  # type: ignore[assignment]
        tenant.discharge_counts = counts  # type: ignore[assignment]
    assert due_on() is None
    time.move("2039-06-01T12:00:00+00:00")
    days = [date(*day) if day else None for day in (adopted, discharged)]  # type: ignore[misc]
    noting.accounts(TOWN, noting.Accounts(2026, *days), "staff:anna")  # type: ignore[arg-type]
    assert due_on() == due
    if books != vouchers:
        assert due_on(what="vouchers") == date(2034, 1, 1)


def test_without_annual_accounts_no_book_ever_goes(town: Town, time: Time) -> None:
    town.done("K-1")
    time.move("+9000d")
    town.night()
    with transaction() as session:
        assert session.scalars(select(PaymentRequest.purged_at)).all() == [None]
    assert town.overdue() == []


def test_the_last_word_on_a_years_accounts_counts(town: Town, time: Time) -> None:
    time.move("2029-06-01T12:00:00+00:00")
    for adopted in (date(2027, 6, 30), date(2028, 6, 30)):
        told = noting.Accounts(2026, adopted, adopted)
        noting.accounts(TOWN, told, "staff:anna")
    assert due_on() == date(2039, 1, 1)


@pytest.mark.parametrize("adopted", [date(2026, 12, 31), date(2030, 1, 1)])
def test_accounts_are_adopted_after_their_year_and_not_tomorrow(
    town: Town, time: Time, adopted: date
) -> None:
    time.move("2029-06-01T12:00:00+00:00")
    with pytest.raises(noting.NotYet):
        noting.accounts(TOWN, noting.Accounts(2026, adopted), "staff:anna")


def test_notes_of_a_later_year_stay_while_those_of_an_earlier_one_must(
    town: Town, time: Time
) -> None:
    for year in (2026, 2027):
        time.move(f"{year}-03-01T12:00:00+00:00")
        town.done(f"K-{year}")
        with transaction() as session:
            audit.note(session, TOWN, "staff:anna", "request.unlock", f"K-{year}", {})
    chain.extend_all(everything=True)
    time.move("2029-06-01T12:00:00+00:00")
    adopted = date(2028, 6, 30)
    noting.accounts(TOWN, noting.Accounts(2027, adopted, adopted), "staff:anna")
    chain.extend_all(everything=True)
    time.move("2040-02-10T12:00:00+00:00")
    town.night()
    assert {2026, 2027} <= years_of_notes(), "the accounts of 2026 were never discharged"
    noting.accounts(TOWN, noting.Accounts(2026, adopted, adopted), "staff:anna")
    town.night()
    assert min(years_of_notes()) == 2029
    chain.extend_all(everything=True)
    assert not chain.verify(db.session(), TOWN).wrong


def years_of_notes() -> set[int]:
    db.session.rollback()
    mine = select(AuditRow.at).where(AuditRow.tenant_id == TOWN)
    return {at.year for at in db.session.scalars(mine)}


def test_a_hold_keeps_the_books_of_a_year(town: Town, time: Time) -> None:
    time.move("2026-03-01T12:00:00+00:00")
    letter = town.done("K-1")
    time.move("2028-01-10T12:00:00+00:00")
    told = noting.Accounts(2026, date(2027, 6, 30), date(2027, 6, 30))
    noting.accounts(TOWN, told, "staff:anna")
    town.night()
    hold = noting.hold(TOWN, "K-1", "Rechnungsprüfung", "staff:anna")
    time.move("2039-01-10T12:00:00+00:00")
    assert town.night() == {}
    assert town.overdue() == []
    noting.release(TOWN, hold, "staff:anna")
    assert set(town.night()) == {"books", "year", "vouchers"}
    assert builders.request_of(letter).purged_at is not None


def test_an_ended_task_says_after_400_days_only_that_it_was(town: Town, time: Time) -> None:
    with transaction() as session:
        writing.put(session, TOWN, "citizen_note", "note:1", reference="K-1", detail={"on": "x"})
    with transaction() as session:
        writing.end(session, TOWN, "citizen_note", "note:1", "staff:anna", "done")
    time.move("+399d")
    assert town.night() == {}
    time.move("+401d")
    assert town.night() == {"tasks": 1}
    db.session.rollback()
    rows = text(
        "SELECT number, kind, subject, reference, detail, ended_by, reason FROM staff_tasks"
    )
    assert [tuple(row) for row in db.session.execute(rows)] == [
        (1, "citizen_note", "~", None, {}, "~", "")
    ]


def test_run_again_after_a_restore_it_purges_what_the_backup_still_held(
    town: Town, time: Time
) -> None:
    letter = town.done("K-1")
    time.move("+200d")
    assert town.night() == {"details": 1}
    # As the backup of the day before has it: the request with its details, no word of the purge.
    with transaction() as session:
        request = session.get_one(PaymentRequest, (TOWN, letter.request_id))
        request.details_purged_at, request.purpose, request.key_id = None, "Grundsteuer", "k1"
    assert town.night() == {"details": 1}
    assert builders.request_of(letter).purpose == ""


def names() -> dict[str, list[str]]:
    """Whom the rows name: closings, rules, and accounts that have ended."""
    db.session.rollback()
    queries = {
        "closed": select(DayClosing.closed_by),
        "given": select(ApprovalRule.given_by).order_by(ApprovalRule.id),
        "logins": select(StaffMember.login),
    }
    return {name: list(db.session.scalars(query)) for name, query in queries.items()}


def test_who_decided_is_named_for_as_long_as_the_books_are_kept_and_no_longer(
    town: Town, time: Time
) -> None:
    time.move(at(2026, 11, 10).isoformat())
    Years(town).people(2026)
    time.move(at(2027, 3, 1).isoformat())
    with transaction() as session:  # one person was enough, by the rule of 2026
        wanted = deciding.Wanted(correcting.ACT, "p-1", None, {}, Money(2026))
        assert deciding.ask(session, TOWN, wanted, "staff:anna").alone
    time.move(at(2028, 3, 1).isoformat())
    rules.ask(TOWN, correcting.ACT, None, "staff:anna")
    rules.approve(TOWN, correcting.ACT, "staff:bert")
    both = "staff:anna staff:bert"
    time.move(at(2031, 1, 20).isoformat())
    for year in (2026, 2028):
        told = noting.Accounts(year, date(year + 1, 7, 1), date(year + 1, 12, 10))
        noting.accounts(TOWN, told, "staff:anna")
    time.move(at(2037, 12, 31).isoformat())
    town.night()
    kept = {"closed": ["staff:anna"], "given": [both] * 2, "logins": ["carla2026"]}
    assert names() == kept
    time.move(at(2038, 1, 1).isoformat())
    town.night()
    assert (names()["closed"], names()["logins"][0][0]) == (["staff:~"], "~")
    time.move(at(2040, 1, 1).isoformat())
    town.night()
    assert names()["given"] == [both] * 2, "what was done by the rule in 2027 is still kept"
    told = noting.Accounts(2027, date(2028, 7, 1), date(2028, 12, 10))
    noting.accounts(TOWN, told, "staff:anna")
    town.night()
    assert names()["given"] == ["~", both]
