"""One time line of a request: what happened, in plain words, and who caused it.

Nothing of it is a secret of the letter: of link and TAN only versions are ever kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy.orm import Session

from portal.admin import gate, saying, words
from portal.admin.audit.words import act_name
from portal.admin.requests import telling
from portal.admin.requests.changes import changes
from portal.admin.requests.rows import Rows
from portal.admin.tasks.words import title
from portal.admin.words import said
from portal.audit import AuditRow
from portal.finance.models import EventRow
from portal.ledger.models import PostingRow
from portal.money import Money
from portal.payments import confirmations
from portal.payments.returned import Reversal
from portal.staff.roles import Right
from portal.web import language
from portal.web.language import gettext

TOLD_BY_ROWS = {"request.put", "request.paid_elsewhere", "request.paid_elsewhere_undone"}
NOT_REPEATED = {"payment", "item", "currency", "link_version", "tan_version", "position", "task"}
# To whom a part of an item was given: perhaps out of reach. What is asked for names them all, and
# adds up what they get.
OF_OTHERS = {"request", "parts"}
OF_ALL = {"amount_cents", "open_cents"}
Who = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. ``sort`` is request, payment, book, event or task."""

    at: datetime
    sort: str
    says: str
    by: str = ""
    details: tuple[str, ...] = ()
    badge: str = ""
    tone: str = "plain"
    event: int | None = None


def of(session: Session, rows: Rows) -> list[Moment]:
    """Everything, newest first."""
    who = cache(lambda actor: saying.who(session, actor))
    parts = (
        _versions(rows),
        _states(rows),
        _payments(rows),
        _money_back(rows),
        _elsewhere(rows),
        _notes(rows, who),
        _entries(rows),
        _items(rows),
        _events(rows),
        _tasks(rows, who),
    )
    found = [moment for part in parts for moment in part]
    return sorted(found, key=lambda moment: moment.at)[::-1]


def payment_name(payment_id: str) -> str:
    """A payment as the pages name it: by the number of its confirmation."""
    return confirmations.number(payment_id)


def _versions(rows: Rows) -> Iterator[Moment]:
    by, before = gettext("finance system"), None
    for row in rows.versions:
        if before is None:
            amount = language.money(Money(row.amount_cents, rows.request.currency))
            yield Moment(row.created_at, "request", gettext("Asked: %(amount)s", amount=amount), by)
        else:
            says = gettext("Changed: version %(number)s", number=row.version)
            details = tuple(changes(before, row, rows.request.currency))
            yield Moment(row.created_at, "request", says, by, details)
        before = row


def _states(rows: Rows) -> Iterator[Moment]:
    for row in rows.steps:
        if row.old_state != row.state:
            old, new = (said(words.REQUEST, each) for each in (row.old_state, row.state))
            says = gettext("The request is now: %(new)s (before: %(old)s)", new=new, old=old)
            yield Moment(row.at, "request", says, tone=words.tone(words.REQUEST, row.state))


def _payments(rows: Rows) -> Iterator[Moment]:
    labels = {}
    for row in rows.money.payments:
        labels[row.id] = f"{row.label} {language.money(row.amount)}"
        says = gettext("Payment begun: %(payment)s", payment=labels[row.id])
        number = gettext("Number %(number)s", number=payment_name(row.id))
        yield Moment(row.started_at, "payment", says, gettext("the payer"), (number,))
    for step in rows.money.steps:
        old, new = (said(words.PAYMENT, each) for each in (step.old, step.new))
        says = gettext(
            "%(payment)s is now: %(new)s (before: %(old)s)",
            payment=labels[step.payment_id], new=new, old=old,
        )  # fmt: skip
        by, tone = said(telling.SOURCES, step.source), words.tone(words.PAYMENT, step.new)
        number = gettext("Number %(number)s", number=payment_name(step.payment_id))
        yield Moment(step.at, "payment", says, by, (number,), new, tone)


def _money_back(rows: Rows) -> Iterator[Moment]:
    for row in rows.money.refunds:
        amount = language.money(row.amount)
        if row.submitted_at:
            says = gettext("Refund of %(amount)s: the provider was told", amount=amount)
            yield Moment(row.submitted_at, "payment", says, gettext("the portal itself"))
        if row.ended_at and row.submitted_at:
            sent = row.state == "succeeded"
            says = (
                gettext("Refund of %(amount)s was sent", amount=amount)
                if sent
                else gettext("Refund of %(amount)s failed", amount=amount)
            )
            tone = "good" if sent else "bad"
            yield Moment(row.ended_at, "payment", says, gettext("the provider"), tone=tone)
    for taken in rows.money.reversals:
        amount = language.money(taken.amount)
        fee = language.money(Money(taken.fee_cents, taken.currency))
        says = gettext("The payer's bank took %(amount)s back, fee %(fee)s", amount=amount, fee=fee)
        yield Moment(taken.heard_at, "payment", says, gettext("the provider"), tone="bad")
        yield from _came_back(rows, taken)


