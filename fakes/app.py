"""The fakes' web application."""

import time
from functools import partial
from pathlib import Path

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from jinja2 import PackageLoader
from werkzeug.exceptions import HTTPException

import sandbox
from fakes import joined, settings, telling
from fakes.books import Books
from fakes.doors import doors
from fakes.page import page
from fakes.trainer import trainer
from sandbox.app import seal
from sandbox.courier import Courier
from sandbox.errors import Refused
from sandbox.words import LANGUAGES, money, texts

_BODY_BYTES = 256 * 1024
# What follows a provider's name and is not its API.
_OURS = ("", "merchants", "books", "test", "pay")


def create_app(folder: Path, base_url: str) -> Flask:
    """The application with its books in ``folder``; payers reach it at ``base_url``.

    It carries notifications from now on, until ``sandbox.app.stop``.
    """
    static = Path(str(sandbox.__file__)).parent / "static"
    app = Flask(__name__, static_folder=str(static), static_url_path="/static")
    app.jinja_loader = PackageLoader("sandbox")
    app.config.update(
        BASE_URL=base_url.rstrip("/"), MAX_CONTENT_LENGTH=_BODY_BYTES, SECRET_KEY=None
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.filters["money"] = money
    app.extensions["books"] = books = Books(folder)
    app.extensions["fakes"] = fakes = {fake.name: fake for fake in joined.everyone()}
    app.extensions["courier"] = Courier(books, partial(telling.parcel, books, fakes))
    for fake in fakes.values():
        app.register_blueprint(fake.routes, url_prefix=f"/{fake.name}")
    app.register_blueprint(doors)
    app.register_blueprint(page)
    app.register_blueprint(trainer)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.before_request(_behave)
    app.after_request(_fall_silent)
    app.after_request(seal)
    app.extensions["courier"].start()
    return app


def _behave() -> ResponseReturnValue | None:
    if (provider := _called()) is None:
        return None
    with current_app.extensions["books"].reading() as db:
        now = settings.read(db, provider)
    time.sleep(now["delay_ms"] / 1000)
    return _down() if now["down"] is True else None


def _fall_silent(answer: Response) -> Response:
    if (provider := _called()) is None:
        return answer
    with current_app.extensions["books"].reading() as db:
        down_after = settings.read(db, provider)["down"] == "after"
    current_app.extensions["courier"].ring()
    return _down() if down_after else answer


def _called() -> str | None:
    """The provider whose own API is called."""
    _, provider, *rest = request.path.split("/")
    is_api = provider in current_app.extensions["fakes"] and rest[:1] and rest[0] not in _OURS
    return provider if is_api else None


def _down() -> Response:
    answer = jsonify({"error": {"code": "down", "message": "The provider is down."}})
    answer.status_code = 503
    return answer


def _refused(error: Refused) -> ResponseReturnValue:
    return _error(error.status, error.code, str(error))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    return _error(error.code or 500, error.name.lower().replace(" ", "_"), error.name)


def _error(status: int, code: str, message: str) -> ResponseReturnValue:
    _, _, *rest = request.path.split("/")
    for_people = rest[:1] == ["pay"] or (rest[:1] == ["test"] and request.form)
    if not for_people:
        return jsonify({"error": {"code": code, "message": message}}), status
    language = request.accept_languages.best_match(LANGUAGES, "de") or "de"
    words = texts(language)
    shown = {"t": words, "language": language, "text": words.get(code, message)}
    return render_template("error.html", **shown), status
