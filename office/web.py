"""The office's web application: its page for the cash office, and where events arrive.

It listens on 127.0.0.1 alone, because it shows names; who looks must hold a pass (``doors.py``),
who delivers events must have signed them (``webhook.py``).
"""

import logging
from pathlib import Path

from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from office import doors, language, pseudonyms, schema, town, views, webhook, words
from office.db import driver_url, office_db
from portal import clock, logs
from portal.catalogues import FOLDER
from portal.config import Settings
from portal.money import Money

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
LARGEST_BODY = 4 * 1024 * 1024  # bytes; a pay-out may name thousands of payments
OPEN_TO_ALL = {"static", "office_css", "webhook.take"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(settings: Settings, database_url: str, catalogues: Path = FOLDER) -> Flask:
    """Build the office: its pages and the place for its commands to work in."""
    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    clock.move_by(settings.demo_clock)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=driver_url(database_url),
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": 4,
            "max_overflow": 4,
            "pool_pre_ping": True,
            "hide_parameters": True,
        },
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        SETTINGS=settings,
    )
    office_db.init_app(app)
    language.init_app(app, catalogues)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.globals["money_of"] = Money
    app.register_blueprint(views.pages)
    app.register_blueprint(webhook.hook)
    app.add_url_rule("/office.css", "office_css", _office_css)
    app.before_request(_guard)
    app.after_request(_dress)
    app.register_error_handler(HTTPException, _failed)
    return app


def from_env() -> Flask:
    """The office of this process's environment, as a server calls it."""
    settings = Settings.from_env()
    logs.configure(settings.log_level)
    app = create_app(settings, schema.ready(settings))
    # Flask's own line would name the path, and with it a claim.
    app.log_exception = lambda fault: log.error("fault", exc_info=fault)  # type: ignore[method-assign,assignment]
    return app


def _guard() -> AnyResponse | tuple[str, int] | None:
    settings: Settings = current_app.config["SETTINGS"]
    here = {f"{name}:{settings.office_port}" for name in ("127.0.0.1", "localhost")}
    if request.host not in here:  # a foreign page that rebinds its own name to 127.0.0.1
        return "Unknown host.", 400
    if request.endpoint in OPEN_TO_ALL:
        return None
    with_pass = _holds_pass(settings)
    if "token" in request.args:
        return _enter(settings, with_pass)
    if not with_pass:
        return render_template("office/closed.html", status=401), 401
    g.town = town.find(office_db.session())
    return None


def _holds_pass(settings: Settings) -> bool:
    cookie = request.cookies.get(_cookie_name(settings), "")
    return doors.admits(cookie, settings.office_token, _pass_key(settings))


def _enter(settings: Settings, with_pass: bool) -> AnyResponse | tuple[str, int]:
    if with_pass:
        return redirect(request.path, 303)
    if not doors.spend(request.args["token"], settings.office_token):
        return render_template("office/closed.html", status=403), 403
    answer = redirect(request.path, 303)
    answer.set_cookie(
        _cookie_name(settings),
        doors.pass_for(settings.office_token, _pass_key(settings)),
        max_age=doors.LONGEST_VISIT,
        httponly=True,
        samesite="Lax",
    )
    return answer


def _cookie_name(settings: Settings) -> str:
    return f"quitt-office-{settings.office_port}"  # browsers share cookies across ports


def _pass_key(settings: Settings) -> bytes:
    return pseudonyms.child(pseudonyms.key(settings.office_pseudonym_key), "pass")


def _dress(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    if request.endpoint not in {"static", "office_css"}:
        answer.headers["Cache-Control"] = "no-store"
    if (chosen := request.args.get("lang")) in language.LANGUAGES:
        answer.set_cookie(language.COOKIE, str(chosen), httponly=True, samesite="Lax")
    return answer


def _failed(error: HTTPException) -> AnyResponse:
    if request.endpoint == "webhook.take" or "town" not in g:
        return error.get_response()
    return make_response(render_template("office/error.html", status=error.code), error.code)


def _office_css() -> Response:
    path = Path(__file__).with_name("static") / "office.css"
    return Response(path.read_text("utf-8"), mimetype="text/css")
