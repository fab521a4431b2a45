"""What the finance system does with its requests, by chance."""

import random
from datetime import timedelta
from typing import Any

from portal import clock
from portal.db import transaction
from portal.errors import NotFound
from portal.payments.record import Source
from portal.providers.protocol import Report, Settlement, SettlementLine
from portal.requests import elsewhere, orders
from portal.requests.ordered import Elsewhere, How, Rest, Why
from portal.requests.orders import Subject
from portal.returns import custody
from tests import builders
from tests.town.model import Demand, Model, Paid
from tests.town.provider import Provider

ACCOUNTS = ("card", "paypal")
ZONES = {builders.TOWN: "Europe/Berlin", builders.OTHER_TOWN: "Atlantic/Azores"}


class Desk:
    """What the finance system of a town does, and the town's own memory."""

    def __init__(self, tenant_id: str, seed: str, provider: Provider) -> None:
        self.id, self.provider, self.model = tenant_id, provider, Model()
        self.chance = random.Random(seed)
        self.letters: dict[str, builders.Letter] = {}
        self.late: list[Report] = []  # paid, and not heard yet
        self.wrong: dict[str, int] = {}  # payments whose provider named another amount
        self.lines: dict[str, list[SettlementLine]] = {name: [] for name in ACCOUNTS}
        self.sent: dict[str, tuple[Paid, tuple[int, int, int]]] = {}
        self.taken: dict[str, tuple[Any, ...]] = {}
        self.returned: dict[str, tuple[str, int, str]] = {}  # unclear money that was sent back
        self.came: dict[str, str] = {}  # what came again -> the provider's name for it
        self.waiting: list[tuple[str, str, int]] = []
        self.late_reports: list[tuple[str, Settlement]] = []  # they come in any order
        self.booked: dict[tuple[str, str], tuple[Any, ...]] = {}  # reports as they were taken
        self.numbers = iter(range(1, 100_000))
        self.done: dict[str, int] = {}

    def some(self, things: Any) -> Any:
        found = list(things)[-25:]
        if not found:
            raise NotFound("Nothing there yet.")
        return self.chance.choice(found)

    def source(self, account: str) -> Source:
        return Source(self.id, account, "notification")

    def today(self) -> Any:
        return clock.today(ZONES[self.id])

    # what the finance system does

    def push(self, *, new: bool | None = None) -> str:
        new = new if new is not None else self.chance.random() < 0.55 or not self.letters
        name = f"K-{next(self.numbers)}" if new else self.some(self.letters)
        until = self.today() + timedelta(days=self.chance.randint(1, 9))
        older = self.some(self.letters) if self.letters and self.chance.random() < 0.15 else None
        body = {
            "amount_cents": self.chance.randint(500, 9_000),
            "kind": self.chance.choice(["tax", "fee"]),
            "payable_until": until.isoformat() if self.chance.random() < 0.3 else None,
            "replaces": [older] if older else [],
        }
        self.letters[name] = builders.letter(name, self.id, **body)
        last = until if body["payable_until"] else None
        demand = Demand(name, body["amount_cents"], body["kind"], last, body=body)
        self.model.push(demand, older, self.today())
        return name

    def subject(self, name: str) -> Subject:
        return Subject(self.id, name, "client:finance")

    def withdraw(self) -> None:
        name = self.some(self.letters)
        with transaction() as session:
            orders.withdraw(session, self.subject(name), Why.DEFERRED)
        self.model.withdraw(name)

    def restore(self) -> None:
        over = {"withdrawn", "expired", "replaced"}
        known = self.model.demands.values()
        name = self.some(each.name for each in known if each.state in over and not each.moved)
        with transaction() as session:
            orders.restore(session, self.subject(name), None)
        self.model.restore(name)

    def close_rest(self) -> None:
        known = self.model.demands.values()
        name = self.some(each.name for each in known if each.covered and each.open)
        rest = Rest(amount_cents=self.model.demands[name].open, reason="small", order=self.order())
        with transaction() as session:
            orders.close_rest(session, self.subject(name), rest)
        self.model.close_rest(name)

    def paid_elsewhere(self) -> None:
        name, fact = self.some(self.letters), f"B-{next(self.numbers)}"
        cents = self.chance.randint(1, max(1, self.model.last(name).open))
        told = Elsewhere(id=fact, amount_cents=cents, paid_on=self.today(), how=How.TRANSFER)
        with transaction() as session:
            elsewhere.tell(session, self.subject(name), told)
        self.model.elsewhere(name, fact, cents)

    def undo_elsewhere(self) -> None:
        name, fact = self.some(self.model.told)
        with transaction() as session:
            elsewhere.undo(session, self.subject(name), fact, custody.is_about_to_go)
        self.model.undone(name, fact)

    def order(self) -> str:
        return f"AO-{next(self.numbers)}"
