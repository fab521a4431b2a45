"""A town in which by chance everything happens that moves money; drawn by a seed.

What the portal refuses changes nothing, here as there; what it takes, the model takes too.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import current_app
from sqlalchemy import select

from portal import clock
from portal.db import db, transaction
from portal.errors import Conflict, Invalid, NotFound
from portal.finance import feed, outbox, payout_messages
from portal.ledger import arrivals
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments.refund_states import State
from portal.providers.protocol import Outcome, Settlement, SettlementLine
from portal.returns import closing, custody_returns, sending
from portal.settlements import file_mapping, files, settle, undoing
from portal.settlements.files import File
from tests import builders
from tests.returns import giving
from tests.town.citizens import ANNA, BERT, Citizens
from tests.town.desk import ACCOUNTS
from tests.town.files import table


class Town(Citizens):
    """One of the towns, with its staff."""

    def step(self) -> None:
        weights = [weight for _, weight in ACTS]
        act = self.chance.choices([act for act, _ in ACTS], weights)[0]
        with suppress(Conflict, Invalid, NotFound):
            act(self)
            self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def item(self, model: Any, reference: str) -> Any:
        db.session.rollback()
        of = (model.tenant_id == self.id) & (model.reference == reference)
        return db.session.scalars(select(model).where(of)).one()

    def assign(self) -> None:
        item = self.some(name for name, cents in self.model.kept.items() if cents)
        name = self.some(each.name for each in self.model.demands.values() if each.open)
        most = min(self.model.kept[item], self.model.last(name).open)
        cents = self.chance.randint(1, max(1, most))
        number = self.item(CustodyItem, item).id
        giving.assign(self.id, number, name, Money(cents), ANNA)
        self.model.give_away(item, cents)
        self.model.cover(self.model.last(name), cents)

    def keep(self) -> None:
        item = self.some(name for name, cents in self.model.kept.items() if cents)
        self.close(closing.CUSTODY, self.item(CustodyItem, item).id)
        self.model.income += self.model.kept[item]
        self.model.give_away(item, self.model.kept[item])

    def send_back(self) -> None:
        """Unclear money goes back to where it came from, or the provider does not send it."""
        item = self.some(name for name, cents in self.model.kept.items()
                         if cents and name.startswith(("unclear:", "return-failed:")))  # fmt: skip
        row = self.item(CustodyItem, item)
        name = custody_returns.ask(self.id, row.id, self.order(), ANNA)
        if self.chance.random() < 0.1:
            custody_returns.refuse(self.id, name, BERT)
            return
        custody_returns.approve(self.id, name, BERT)
        self.provider.refunds_end = self.chance.choice([Outcome.SUCCEEDED] * 4 + [Outcome.FAILED])
        self.provider.strays[self.named(item)] = row.amount_cents
        if sending.submit(current_app.extensions["keyring"], self.id, name) is State.SUCCEEDED:
            cents, self.model.kept[item] = self.model.kept[item], 0
            self.model.owed[row.account, f"returned:{name}"] = -cents
            self.returned[name] = (row.account, cents, self.named(item))
            self.lines[row.account].append(self.provider.refund_line(name))

    def named(self, item: str) -> str:
        """The provider's own name for the money of an unclear item."""
        name = item.removeprefix("return-failed:")
        return self.came[name] if name in self.came else item.split(":", 2)[2]

    def come_again(self) -> None:
        """What was sent back did not arrive after all."""
        name = self.some(self.returned)
        account, cents, self.came[name] = self.returned.pop(name)
        sending.record(self.id, account, self.provider.end_refund(name, Outcome.FAILED))
        self.model.kept[f"return-failed:{name}"] = cents
        self.model.back(account, "returned", name, cents)
        self.lines[account].append(self.provider.refund_line(name, 1))

    def write_off(self) -> None:
        account, item = self.some(place for place, cents in self.model.owed.items() if cents)
        self.close(closing.SUSPENSE, self.item(SuspenseItem, item).id)
        self.model.owed[account, item] = 0

    def close(self, act: str, number: int) -> None:
        closing.ask(self.id, act, number, self.order(), ANNA)
        closing.approve(self.id, act, number, BERT)

    def settle(self) -> None:
        """The provider makes a report: it is taken at once, or comes late and out of order."""
        account = self.chance.choice(ACCOUNTS)
        count = self.chance.randint(0, len(self.lines[account]))
        lines = [self.lines[account].pop(0) for _ in range(count)]
        if self.chance.random() < 0.2:
            lines.append(SettlementLine("fee", "", "monthly", Money(0), Money(1_200)))
        if self.chance.random() < 0.1:
            lines.append(SettlementLine("other", "", "c-1", Money(-77), Money(0)))
        lines += self.reserve_lines()
        net = sum(line.gross.cents - line.fee.cents for line in lines)
        net += self.chance.choice([0] * 9 + [-1])  # it does not always add up
        name = f"s{next(self.numbers)}"
        report = Settlement(name, f"m-{account}", clock.now(), Money(net), tuple(lines))
        if self.chance.random() < 0.25:
            self.late_reports.append((account, report))
        else:
            self.take_report(account, report)

    def reserve_lines(self) -> list[SettlementLine]:
        """The provider holds something back, or lets it go, sometimes more than it held."""
        if self.chance.random() > 0.35:
            return []
        cents = self.chance.choice([-1, -1, 1]) * self.chance.randint(1, 1_500)
        number = next(self.numbers)
        return [SettlementLine("reserve", "", f"hold-{number}", Money(cents), Money(0))]

    def settle_late(self) -> None:
        """A report comes that was made long ago, or one that was undone comes again."""
        self.take_report(*self.late_reports.pop(self.some(range(len(self.late_reports)))))

    def take_report(self, account: str, report: Settlement) -> None:
        """By the provider's own word, or by a file."""
        keyring, number = current_app.extensions["keyring"], None
        if report.lines and self.chance.random() < 0.5:
            content = table(report, named=self.chance.random() < 0.5)
            file = File(self.id, account, content, file_mapping.load("generic"))
            number = files.import_file(keyring, file, ANNA).file
        else:
            self.provider.made[report.settlement] = report
            settle.settle(keyring, self.id, account, report.settlement, anew=True)
        fits: list[tuple[str, int]] = []
        fees = held = 0
        for line in sorted(report.lines, key=turn):
            if line.kind == "reserve":
                held -= self.model.reserve(account, line.gross.cents)
                continue
            found, fee = self.fit(account, line)
            fits, fees = fits + found, fees + fee
        net = report.net.cents
        sums = (sum(cents for _, cents in fits), fees, held, net)
        self.model.settled(account, sums)
        self.booked[account, report.settlement] = (number, report, fits, sums)
        self.waiting.append((account, report.settlement, net))

    def undo_report(self) -> None:
        """It was read wrongly: all of it is taken back, and it comes again some day."""
        account, name, net = self.some(self.waiting)
        number, report, fits, sums = self.booked[account, name]
        if number is None:
            undoing.undo_report(self.id, account, name, "wrong month", ANNA)
        else:
            undoing.undo_file(self.id, number, "wrong mapping", ANNA)
        self.waiting.remove((account, name, net))
        self.model.undone_report(account, fits, sums)
        self.late_reports.append((account, report))

    def fit(self, account: str, line: SettlementLine) -> tuple[list[tuple[str, int]], int]:
        """Which items a line settles, how much of each, and what of its fee is new."""
        gross, fee, theirs = line.gross.cents, line.fee.cents, line.provider_reference
        if line.kind == "payment":
            found = self.settled(account, gross, f"payment:{line.payment}")
            rest = gross - sum(cents for _, cents in found)
            return found + self.settled(account, rest, f"unclear:{account}:{theirs}"), fee
        if line.kind == "refund":
            refund = next(name for name, sent in self.provider.refunds.items()
                          if sent.provider_reference == theirs)  # fmt: skip
            words = ("refund", "returned") if gross < 0 else ("refund-failed", "return-failed")
            return self.settled(account, gross, *(f"{word}:{refund}" for word in words)), fee
        if line.kind == "reversal":
            item = "reversal" if gross < 0 else "reversal-won"
            found = self.settled(account, gross - fee, f"{item}:{account}:{theirs}")
            return found, 0 if found else fee
        return [], fee

    def settled(self, account: str, gross: int, *names: str) -> list[tuple[str, int]]:
        found = [(name, self.model.settle(account, name, gross)) for name in names]
        return [(name, cents) for name, cents in found if cents]

    def arrive(self) -> None:
        account, name, net = self.some(self.waiting)
        self.waiting.remove((account, name, net))
        arrived(self.id, account, name, net)
        self.model.arrived(account, net)


