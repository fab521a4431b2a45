"""The API layer: an operation of the contract is one function and one line of a table.

The decorator checks token, scope, address, media type and body before the function runs, and the
same line is what OpenAPI and the pages for reading say. Errors are raised and become problems
(RFC 9457) in one place.
"""

import functools
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import Blueprint, Response, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.errors import LostRace
from portal.finance import repeating
from portal.finance.repeating import Answered, Call
from portal.keys import Keyring
from portal.web import current
from portal.web.bodies import fit, fit_path, fit_query, read_json
from portal.web.problems import Fault, InsufficientScope, Unfit, WrongMedia, problem_for

__all__ = ["OPERATIONS", "Api", "Operation", "ask_for", "problem_for"]

PREFIX = "/api/v1"
JSON = "application/json"
MOST_RACES = 5
KEY_HEADER, KEY = "Idempotency-Key", r"^[!-~]{1,255}$"

Answer = BaseModel | tuple[BaseModel, int] | Response


class Caller(Protocol):
    """Who calls: a client of one tenant, and what it may do."""

    @property
    def tenant_id(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def scopes(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract.

    Any one of ``scopes`` lets a caller in; without scopes the operation is open to all.
    ``raw``: the function checks and reads the body itself, which is of the media type ``takes``.
    ``act``: the function is given a session and runs in one transaction; repeated under the same
    Idempotency-Key it is answered as before and does nothing.
    """

    name: str
    method: str
    rule: str
    summary: str
    answer: type[BaseModel] | None = None  # none: not JSON, but of the media type ``gives``
    scopes: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    path: dict[str, str] = field(default_factory=dict)
    takes: str = JSON
    gives: str = JSON
    raw: bool = False
    act: bool = False
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = ()
    other: dict[int, type[BaseModel]] = field(default_factory=dict)  # answers that are no problems

    @property
    def problems(self) -> list[int]:
        """Every status of a problem that this operation may answer."""
        known = set(self.errors)
        known |= {401, 403} if self.scopes else set()
        known |= {400, 413, 415, 422} if self.body and not self.raw else set()
        known |= {422} if self.query or self.path or self.act else set()
        return sorted(known)


OPERATIONS: dict[str, Operation] = {}  # every operation of the contract, by name


class Api:
    """The operations of one room, and the blueprint on which they hang."""

    def __init__(
        self,
        name: str,
        import_name: str,
        who: Callable[[Session, Keyring, str | None], Caller],
    ) -> None:
        self.bp = Blueprint(name, import_name, url_prefix=PREFIX)
        self.who = who

    def op(self, method: str, rule: str, summary: str, **options: Any) -> Callable[..., Any]:
        """Hang a function on the contract; ``options`` are the fields of ``Operation``."""

        def hung(act: Callable[..., Answer]) -> Callable[..., Answer]:
            operation = Operation(act.__name__, method, rule, summary, **options)
            OPERATIONS[operation.name] = operation

            @functools.wraps(act)
            def view(**path: str) -> Response:
                given = self._checked(operation, path)
                if operation.act:
                    return _once(operation, act, given, path)
                return _respond(act(**given, **path))

            self.bp.add_url_rule(rule, act.__name__, view, methods=[method])
            return act

        return hung

    def _checked(self, operation: Operation, path: dict[str, str]) -> dict[str, Any]:
        """What the function of an operation is given; raises for whatever does not fit."""
        given: dict[str, Any] = {}
        if operation.scopes:
            given["caller"] = self._let_in(operation)
        fit_path(operation.path, path)
        if operation.query:
            given["query"] = fit_query(operation.query, request.args)
        if operation.body and not operation.raw:
            ask_for(operation.takes)
            given["body"] = fit(operation.body, read_json(request.get_data(cache=False)))
        return given

    def _let_in(self, operation: Operation) -> Caller:
        # A transaction of its own: no connection is held while a long body arrives.
        with transaction() as session:
            caller = self.who(session, current.keyring(), _bearer())
        if caller.scopes.isdisjoint(operation.scopes):
            needed = " or ".join(operation.scopes)
            raise InsufficientScope(f"The token lacks the scope {needed}.")
        return caller


def _once(
    operation: Operation, act: Callable[..., Answer], given: dict[str, Any], path: dict[str, str]
) -> Response:
    """Run an act once, and begin it anew when it lost a race; the fifth time raises it."""
    for _ in range(MOST_RACES - 1):
        with suppress(LostRace):
            return _done(operation, act, given, path)
    return _done(operation, act, given, path)


def _done(
    operation: Operation, act: Callable[..., Answer], given: dict[str, Any], path: dict[str, str]
) -> Response:
    """Run an act in one transaction, or answer as it was answered before."""
    key = request.headers.get(KEY_HEADER)
    if key is None:
        with transaction() as session:
            return _respond(act(session=session, **given, **path))
    call = _call(operation, key, given, path)
    keyring = current.keyring()
    with transaction() as session:
        if before := repeating.begin(session, keyring, call):
            return Response(before.body, before.status, mimetype=JSON)
        answer = _respond(act(session=session, **given, **path))
        answered = Answered(answer.status_code, answer.get_data())
        repeating.keep(session, keyring, call, answered)
        return answer


def _call(operation: Operation, key: str, given: dict[str, Any], path: dict[str, str]) -> Call:
    if not re.fullmatch(KEY, key):
        message = "must be 1 to 255 visible ASCII characters"
        raise Unfit([Fault(pointer="", code="idempotency_key", message=message)])
    body: BaseModel | None = given.get("body")
    asked = [operation.name, path, body.model_dump_json() if body else None]
    caller: Caller = given["caller"]
    what = json.dumps(asked, sort_keys=True).encode()
    return Call(caller.tenant_id, caller.client_id, key, what)


def ask_for(media: str) -> None:
    """Refuse a body of another media type."""
    if request.mimetype != media:
        raise WrongMedia(f"Send {media}.")


def _bearer() -> str | None:
    sent = request.authorization
    return sent.token if sent is not None and sent.type == "bearer" else None


def _respond(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    body, status = answer if isinstance(answer, tuple) else (answer, 200)
    return Response(body.model_dump_json(exclude_unset=True), status, mimetype=JSON)
