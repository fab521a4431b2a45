"""A provider in memory that says how much it has taken."""

from dataclasses import replace
from datetime import datetime

from portal import clock
from portal.money import Money
from portal.providers.protocol import Account, Handover, Order, Report
from tests.fakes import FakeProvider


class Provider(FakeProvider):
    """The fake, which also says how much it has taken by when."""

    def __init__(self) -> None:
        super().__init__()
        self.took: list[tuple[str, str, datetime, int]] = []
        self.of: dict[str, tuple[str, str]] = {}

    def start(self, account: Account, order: Order) -> Handover:
        self.of[order.payment] = (account.tenant_id, account.id)
        return super().start(account, order)

    def pay(self, payment: str) -> Report:
        told = super().pay(payment)
        self.took.append((*self.of[payment], clock.now(), told.amount.cents))
        return replace(told, happened_at=clock.now())

    def taken(self, account: Account, until: datetime) -> tuple[Money, ...]:
        mine = (account.tenant_id, account.id)
        return (Money(sum(took[3] for took in self.took if took[:2] == mine and took[2] < until)),)
