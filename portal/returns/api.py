"""The contract's edge for refunds that the finance system orders.

Its order counts as the first of two people; a person of the town approves what is sent.
"""

from datetime import UTC
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from portal.approvals.deciding import ORDER_NUMBER
from portal.db import db
from portal.finance import oauth
from portal.finance.clients import Scope
from portal.finance.oauth import Caller
from portal.money import Money
from portal.payments.models import Payment
from portal.payments.refund_states import State
from portal.payments.returned import Reason, Refund
from portal.payments.start import NoSuchPayment
from portal.requests import register
from portal.requests.asked import REFERENCE, Cents
from portal.returns import refunds
from portal.returns.refunds import NoSuchRefund
from portal.web.api import Api

ID = r"^[0-9a-f]{32}$"

api = Api("returns_api", __name__, oauth.caller)
bp = api.bp


class RefundAsked(BaseModel):
    """Send so much of a payment back to the means by which it came, on this order (Anordnung)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payment: Annotated[str, Field(pattern=ID)]
    amount_cents: Cents
    reason: Reason
    order: Annotated[str, Field(pattern=f"^{ORDER_NUMBER.pattern}$")]


class RefundTold(BaseModel):
    """A refund as it stands. The parts are zero until the provider has sent it."""

    refund: str
    reference: str
    payment: str
    state: State
    amount_cents: int
    claim_cents: int
    surplus_cents: int
    loss_cents: int
    currency: str
    reason: Reason
    order: str
    cause: str | None  # why it failed
    asked_at: AwareDatetime
    ended_at: AwareDatetime | None


@api.op(
    "POST",
    "/payment-requests/<reference>/refunds",
    "Order that money goes back; the same order for the same payment is the same refund",
    scopes=(Scope.REQUESTS_WRITE,),
    path={"reference": REFERENCE},
    body=RefundAsked,
    answer=RefundTold,
    act=True,
    statuses=(200, 201),
    errors=(404, 409),
)
def order_refund(
    session: Session, caller: Caller, reference: str, body: RefundAsked
) -> tuple[RefundTold, int]:
    """It waits for a person of the town, for at most seven days."""
    payment = _payment(session, caller.tenant_id, reference, body.payment)
    asked = refunds.Asked(
        caller.tenant_id,
        payment.id,
        Money(body.amount_cents, payment.currency),
        body.reason,
        body.order,
        f"client:{caller.client_id}",
    )
    refund, new = refunds.enter(session, asked)
    return _told(refund, reference), 201 if new else 200


@api.op(
    "GET",
    "/payment-requests/<reference>/refunds/<refund>",
    "Read what became of a refund",
    scopes=(Scope.REQUESTS_READ, Scope.REQUESTS_WRITE),
    path={"reference": REFERENCE, "refund": ID},
    answer=RefundTold,
    errors=(404,),
)
def get_refund(caller: Caller, reference: str, refund: str) -> RefundTold:
    """Its end is told by an event, too."""
    session = db.session()
    found = session.get(Refund, (caller.tenant_id, refund))
    if found is None:
        raise NoSuchRefund("There is no such refund.")
    _payment(session, caller.tenant_id, reference, found.payment_id)
    return _told(found, reference)


def _payment(session: Session, tenant_id: str, reference: str, payment_id: str) -> Payment:
    """A payment of the request, or of one that it replaces; raises ``NoSuchPayment``."""
    request = register.by_reference(session, tenant_id, reference)
    payment = session.get(Payment, (tenant_id, payment_id))
    if payment is not None:
        asked = register.get(session, tenant_id, payment.request_id)
        if request.id in {each.id for each in register.line(session, asked)}:
            return payment
    raise NoSuchPayment("There is no such payment of this request.")


def _told(refund: Refund, reference: str) -> RefundTold:
    ended = refund.ended_at
    return RefundTold(
        refund=refund.id,
        reference=reference,
        payment=refund.payment_id,
        state=State(refund.state),
        amount_cents=refund.amount_cents,
        claim_cents=refund.claim_cents or 0,
        surplus_cents=refund.surplus_cents or 0,
        loss_cents=refund.loss_cents or 0,
        currency=refund.currency,
        reason=Reason(refund.reason),
        order=refund.order_number,
        cause=refund.failed_by,
        asked_at=refund.asked_at.astimezone(UTC),
        ended_at=ended.astimezone(UTC) if ended else None,
    )