def turn(line: SettlementLine) -> tuple[bool, bool, str, str]:
    """In which order lines are settled: what is held back before what is let go."""
    reserve = line.kind == "reserve"
    return reserve, reserve and line.gross.cents > 0, line.payment, line.provider_reference


def arrived(tenant_id: str, account: str, name: str, net: int) -> None:
    """The finance system tells that a pay-out is on the bank."""
    with transaction() as session:
        found = arrivals.find(session, tenant_id, name, account)
        credit = arrivals.Credit(f"C-{account}-{name}", builders.today(), net)
        arrivals.arrive(session, found, credit)
        announced = feed.announced(session, tenant_id, account, name)
        outbox.put(
            session, tenant_id, payout_messages.arrived(announced, credit.id, credit.booked_on)
        )


# fmt: off
ACTS: tuple[tuple[Callable[[Town], Any], int], ...] = (
    (Town.push, 5), (Town.pay, 8), (Town.pay_part, 2), (Town.hear_late, 2),
    (Town.withdraw, 1), (Town.restore, 2), (Town.close_rest, 2),
    (Town.paid_elsewhere, 2), (Town.undo_elsewhere, 2),
    (Town.unclear, 1), (Town.wrong_amount, 1), (Town.put_right, 1),
    (Town.reverse, 2), (Town.win, 2), (Town.refund, 4), (Town.bounce, 1),
    (Town.assign, 3), (Town.keep, 1), (Town.send_back, 2), (Town.come_again, 1),
    (Town.write_off, 1),
    (Town.settle, 3), (Town.settle_late, 2), (Town.undo_report, 2), (Town.arrive, 2),
)
# fmt: on
