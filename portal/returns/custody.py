"""Custody (Verwahrung): money that was nobody's is given to requests; ``assigning`` decides it."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.errors import Conflict, LostRace
from portal.finance import messages, outbox
from portal.ledger import book, entries, items
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.payments import staff
from portal.payments.models import Payment
from portal.payments.refund_states import UNDECIDED, State
from portal.payments.returned import CustodyReturn, Reason, Refund
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.returns import replaced
from portal.tenants import Tenant


class NotThere(Conflict):
    """So much is not open of the item, or not asked by the request."""

    code = "not_assignable"


class Promised(Conflict):
    """A refund of the same payment, or the item's own return, is not decided: it is kept for it."""

    code = "custody_promised"


def in_force(session: Session, tenant_id: str, parts: Mapping[str, Money]) -> dict[str, Money]:
    """What each reference gets, by the request that is in force in its place.

    Raises ``NoSuchRequest``.
    """
    found = dict[str, Money]()
    for reference, amount in parts.items():
        asked = register.by_reference(session, tenant_id, reference)
        last = register.line(session, asked)[-1].reference
        found[last] = found[last] + amount if last in found else amount
    return found


def check(session: Session, item: CustodyItem, parts: Mapping[str, Money]) -> None:
    """Raise ``NotThere`` where so much is not open of a locked item, or not asked by a request."""
    for reference, amount in parts.items():
        request = register.by_reference(session, item.tenant_id, reference)
        _check(session, item, request, amount)
    total = sum(amount.cents for amount in parts.values())
    if not 0 < total <= item.open_cents:
        raise NotThere(f"{item.open_cents} cents are open of the item.")


def give(session: Session, item: CustodyItem, parts: Mapping[str, Money], by: str) -> None:
    """Give parts of a ``locked`` item to requests, which they cover: all or none.

    ``assigning`` decides; nobody else may. Raises ``NotThere``, ``NoSuchRequest``.
    """
    for reference, amount in in_force(session, item.tenant_id, parts).items():
        request = register.by_reference(session, item.tenant_id, reference)
        _give(session, item, request, amount, by)
    staff.custody_ended(session, item, by)


def locked(session: Session, tenant_id: str, item_id: int, *more: str) -> CustodyItem:
    """An item, locked after the requests that it came from, and after ``more`` by reference.

    Raises ``NoSuchItem``, ``NoSuchRequest``, ``Promised``.
    """
    item = session.get(CustodyItem, (tenant_id, item_id))
    if item is None:
        raise items.NoSuchItem("There is no such item.")
    references = {*more, item.request_reference} - {None}
    asked = [register.by_reference(session, tenant_id, str(name)) for name in references]
    payment = _came_by(session, item)
    if payment is not None:  # it may belong to a letter that an item's own has replaced
        asked.append(register.get(session, tenant_id, payment.request_id))
    before = _line_ids(session, asked)
    for request_id in before:
        register.locked(session, tenant_id, request_id)
    if _line_ids(session, asked) != before:
        raise LostRace("A request was replaced meanwhile.")
    if item.cause == "surplus" and _promised(session, item, payment):
        raise Promised("A refund is not decided yet.")
    found = items.locked(session, CustodyItem, tenant_id, item_id)
    if _goes_back(session, found):
        raise Promised("Whether it goes back is not decided yet.")
    return found


def _give(
    session: Session, item: CustodyItem, request: PaymentRequest, amount: Money, by: str
) -> None:
    _check(session, item, request, amount)
    tenant_id = item.tenant_id
    # What is still open tells the parts of an item apart: it only ever falls.
    name = f"{item.id}:{item.open_cents}"
    book.post(session, tenant_id, entries.custody_assigned(name, item.cause, request.kind, amount))
    items.lower(item, amount.cents, "assigned")
    register.cover(request, amount)
    account = entries.suspense(item.account) if item.account else None
    kept = messages.Kept(item.id, amount, item.cause, account)
    outbox.put(session, tenant_id, messages.custody_assigned(request.reference, kept))
    detail = {"request": request.reference, "amount_cents": amount.cents}
    audit.note(session, tenant_id, by, "custody.assigned", str(item.id), detail)


def _check(session: Session, item: CustodyItem, request: PaymentRequest, amount: Money) -> None:
    if amount.currency != item.currency or amount.currency != request.currency:
        raise NotThere("The currencies differ.")
    if not 0 < amount.cents <= item.open_cents:
        raise NotThere(f"{item.open_cents} cents are open of the item.")
    today = clock.today(session.get_one(Tenant, request.tenant_id).time_zone)
    if register.share(session, request, amount, today).surplus:
        raise NotThere(f"The request does not ask so much: {request.open.cents} cents are open.")


def _line_ids(session: Session, asked: list[PaymentRequest]) -> list[int]:
    """The requests of all lines, in the order in which everybody locks them."""
    return sorted({request.id for one in asked for request in register.line(session, one)})


def _came_by(session: Session, item: CustodyItem) -> Payment | None:
    """The payment whose own surplus an item is; none where a lower version made it."""
    sort, _, rest = item.reference.partition(":")
    if (item.cause, sort) != ("surplus", "payment"):
        return None
    return session.get(Payment, (item.tenant_id, rest.partition(":")[0]))


def is_about_to_go(session: Session, item: CustodyItem) -> bool:
    """Whether surplus of a letter was asked to go back and is not on its way yet.

    What is on its way takes of the claim what it finds no surplus for.
    """
    waits = Refund.state.in_({State.REQUESTED, State.APPROVED})
    return _has_refund(session, item, None, waits & (Refund.reason == Reason.SURPLUS))


def _promised(session: Session, item: CustodyItem, payment: Payment | None) -> bool:
    """Whether a refund may take of an item: one of its payment, or of all that a letter had."""
    return _has_refund(session, item, payment, Refund.state.in_(UNDECIDED))


def _has_refund(
    session: Session, item: CustodyItem, payment: Payment | None, which: ColumnElement[bool]
) -> bool:
    if payment is not None:
        whose = Payment.id == payment.id
    else:
        letter = register.by_reference(session, item.tenant_id, str(item.request_reference))
        whose = Payment.request_id.in_(replaced.with_older(session, item.tenant_id, [letter.id]))
    query = (
        select(Refund.id)
        .join(Payment, (Payment.tenant_id == Refund.tenant_id) & (Payment.id == Refund.payment_id))
        .where(Refund.tenant_id == item.tenant_id, which, whose)
    )
    return session.scalar(query.limit(1)) is not None


def _goes_back(session: Session, item: CustodyItem) -> bool:
    query = select(CustodyReturn.id).where(
        CustodyReturn.tenant_id == item.tenant_id,
        CustodyReturn.item_id == item.id,
        CustodyReturn.state.in_(UNDECIDED),
    )
    return session.scalar(query.limit(1)) is not None
