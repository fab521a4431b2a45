"""How far a person's rights go: over the whole town, or over a unit's or a kind's requests.

What is out of reach is not there: lists leave it out, a page answers as for what never was.
"""

from sqlalchemy import ColumnElement, and_, false, or_, true

from portal.admin import gate
from portal.db import db
from portal.errors import NotFound
from portal.payments.models import Payment
from portal.requests import register
from portal.requests.models import PaymentRequest
from portal.staff.roles import Right


def within(
    right: Right, of: type[PaymentRequest | Payment] = PaymentRequest
) -> ColumnElement[bool]:
    """The condition that a request, or the one that is paid, is one of this person's."""
    reach = gate.person().reach(right)
    if reach.whole:
        return true()
    return or_(
        false(),
        *(
            and_(
                true() if of_unit is None else of.unit == of_unit,
                true() if of_kind is None else of.kind == of_kind,
            )
            for of_unit, of_kind in sorted(reach.parts, key=repr)
        ),
    )


def request_of(reference: str, right: Right) -> PaymentRequest:
    """The request, where this person's right goes so far; else it is not there.

    Who sees a part of the town only waits for a note in both cases: else the time would tell which
    references there are.
    """
    who = gate.person()
    reach = who.reach(right)
    try:
        found = register.by_reference(db.session(), who.tenant_id, reference)
    except NotFound:
        if reach.whole:
            raise
        gate.refuse(f"{right.value} a request")  # what was typed may be anything
    if not reach.covers(found.unit, found.kind):
        gate.refuse(f"{right.value} {reference}")
    return found
