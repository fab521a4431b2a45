"""Who may open what of a part: a task, an approval, a payment, an event, a rule, a day.

As ``test_matrix``, for addresses whose object hangs on another one. One town for all of it: the
proof of each sitting is too old for money to move, so that nothing changes from cell to cell.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, current_app
from itsdangerous import URLSafeSerializer
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal import clock
from portal.admin.cookie import PURPOSE
from portal.admin.doors import DOORS, Asks, Open
from portal.approvals.models import Approval
from portal.db import db, transaction
from portal.payments.models import ProviderRule
from portal.payments.record import Source, record
from portal.providers.protocol import Outcome
from portal.returns import proposing, refunds
from portal.staff import granting, members, sittings
from portal.staff.roles import Grant, Right, Role, may, reach
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, token
from tests.fakes import FakeProvider

UNIT, OTHER_UNIT, KIND = "20.1", "20.2", "tax"
# The rights of the other roles are the whole town's or none.
OF_A_UNIT = (Role.VIEWER, Role.CLERK, Role.APPROVER)
SEATS = [*map(Grant, Role), *(Grant(role, UNIT) for role in OF_A_UNIT)]
PARTS = {"number", "position", "day", "payment_id"}
LEAST = 1_000  # cells
THERE = {200, 303, 409, 422, 503}
TASKS, APPROVALS, RULES = "/admin/tasks/", "/admin/approvals/", "/admin/rules/"
LONGER = 12  # events and tasks of the other town: their numbers are beyond those of ours


@dataclass(frozen=True)
class Part:
    """What the addresses of one letter name."""

    reference: str
    payment_id: str
    position: int
    task: int
    approval: int
    rule: int

    def named(self, rule: Rule, name: str) -> str:
        if name != "number":
            return str(getattr(self, name, builders.today()))
        of = {TASKS: self.task, APPROVALS: self.approval, RULES: self.rule}
        return str(next(number for begin, number in of.items() if rule.rule.startswith(begin)))


def _last(column: object, tenant_id: str) -> int:
    db.session.rollback()
    of_town = column.class_.tenant_id == tenant_id
    return int(db.session.scalars(select(column).where(of_town).order_by(column.desc())).first())


def letter(provider: FakeProvider, unit: str, tenant_id: str = TOWN) -> Part:
    """A letter that was paid twice: its surplus is proposed to go back, and a refund waits."""
    name, card = f"K-{tenant_id}-{unit}", Source(tenant_id, "card", "notification")
    of = builders.letter(name, tenant_id, 10_000, unit=unit, kind=KIND)
    first = builders.begin(of, tenant_id)
    record(provider.say(first, Outcome.CANCELLED), card)
    second = builders.begin(of, tenant_id)
    record(provider.pay(second), card)
    record(provider.pay(first), card)
    proposing.look()
    asked = refunds.Asked(
        tenant_id, second, builders.eur("1"), refunds.Reason.WRONG_PAYER, "AO-1", "staff:anna"
    )
    refunds.ask(asked)
    db.session.rollback()
    tasks = [task.number for task in reading.open_tasks(db.session(), tenant_id)
             if task.reference == name and task.kind is Kind.REFUND_PROPOSED]  # fmt: skip
    events = [event.position for event in builders.events(tenant_id) if event.reference == name]
    return Part(
        name, second, events[-1], tasks[-1], _last(Approval.id, tenant_id),
        _last(ProviderRule.id, tenant_id),
    )  # fmt: skip


def elsewhere(provider: FakeProvider) -> Part:
    """One of the other town, whose numbers are nobody's here."""
    for number in range(LONGER):
        builders.letter("K-0", OTHER_TOWN, 1_000 + number)
        with transaction() as session:
            writing.put(session, OTHER_TOWN, Kind.TANS_GUESSED, str(number))
    return letter(provider, UNIT, OTHER_TOWN)


