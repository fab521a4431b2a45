"""One place turns every error into a page for people or a problem document for machines."""

from collections.abc import Mapping

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.errors import PortalError, Unavailable
from portal.web import api
from portal.web.current import UnknownHost, known_host
from portal.web.language import gettext
from portal.words import N_

# fmt: off
SENTENCES: dict[int, tuple[str, str]] = {
    400: (N_("That did not work"),
          N_("Your browser sent the form incompletely. Please go back and try again.")),
    403: (N_("That did not work"),
          N_("The form did not come from this page. Please open the page again.")),
    404: (N_("There is nothing here"),
          N_("Please check the address, or enter the code of your letter.")),
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


def init_app(app: Flask) -> None:
    """Answer every error in the reader's language."""
    app.register_error_handler(UnknownHost, _unknown_host)
    app.register_error_handler(PortalError, _expected)
    app.register_error_handler(CSRFError, _expired_form)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _no_database)


def _expected(error: PortalError) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    later = {"Retry-After": "10"} if error.status == Unavailable.status else {}
    return _page(error.status, later)


def _http(error: HTTPException) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    allow = {name: value for name, value in error.get_headers() if name == "Allow"}
    return _page(error.code or InternalServerError.code, allow)


def _expired_form(_: CSRFError) -> ResponseReturnValue:
    return _page(400)


def _no_database(_: OperationalError) -> ResponseReturnValue:
    error = Unavailable("The database does not answer.")
    if _machine():
        return api.problem_for(error)
    # Without the database not even the town's name is known.
    return "Service unavailable. Bitte versuchen Sie es in wenigen Minuten noch einmal.", 503, RETRY


def _unknown_host(error: UnknownHost) -> ResponseReturnValue:
    if _machine():
        return api.problem_for(error)
    return "No town answers under this address.", 404, {"Content-Type": "text/plain"}


def _page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    title, text = SENTENCES.get(status, OTHERWISE)
    if not known_host():  # there is no town whose page this could be
        return Response(title, status, headers, mimetype="text/plain")
    page = render_template(
        "citizen/error.html", title=gettext(title), text=gettext(text), status=status
    )
    return Response(page, status, headers)


def _machine() -> bool:
    return request.path.startswith(("/api/", "/webhooks/"))


RETRY = {"Retry-After": "60", "Content-Type": "text/plain; charset=utf-8"}
