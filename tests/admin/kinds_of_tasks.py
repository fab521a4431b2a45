"""One task of each kind, opened by the room that opens it, with the rows it is about."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from flask import current_app
from sqlalchemy import select, update

from portal import clock
from portal.db import db, transaction
from portal.finance import acknowledging, attention, delivery
from portal.finance.acknowledging import Result, Said
from portal.finance.models import Delivery, Endpoint, EventRow
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.payments import announcing, calls
from portal.payments import staff as payments
from portal.payments.models import AccountSilence, Payment, ProviderRule
from portal.payments.record import Source, advance, locked_in_line, record
from portal.payments.states import Event
from portal.providers.protocol import Outcome
from portal.requests import guesses, notes
from portal.requests.models import Tries
from portal.returns import proposing, refunds, sending
from portal.settlements import staff as settlements
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind
from tests import builders
from tests.builders import TOWN
from tests.fakes import FakeProvider, other_amount
from tests.finance.receiver import SECRET
from tests.returns import test_refunds
from tests.returns.test_refunds import asked, paid, paid_twice

CARD = Source(TOWN, "card", "notification")


def endpoint(url: str = "http://127.0.0.1:9/events") -> None:
    """The town's finance system takes events there."""
    with transaction() as session:
        delivery.set_endpoint(session, current_app.extensions["keyring"], TOWN, url, SECRET)


def event() -> EventRow:
    """One event for the finance system: the letter asks for something else now."""
    builders.letter("K-1", amount_cents=20_000)
    builders.letter("K-1", amount_cents=20_000 + len(builders.events()) + 1)
    return builders.events()[-1]


def refused_event() -> EventRow:
    """One that it took and could not book."""
    row = event()
    with transaction() as session:
        said = Said(Result.REFUSED, None, "Konto fehlt")
        acknowledging.acknowledge(session, TOWN, row.id, said)
    return row


def parked_event() -> EventRow:
    """One that was refused twenty times."""
    endpoint()
    row = event()
    with transaction() as session:
        one = session.get_one(Delivery, (TOWN, row.position))
        one.state, one.tries, one.last_status = "parked", 20, 410
        attention.parked(session, TOWN, one)
    return row


def unclear(provider: FakeProvider, cents: int = 10_000, name: str = "x-1") -> CustodyItem:
    """Money that fits no payment of ours."""
    payment = builders.begin(builders.letter("K-U"))
    report = replace(provider.pay(payment), payment="0" * 32, provider_reference=name)
    record(other_amount(report, cents), CARD)
    db.session.rollback()
    return db.session.scalars(select(CustodyItem).order_by(CustodyItem.id.desc())).first()  # type: ignore[return-value]


def _event_refused(_: FakeProvider) -> None:
    endpoint()
    refused_event()


def _event_parked(_: FakeProvider) -> None:
    parked_event()


def _not_acknowledged(_: FakeProvider) -> None:
    endpoint()
    first, _ = event(), event()
    with transaction() as session:
        acknowledging.acknowledge(session, TOWN, first.id, Said(Result.BOOKED, "B-1", None))
        taken = {"state": "taken", "taken_at": clock.now() - timedelta(days=2)}
        session.execute(update(Delivery).values(taken))
    acknowledging.look(TOWN)


def _silent(_: FakeProvider) -> None:
    endpoint()
    with transaction() as session:
        since = clock.now() - timedelta(hours=1)
        session.execute(update(Endpoint).values(silent_since=since, failures=9))
        attention.silent(session, TOWN, since)


def _unclear(provider: FakeProvider) -> None:
    unclear(provider)


def _overdue(provider: FakeProvider) -> None:
    paid(provider)
    with transaction() as session:
        session.execute(update(SuspenseItem).values(opened_at=clock.now() - timedelta(days=40)))
        item = session.scalars(select(SuspenseItem).order_by(SuspenseItem.id.desc())).first()
        assert item is not None
        settlements.suspense_overdue(session, item)


def unknown_payment(provider: FakeProvider) -> Payment:
    """One of which nobody can say how it ended."""
    payment = builders.payment(builders.begin(builders.letter("K-1")))
    with transaction() as session:
        row = locked_in_line(session, TOWN, payment.id)
        assert row is not None
        advance(session, row, Event.CANNOT_SAY, "sweep")
    return payment


def _unknown(provider: FakeProvider) -> None:
    unknown_payment(provider)


