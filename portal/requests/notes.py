"""Notes: what a citizen says or asks of a letter, instead of calling.

That it is paid already (a day, and how), or a question (a topic from a list): codes and a day,
nothing is typed freely. A note becomes a task with a number for staff and an event for the finance
system. It is no objection (Einspruch, § 357 AO; Widerspruch, § 70 VwGO), and stops nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from portal import audit
from portal.db import Json, transaction
from portal.errors import Conflict
from portal.finance import messages, outbox
from portal.finance.messages import Message
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.requests.states import State
from portal.tenants import Kind, Law
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind as TaskKind
from portal.worklist.reading import Task

LONGEST_AGO = timedelta(days=180)


class What(StrEnum):
    """What a letter offers beside paying; the last is only read."""

    SAYS_PAID = "says_paid"
    ASKS = "asks"
    DEFERRAL = "deferral"


class How(StrEnum):
    """By what the citizen says to have paid."""

    TRANSFER = "transfer"
    CASH = "cash"
    DEBIT = "debit"
    OTHER = "other"


class Topic(StrEnum):
    """What a question is about."""

    PURPOSE = "purpose"
    AMOUNT = "amount"
    ADDRESS = "address"
    INSTALMENTS = "instalments"
    TWICE = "twice"
    OTHER = "other"


class Unfit(StrEnum):
    """Why a day cannot be the day of a payment."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FUTURE = "future"
    LONG_AGO = "long_ago"


class NotOffered(Conflict):
    """As the request stands now there is nothing of this to say."""

    code = "note_not_offered"


class ChangedSince(Conflict):
    """The request is no longer what the page had shown."""

    code = "changed_since"


@dataclass(frozen=True, slots=True)
class SaysPaid:
    """The citizen says to have paid on this day."""

    how: How
    paid_on: date

    @property
    def what(self) -> What:
        return What.SAYS_PAID

    @property
    def name(self) -> str:
        return self.what

    @property
    def detail(self) -> Json:
        return {"how": self.how.value, "paid_on": self.paid_on.isoformat()}

    def told(self, reference: str) -> Message:
        return messages.citizen_says_paid(reference, self.how.value, self.paid_on)


@dataclass(frozen=True, slots=True)
class Asks:
    """The citizen has a question."""

    topic: Topic

    @property
    def what(self) -> What:
        return What.ASKS

    @property
    def name(self) -> str:
        return f"{self.what}:{self.topic}"

    @property
    def detail(self) -> Json:
        return {"topic": self.topic.value}

    def told(self, reference: str) -> Message:
        return messages.citizen_asks(reference, self.topic.value)


Note = SaysPaid | Asks


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page had shown of the request when the citizen wrote."""

    version: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Noted:
    """A note that nobody has dealt with yet, and its number."""

    number: int
    note: Note


# fmt: off
OFFERED: Mapping[State, frozenset[What]] = {
    State.OPEN:        frozenset(What),
    State.PARTLY_PAID: frozenset(What),
    State.PAID:        frozenset({What.ASKS}),
    State.WITHDRAWN:   frozenset({What.SAYS_PAID, What.ASKS}),
    State.EXPIRED:     frozenset(What),
    State.REPLACED:    frozenset({What.ASKS}),
}
# fmt: on


def offered(state: State, law: Law) -> frozenset[What]:
    """What may be said of a request; a warning fine is paid at once or not (§ 56(2) OWiG)."""
    return OFFERED[state] - ({What.DEFERRAL} if law is Law.WARNING else set())


def offered_for(session: Session, request: PaymentRequest) -> frozenset[What]:
    """What may be said of this request now."""
    kind = session.get_one(Kind, (request.tenant_id, request.kind))
    return offered(State(request.state), Law(kind.law))


def day(typed: str, today: date) -> date | Unfit:
    """The day of a payment as it was typed, ``2026-11-03`` or ``3.11.2026``, or what is wrong."""
    text = re.sub(r"\s", "", typed)
    if not text:
        return Unfit.MISSING
    found = _calendar_day(text)
    if found is None:
        return Unfit.UNREADABLE
    if found > today:
        return Unfit.FUTURE
    return found if found >= today - LONGEST_AGO else Unfit.LONG_AGO


def take(tenant_id: str, request_id: int, shown: Shown, note: Note) -> int:
    """Take a note and tell it; its number. A whole act.

    While a note of the same name is open it stays as it is: its number is given again and nothing
    more is told. Raises ``ChangedSince``, ``NotOffered``.
    """
    with transaction() as session:
        request = register.locked(session, tenant_id, request_id)
        subject = _subject(request, note)
        for task in _tasks(session, request):
            if task.subject == subject:
                return task.number
        if (request.version, request.amount_cents) != (shown.version, shown.amount_cents):
            raise ChangedSince("The request has changed since the page was shown.")
        if note.what not in offered_for(session, request):
            raise NotOffered(f"The request is {request.state}.")
        return _write_down(session, request, subject, note)


def still_open(session: Session, request: PaymentRequest) -> list[Noted]:
    """The notes of a request that nobody has dealt with yet, the latest first."""
    found = [Noted(task.number, _read(task.detail)) for task in _tasks(session, request)]
    return found[::-1]


def _write_down(session: Session, request: PaymentRequest, subject: str, note: Note) -> int:
    detail = {"version": request.version, **note.detail}
    number = writing.put(
        session,
        request.tenant_id,
        TaskKind.CITIZEN_NOTE,
        subject,
        reference=request.reference,
        detail=detail,
    )
    act = f"citizen.{note.what}"
    audit.note(session, request.tenant_id, "citizen", act, request.reference, {"task": number})
    outbox.put(session, request.tenant_id, note.told(request.reference))
    return number


def _tasks(session: Session, request: PaymentRequest) -> list[Task]:
    """The open tasks of a request that its citizen's notes have made."""
    of_request = reading.open_tasks(
        session,
        request.tenant_id,
        kinds=[TaskKind.CITIZEN_NOTE],
        reference=request.reference,
    )
    return [task for task in of_request if task.subject.startswith(_subjects(request))]


def _subjects(request: PaymentRequest) -> str:
    return f"note:{request.id}:"


def _subject(request: PaymentRequest, note: Note) -> str:
    return _subjects(request) + note.name


def _read(detail: Json) -> Note:
    if "topic" in detail:
        return Asks(Topic(detail["topic"]))
    return SaysPaid(How(detail["how"]), date.fromisoformat(detail["paid_on"]))


def _calendar_day(text: str) -> date | None:
    german = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text)
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if german:
        numbers = german.groups()[::-1]
    elif iso:
        numbers = iso.groups()
    else:
        return None
    try:
        return date(*(int(number) for number in numbers))
    except ValueError:
        return None
