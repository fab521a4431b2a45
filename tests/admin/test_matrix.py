"""Who may open what: each role at each route, on its own, on somebody else's and on no object.

The cells are made of ``DOORS`` and the map of addresses, so that a route that comes later is in
them. A route with an argument needs a builder of its object, and no more.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from werkzeug.routing import Rule

from portal import clock
from portal.admin.cookie import PURPOSE
from portal.admin.doors import DOORS, Asks, Open
from portal.db import transaction
from portal.faces import kind_setting
from portal.finance.clients import create_client
from portal.staff import granting, members, sittings
from portal.staff.roles import Grant, Right, Role, may, reach
from tests import builders
from tests.builders import HOSTS, OTHER_TOWN, TOWN, token
from tests.fakes import FakeProvider

UNIT, OTHER_UNIT, KIND = "20.1", "20.2", "tax"
COOKIE = "__Host-quitt-staff"
LEAST = 2_000  # cells
NUMBER = count(1)


@dataclass
class World:
    """One of each thing that an address can name, of a town and a unit; made when asked for."""

    tenant_id: str = TOWN
    unit: str = UNIT
    made: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        if name not in self.made:
            self.made[name] = BUILDERS[name](self)
        return self.made[name]

    def reference(self) -> str:
        reference = f"K-{next(NUMBER)}"
        self.letter = builders.letter(reference, self.tenant_id, unit=self.unit, kind=KIND)
        return reference

    def login(self) -> str:
        login = f"colleague{next(NUMBER)}"
        with transaction() as session:
            members.add(session, self.tenant_id, login, login, "operator")
        return login

    def account_id(self) -> str:
        account_id = f"account{next(NUMBER)}"
        with transaction() as session:
            keyring = current_app.extensions["keyring"]
            builders.account(session, keyring, self.tenant_id, account_id)
        return account_id

    def client_id(self) -> str:
        with transaction() as session:
            return create_client(session, self.tenant_id, ["events:read"])[0]

    def kind(self) -> str:
        code = f"kind{next(NUMBER)}"
        said = kind_setting.Said("Parkgebühr", "public")
        kind_setting.put(self.tenant_id, code, said, "operator", new=True)
        return code


# An argument of an address: how to make its object. What is no object stands in ``PLAIN``.
BUILDERS: Mapping[str, Callable[[World], str]] = {
    "reference": World.reference,
    "login": World.login,
    "account_id": World.account_id,
    "client_id": World.client_id,
    "kind": World.kind,
    "name": lambda _: "imprint_more",
    "act": lambda _: "withdraw",
}
MISSING: Mapping[str, str] = {"reference": "NOT-THERE", "payment_id": "0" * 32, "login": "nobody",
                               "account_id": "nothing", "client_id": "c_0", "kind": "nothing",
                               "name": "nothing", "act": "nothing", "number": "999999",
                               "position": "999999", "day": "1999-13-41"}  # fmt: skip
OF_EVERY_TOWN = {"name", "act"}  # not an object: the same in each town
# What is there depends on more than the right, as on how a payment stands: the tests of their pages
# show it. Here: without the right nothing is there, and what never was is not there for anybody.
HANGS_ON_MORE = {"number", "position", "day", "payment_id"}
PLAIN: Mapping[str, str] = {**MISSING, "day": "2026-11-20"}
OF_A_UNIT = {"reference"}
# Without a directory in the town, and for a local account, these are not there for anybody.
NEVER = {"admin.directory_sign_in", "admin.directory_prove"}
ENDS = {"admin.sign_out"}
# What adds up the whole town's books is not there for who sees a unit of it only.
OF_THE_WHOLE_TOWN = {
    "admin.reconciliation", "admin.open_items", "admin.reserves_list", "admin.close_reserve_page",
    "admin.close_reserve",
}  # fmt: skip


@dataclass(frozen=True)
class Seat:
    """Who asks: a role, for the whole town or for one unit."""

    grant: Grant

    def __str__(self) -> str:
        return f"{self.grant.role}-{self.grant.unit or 'whole'}"

    def may(self, asks: Asks) -> bool:
        return isinstance(asks, Open) or may([self.grant], asks)

    def covers(self, asks: Asks, unit: str) -> bool:
        return isinstance(asks, Open) or reach([self.grant], asks).covers(unit, KIND)


SEATS = [Seat(Grant(role, unit)) for role in Role for unit in (None, UNIT)]


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address of the admin view with its method."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: str(rule.rule)):
        if rule.endpoint in DOORS:
            (method,) = (rule.methods or set()) & {"GET", "POST"}
            yield rule, method


def path(rule: Rule, values: Callable[[str], str]) -> str:
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda found: values(found[1]), str(rule.rule))


class Desk:
    """A browser in which somebody sits."""

    def __init__(self, app: Flask, seat: Seat) -> None:
        self.app, self.seat = app, seat
        self.login = f"me{next(NUMBER)}"
        with transaction() as session:
            member = members.add(session, TOWN, self.login, self.login, "operator")
            granting.give_at_the_machine(session, member, seat.grant, "operator")
        self.sit()

    def sit(self) -> None:
        """Without a password: 28 ms each would be minutes in all."""
        with transaction() as session:
            name = sittings.begin(session, members.by_login(session, TOWN, self.login))
        key = current_app.extensions["keyring"].current.child(PURPOSE)
        told = URLSafeSerializer(key).dumps([name, int(clock.now().timestamp())])
        # The pages are looked at by their own tests.
        self.client = builders.browser(self.app, looks=False)
        self.client.set_cookie(COOKIE, str(told), secure=True)
        self.elsewhere = builders.browser(self.app, HOSTS[OTHER_TOWN], looks=False)
        self.elsewhere.set_cookie(COOKIE, str(told), domain=HOSTS[OTHER_TOWN], secure=True)
        self.csrf = token(self.client.get("/admin/account"))
        self.csrf_elsewhere = token(self.elsewhere.get("/admin/sign-in"))
        self.missing = self.client.get("/admin/not-there").data

    def ask(self, client: FlaskClient, method: str, address: str) -> tuple[int, bytes, str]:
        csrf = self.csrf if client is self.client else self.csrf_elsewhere
        answer = client.open(address, method=method, data={"csrf_token": csrf}, buffered=True)
        told = answer.status_code, answer.data, answer.location or ""
        answer.close()  # of a file that is streamed, too
        if client is self.client and answer.status_code == 303:
            client.get("/admin/account")  # reads what was flashed
        return told

    def is_there(self, method: str, address: str) -> bool:
        status, page, _ = self.ask(self.client, method, address)
        if status == 404:
            assert page == self.missing, f"{address} differs from what is not there"
            return False
        assert status < 500 or status == 503, f"{method} {address} answers {status}"
        assert status not in {400, 401, 405}, f"{method} {address} answers {status}"
        assert status != 403 or address == "/admin/sign-in", f"{method} {address} answers 403"
        return True


def cells(desk: Desk, rule: Rule, method: str) -> Iterator[tuple[str, str, bool]]:
    """(what it is, address, whether it must be there) of one route."""
    asks, seat = DOORS[rule.endpoint], desk.seat
    whole = seat.grant.whole or rule.endpoint not in OF_THE_WHOLE_TOWN
    opens = seat.may(asks) and rule.endpoint not in NEVER and whole
    if not rule.arguments:
        yield "page", str(rule.rule), opens
        return
    if rule.arguments & HANGS_ON_MORE:
        if not opens:
            yield "no right", path(rule, PLAIN.__getitem__), False
        yield "missing", path(rule, MISSING.__getitem__), False
        return
    narrow = bool(rule.arguments & OF_A_UNIT)
    own, other, foreign = World(), World(unit=OTHER_UNIT), World(OTHER_TOWN)
    yield "own", path(rule, own.get), opens and (not narrow or seat.covers(asks, UNIT))
    if narrow:
        yield "other unit", path(rule, other.get), opens and seat.covers(asks, OTHER_UNIT)
    if not rule.arguments <= OF_EVERY_TOWN:
        yield "other town", path(rule, foreign.get), False
    yield "missing", path(rule, MISSING.__getitem__), False


@pytest.mark.parametrize("seat", SEATS, ids=str)
def test_each_role_opens_what_the_table_says_and_nothing_else(
    app: Flask, provider: FakeProvider, seat: Seat
) -> None:
    desk, wrong = Desk(app, seat), []
    for rule, method in routes(app):
        for what, address, must in cells(desk, rule, method):
            if desk.is_there(method, address) is not must:
                wrong.append((method, str(rule.rule), what, "must be there" if must else "leaks"))
            if rule.endpoint in ENDS:
                desk.sit()
    assert wrong == []


# Who is refused before anybody asks for a role needs no other roles to show it.
def test_a_sitting_is_none_in_another_town(app: Flask, provider: FakeProvider) -> None:
    desk, wrong = Desk(app, Seat(Grant(Role.TENANT_ADMIN))), []
    for rule, method in routes(app):
        if DOORS[rule.endpoint] is Open.ANYONE:
            continue
        known = rule.arguments and not rule.arguments & HANGS_ON_MORE
        own = path(rule, World().get if known else PLAIN.__getitem__)
        _, _, location = desk.ask(desk.elsewhere, method, own)
        if not location.startswith("/admin/sign-in"):
            wrong.append((method, str(rule.rule), location))
    assert wrong == []


def test_every_argument_of_an_address_has_its_builder(app: Flask) -> None:
    named = {name for rule, _ in routes(app) for name in rule.arguments}
    assert named - set(BUILDERS) == HANGS_ON_MORE
    assert set(BUILDERS) <= set(MISSING)


def test_the_matrix_has_as_many_cells_as_were_promised(app: Flask) -> None:
    found = 0
    for rule, _ in routes(app):
        of_objects = (3 + bool(rule.arguments & OF_A_UNIT)) if rule.arguments else 1
        of_objects = 1 if rule.arguments & HANGS_ON_MORE else of_objects
        found += len(SEATS) * of_objects + (DOORS[rule.endpoint] is not Open.ANYONE)
    assert found >= LEAST, found


@pytest.mark.parametrize("right", Right)
def test_some_role_has_every_right(right: Right) -> None:
    assert any(seat.may(right) for seat in SEATS)
