"""The contract's edge for events and pay-outs, and what the contract says of itself."""

from datetime import date
from typing import Annotated, Any

from flask import Response, jsonify, render_template
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from sqlalchemy.orm import Session

from portal import audit
from portal.db import db
from portal.finance import acknowledging, feed, oauth, outbox, payout_messages
from portal.finance.acknowledging import Result, Said
from portal.finance.clients import Scope
from portal.finance.oauth import Caller
from portal.ledger import arrivals
from portal.ledger.arrivals import Credit
from portal.requests.asked import MOST_CENTS, Day, Reference, Short
from portal.web import openapi
from portal.web.api import JSON, OPERATIONS, Api

VERSION = "1"
LAST_POSITION = 2**63 - 1
MOST_DIGITS = 19
EVENT = r"^evt_[0-9a-f]{32}$"
PAYOUT = r"^[!-.0-~]{1,200}$"  # visible ASCII; a slash would end the part of the address

api = Api("finance_api", __name__, oauth.caller)
bp = api.bp


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, str) and len(value) <= MOST_DIGITS else value


class Page(BaseModel):
    """Which part of the feed is read."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=LAST_POSITION), BeforeValidator(_digits)] = 0
    limit: Annotated[int, Field(ge=1, le=feed.MOST_EVENTS), BeforeValidator(_digits)] = 100


class EventTold(BaseModel):
    """A fact told to the finance system; a reader leaves alone what it does not know.

    `payout.withdrawn` has the data of a `payout.announced` that was wrong: what it had settled is
    open again. Announced anew it has the next `version`. `reserve_cents` are held back, below zero
    let go. A line that is no payment, refund or reversal names a `fee`, a `reserve` or `other`.
    `custody.returned` names as `refund` by what it went back, as lines of pay-outs do.
    `reserve.closed` tells that so much of a reserve is a loss, by order.
    `audit.anchored` says where the audit chain ends (`links`, and the SHA-256 `head`): keep it, and
    the portal can be shown that nothing was cut off or rewritten.
    `endpoint.test`, pushed only and at position 0, tries the connection and tells nothing.
    """

    id: str
    position: int
    type: str
    occurred_at: str
    reference: str | None
    data: dict[str, Any]


class FeedTold(BaseModel):
    """Events in order, and the position to go on from."""

    events: list[EventTold]
    next: int


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AckAsked(_Strict):
    """What became of an event: the document it is booked under, or why it is refused."""

    result: Result
    document: Short | None = None
    reason: Short | None = None


class AckTold(AckAsked):
    """What is now known of an event."""

    id: str


class ThroughAsked(_Strict):
    """Up to which position everything is booked."""

    through: Annotated[StrictInt, Field(ge=0, le=LAST_POSITION)]


class ThroughTold(BaseModel):
    """Up to which position everything is acknowledged now."""

    through: int


class ArrivedAsked(_Strict):
    """A credit on the town's bank account (a debit is negative) under the finance system's id.

    ``account`` is needed where several provider accounts have a pay-out of this name.
    """

    id: Reference
    booked_on: Day
    amount_cents: Annotated[StrictInt, Field(ge=-MOST_CENTS, le=MOST_CENTS)]
    account: Short | None = None


class ArrivedTold(BaseModel):
    """A pay-out that has arrived."""

    payout: str
    account: str
    id: str
    booked_on: date
    amount_cents: int
    currency: str


@api.op(
    "GET",
    "/events",
    "Read events in order, behind a position",
    scopes=(Scope.EVENTS_READ,),
    query=Page,
    answer=FeedTold,
)
def get_events(caller: Caller, query: Page) -> Response:
    """The feed: gapless, and the same for every reader."""
    found = feed.page(db.session(), caller.tenant_id, query.after, query.limit)
    last = found[-1].position if found else query.after
    events = ",".join(feed.as_json(feed.told(event)) for event in found)
    return Response(f'{{"events":[{events}],"next":{last}}}', mimetype=JSON)


@api.op(
    "POST",
    "/events/<event>/ack",
    "Say that an event was booked or refused",
    scopes=(Scope.EVENTS_ACK,),
    path={"event": EVENT},
    body=AckAsked,
    answer=AckTold,
    errors=(404, 409),
    act=True,
)
def acknowledge_event(session: Session, caller: Caller, event: str, body: AckAsked) -> AckTold:
    """Taken is not booked: what is refused is a task for staff."""
    said = Said(body.result, body.document, body.reason)
    if acknowledging.acknowledge(session, caller.tenant_id, event, said):
        detail = {"result": said.result.value}
        audit.note(session, caller.tenant_id, _actor(caller), "event.acknowledge", event, detail)
    return AckTold(id=event, **body.model_dump())


@api.op(
    "POST",
    "/events/acknowledge",
    "Say that all events up to a position were booked, but for refused ones",
    scopes=(Scope.EVENTS_ACK,),
    body=ThroughAsked,
    answer=ThroughTold,
    act=True,
)
def acknowledge_events(session: Session, caller: Caller, body: ThroughAsked) -> ThroughTold:
    """For readers of the feed; an earlier position than before changes nothing."""
    through = acknowledging.acknowledge_through(session, caller.tenant_id, body.through)
    act = "events.acknowledge"
    audit.note(session, caller.tenant_id, _actor(caller), act, str(body.through))
    return ThroughTold(through=through)


@api.op(
    "POST",
    "/payouts/<payout>/arrived",
    "Tell that a provider's pay-out stands on the bank account",
    scopes=(Scope.REQUESTS_WRITE,),
    path={"payout": PAYOUT},
    body=ArrivedAsked,
    answer=ArrivedTold,
    errors=(404, 409),
    act=True,
)
def payout_arrived(
    session: Session, caller: Caller, payout: str, body: ArrivedAsked
) -> ArrivedTold:
    """What was on its way is on the bank; told again under the same id it changes nothing."""
    tenant_id = caller.tenant_id
    settlement = arrivals.find(session, tenant_id, payout, body.account)
    credit = Credit(body.id, body.booked_on, body.amount_cents)
    if arrivals.arrive(session, settlement, credit):
        told = feed.announced(session, tenant_id, settlement.account, payout)
        message = payout_messages.arrived(told, body.id, body.booked_on)
        outbox.put(session, tenant_id, message)
        detail = {"account": settlement.account, "amount_cents": credit.cents, "id": credit.id}
        audit.note(session, tenant_id, _actor(caller), "payout.arrived", payout, detail)
    return ArrivedTold(
        payout=payout,
        account=settlement.account,
        id=credit.id,
        booked_on=credit.booked_on,
        amount_cents=credit.cents,
        currency=settlement.currency,
    )


@bp.get("/openapi.json")
def openapi_json() -> Response:
    """The contract for machines."""
    return jsonify(openapi.document(OPERATIONS.values(), VERSION))


@bp.get("/docs")
def docs() -> str:
    """The contract for people."""
    document = openapi.document(OPERATIONS.values(), VERSION)
    operations = [
        (path, method.upper(), described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    shapes = document["components"]["schemas"]
    return render_template("api/docs.html", operations=operations, shapes=shapes)


def _actor(caller: Caller) -> str:
    return f"client:{caller.client_id}"
