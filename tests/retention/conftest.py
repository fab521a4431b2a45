"""A database that believes the moved clock, and a small town's acts."""

from collections.abc import Iterator

import pytest
from flask import Flask, current_app
from sqlalchemy import create_engine, text

from portal.payments.record import Source, record
from portal.providers.protocol import SettlementLine
from portal.retention import due, purging
from portal.retention.classes import Name
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider

CARD = Source(TOWN, "card", "notification")
NOW = (
    "CREATE OR REPLACE FUNCTION retention_now(p_now timestamptz) RETURNS timestamptz"
    " LANGUAGE sql STABLE AS $$ SELECT {} $$"
)


@pytest.fixture
def any_time(owner_url: str) -> Iterator[None]:
    """The database takes the application's word for what time it is: only the owner can say so."""
    _now(owner_url, "p_now")
    yield
    _now(owner_url, "least(p_now, now())")


def _now(owner_url: str, body: str) -> None:
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text(NOW.format(body)))
    engine.dispose()


@pytest.fixture
def town(app: Flask, provider: FakeProvider, any_time: None) -> "Town":
    """A town whose nights a test calls."""
    return Town(provider)


class Town:
    """What happens in a small town."""

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        self.settlements = 0

    def paid(self, name: str, cents: int = 10_000) -> tuple[Letter, str]:
        """A letter that was paid, and its payment: not settled yet."""
        letter = builders.letter(name, amount_cents=cents)
        payment = builders.begin(letter)
        record(self.provider.pay(payment), CARD)
        return letter, payment

    def settle(self, *payments: str) -> None:
        """The provider pays them out."""
        self.settlements += 1
        name = f"s{self.settlements}"
        self.provider.settle(name, list(payments))
        settle.settle(current_app.extensions["keyring"], TOWN, "card", name)

    def settle_lines(self, *lines: SettlementLine) -> None:
        """The provider accounts for something else than payments."""
        self.settlements += 1
        name = f"s{self.settlements}"
        self.provider.settle(name, [], 0, *lines)
        settle.settle(current_app.extensions["keyring"], TOWN, "card", name)

    def done(self, name: str, cents: int = 10_000) -> Letter:
        """A letter that was paid and settled."""
        letter, payment = self.paid(name, cents)
        self.settle(payment)
        return letter

    def night(self) -> dict[Name, int]:
        """What goes this night."""
        gone = purging.night(current_app.extensions["keyring"])
        return next(
            {n: c for n, c in of.counts.items() if c} for of in gone if of.tenant_id == TOWN
        )

    def overdue(self) -> list[tuple[object, ...]]:
        """What has stayed too long."""
        from portal.db import db

        db.session.rollback()
        return due.overdue(db.session())
