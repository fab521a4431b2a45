"""Pages that belong to the town: imprint, privacy, accessibility, and how to tell a real letter."""

from flask import Blueprint, Flask, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.errors import NotFound
from portal.web import language
from portal.web.current import public_url, settings, tenant

bp = Blueprint("pages", __name__)


def init_app(app: Flask) -> None:
    """Give every template what stands on every page."""
    app.context_processor(_everywhere)


@bp.get("/impressum")
def imprint() -> ResponseReturnValue:
    return _page("imprint")


@bp.get("/datenschutz")
def privacy() -> ResponseReturnValue:
    return _page("privacy")


@bp.get("/barrierefreiheit")
def accessibility() -> ResponseReturnValue:
    return _page("accessibility")


@bp.get("/is-my-letter-real")
def letter() -> ResponseReturnValue:
    return _page("letter")


@bp.get("/robots.txt")
def robots() -> ResponseReturnValue:
    return "User-agent: *\nDisallow: /\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def _page(name: str) -> str:
    return render_template("citizen/page.html", page=name, text=[], address=public_url())


def _everywhere() -> dict[str, object]:
    try:
        town = tenant()
    except NotFound:
        return {}
    return {
        "tenant": town,
        "demo": settings().demo,
        "language": language.spoken().tag,
        "spoken": language.spoken(),
        "reviewed": language.reviewed(),
        "languages": language.choices(),
        "pages": {
            "start": url_for("visits.code"),
            "imprint": url_for("pages.imprint"),
            "privacy": url_for("pages.privacy"),
            "accessibility": url_for("pages.accessibility"),
            "letter": url_for("pages.letter"),
        },
    }