class Desk:
    """A browser in which somebody sits, who proved to be it too long ago to move money."""

    def __init__(self, app: Flask, grant: Grant, number: int) -> None:
        self.grant = grant
        with transaction() as session:
            member = members.add(session, TOWN, f"me{number}", "", "operator")
            granting.give_at_the_machine(session, member, grant, "operator")
            name = sittings.begin(session, member, proved_at=clock.now() - timedelta(hours=1))
        key = current_app.extensions["keyring"].current.child(PURPOSE)
        told = URLSafeSerializer(key).dumps([name, int(clock.now().timestamp())])
        self.client = builders.browser(app, looks=False)  # the pages are looked at elsewhere
        self.client.set_cookie("__Host-quitt-staff", str(told), secure=True)
        self.csrf = token(self._ask("GET", "/admin/account"))
        self.visit = self.client.get_cookie("__Host-quitt")
        self.missing = self._ask("GET", "/admin/not-there").data

    def is_there(self, method: str, address: str) -> bool:
        answer = self._ask(method, address)
        if answer.status_code == 404:
            assert answer.data == self.missing, f"{address} differs from what is not there"
            return False
        assert answer.status_code in THERE, f"{method} {address} answers {answer.status_code}"
        if answer.status_code == 303 and self.visit:  # forgets what was flashed
            self.client.set_cookie("__Host-quitt", self.visit.value, secure=True)
        return True

    def _ask(self, method: str, address: str) -> TestResponse:
        told = {"csrf_token": getattr(self, "csrf", "")}
        answer = self.client.open(address, method=method, data=told, buffered=True)
        answer.close()  # of a file that is streamed, too
        return answer

    def must(self, rule: Rule, unit: str) -> bool:
        """Whether the table of rights opens a part of a letter of this unit."""
        asks = DOORS[rule.endpoint]
        if not (isinstance(asks, Open) or may([self.grant], asks)):
            return False
        if "day" in rule.arguments:
            return self.grant.whole
        if rule.rule.startswith(TASKS):
            return self._covers(Right.SEE, unit) and self._covers(asks, unit)
        if rule.rule.startswith(APPROVALS):
            decides = self._covers(Right.APPROVE, unit)
            return decides or (rule.endpoint == "admin.approval" and self._covers(Right.SEE, unit))
        return "reference" not in rule.arguments or self._covers(asks, unit)

    def _covers(self, asks: Asks, unit: str) -> bool:
        return isinstance(asks, Open) or reach([self.grant], asks).covers(unit, KIND)


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address of the admin view that names a part, with its method."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: str(rule.rule)):
        if rule.endpoint in DOORS and rule.arguments & PARTS:
            (method,) = (rule.methods or set()) & {"GET", "POST"}
            yield rule, method


def path(rule: Rule, part: Part, of: Part | None = None) -> str:
    """The address of a part; of another letter's part under this one's reference with ``of``."""

    def value(found: re.Match[str]) -> str:
        owner = part if found[1] == "reference" or of is None else of
        return owner.named(rule, found[1])

    told = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", value, str(rule.rule))
    return f"{told}?figure=requested&part=&currency=EUR" if "/rows" in told else told


def cells(
    desk: Desk, rule: Rule, own: Part, other: Part, foreign: Part
) -> Iterator[tuple[str, str, bool]]:
    """(what it is, address, whether it must be there) of one route."""
    yield "own", path(rule, own), desk.must(rule, UNIT)
    if "day" in rule.arguments:
        return
    yield "other town", path(rule, foreign), False
    if rule.rule.startswith((RULES, "/admin/deliveries/")):
        return
    yield "other unit", path(rule, other), desk.must(rule, OTHER_UNIT)
    if "reference" in rule.arguments:
        yield "another's part", path(rule, own, other), False
        yield "another town's part", path(rule, own, foreign), False


def test_each_role_opens_the_parts_that_the_table_says_and_no_others(
    app: Flask, provider: FakeProvider
) -> None:
    own, other = letter(provider, UNIT), letter(provider, OTHER_UNIT)
    foreign, wrong, many = elsewhere(provider), [], 0
    for number, grant in enumerate(SEATS):
        desk = Desk(app, grant, number)
        for rule, method in routes(app):
            for what, address, must in cells(desk, rule, own, other, foreign):
                many += 1
                if desk.is_there(method, address) is not must:
                    who = f"{grant.role}-{grant.unit or 'whole'}"
                    wrong.append((who, method, str(rule.rule), what, must))
    assert wrong == []
    assert many >= LEAST, many
    db.session.rollback()
    assert db.session.scalars(select(Approval.state).distinct()).all() == ["asked"]
