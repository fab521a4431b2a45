"""Offering: what may be paid by, as the rows of a town stand on a day.

The citizen's choice page, the start of a payment and the simulation of staff ask here, so that they
cannot differ.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from portal import clock
from portal.money import Money
from portal.payments import accounts, probing
from portal.payments.offers import Offers, Situation, offers
from portal.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Case:
    """So much of a kind of request is to be paid, on a channel and on a day of the town."""

    amount: Money
    kind: str
    channel: str
    day: date


def on(session: Session, tenant_id: str, case: Case) -> Offers:
    """Which providers may be used, and why not the others."""
    return offers(accounts.rules(session, tenant_id), situation(session, tenant_id, case))


def situation(session: Session, tenant_id: str, case: Case) -> Situation:
    """The case with the accounts of that day. A pause is of this day only: it may be over soon."""
    is_today = case.day == today(session, tenant_id)
    return Situation(
        case.amount,
        case.kind,
        case.channel,
        case.day,
        accounts.open_on(session, tenant_id, case.day),
        probing.paused(session, tenant_id) if is_today else frozenset(),
        frozenset(rule.id for rule, _ in accounts.ended(session, tenant_id, case.day)),
    )


def today(session: Session, tenant_id: str) -> date:
    """The town's day."""
    return clock.today(session.get_one(Tenant, tenant_id).time_zone)
