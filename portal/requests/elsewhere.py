"""Paid elsewhere: money that came on the town's own account, and that it did not come after all.

The finance system tells it; the portal never reports it as its own. What is told for a request
in whose place a newer one stands counts for the newer one, as a payment would.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import lock
from portal.errors import Conflict, Invalid, NotFound
from portal.finance import messages, outbox
from portal.ledger import book, entries, items
from portal.ledger.models import CustodyItem
from portal.money import Money
from portal.requests import register
from portal.requests.models import PaidElsewhere, PaymentRequest
from portal.requests.ordered import Elsewhere
from portal.requests.orders import Subject


class MoreThanOpen(Invalid):
    """More came than the request still asks."""

    code = "more_than_open"


class FactReused(Conflict):
    """The same id was told with other facts."""

    code = "fact_reused"


class NoSuchFact(NotFound):
    """Nothing was told under this id."""

    code = "fact_not_found"


class AlreadyGivenAway(Conflict):
    """The money has become surplus and was sent back or given to another request."""

    code = "already_given_away"


class SurplusPromised(Conflict):
    """The money has become surplus, and waits to be sent back: that is refused first, or sent."""

    code = "custody_promised"


IsPromised = Callable[[Session, CustodyItem], bool]


def tell(session: Session, subject: Subject, fact: Elsewhere) -> PaymentRequest:
    """Cover what came; told again under the same id it changes nothing, also when it was undone.

    Raises ``FactReused``, ``MoreThanOpen``.
    """
    line = register.locked_line(session, subject.tenant_id, subject.reference)
    asked, request = line[0], line[-1]
    known = session.get(PaidElsewhere, (subject.tenant_id, asked.id, fact.id))
    if known is not None:
        if (known.amount_cents, known.paid_on, known.how) != _facts(fact):
            raise FactReused("This id was told with another amount, day or way.")
        return asked
    if fact.amount_cents > request.open.cents:
        raise MoreThanOpen(f"{request.open.cents} cents are open.")
    amount = Money(fact.amount_cents, request.currency)
    row = PaidElsewhere(
        tenant_id=subject.tenant_id,
        request_id=asked.id,
        id=fact.id,
        amount_cents=fact.amount_cents,
        paid_on=fact.paid_on,
        how=fact.how,
    )
    session.add(row)
    register.cover(request, amount)
    register.move_on(line)
    entry = entries.paid_elsewhere(_name(asked, row), request.kind, amount)
    book.post(session, subject.tenant_id, entry)
    _told(session, subject, request, row, "paid_elsewhere")
    return asked


def undo(
    session: Session, subject: Subject, fact_id: str, is_promised: IsPromised
) -> PaymentRequest:
    """It did not come after all; undone again it changes nothing.

    ``is_promised`` knows which surplus somebody is about to send back. Raises ``NoSuchFact``,
    ``AlreadyGivenAway``, ``SurplusPromised``.
    """
    line = register.locked_line(session, subject.tenant_id, subject.reference)
    asked, request = line[0], line[-1]
    row = session.get(PaidElsewhere, (subject.tenant_id, asked.id, fact_id))
    if row is None:
        raise NoSuchFact("Nothing was told under this id.")
    if row.undone_at is not None:
        return asked
    amount = Money(row.amount_cents, request.currency)
    row.undone_at = clock.now()
    returned = _take_back_surplus(session, line, amount, _name(asked, row), is_promised)
    if (amount - returned).cents > request.covered_cents:
        raise AlreadyGivenAway("The money was surplus and was sent back or given elsewhere.")
    register.cover(request, returned - amount)
    # The kind of today: what was covered has moved with the request into its newer kind.
    entry = entries.paid_elsewhere_undone(_name(asked, row), request.kind, amount)
    book.post(session, subject.tenant_id, entry)
    _told(session, subject, request, row, "paid_elsewhere_undone")
    return asked


def _take_back_surplus(
    session: Session,
    line: Sequence[PaymentRequest],
    amount: Money,
    name: str,
    is_promised: IsPromised,
) -> Money:
    """What a lower version made surplus goes back to the request first; how much that is."""
    request, left = line[-1], amount
    query = (
        select(CustodyItem.id)
        .where(
            CustodyItem.tenant_id == request.tenant_id,
            CustodyItem.request_reference.in_([each.reference for each in line]),
            CustodyItem.account.is_(None),
            CustodyItem.cause == "surplus",
            CustodyItem.state == "open",
        )
        .order_by(CustodyItem.id)
    )
    for item_id in session.scalars(query).all():
        item = lock(session, CustodyItem, request.tenant_id, item_id)
        taken = Money(min(item.open_cents, left.cents) if item else 0, amount.currency)
        if item is not None and taken:
            if is_promised(session, item):
                raise SurplusPromised("It is surplus by now, and a refund of it is not decided.")
            _give_back(session, request, item, taken, name)
            kept = messages.Kept(item.id, taken, item.cause, None)
            message = messages.custody_assigned(request.reference, kept)
            outbox.put(session, request.tenant_id, message)
            left -= taken
    return amount - left


def _give_back(
    session: Session, request: PaymentRequest, item: CustodyItem, taken: Money, name: str
) -> None:
    items.lower(item, taken.cents, "assigned")
    entry = entries.custody_assigned(f"undone:{name}:{item.id}", item.cause, request.kind, taken)
    book.post(session, request.tenant_id, entry)


def _facts(fact: Elsewhere) -> tuple[int, object, str]:
    return fact.amount_cents, fact.paid_on, fact.how.value


def _name(asked: PaymentRequest, row: PaidElsewhere) -> str:
    return f"{asked.reference}:{row.id}"


def _told(
    session: Session, subject: Subject, request: PaymentRequest, row: PaidElsewhere, what: str
) -> None:
    subject.note(session, f"request.{what}", {"id": row.id, "amount_cents": row.amount_cents})
    message = messages.request_changed(request.reference, request.version, what)
    subject.tell(session, message)