def _came_back(rows: Rows, taken: Reversal) -> Iterator[Moment]:
    """What came back of a reversal; of one that was won before it was heard of nothing moved."""
    whole, by = language.money(taken.amount), gettext("the provider")
    mine = [win for win in rows.money.wins if win.reversal_id == taken.id]
    wholly = not mine or mine[0].amount_cents == taken.amount_cents
    if wholly and taken.won_at:
        says = gettext("The dispute about %(amount)s was won", amount=whole)
        yield Moment(taken.won_at, "payment", says, by, tone="good")
        return
    for win in mine:
        part = language.money(Money(win.amount_cents, taken.currency))
        says = gettext("Of a dispute about %(amount)s, %(part)s came back", amount=whole, part=part)
        yield Moment(win.won_at, "payment", says, by, tone="good")


def _elsewhere(rows: Rows) -> Iterator[Moment]:
    for row in rows.money.elsewhere:
        amount = language.money(Money(row.amount_cents, rows.request.currency))
        how, by = said(words.HOW, row.how), gettext("finance system")
        says = gettext("%(amount)s was paid to the town %(how)s", amount=amount, how=how)
        day = gettext("paid on %(day)s", day=language.day(row.paid_on))
        yield Moment(row.told_at, "payment", says, by, (day, row.id))
        if row.undone_at:
            says = gettext("%(amount)s did not come after all", amount=amount)
            yield Moment(row.undone_at, "payment", says, by, (row.id,))


def _notes(rows: Rows, who: Who) -> Iterator[Moment]:
    for row in rows.notes:
        if row.act not in TOLD_BY_ROWS:
            says, sort = act_name(row.act), "event" if row.act.startswith("event.") else "request"
            yield Moment(row.at, sort, says, who(row.actor), tuple(_details(row)))


def _details(row: AuditRow) -> Iterator[str]:
    hidden = NOT_REPEATED
    if not gate.person().reach(Right.SEE).whole:
        hidden = hidden | OF_OTHERS | (OF_ALL if "parts" in row.detail else set())
    told = {key: value for key, value in row.detail.items() if key not in hidden}
    if row.act == "request.withdraw":
        yield said(words.WITHDRAWN, str(told.pop("reason", "")))
    told = {"currency": row.detail.get("currency"), **told}
    yield from (f"{key}: {value}" for key, value in saying.facts(told))


def _entries(rows: Rows) -> Iterator[Moment]:
    for entry, lines in rows.book.entries:
        details = tuple(_line(line) for line in lines)
        says = gettext("Booked for %(day)s", day=language.day(entry.booked_on))
        yield Moment(entry.booked_at, "book", says, gettext("the portal itself"), details)


def _line(line: PostingRow) -> str:
    amount = language.money(Money(abs(line.cents), line.currency))
    sides = (
        gettext("credit %(amount)s", amount=amount),
        gettext("debit %(amount)s", amount=amount),
    )
    return f"{telling.account(line.account)}: {sides[line.cents > 0]}"


def _items(rows: Rows) -> Iterator[Moment]:
    suspense = {item.id: item for item in rows.book.suspense}
    for move in rows.book.suspense_moves:
        item = suspense[move.item_id]
        amount = language.money(Money(move.cents, item.currency))
        what = said(words.MOVE, move.reason)
        says = gettext("Suspense item %(amount)s: %(what)s", amount=amount, what=what)
        yield Moment(move.at, "book", says)
    custody = {each.id: each for each in rows.book.custody}
    for step in rows.book.custody_moves:
        kept = custody[step.item_id]
        amount = language.money(Money(step.cents, kept.currency))
        what = said(words.MOVE, step.reason)
        says = gettext("Custody item %(amount)s: %(what)s", amount=amount, what=what)
        yield Moment(step.at, "book", says, details=(said(words.CAUSE, kept.cause),))


def _events(rows: Rows) -> Iterator[Moment]:
    for row in rows.told.events:
        told = said(words.EVENT, row.type)
        says = gettext("Told to the finance system: %(what)s", what=told)
        state, details = _delivered(rows, row)
        number = gettext("Event %(number)s", number=row.position)
        badge, tone = said(words.DELIVERY, state), words.tone(words.DELIVERY, state)
        yield Moment(
            row.occurred_at, "event", says, gettext("the portal itself"), (number, *details),
            badge, tone, row.position,
        )  # fmt: skip


def _delivered(rows: Rows, row: EventRow) -> tuple[str, tuple[str, ...]]:
    """How far an event has come, and what is known of it."""
    state, details = "in_feed", []
    delivery = rows.told.deliveries.get(row.position)
    if delivery is not None:
        state = delivery.state
        if delivery.taken_at:
            when = language.moment(delivery.taken_at)
            details.append(gettext("taken over on %(when)s", when=when))
        elif delivery.last_error:
            details.append(gettext("last answer: %(error)s", error=delivery.last_error))
    answer = rows.told.acknowledgements.get(row.position)
    if answer is not None:
        state, when = answer.result, language.moment(answer.at)
        details.append(f"{said(words.DELIVERY, state)}: {when}")
        details += [each for each in (answer.document, answer.reason) if each]
    return state, tuple(details)


def _tasks(rows: Rows, who: Who) -> Iterator[Moment]:
    for row in rows.told.tasks:
        what, number = title(row.kind), row.number
        says = gettext("Task %(number)s opened: %(what)s", number=number, what=what)
        yield Moment(row.opened_at, "task", says, tone="wait")
        if row.ended_at:
            says = gettext("Task %(number)s ended: %(what)s", number=number, what=what)
            yield Moment(row.ended_at, "task", says, who(row.ended_by or ""), (row.reason,))
