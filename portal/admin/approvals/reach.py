"""How far a person's rights go over approvals: as far as over all requests that one is about.

The database is asked, so that no list is cut short by what is out of reach.
"""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from portal.admin import gate
from portal.admin.scope import within
from portal.approvals.models import Approval
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.payments.models import Payment
from portal.requests.models import PaymentRequest
from portal.returns import assigning, closing
from portal.staff.roles import Right


def covers(right: Right) -> ColumnElement[bool]:
    """Whether the person's right goes as far as an approval.

    What is about no request is the whole town's; of several requests none may be out of reach.
    """
    reach = gate.person().reach(right)
    if reach.whole or not reach.parts:
        return true() if reach.whole else false()
    outside = within(right).is_not(true())  # also where a request names no unit
    return and_(
        or_(*(way.exists() for way in _ways())),
        *(~way.where(outside).exists() for way in _ways()),
    )


def about(request: PaymentRequest) -> ColumnElement[bool]:
    """Whether an approval is about a request."""
    return or_(*(way.where(PaymentRequest.id == request.id).exists() for way in _ways()))


def references(session: Session, approval: Approval) -> list[str]:
    """The requests that an approval is about."""
    this = (Approval.tenant_id == approval.tenant_id) & (Approval.id == approval.id)
    return sorted({name for way in _ways() for name in session.scalars(way.where(this))})


def _ways() -> list[Select[str]]:
    """The requests of an approval, by each way in which it names them; each asks one index."""
    request = select(PaymentRequest.reference).where(PaymentRequest.tenant_id == Approval.tenant_id)
    paid = request.join(
        Payment,
        (Payment.tenant_id == PaymentRequest.tenant_id) & (Payment.request_id == PaymentRequest.id),
    )
    named = func.jsonb_array_elements(Approval.facts["parts"]).op("->>")("request")
    return [
        paid.where(Payment.id == Approval.facts["payment"].astext),
        paid.where(
            SuspenseItem.tenant_id == Approval.tenant_id,
            SuspenseItem.id == _number(closing.SUSPENSE),
            SuspenseItem.reference.startswith("payment:"),
            Payment.id == func.split_part(SuspenseItem.reference, ":", 2),
        ),
        request.where(
            CustodyItem.tenant_id == Approval.tenant_id,
            CustodyItem.id == _number(closing.CUSTODY, assigning.ACT),
            PaymentRequest.reference == CustodyItem.request_reference,
        ),
        request.where(PaymentRequest.reference.in_(select(named))),
    ]


def _number(*acts: str) -> ColumnElement[int | None]:
    """The number of the item that an approval of these acts is about."""
    return case((Approval.act.in_(acts), cast(Approval.subject, BigInteger)))
