"""The contract's edge for what the finance system orders about a request, or tells of it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from portal import tenants
from portal.finance import oauth
from portal.finance.clients import Scope
from portal.finance.oauth import Caller
from portal.requests import answers, elsewhere, orders
from portal.requests.answers import RequestTold
from portal.requests.asked import REFERENCE
from portal.requests.models import PaymentRequest
from portal.requests.ordered import Elsewhere, Rest, Restoring, Withdrawal
from portal.requests.orders import Subject
from portal.returns import custody
from portal.web import current
from portal.web.api import Api

api = Api("orders_api", __name__, oauth.caller)
bp = api.bp


def order(rule: str, summary: str, **options: Any) -> Callable[..., Any]:
    """Hang an order about one request on the contract."""
    return api.op(
        "POST",
        f"/payment-requests/<reference>/{rule}",
        summary,
        scopes=(Scope.REQUESTS_WRITE,),
        answer=RequestTold,
        act=True,
        **{"path": {"reference": REFERENCE}, "errors": (404, 409), **options},
    )


@order("withdraw", "Say that a request can no longer be paid online, and why", body=Withdrawal)
def withdraw(session: Session, caller: Caller, reference: str, body: Withdrawal) -> RequestTold:
    """Always taken; money that is under way and arrives is surplus."""
    return answers.told(orders.withdraw(session, _subject(caller, reference), body.reason))


@order("restore", "Let a request that had ended be paid online again", body=Restoring)
def restore(session: Session, caller: Caller, reference: str, body: Restoring) -> RequestTold:
    """Until ``payable_until``, or without a last day."""
    subject = _subject(caller, reference)
    return answers.told(orders.restore(session, subject, body.payable_until))


@order("new-link", "Make a new personal link; the old one is dead", errors=(404,))
def new_link(session: Session, caller: Caller, reference: str) -> RequestTold:
    """For a letter that was lost; the TAN stays."""
    request = orders.new_link(session, current.keyring(), _subject(caller, reference))
    return _with_secrets(session, request)


@order("new-tan", "Make a new TAN; the old one is dead", errors=(404,))
def new_tan(session: Session, caller: Caller, reference: str) -> RequestTold:
    """Wrong tries are forgotten; the link stays."""
    return _with_secrets(session, orders.new_tan(session, _subject(caller, reference)))


@order("paid-elsewhere", "Tell that money came on the town's own account", body=Elsewhere)
def paid_elsewhere(
    session: Session, caller: Caller, reference: str, body: Elsewhere
) -> RequestTold:
    """At most what is open; told again under the same id it changes nothing."""
    return answers.told(elsewhere.tell(session, _subject(caller, reference), body))


@order(
    "paid-elsewhere/<fact>/undo",
    "Tell that this money did not come after all",
    path={"reference": REFERENCE, "fact": REFERENCE},
)
def undo_paid_elsewhere(session: Session, caller: Caller, reference: str, fact: str) -> RequestTold:
    """A returned transfer, or a wrong booking. Not while a refund of it waits to be sent."""
    subject = _subject(caller, reference)
    return answers.told(elsewhere.undo(session, subject, fact, custody.is_about_to_go))


@order("close-rest", "Waive the small rest that is open, by order", body=Rest)
def close_rest(session: Session, caller: Caller, reference: str, body: Rest) -> RequestTold:
    """The finance system does, the portal never; the amount must be all that is open."""
    return answers.told(orders.close_rest(session, _subject(caller, reference), body))


def _subject(caller: Caller, reference: str) -> Subject:
    return Subject(caller.tenant_id, reference, f"client:{caller.client_id}")


def _with_secrets(session: Session, request: PaymentRequest) -> RequestTold:
    host = tenants.host_of(session, request.tenant_id)
    public_url = current.settings().public_url(host)
    return answers.told_with_secrets(request, current.keyring(), public_url)
