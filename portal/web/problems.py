"""Problems: how the contract says that something went wrong (RFC 9457).

``type`` is ``/problems/<code>``; the code is stable and never renamed. What one may not see
answers 404 like what is not there.
"""

import re

from flask import Response
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from portal.errors import Invalid, PortalError

MEDIA = "application/problem+json"
SERVER_ERROR = 500
TOLD_AS_IT_IS = {503}  # of the server's errors, those whose message is meant for the caller
KEPT_HEADERS = {"Allow", "Retry-After", "WWW-Authenticate"}
RETRY_AFTER = {429: "60", 503: "10"}  # seconds
CHALLENGES = {  # RFC 6750, section 3
    "unauthorized": 'Bearer realm="quitt"',
    "invalid_token": 'Bearer realm="quitt", error="invalid_token"',
    "insufficient_scope": 'Bearer realm="quitt", error="insufficient_scope"',
}


class Fault(BaseModel):
    """What is wrong at one place of a body (JSON pointer, RFC 6901; empty: the whole)."""

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] = []


class Unfit(Invalid):
    """A body or query does not have the shape of the contract."""

    def __init__(self, errors: list[Fault]) -> None:
        super().__init__("Some values cannot be taken.")
        self.errors = errors


class NotJson(PortalError):
    """The body is no JSON text (RFC 8259) in UTF-8."""

    code = "invalid_json"
    status = 400


class WrongMedia(PortalError):
    """The body is of another media type than the operation takes."""

    code = "unsupported_media_type"
    status = 415


class TooLarge(PortalError):
    """The body is larger than the settings allow."""

    code = "too_large"
    status = 413


class InsufficientScope(PortalError):
    """The token does not carry the scope that the operation asks for."""

    code = "insufficient_scope"
    status = 403


def problem_for(error: PortalError | HTTPException) -> Response:
    """The answer of the contract to an error; for every path under ``/api/``."""
    problem = _told(error)
    response = Response(problem.model_dump_json(), problem.status, mimetype=MEDIA)
    if isinstance(error, HTTPException):
        kept = [(name, value) for name, value in error.get_headers() if name in KEPT_HEADERS]
        response.headers.extend(kept)
    if problem.code in CHALLENGES:
        response.headers.setdefault("WWW-Authenticate", CHALLENGES[problem.code])
    if problem.status in RETRY_AFTER:
        response.headers.setdefault("Retry-After", RETRY_AFTER[problem.status])
    return response


def faults(error: PortalError) -> list[Fault]:
    """The places an error names; the whole body where it names none."""
    if isinstance(error, Unfit):
        return error.errors
    return [Fault(pointer="", code=error.code, message=_told(error).detail)]


def _told(error: PortalError | HTTPException) -> Problem:
    if isinstance(error, PortalError):
        status, code, detail = error.status, error.code, str(error)
    else:
        status, code = error.code or SERVER_ERROR, _code(error.name)
        detail = error.description or error.name
    if status >= SERVER_ERROR and status not in TOLD_AS_IT_IS:
        detail = "Something went wrong here. Please try again later."
    title = code.replace("_", " ").capitalize()
    errors = error.errors if isinstance(error, Unfit) else []
    told = {"type": f"/problems/{code}", "title": title, "status": status, "code": code}
    return Problem(**told, detail=detail, errors=errors)


def _code(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.lower()).strip("_")
