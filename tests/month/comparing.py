"""The portal's books, the model's and the providers', held against each other."""

from collections import Counter
from datetime import date
from typing import Any

from sqlalchemy import select

from portal.db import db
from portal.ledger.models import PayoutArrival, SettlementRow
from portal.payments.models import Payment
from portal.payments.refund_states import State as Sent
from portal.payments.returned import CustodyReturn, Refund, Reversal
from portal.payments.states import UNDECIDED
from portal.proof import reconciling
from portal.proof.equations import Reconciliation
from portal.requests.models import PaymentRequest
from portal.returns.reversal_booking import TAKEN
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask
from tests.builders import TOWN
from tests.month.days import Month
from tests.month.settling import ITEMS
from tests.month.town import ACCOUNTS, Town

Figures = dict[tuple[str, str], int]


def check_day(month: Month, day: date) -> None:
    """The equations hold, each figure is the model's, and the providers' books say the same."""
    db.session.rollback()
    town, found = month.town, reconciling.at(TOWN, day)
    assert found.holds, (day, found.broken)
    expected = town.model.figures()
    told = figures(found, {name for name, _ in expected})
    ours, models = set(told.items()), set(expected.items())
    assert told == expected, (day, ours - models, models - ours)
    for provider, account in ACCOUNTS.items():
        theirs = town.far.totals(provider)
        received = told.get(("received", account), 0)
        assert theirs["succeeded_cents"] == received + town.model.unheard[account], (day, provider)
        not_here = [one for _, one in month.reports] if provider == "girocheckout" else []
        coming = sum(line.cents - line.fee for one in not_here for line in town.far.lines(one))
        assert theirs["settled_cents"] == paid_out(account) + coming, (day, provider)


def figures(found: Reconciliation, known: set[str]) -> Figures:
    """What the reconciliation says of the figures that the model knows."""
    return {
        (figure.key, equation.part): figure.money.cents
        for equation in found.equations
        for side in equation.sides
        for figure in side
        if figure.key in known and figure.money
    }


def paid_out(account: str) -> int:
    """What the portal's settlement reports of an account come to, in cents."""
    rows = every(SettlementRow)
    return sum(row.net_cents for row in rows if row.account == account)


def check_end(month: Month) -> None:
    """What is open is what the script left open, and every difference has its reason: a refund that
    was sent over there, or a reserve that lets go of more than it held.
    """
    town = month.town
    differences = {name: cents for name, cents in town.model.differences.items() if cents}
    assert differences == {name: cents for name, cents in town.explained.items() if cents}
    assert items_of(town.suspense()) == in_providers_books(month)
    assert set(town.custody()) == town.left.get("custody", set())
    requests = [row for row in every(PaymentRequest) if row.state != "replaced"]
    assert {row.reference for row in requests if row.open} == town.left["request"]
    assert {row.id for row in every(Payment) if row.state in UNDECIDED} == town.left["unknown"]
    still = {Sent.REQUESTED, Sent.APPROVED, Sent.SUBMITTED}
    assert not [row for way in (Refund, CustodyReturn) for row in every(way) if row.state in still]
    disputes = {row.provider_reference for row in every(Reversal) if row.state == TAKEN}
    assert disputes == town.left["dispute"]
    assert on_the_way() == sorted(month.names_waiting())
    check_tasks(town)


def check_tasks(town: Town) -> None:
    """People are asked for what is theirs to do, and for nothing else."""
    found = Counter(task.kind for task in every(StaffTask) if task.ended_at is None)
    custody = Counter(name.partition(":")[0] for name in town.left.get("custody", set()))
    assert found[Kind.CUSTODY_UNCLEAR] == custody["unclear"]
    assert found[Kind.REFUND_PROPOSED] == custody["payment"] + custody["lowered"]
    assert found[Kind.PAYMENT_UNKNOWN] == len(town.left["unknown"])
    assert found[Kind.REFUND_FAILED] == len(town.left["task"])
    mine = {
        Kind.CUSTODY_UNCLEAR, Kind.REFUND_PROPOSED, Kind.PAYMENT_UNKNOWN, Kind.REFUND_FAILED,
        Kind.SETTLEMENT_DIFFERENCE,
    }  # fmt: skip
    assert not set(found) - mine, found


def in_providers_books(month: Month) -> dict[tuple[str, str], int]:
    """Which suspense items must be open: what the provider has moved and no report has settled."""
    town, wanted = month.town, Counter[tuple[str, str]]()
    for provider, account in ACCOUNTS.items():
        lines = town.far.unsettled(provider)
        for one in [one for _, one in month.reports] if provider == "girocheckout" else []:
            lines += town.far.lines(one)
        for line in lines:
            word, name = ITEMS.get(line.kind), line.name
            if word is None or name in town.left.get("over_there", set()):
                continue
            if word == "payment" and name in town.unclear_items:
                wanted[account, town.unclear_items[name]] += line.cents
            elif word.startswith("reversal"):
                found = town.taken[name]
                fee = found.booked_fee if word == "reversal" else -found.back
                wanted[account, f"{word}:{account}:{name}"] += line.cents - fee
            else:
                word = "returned" if name in town.returned else word
                wanted[account, f"{word}:{name}"] += line.cents
    return items_of(wanted)


def items_of(found: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Those of which something is open."""
    return {place: cents for place, cents in found.items() if cents}


def on_the_way() -> list[tuple[str, str]]:
    """Pay-outs that were announced and are not on the bank: account and report."""
    arrived = {(row.account, row.settlement) for row in every(PayoutArrival)}
    announced = {(row.account, row.settlement) for row in every(SettlementRow)}
    return sorted(announced - arrived)


def every(model: type[Any]) -> list[Any]:
    """All rows of the town, as they stand now."""
    db.session.rollback()
    return list(db.session.scalars(select(model).where(model.tenant_id == TOWN)))