def failed_refund(provider: FakeProvider) -> str:
    """A refund that the provider could not send."""
    _, payment = paid(provider)
    provider.refunds_end = Outcome.FAILED
    refund = asked(payment, 4_000)
    refunds.approve(TOWN, refund, test_refunds.BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, refund)
    provider.refunds_end = Outcome.SUCCEEDED
    return refund


def _failed(provider: FakeProvider) -> None:
    failed_refund(provider)


def _proposed(provider: FakeProvider) -> None:
    paid_twice(provider)
    proposing.look()


def _difference(_: FakeProvider) -> None:
    with transaction() as session:
        detail = {
            "account": "card", "settlement": "se_1", "net_cents": 9_900, "expected_cents": 10_000,
            "currency": "EUR",
        }  # fmt: skip
        writing.put(
            session, TOWN, Kind.SETTLEMENT_DIFFERENCE, "settlement:card:se_1", detail=detail
        )


def _missing(_: FakeProvider) -> None:
    with transaction() as session:
        settlements.reports_stay_away(session, TOWN, {"card": clock.now() - timedelta(days=20)})


def _paused(_: FakeProvider) -> None:
    now = clock.now()
    with transaction() as session:
        session.add(
            AccountSilence(
                tenant_id=TOWN, account_id="card", failures=5, since=now, paused_at=now,
                probe_at=now, probes=0,
            )
        )  # fmt: skip
        payments.account_paused(session, TOWN, "card", now, calls.SILENT)


def _ends(_: FakeProvider) -> None:
    _end_rule("paypal")


def _last_ends(_: FakeProvider) -> None:
    _end_rule("card")


def _end_rule(account: str) -> None:
    with transaction() as session:
        last = builders.today() + timedelta(days=10)
        mine = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == account)
        session.execute(update(ProviderRule).where(mine).values(valid_until=last))
        announcing.look(session, TOWN)


def _guessed(_: FakeProvider) -> None:
    letter = builders.letter("K-1")
    with transaction() as session:
        session.add(
            Tries(
                tenant_id=TOWN, request_id=letter.request_id, hour_began_at=clock.now(),
                in_hour=60, in_life=60,
            )
        )  # fmt: skip
    guesses.look()


def _broken(_: FakeProvider) -> None:
    with transaction() as session:
        writing.put(session, TOWN, Kind.BOOKS_BROKEN, "entries_balance", detail={"rows": 2})


def _note(_: FakeProvider) -> None:
    letter = builders.letter("K-1")
    request = builders.request_of(letter)
    with transaction() as session:
        detail = {"version": 1, **notes.SaysPaid(notes.How.CASH, date(2026, 11, 20)).detail}
        writing.put(
            session, TOWN, Kind.CITIZEN_NOTE, f"note:{request.id}:says_paid",
            reference="K-1", detail=detail,
        )  # fmt: skip


OPENED: Mapping[Kind, Callable[[FakeProvider], None]] = {
    Kind.EVENT_REFUSED: _event_refused,
    Kind.EVENT_PARKED: _event_parked,
    Kind.EVENT_NOT_ACKNOWLEDGED: _not_acknowledged,
    Kind.ENDPOINT_SILENT: _silent,
    Kind.CUSTODY_UNCLEAR: _unclear,
    Kind.SUSPENSE_OVERDUE: _overdue,
    Kind.PAYMENT_UNKNOWN: _unknown,
    Kind.REFUND_FAILED: _failed,
    Kind.REFUND_PROPOSED: _proposed,
    Kind.SETTLEMENT_DIFFERENCE: _difference,
    Kind.SETTLEMENTS_MISSING: _missing,
    Kind.ACCOUNT_PAUSED: _paused,
    Kind.METHOD_ENDS: _ends,
    Kind.LAST_METHOD_ENDS: _last_ends,
    Kind.TANS_GUESSED: _guessed,
    Kind.BOOKS_BROKEN: _broken,
    Kind.CITIZEN_NOTE: _note,
}


def opened(kind: Kind, provider: FakeProvider) -> int:
    """Open a task of this kind; its number."""
    OPENED[kind](provider)
    return number(kind)


def number(kind: Kind) -> int:
    """The number of the open task of this kind."""
    db.session.rollback()
    (task,) = reading.open_tasks(db.session(), TOWN, kinds=[kind])
    return task.number
