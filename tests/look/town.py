"""Three days of a town hall, made once: what the pages of the admin view show.

The days before today are lived by moving the demo's clock back, so that they are over today.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select

from portal import clock
from portal.approvals.models import Approval
from portal.db import db, transaction
from portal.finance import acknowledging
from portal.finance.acknowledging import Result, Said
from portal.finance.models import EventRow
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.models import ProviderAccount
from portal.payments.returned import Reason
from portal.payments.states import State
from portal.requests import elsewhere, notes, orders
from portal.requests.ordered import Elsewhere, How, Why
from portal.requests.orders import Subject
from portal.returns import proposing, refunds, sending
from portal.staff import granting
from portal.staff.roles import Grant, Role
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind
from tests import builders, stages
from tests.builders import TOWN, Letter
from tests.look.inside import application
from tests.stages import Demo

FILE = "look.json"  # in the demo's folder: by which names the pages find it all
CLERK, APPROVER, ADMIN = "staff:clerk", "staff:approver", "staff:tenant-admin"
FINANCE = "client:finance"
HISTORY = "G-2026-004711"  # the request to which most has happened
WAIT = 20  # seconds for a notification
# Purpose, kind, cents, and by which account it is paid.
ASKED = (
    ("Grundsteuer B, 4. Quartal 2026", "tax", 14_850, "paypal"),
    ("Hundesteuer 2026", "tax", 9_600, "card"),
    ("Kindergartenbeitrag November", "care", 21_250, "paypal"),
    ("Baugenehmigung, Gebührenbescheid", "fee", 81_200, "card"),
    ("Gewerbesteuer, Vorauszahlung 4/2026", "tax", 143_700, "wero"),
    ("Verwarnung: Parken im Halteverbot", "warning", 5_500, "wero"),
    ("Sondernutzung Gehweg, Fremdenverkehrsbeitragsvorauszahlung", "fee", 3_250, "paypal"),
    ("Führungszeugnis", "certificate", 1_300, "card"),
)


def furnish(data: Path, certificate: Path) -> None:
    """Live the three days in the demo of this folder, unless that was done before."""
    demo = stages.join(data, certificate)
    if (data / FILE).exists():
        return
    names: dict[str, Any] = {}
    with application(demo).app_context():
        for distance, day in (("-2d", _first), ("-1d", _yesterday)):
            with demo.later(distance):
                names |= day(Hall(demo))
        names |= _today(Hall(demo))
        names |= _numbers()
    (data / FILE).write_text(json.dumps(names))


def names(demo: Demo) -> Mapping[str, Any]:
    """By which names the pages find what was made."""
    told: dict[str, Any] = json.loads((demo.data / FILE).read_text())
    return told


class Hall:
    """What happens in the town, and at its providers."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    def letter(self, number: int, which: int = 0, **asked: Any) -> Letter:
        purpose, kind, cents, _ = ASKED[which]
        told = {"purpose": purpose, "kind": kind, "amount_cents": cents, "unit": "20.1"} | asked
        sign = f"5.0101.{number:06}.4"
        return builders.letter(f"G-2026-{number:06}", payment_sign=sign, **told)

    def begin(self, letter: Letter, account: str = "card") -> str:
        return builders.begin(letter, account_id=account)

    def happens(self, payment: str, what: str, becomes: State, **told: Any) -> str:
        """At the provider; when it has been told."""
        self.demo.provider(f"payments/{payment}/{what}", **told)
        stages.until(lambda: builders.payment(payment).state == becomes, WAIT)
        return payment

    def paid(self, letter: Letter, account: str = "card") -> str:
        return self.happens(self.begin(letter, account), "pay", State.SUCCEEDED)

    def subject(self, letter: Letter, by: str = FINANCE, why: str = "") -> Subject:
        return Subject(TOWN, letter.reference, by, why)

    def ordered(self, order: Callable[..., object], *told: Any) -> None:
        with transaction() as session:
            order(session, *told)

    def refund(self, payment: str, cents: int, reason: Reason, order: str) -> str:
        return refunds.ask(refunds.Asked(TOWN, payment, Money(cents), reason, order, CLERK))

    def refunded(self, payment: str, cents: int, reason: Reason, order: str) -> None:
        refund = self.refund(payment, cents, reason, order)
        refunds.approve(TOWN, refund, APPROVER)
        sending.submit(current_app.extensions["keyring"], TOWN, refund)


def _first(hall: Hall) -> dict[str, Any]:
    """A day on which all went well, and was paid out."""
    for number in range(6):
        hall.paid(hall.letter(4600 + number, number), ASKED[number][3])
    merchant = db.session.get_one(ProviderAccount, (TOWN, "card")).merchant
    db.session.rollback()
    hall.demo.provider(f"merchants/{merchant}/settle", fee_bp=120, fee_cents=25)
    return {"first": clock.today("Europe/Berlin").isoformat()}


