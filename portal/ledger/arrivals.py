"""Arrivals: a provider's pay-out stands on the town's bank account, as the finance system tells.

Its settlement report was booked before; the credit is its net to the cent, or it is not this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import book, entries, settlements
from portal.ledger.models import PayoutArrival, SettlementRow
from portal.money import Money


class NoSuchPayout(NotFound):
    """No settlement report of this name was booked, or it is another tenant's."""

    code = "payout_not_found"


class AccountNeeded(Invalid):
    """Several provider accounts have a pay-out of this name."""

    code = "account_needed"


class NotItsNet(Invalid):
    """Another amount than the settlement report's net."""

    code = "not_its_net"


class AlreadyArrived(Conflict):
    """The pay-out has arrived under another id or day, or the id is another pay-out's."""

    code = "already_arrived"


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit on the bank account under the finance system's ``id``; debits are negative."""

    id: str
    booked_on: date
    cents: int


def find(session: Session, tenant_id: str, payout: str, account: str | None) -> SettlementRow:
    """The settlement report of a pay-out; raises ``NoSuchPayout``, ``AccountNeeded``."""
    query = settlements.in_force().where(
        SettlementRow.tenant_id == tenant_id, SettlementRow.settlement == payout
    )
    if account is not None:
        query = query.where(SettlementRow.account == account)
    found: Sequence[SettlementRow] = session.scalars(query).all()
    if not found:
        raise NoSuchPayout("There is no such pay-out.")
    if len(found) > 1:
        raise AccountNeeded("Several accounts have a pay-out of this name. Name the account.")
    return found[0]


def arrive(session: Session, settlement: SettlementRow, credit: Credit) -> bool:
    """Book that a pay-out has arrived; ``False`` when the same was told before.

    Raises ``NotItsNet``, ``AlreadyArrived``, and ``NoSuchPayout`` if it was undone meanwhile.
    """
    settlements.one_at_a_time(session, settlement.tenant_id, settlement.account)
    settlement = find(session, settlement.tenant_id, settlement.settlement, settlement.account)
    if credit.cents != settlement.net_cents:
        raise NotItsNet(f"The settlement report's net is {settlement.net_cents} cents.")
    tenant_id, net = settlement.tenant_id, Money(settlement.net_cents, settlement.currency)
    new = session.scalar(
        insert(PayoutArrival)
        .values(
            tenant_id=tenant_id,
            account=settlement.account,
            settlement=settlement.settlement,
            version=settlement.version,
            id=credit.id,
            amount_cents=net.cents,
            currency=net.currency,
            booked_on=credit.booked_on,
            told_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(PayoutArrival.id)
    )
    if new is None:
        _check_same(session, settlement, credit)
        return False
    if net:  # a pay-out of nothing moves nothing
        entry = entries.payout_arrived(settlement.settlement, settlement.account, net)
        book.post(session, tenant_id, entry)
    return True


def _check_same(session: Session, settlement: SettlementRow, credit: Credit) -> None:
    key = (settlement.tenant_id, settlement.account, settlement.settlement)
    known = session.get(PayoutArrival, key)
    if known is None or (known.id, known.booked_on) != (credit.id, credit.booked_on):
        raise AlreadyArrived("The pay-out has arrived already, or the id is another pay-out's.")
