"""The days of the month: citizens and staff by day, pay-outs in the evening, asking at night."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from flask import current_app
from sqlalchemy import select

from portal.db import db
from portal.ledger.models import SettlementRow
from portal.payments import sweep
from portal.requests.expiry import expire_due
from portal.returns import proposing
from portal.settlements import fetching, file_mapping, files
from portal.settlements.files import File, ImportedBefore
from tests.builders import TOWN
from tests.month.settling import settled
from tests.month.stories import AFTERNOON, MORNING, STORIES, Case, Steps
from tests.month.town import ACCOUNTS, ANNA, Town
from tests.moving import move
from tests.town.town import arrived

FIRST, DAYS = date(2026, 10, 1), 31
QUIET_DAYS = {9, 16, 23}  # nobody begins to pay: what goes back is more than what comes
HOURS = {MORNING: 6, AFTERNOON: 11}  # UTC
EVENING, NIGHT = 17, 20
PROVIDERS = tuple(ACCOUNTS)
ADJUSTED = (("", 0), ("", 0), ("fee", -990), ("reserve", -2_000), ("reserve", 1_500))
WEBHOOKS = ("send", "send", "double", "lose", "late:43200")


@dataclass
class Month:
    """What is planned: the steps of stories, reports that come late, and pay-outs on their way."""

    town: Town
    chance: Random
    clock: Path
    payments: int
    steps: list[tuple[int, int, int, Steps]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    told: dict[str, int] = field(default_factory=dict)  # how often each story was told
    reports: list[tuple[int, str]] = field(default_factory=list)  # giro's, by the day they come
    waiting: list[tuple[int, str, str]] = field(default_factory=list)  # pay-outs

    def plan(self) -> None:
        """Deal the stories; each at least once, as far as there are payments for them."""
        dealt = [(name, story) for name in PROVIDERS for story, _ in STORIES[name]]
        while len(dealt) < self.payments:
            name = self.chance.choice(PROVIDERS)
            stories, weights = zip(*STORIES[name], strict=True)
            dealt.append((name, self.chance.choices(stories, weights)[0]))
        busy = [day for day in range(DAYS - 1) if day not in QUIET_DAYS]
        for name, story in dealt:
            case = Case(self.town, name, self.chance.randint(100, 60_000), self.chance)
            self.told[story.__name__] = self.told.get(story.__name__, 0) + 1
            self._later(self.chance.choice(busy), MORNING, story(case))

    def live(self, day: int) -> None:
        """A day, up to the moment when its books are looked at."""
        for part, hour in HOURS.items():
            self.is_now(day, hour)
            self.town.far.quiet()
            expire_due()
            self._tell(day, part)
        self.town.far.quiet()
        self.is_now(day, EVENING)
        self.town.far.quiet()
        self._pay_out(day)
        self.town.far.quiet()
        self.is_now(day, NIGHT)
        self.town.far.quiet()
        self._ask(day)

    def is_now(self, day: int, hour: int) -> None:
        moment = datetime.combine(FIRST + timedelta(days=day), time_of_day(hour), UTC)
        move(self.clock, moment.isoformat())

    def _later(self, day: int, part: int, steps: Steps) -> None:
        heapq.heappush(self.steps, (day, part, next(self.numbers), steps))

    def _tell(self, day: int, part: int) -> None:
        while self.steps and self.steps[0][:2] <= (day, part):
            *_, steps = heapq.heappop(self.steps)
            step = next(steps, None)
            if step is not None:
                days, then = step
                when = (day + days, then)
                self._later(*max(when, (day, part)), steps)

    def _pay_out(self, day: int) -> None:
        """Each provider pays out on its own days; some charge a fee or hold something back."""
        due = [
            name
            for number, name in enumerate(PROVIDERS)
            if (day + number) % 2 == 0 or day in QUIET_DAYS
        ]
        for name in due:
            merchant = self.town.far.merchants[name].name
            kind, cents = self.chance.choice(ADJUSTED)
            if kind:
                told = {"kind": kind, "amount_cents": cents}
                self.town.far.door(name, f"merchants/{merchant}/adjust", **told)
        self.is_now(day, EVENING + 1)
        for name in due:
            theirs = self.town.far.settle(name, self.chance.choice(WEBHOOKS))
            if theirs and name == "girocheckout":
                self.reports.append((day + self.chance.randint(0, 2), theirs))
            elif theirs:
                self.waiting.append((day, name, theirs))

    def _ask(self, day: int) -> None:
        """What the worker does: it fetches reports, asks about payments, proposes refunds; and what
        people do: import files, tell which pay-outs are on the bank.
        """
        keyring = current_app.extensions["keyring"]
        self._import(day)
        fetching.fetch_due(keyring)
        for made, name, theirs in self.waiting:
            if made == day and name != "girocheckout":
                settled(self.town, name, theirs)
        while sweep.sweep(keyring):
            pass
        self.town.far.quiet()
        for what, name in list(self.town.unheard):
            if what == "payment":
                self.town.hears(what, name)
        proposing.look()
        self._arrive(day)

    def _import(self, day: int) -> None:
        """Files come when they come, the newest first, and each of them twice."""
        due = sorted((one for one in self.reports if one[0] <= day), reverse=True)
        for one in due:
            theirs = one[1]
            content = self.town.far.report(theirs)
            file = File(TOWN, ACCOUNTS["girocheckout"], content, file_mapping.load("girocheckout"))
            keyring = current_app.extensions["keyring"]
            files.import_file(keyring, file, ANNA)
            settled(self.town, "girocheckout", theirs)
            self.waiting.append((day, "girocheckout", theirs))
            _refused_again(keyring, file)
            self.reports.remove(one)

    def _arrive(self, day: int) -> None:
        for one in list(self.waiting):
            made, name, theirs = one
            if day < made + 1 + self.chance.randint(0, 2):
                continue
            row = report(name, theirs)
            arrived(TOWN, ACCOUNTS[name], row.settlement, row.net_cents)
            self.town.model.arrived(ACCOUNTS[name], row.net_cents)
            self.waiting.remove(one)

    def names_waiting(self) -> list[tuple[str, str]]:
        """Account and report of each pay-out that the script has not let arrive."""
        return [
            (ACCOUNTS[name], report(name, theirs).settlement) for _, name, theirs in self.waiting
        ]


def report(name: str, theirs: str) -> SettlementRow:
    """The portal's row of a pay-out that the provider calls so; PayPal's has its moment, too."""
    db.session.rollback()
    query = select(SettlementRow).where(
        SettlementRow.tenant_id == TOWN, SettlementRow.account == ACCOUNTS[name]
    )
    rows: Any = db.session.scalars(query)
    return next(
        row
        for row in rows
        if row.settlement.rpartition("-")[2] == theirs or row.settlement == theirs
    )


def _refused_again(keyring: Any, file: File) -> None:
    try:
        files.import_file(keyring, file, ANNA)
    except ImportedBefore:
        return
    raise AssertionError("the same file was imported twice")