def _yesterday(hall: Hall) -> dict[str, Any]:
    """A day on which much happened to one request, and something of each sort to others."""
    for number in range(8):
        hall.paid(hall.letter(4650 + number, number), ASKED[number][3])
    told = hall.letter(4662, 6, amount_cents=9_000)
    fact = Elsewhere(
        id="B-2026-0815", amount_cents=4_000, paid_on=clock.today("Europe/Berlin"), how=How.CASH
    )
    hall.ordered(elsewhere.tell, hall.subject(told), fact)
    hall.ordered(orders.withdraw, hall.subject(hall.letter(4663, 3)), Why.DEFERRED)
    back = hall.paid(hall.letter(4664, 1), "paypal")
    hall.refunded(back, 9_600, Reason.WRONG_PAYER, "AO-2026-17")
    unclear = hall.begin(hall.letter(4665, 0, amount_cents=5_000))
    hall.demo.provider(f"payments/{unclear}/pay", amount_cents=4_991)
    stages.until(_is_unclear, WAIT)
    day = clock.today("Europe/Berlin").isoformat()
    return {"yesterday": day, "reference": HISTORY, "twice": _history(hall)}


def _history(hall: Hall) -> str:
    """Letter, change, a failure, paid twice, a question, a new TAN; the surplus payment."""
    items = [{"text": "Grundsteuer B", "amount_cents": 14_350},
             {"text": "Mahngebühr", "amount_cents": 500}]  # fmt: skip
    hall.letter(4711, 0, amount_cents=14_350)
    letter = hall.letter(4711, 0, items=items)
    hall.happens(hall.begin(letter), "decline", State.FAILED)
    first = hall.happens(hall.begin(letter, "paypal"), "cancel", State.CANCELLED)
    request = builders.request_of(letter)
    shown = notes.Shown(request.version, request.amount_cents)
    db.session.rollback()
    notes.take(TOWN, letter.request_id, shown, notes.Asks(notes.Topic.TWICE))
    hall.ordered(orders.new_tan, hall.subject(letter, CLERK, "Schreiben verloren"))
    hall.paid(letter)
    hall.happens(first, "pay", State.SUCCEEDED)
    proposing.look()
    return first


def _today(hall: Hall) -> dict[str, Any]:
    """What is under way: begun payments, what waits for a second person, a refused event."""
    paid = [hall.paid(hall.letter(4720 + n, n), ASKED[n][3]) for n in range(4)]
    unknown = hall.begin(hall.letter(4730, 3), "wero")
    hall.demo.sql("UPDATE payments SET state = 'unknown' WHERE id = %s", unknown)
    hall.begin(hall.letter(4731, 4), "wero")
    hall.letter(4732, 2, due_on=str(clock.today("Europe/Berlin")))
    hall.refund(paid[0], 4_850, Reason.CLAIM_CANCELLED, "AO-2026-21")
    asked = {"account": "wero", "amount_cents": 81_200, "currency": "EUR"}
    report = {
        "account": "card", "settlement": "se_1", "net_cents": 9_900, "expected_cents": 10_000,
        "currency": "EUR",
    }  # fmt: skip
    with transaction() as session:
        where = "G-2026-004730"
        writing.put(session, TOWN, Kind.PAYMENT_UNKNOWN, unknown, reference=where, detail=asked)
        difference = Kind.SETTLEMENT_DIFFERENCE
        writing.put(session, TOWN, difference, "settlement:card:se_1", detail=report)
    _finance_system()
    granting.ask(TOWN, "viewer", Grant(Role.CLERK, unit="20.1"), ADMIN)
    return {"unknown": unknown, "unknown_of": "G-2026-004730"}


def _finance_system() -> None:
    """It has booked most of what it was told, and could not book one."""
    of_payments = (EventRow.tenant_id == TOWN) & (EventRow.type == "payment.succeeded")
    with transaction() as session:
        rows = session.scalars(select(EventRow).where(of_payments).order_by(EventRow.position))
        *booked, last = rows.all()
        for number, event in enumerate(booked):
            said = Said(Result.BOOKED, f"B-{number + 1:05}", None)
            acknowledging.acknowledge(session, TOWN, event.id, said)
        said = Said(Result.REFUSED, None, "Kassenzeichen unbekannt")
        acknowledging.acknowledge(session, TOWN, last.id, said)


def _numbers() -> dict[str, Any]:
    """The numbers of tasks and approvals, by what they are about."""
    db.session.rollback()
    tasks = {task.kind.value: task.number for task in reading.open_tasks(db.session(), TOWN)}
    rows = db.session.execute(select(Approval.id, Approval.act))
    return {"tasks": tasks, "approvals": {act: number for number, act in rows}}


def _is_unclear() -> bool:
    db.session.rollback()
    query = select(CustodyItem.id).where(CustodyItem.amount_cents == 4_991)
    return db.session.scalar(query) is not None
