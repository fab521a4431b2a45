"""Languages of the office: German first, English as a choice, from the same catalogues."""

from collections.abc import Mapping
from pathlib import Path

from flask import Flask, g, has_request_context, request
from flask_babel import Babel

from portal import catalogues
from portal.catalogues import FOLDER

LANGUAGES: Mapping[str, str] = {"de": "Deutsch", "en": "English"}
DEFAULT = "de"
ZONE = "Europe/Berlin"  # until the town says another
COOKIE = "quitt-office-language"


def init_app(app: Flask, folder: Path = FOLDER) -> None:
    """Bind the catalogues of ``folder``."""
    catalogues.compile_all(folder)
    app.config.update(BABEL_TRANSLATION_DIRECTORIES=str(folder), BABEL_DEFAULT_LOCALE=DEFAULT)
    app.config.setdefault("OFFICE_LANGUAGE", DEFAULT)
    Babel(app, locale_selector=lambda: current(app), timezone_selector=zone)


def current(app: Flask) -> str:
    """The language of this page, or of this command."""
    if not has_request_context():
        return str(app.config["OFFICE_LANGUAGE"])
    wanted = request.args.get("lang") or request.cookies.get(COOKIE, "")
    if wanted in LANGUAGES:
        return wanted
    return request.accept_languages.best_match(list(LANGUAGES), DEFAULT) or DEFAULT


def zone() -> str:
    """The town's time zone."""
    facts = g.get("town")
    return facts.time_zone if facts else ZONE
