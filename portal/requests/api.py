"""The contract's edge for payment requests: put one, read one, put a batch."""

import io
import logging
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, Literal

import segno
from flask import Flask, Response, current_app, request
from pydantic import BaseModel, RootModel
from pydantic_core import to_json
from sqlalchemy.orm import Session

from portal import tenants
from portal.db import Json, db, transaction
from portal.errors import PortalError
from portal.finance import oauth
from portal.finance.clients import Scope
from portal.finance.oauth import Caller
from portal.requests import answers, batch, purged, register
from portal.requests.answers import LineAsked, RequestTold
from portal.requests.asked import REFERENCE, Asked
from portal.requests.batch import Outcome, Plan, Wanted
from portal.requests.desk import Desk
from portal.web import current
from portal.web.api import Api, ask_for
from portal.web.bodies import fit, read_json
from portal.web.problems import Fault, NotJson, TooLarge, Unfit, faults

NDJSON = "application/x-ndjson"
CHUNK = 65536  # bytes read at once; the server's stream must never be read by lines
IN_MEMORY = 1024 * 1024  # bytes of a batch kept in memory before it goes to a file
QR_ERROR_CORRECTION = "m"  # 15 % of the symbol may be lost, as on the letters of the office

Read = Wanted | tuple[int, str | None, PortalError]  # or number, reference and what is wrong

_REFERENCE = re.compile(REFERENCE)

log = logging.getLogger(__name__)

api = Api("requests_api", __name__, oauth.caller)
bp = api.bp


class LineTaken(RequestTold):
    """A line that was taken: the request as a single push is answered, and the line's number."""

    line: int
    status: Literal[200, 201]


class LineRefused(BaseModel):
    """A line that was not taken, and why; its reference as far as it could be read."""

    line: int
    status: int
    reference: str | None = None
    code: str
    errors: list[Fault]


class LineTold(RootModel[LineTaken | LineRefused]):
    """The outcome of one line."""


class BlankLine(NotJson):
    """A line of a batch with nothing in it."""

    code = "blank_line"


@api.op(
    "PUT",
    "/payment-requests/<reference>",
    "Store a payment request; the same again changes nothing",
    scopes=(Scope.REQUESTS_WRITE,),
    path={"reference": REFERENCE},
    body=Asked,
    answer=RequestTold,
    statuses=(200, 201),
    errors=(409,),
)
def put_payment_request(caller: Caller, reference: str, body: Asked) -> tuple[RequestTold, int]:
    """One payment request under the finance system's reference."""
    with transaction() as session:
        desk = _desk(session, caller)
        put = desk.put(session, reference, body)
    status, told = desk.told(put)
    return RequestTold(**told), status


@api.op(
    "GET",
    "/payment-requests/<reference>",
    "Read a payment request; link and TAN only with requests:write",
    scopes=(Scope.REQUESTS_READ, Scope.REQUESTS_WRITE),
    path={"reference": REFERENCE},
    answer=RequestTold,
    errors=(404,),
)
def get_payment_request(caller: Caller, reference: str) -> RequestTold:
    """One payment request in its version in force."""
    session = db.session()
    found = register.by_reference(session, caller.tenant_id, reference)
    has_link = found.details_purged_at is None
    if not has_link or Scope.REQUESTS_WRITE not in caller.scopes:
        return answers.told(found)
    desk = _desk(session, caller)
    return answers.told_with_secrets(found, desk.keyring, desk.public_url)


@api.op(
    "GET",
    "/payment-requests/<reference>/qr.svg",
    "Draw the personal link as a QR code, as SVG",
    scopes=(Scope.REQUESTS_WRITE,),
    path={"reference": REFERENCE},
    gives="image/svg+xml",
    errors=(404, 409),
)
def get_qr_svg(caller: Caller, reference: str) -> Response:
    """For who prints the letter; never kept anywhere."""
    return Response(_qr(caller, reference, "svg", 4), mimetype="image/svg+xml")


@api.op(
    "GET",
    "/payment-requests/<reference>/qr.png",
    "Draw the personal link as a QR code, as PNG",
    scopes=(Scope.REQUESTS_WRITE,),
    path={"reference": REFERENCE},
    gives="image/png",
    errors=(404, 409),
)
def get_qr_png(caller: Caller, reference: str) -> Response:
    """Ten pixels a module: sharp at 30 mm on a printer of 600 dots an inch."""
    return Response(_qr(caller, reference, "png", 10), mimetype="image/png")


