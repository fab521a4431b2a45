"""The practice provider's web application."""

from functools import partial
from pathlib import Path

from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from sandbox import back as _back  # noqa: F401 -- hangs its routes on the trainer
from sandbox import notifications
from sandbox.api import api
from sandbox.books import Books
from sandbox.courier import Courier
from sandbox.errors import Refused
from sandbox.page import page
from sandbox.trainer import trainer
from sandbox.words import LANGUAGES, money, texts

_BODY_BYTES = 64 * 1024
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action "
)


def create_app(folder: Path, base_url: str) -> Flask:
    """The application with its books in ``folder``; payers reach it at ``base_url``.

    It carries notifications from now on, until ``stop``.
    """
    app = Flask(__name__)
    app.config.update(
        BASE_URL=base_url.rstrip("/"), MAX_CONTENT_LENGTH=_BODY_BYTES, SECRET_KEY=None
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.filters["money"] = money
    app.extensions["books"] = books = Books(folder)
    app.extensions["courier"] = Courier(books, partial(notifications.parcel, books))
    for blueprint in (api, page, trainer):
        app.register_blueprint(blueprint)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.after_request(seal)
    app.extensions["courier"].start()
    return app


def stop(app: Flask) -> None:
    """Finish what is on the way and close the books."""
    app.extensions["courier"].stop()
    app.extensions["books"].close()


def _refused(error: Refused) -> ResponseReturnValue:
    return _error(error.status, error.code, str(error))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    return _error(error.code or 500, error.name.lower().replace(" ", "_"), error.name)


def _error(status: int, code: str, message: str) -> ResponseReturnValue:
    for_people = request.path.startswith("/pay/") or request.form
    if not for_people:
        return jsonify({"error": {"code": code, "message": message}}), status
    language = request.accept_languages.best_match(LANGUAGES, "de")
    words = texts(language)
    text = words.get(code, message)
    return render_template("error.html", t=words, language=language, text=text), status


def seal(answer: Response) -> Response:
    """Headers of every answer; ``g.form_action`` says where else a form may lead."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["Content-Security-Policy"] = _POLICY + g.get("form_action", "'self'")
    return answer
