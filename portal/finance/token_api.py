"""The contract's edge for access: a client gets a token."""

from flask import Response, jsonify, request
from pydantic import BaseModel

from portal.db import transaction
from portal.finance import oauth
from portal.finance.oauth import Credentials, GrantRefused
from portal.web import current
from portal.web.api import Api

FORM = "application/x-www-form-urlencoded"
UNAUTHORIZED = 401

api = Api("token_api", __name__, oauth.caller)
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


@api.op(
    "POST",
    "/oauth/token",
    "Get a bearer token (RFC 6749, client credentials)",
    body=TokenAsked,
    takes=FORM,
    raw=True,
    answer=TokenTold,
    errors=(413, 429),
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


def _form() -> dict[str, str]:
    if any(len(values) > 1 for values in request.form.listvalues()):
        raise GrantRefused("invalid_request", "a parameter stands there twice")
    return request.form.to_dict()


def _basic() -> Credentials | None:
    sent = request.authorization
    if sent is None or sent.type != "basic":
        return None
    return Credentials(sent.username or "", sent.password or "")
