"""Errors in PayPal's shape (developer.paypal.com/api/rest/responses)."""

from secrets import token_hex
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

WORDS = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid"
        " authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: (
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed"
        " business validation.",
    ),
}


class No(Exception):
    """PayPal does not want to; ``issue`` says why."""

    def __init__(self, status: int, issue: str, name: str = "") -> None:
        super().__init__(issue)
        self.status, self.issue, self.name = status, issue, name


def answered(no: No) -> ResponseReturnValue:
    """The error as PayPal answers it."""
    name, message = WORDS[no.status]
    told: dict[str, Any] = {
        "name": no.name or name,
        "message": message,
        "debug_id": token_hex(7)[:13],
        "details": [{"issue": no.issue, "description": no.issue.replace("_", " ").capitalize()}],
        "links": [],
    }
    if no.name:
        del told["details"]
    return jsonify(told), no.status
