"""The contract's edge for access and events, and what the contract says of itself."""

from typing import Annotated, Any

from flask import Response, jsonify, render_template, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from portal.db import db, transaction
from portal.finance import feed, oauth
from portal.finance.clients import Scope
from portal.finance.oauth import Caller, Credentials, GrantRefused
from portal.web import current, openapi
from portal.web.api import JSON, OPERATIONS, Api

VERSION = "1"
FORM = "application/x-www-form-urlencoded"
LAST_POSITION = 2**63 - 1
MOST_DIGITS = 19
UNAUTHORIZED = 401

api = Api("finance_api", __name__, oauth.caller)
bp = api.bp


class TokenAsked(BaseModel):
    """The form of the token endpoint; credentials preferably by HTTP Basic."""

    grant_type: str
    scope: str = ""
    client_id: str = ""
    client_secret: str = ""


class TokenTold(BaseModel):
    """A bearer token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class GrantError(BaseModel):
    """No token (RFC 6749, section 5.2)."""

    error: str
    error_description: str


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
    """A fact told to the finance system."""

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


@api.op(
    "POST",
    "/oauth/token",
    "Get a bearer token (RFC 6749, client credentials)",
    body=TokenAsked,
    takes=FORM,
    raw=True,
    answer=TokenTold,
    errors=(413,),
    other={400: GrantError, 401: GrantError},
)
def token() -> Response:
    """A token for ten minutes."""
    try:
        form = _form()
        with transaction() as session:
            answer = oauth.grant(session, current.keyring(), _basic(), form)
        response = jsonify(answer)
    except GrantRefused as refused:
        response = jsonify(error=refused.code, error_description=str(refused))
        response.status_code = 400
        if refused.code == "invalid_client":
            response.status_code = UNAUTHORIZED
            response.headers["WWW-Authenticate"] = 'Basic realm="quitt"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


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


def _form() -> dict[str, str]:
    if any(len(values) > 1 for values in request.form.listvalues()):
        raise GrantRefused("invalid_request", "a parameter stands there twice")
    return request.form.to_dict()


def _basic() -> Credentials | None:
    sent = request.authorization
    if sent is None or sent.type != "basic":
        return None
    return Credentials(sent.username or "", sent.password or "")
