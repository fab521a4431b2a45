"""One place turns every error into a page for people or a problem document for machines."""

from collections.abc import Mapping

from flask import Flask, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.db import db
from portal.errors import PortalError, Unavailable
from portal.web import api, language, limits, steps, visits
from portal.web.current import UnknownHost, known_host
from portal.web.language import gettext, ngettext, spoken
from portal.words import N_

# fmt: off
SENTENCES: dict[int, tuple[str, str]] = {
    400: (N_("That did not work"),
          N_("Your browser sent the form incompletely. Please go back and try again.")),
    403: (N_("That did not work"),
          N_("The form did not come from this page. Please open the page again.")),
    404: (N_("There is nothing here"),
          N_("Please check the address, or enter the code of your letter.")),
    405: (N_("That did not work"),
          N_("This page cannot be opened in this way. Please begin at the start page.")),
    409: (N_("Something has changed"),
          N_("Please open your letter's link or code again and check what is asked.")),
    413: (N_("That was too much"),
          N_("What was sent is too large.")),
    429: (N_("Too many tries"),
          N_("Please wait a while before you try again.")),
    503: (N_("Just a moment"),
          N_("This cannot be done at the moment. Please try again in a few minutes.")),
}
# fmt: on
OTHERWISE = (
    N_("Something went wrong"),
    N_("The fault is ours. Please try again later, or call the town."),
)
NO_TOWN = (
    N_("There is nothing here"),
    N_("No town answers under this address."),
)
OLD_FORM = (
    N_("Please send it once more"),
    N_(
        "The page had been open for long, so nothing was sent."
        " If this happens again, please allow cookies for this page."
    ),
)
# Forms that may be offered to be sent again as they were: they are not about an opened letter.
SENT_AGAIN = {"visits.check_code", "visits.check_letter"}
SECONDS = {503: 60}  # until it is worth while to come again


def init_app(app: Flask) -> None:
    """Answer every error in the reader's language."""
    app.register_error_handler(UnknownHost, _unknown_host)
    app.register_error_handler(PortalError, _expected)
    app.register_error_handler(CSRFError, _expired_form)
    app.register_error_handler(RateLimitExceeded, _too_often)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _no_database)
    app.register_error_handler(NoConnection, _no_database)


def _expected(error: PortalError) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    later = {"Retry-After": "10"} if error.status == Unavailable.status else {}
    return _page(error.status, headers=later)


def _http(error: HTTPException) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return _page(error.code or InternalServerError.code, headers=kept)


def _too_often(error: RateLimitExceeded) -> ResponseReturnValue:
    """Too many wrong entries from one network."""
    seconds = limits.seconds_to_wait(current_app)
    error.retry_after = seconds
    error.description = "Too many requests from this network. Please come again later."
    if _machine():
        return api.problem_for(error)
    wait = ngettext(
        "Too many wrong entries came from your network. Please try again in one second.",
        "Too many wrong entries came from your network. Please try again in %(num)s seconds.",
        seconds,
    )
    return _page(429, wait, headers={"Retry-After": str(seconds)})


def _expired_form(_: CSRFError) -> ResponseReturnValue:
    title, text = (gettext(sentence) for sentence in OLD_FORM)
    if request.endpoint in SENT_AGAIN:
        fields = [(k, v) for k, v in request.form.items() if k != "csrf_token"]
        again = (request.path, fields)
        return _page(400, text, title=title, again=again)
    return _page(400, text, title=title, back=_back())


def _back() -> str | None:
    """The step of a letter that a form was sent from, with what was typed there."""
    handle = (request.view_args or {}).get("handle")
    if handle is None or visits.find(handle) is None:
        return None
    steps.keep(handle)
    return steps.onward(handle)


def _no_database(_: Exception) -> ResponseReturnValue:
    error = Unavailable("The database does not answer.")
    return api.problem_for(error) if _machine() else _bare(503)


def _unknown_host(error: UnknownHost) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    title, text = NO_TOWN
    return _bare(404, gettext(text), title=gettext(title))


def _page(
    status: int,
    text: str | None = None,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response:
    """A page of the town; where there is none, or it cannot be asked, one that needs no town."""
    said = _said(status, title, text)
    try:
        if status >= InternalServerError.code:
            db.session.rollback()  # what failed may have left a transaction that fails, too
        if not known_host():
            return _bare(status, text, title=title, headers=headers)
        page = render_template(_template(), **said, status=status, **more)
    except SQLAlchemyError:
        return _bare(status, text, title=title, headers=headers)
    return Response(page, status, headers)


def _bare(
    status: int,
    text: str | None = None,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page without a town. Nothing is asked of the database."""
    told = current_app.jinja_env.get_template("citizen/without_town.html").render(
        **_said(status, title, text), status=status, language=spoken().tag, spoken=spoken()
    )
    later = {"Retry-After": str(SECONDS[status])} if status in SECONDS else {}
    return Response(told, status, later | dict(headers or {}))


def _template() -> str:
    if not request.path.startswith("/admin/"):
        return "citizen/error.html"
    language.only(language.STAFF)
    return "admin/error.html"


def _said(status: int, title: str | None, text: str | None) -> dict[str, str]:
    known = SENTENCES.get(status, OTHERWISE)
    return {"title": title or gettext(known[0]), "text": text or gettext(known[1])}


def _machine() -> bool:
    return request.path.startswith(("/api/", "/webhooks/"))