@api.op(
    "POST",
    "/payment-requests",
    "Store a batch: one request a line, each line answered in order",
    scopes=(Scope.REQUESTS_WRITE,),
    body=LineAsked,
    takes=NDJSON,
    raw=True,
    answer=LineTold,
    gives=NDJSON,
    errors=(413, 415),
)
def put_payment_requests(caller: Caller) -> Response:
    """The whole body is taken first, then answered line by line."""
    ask_for(NDJSON)
    settings = current.settings()
    request.max_content_length = settings.batch_limit_mib * 1024 * 1024
    spool = _spooled(settings.batch_limit_lines)
    longest = settings.body_limit_kib * 1024
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with transaction() as session:
        desk = _desk(session, caller)
    answer = _answered(app, desk, spool, longest)
    return Response(answer, mimetype=NDJSON, headers={"X-Accel-Buffering": "no"})


def _qr(caller: Caller, reference: str, kind: str, scale: int) -> bytes:
    session = db.session()
    found = register.by_reference(session, caller.tenant_id, reference)
    purged.refuse(found)
    desk = _desk(session, caller)
    told = answers.told_with_secrets(found, desk.keyring, desk.public_url)
    assert told.link is not None  # noqa: S101 -- told to who may write requests
    drawn = io.BytesIO()
    symbol = segno.make(told.link.qr, error=QR_ERROR_CORRECTION, micro=False)
    symbol.save(drawn, kind=kind, scale=scale)
    return drawn.getvalue()


def _desk(session: Session, caller: Caller) -> Desk:
    host = tenants.host_of(session, caller.tenant_id)
    public_url = current.settings().public_url(host)
    actor = f"client:{caller.client_id}"
    return Desk(current.keyring(), caller.tenant_id, actor, public_url)


def _spooled(most_lines: int) -> IO[bytes]:
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- read while answering
    count = 0
    while chunk := request.stream.read(CHUNK):
        count += chunk.count(b"\n")
        if count > most_lines:
            spool.close()
            raise TooLarge(f"A batch has at most {most_lines} lines.")
        spool.write(chunk)
    spool.seek(0)
    return spool


def _answered(app: Flask, desk: Desk, spool: IO[bytes], longest: int) -> Iterator[bytes]:
    """Each part's answer, while a clerk stores the next part: the database never waits for us.

    He works in an application context of his own: that of the request is gone by now, and no
    session may live on between two parts, for as long as a slow reader likes.
    """
    before: tuple[list[Read], Future[dict[int, Outcome]]] | None = None
    with spool, ThreadPoolExecutor(1, "batch") as clerk:
        for some in batch.together(batch.lines(spool, longest)):
            read = [_read(number, raw) for number, raw in some]
            plan = batch.planned(desk, [each for each in read if isinstance(each, Wanted)])
            stored = clerk.submit(_stored, app, desk, plan)
            if before:
                yield _told(desk, *before)
            before = read, stored
        if before:
            yield _told(desk, *before)


def _stored(app: Flask, desk: Desk, plan: Plan) -> dict[int, Outcome]:
    with app.app_context():
        return batch.put_all(desk, plan)


def _told(desk: Desk, read: list[Read], stored: Future[dict[int, Outcome]]) -> bytes:
    outcomes = stored.result()
    return b"".join(_line(desk, each, outcomes) for each in read)


def _read(number: int, raw: bytes | None) -> Read:
    """A line as a request, or number, reference and what is wrong with it."""
    reference = None
    try:
        if raw is None:
            raise TooLarge("The line is too long.")
        if not raw.strip():
            raise BlankLine("The line is blank.")
        told = read_json(raw)
        reference, rest = _named(told)
        return Wanted(number, reference, fit(Asked, rest))
    except PortalError as error:
        return number, reference, error


def _named(told: Any) -> tuple[str, Any]:
    """The reference of a line, and the rest of it."""
    if not isinstance(told, dict):
        raise Unfit([Fault(pointer="", code="model_type", message="The line must be an object.")])
    reference = told.pop("reference", None)
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        message = "must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
        raise Unfit([Fault(pointer="/reference", code="reference", message=message)])
    return reference, told


def _line(desk: Desk, read: Read, outcomes: dict[int, Outcome]) -> bytes:
    if not isinstance(read, Wanted):
        return _refused(*read)
    outcome = outcomes[read.line]
    if isinstance(outcome, PortalError):
        return _refused(read.line, read.reference, outcome)
    try:
        status, told = desk.told(outcome)
    except PortalError as error:  # it is stored, but its key is not in the settings
        log.error("line_not_told", extra={"error": type(error).__name__})  # noqa: TRY400 -- no values
        return _refused(read.line, read.reference, error)
    return _json({"line": read.line, "status": status, **told})


def _refused(number: int, reference: str | None, error: PortalError) -> bytes:
    named = {"reference": reference} if reference else {}
    found = [fault.model_dump() for fault in faults(error)]
    told = {"line": number, "status": error.status, **named, "code": error.code, "errors": found}
    return _json(told)


def _json(told: Json) -> bytes:
    return to_json(told) + b"\n"
