"""Giving the money of a custody item to requests (Zuordnung): one person asks, another approves.

The second person approves what the first one saw: item and what is open of it, requests and what
each gets. If the item has changed, or a request was replaced, it is asked for anew; whether each
request still asks for so much is looked at again. Nothing is set aside: whoever pays a request
meanwhile is never refused.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from portal.approvals import deciding
from portal.approvals.deciding import Wanted
from portal.db import Json, transaction
from portal.errors import Conflict, LostRace
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments.record import again
from portal.returns import custody
from portal.returns.closing import ItemChanged

ACT = "custody.assign"


class RequestReplaced(Conflict):
    """Another request is in force in the place of one that was to get money."""

    code = "request_replaced"


def ask(tenant_id: str, item_id: int, parts: Mapping[str, Money], by: str) -> bool:
    """Ask for parts of an item to be given to requests, all or none: what each reference gets.

    Says whether that is done, since one person was enough. Raises ``NoSuchItem``,
    ``NoSuchRequest``, ``NotThere``, ``Promised``, ``NotAPerson``, ``AskedBefore``.
    """

    def whole(session: Session) -> bool:
        if not deciding.is_person(by):
            raise deciding.NotAPerson("Only a person may ask for this.")
        item = custody.locked(session, tenant_id, item_id, *parts)
        found = custody.in_force(session, tenant_id, parts)
        custody.check(session, item, found)
        # All that went out of the item before counts, by whatever act: no rule is gone round.
        amount = sum(found.values(), Money(item.amount_cents - item.open_cents, item.currency))
        wanted = Wanted(ACT, str(item_id), None, _facts(item, found), amount)
        alone = deciding.ask(session, tenant_id, wanted, by).alone
        if alone:
            custody.give(session, item, found, by)
        return alone

    return again(whole)


def approve(tenant_id: str, subject: str, by: str, number: int | None = None) -> None:
    """The second person approves, and the money is given. Raises as ``deciding.approve``, and

    ``ItemChanged``, ``RequestReplaced``, ``NotThere``, ``Promised``.
    """

    def whole(session: Session) -> None:
        # Requests and item are locked before the approval, as by whoever asks.
        facts = deciding.last(session, tenant_id, ACT, subject).facts
        parts = _parts(facts)
        item = custody.locked(session, tenant_id, int(subject), *parts)
        if deciding.approve(session, tenant_id, ACT, subject, by, number).facts != facts:
            raise LostRace("It was asked for anew meanwhile.")
        if (item.open_cents, item.currency) != (facts["open_cents"], facts["currency"]):
            raise ItemChanged("The item has changed since it was asked for.")
        if custody.in_force(session, tenant_id, parts) != parts:
            raise RequestReplaced("A request was replaced since it was asked for.")
        custody.give(session, item, parts, by)

    again(whole)


def refuse(tenant_id: str, subject: str, by: str, why: str = "", number: int | None = None) -> None:
    """A person refuses it, or takes it back. Raises as ``deciding.refuse``. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, subject, by, why, number)


def _facts(item: CustodyItem, parts: Mapping[str, Money]) -> Json:
    return {
        "item": item.reference,
        "open_cents": item.open_cents,
        "amount_cents": sum(amount.cents for amount in parts.values()),
        "currency": item.currency,
        "parts": [
            {"request": reference, "amount_cents": amount.cents}
            for reference, amount in sorted(parts.items())
        ],
    }


def _parts(facts: Json) -> dict[str, Money]:
    return {
        part["request"]: Money(part["amount_cents"], facts["currency"]) for part in facts["parts"]
    }
