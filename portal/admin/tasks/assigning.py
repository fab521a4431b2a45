"""Asking for the money of a custody item to be given to a request, or split over several."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.admin import doors, gate, proof, refusals
from portal.admin.frame import page
from portal.admin.scope import within
from portal.admin.tasks import acts, custody_facts, doing, listing
from portal.db import db
from portal.errors import PortalError
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import parts
from portal.requests.models import PaymentRequest
from portal.returns import assigning
from portal.staff.roles import Right
from portal.web import language
from portal.web.language import gettext
from portal.worklist.models import StaffTask

ROWS = range(1, 7)
LONGEST = 64


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the form as it was typed."""

    number: int
    reference: str
    amount: str


@doors.get("/tasks/<int:number>/assign", Right.WORK_TASKS)
def assign_page(number: int) -> ResponseReturnValue:
    """The form; ``to`` in the address proposes the first line."""
    one, item = _opened(number)
    if not may(one, item):
        return _over(number)
    return _shown(one, item, _proposed_lines(item), {})


@doors.post("/tasks/<int:number>/assign", Right.WORK_TASKS)
def assign(number: int) -> ResponseReturnValue:
    """All lines are asked for, or none; another person agrees, unless one is enough."""
    one, item = _opened(number)
    if not may(one, item):
        return _over(number)
    lines = [_typed(row) for row in ROWS]
    given, errors = _read(item, lines)
    errors, status = errors or proof.faults(), 422
    if not errors:
        try:
            done = assigning.ask(one.tenant_id, item.id, given, gate.person().actor)
        except PortalError as error:
            db.session.rollback()
            errors, status = {"reference-1": refusals.said(error)}, error.status
        else:
            flash(_said(given, done))
            return redirect(url_for("admin.task", number=number), 303)
    one, item = _opened(number)
    return _shown(one, item, lines, errors, status)


def may(one: StaffTask, item: CustodyItem | None) -> bool:
    """Whether this person may give away what the task is about, and something is left of it."""
    there = item is not None and item.open_cents > 0 and one.ended_at is None
    return there and acts.may(Right.WORK_TASKS, one)


def _opened(number: int) -> tuple[StaffTask, CustodyItem]:
    one = listing.one(db.session(), number)
    item = custody_facts.item_of(db.session(), one)
    if item is None or not acts.may(Right.WORK_TASKS, one):
        gate.refuse(f"task {number} assign")
    return one, item


def _said(given: Mapping[str, Money], done: bool) -> str:
    if not done:
        return doing.asked()
    total = Money(sum(each.cents for each in given.values()), next(iter(given.values())).currency)
    return gettext("%(amount)s is given.", amount=language.money(total))


def _over(number: int) -> ResponseReturnValue:
    flash(gettext("This is not to be done any more: please look at the task again."))
    return redirect(url_for("admin.task", number=number), 303)


def _proposed_lines(item: CustodyItem) -> list[Line]:
    reference = request.args.get("to", "")[:LONGEST]
    asked = _request(reference) if reference else None
    cents = min(asked.open_cents, item.open_cents) if asked else 0
    amount = language.digits(Money(cents, item.currency)) if cents else ""
    return [Line(row, reference if row == 1 else "", amount if row == 1 else "") for row in ROWS]


def _typed(row: int) -> Line:
    reference, amount = (request.form.get(f"{name}-{row}", "") for name in ("reference", "amount"))
    return Line(row, reference.strip()[:LONGEST], amount.strip()[:LONGEST])


def _read(item: CustodyItem, lines: list[Line]) -> tuple[dict[str, Money], dict[str, str]]:
    """What each reference gets, and what cannot be meant; a line that is empty is left out."""
    given, errors = dict[str, Money](), dict[str, str]()
    for line in lines:
        if line.reference or line.amount:
            errors |= _faults(item, line, given)
            given[line.reference] = Money(parts.read(line.amount) or 0, item.currency)
    total = sum(each.cents for each in given.values())
    if not given:
        errors["reference-1"] = gettext("Please name a request and an amount.")
    elif not errors and total > item.open_cents:
        left = language.money(Money(item.open_cents, item.currency))
        errors["amount-1"] = gettext("Together that is more than %(left)s.", left=left)
    return given, errors


def _faults(item: CustodyItem, line: Line, given: Mapping[str, Money]) -> dict[str, str]:
    of_reference, of_amount = f"reference-{line.number}", f"amount-{line.number}"
    asked = _request(line.reference)
    if asked is None:
        return {of_reference: gettext("There is no request of this reference.")}
    if line.reference in given:
        return {of_reference: gettext("This request stands here twice.")}
    cents = parts.read(line.amount)
    if not cents:
        return {of_amount: gettext("Please give an amount such as 148.50.")}
    if asked.currency != item.currency or cents > asked.open_cents:
        still = language.money(asked.open)
        return {of_amount: gettext("This request asks for %(still)s only.", still=still)}
    return {}


def _request(reference: str) -> PaymentRequest | None:
    """The request in force of a reference, where this person may see it."""
    query = select(PaymentRequest).where(
        PaymentRequest.tenant_id == gate.person().tenant_id,
        PaymentRequest.reference == reference,
        within(Right.SEE),
    )
    return db.session().scalar(query)


def _shown(
    one: StaffTask,
    item: CustodyItem,
    lines: list[Line],
    errors: dict[str, str],
    status: int = 422,
) -> ResponseReturnValue:
    return page(
        "admin/task_assign.html",
        status if errors else 200,
        task=one,
        left=Money(item.open_cents, item.currency),
        lines=lines,
        errors=errors,
    )
