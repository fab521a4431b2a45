"""Pages that belong to the town: imprint, privacy, accessibility, its page in Leichte Sprache.

What the town has not written yet stands there as a visible placeholder (``portal.faces.fields``).
"""

from datetime import date

from flask import Blueprint, Flask, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.db import db
from portal.errors import NotFound
from portal.faces import fields
from portal.faces import town as faces
from portal.faces.fields import FIELDS, METHODS, STATES
from portal.payments import accounts
from portal.tenants import Tenant
from portal.web import language, visits
from portal.web.current import settings, tenant

bp = Blueprint("pages", __name__)


def init_app(app: Flask) -> None:
    """Give every template what stands on every page."""
    app.context_processor(_everywhere)


@bp.get("/impressum")
def imprint() -> ResponseReturnValue:
    return _page("imprint")


@bp.get("/datenschutz")
def privacy() -> ResponseReturnValue:
    return _page("privacy", providers=_providers())


@bp.get("/barrierefreiheit")
def accessibility() -> ResponseReturnValue:
    own = _own()
    made_on, checked_on = (
        date.fromisoformat(own[name]) if name in own else None
        for name in ("accessibility_made_on", "accessibility_checked_on")
    )
    return _page(
        "accessibility",
        state=STATES.get(own.get("accessibility_state", "")),
        method=METHODS.get(own.get("accessibility_method", "")),
        made_on=made_on,
        checked_on=checked_on,
    )


@bp.get("/leichte-sprache")
def easy() -> ResponseReturnValue:
    if not tenant().easy_tested_on:
        raise NotFound("No reader has tested the page yet.")
    return _page("easy")


@bp.get("/robots.txt")
def robots() -> ResponseReturnValue:
    return "User-agent: *\nDisallow: /\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


def _page(name: str, **more: object) -> str:
    own = _own()
    gaps = fields.missing(own, own)
    return render_template(
        "citizen/page.html",
        page=name,
        own=own,
        gaps=gaps,
        labels={name: language.gettext(FIELDS[name].says) for name in gaps},
        **more,
    )


def _own() -> dict[str, fields.Written]:
    return faces.texts(db.session(), tenant(), language.current())


def _providers() -> list[str]:
    """Names of the payment methods that the town offers today, in its order."""
    town = tenant()
    day = clock.today(town.time_zone)
    session = db.session()
    open_now = accounts.open_on(session, town.id, day)
    rules = sorted(accounts.rules(session, town.id), key=lambda rule: rule.position)
    live = [
        rule.label
        for rule in rules
        if rule.account_id in open_now
        and rule.valid_from <= day
        and (rule.valid_until is None or day <= rule.valid_until)
    ]
    return list(dict.fromkeys(live))


def _everywhere() -> dict[str, object]:
    try:
        town = tenant()
    except NotFound:
        return {}
    return {
        "tenant": _face(town),
        "demo": settings().demo,
        "language": language.spoken().tag,
        "spoken": language.spoken(),
        "reviewed": language.reviewed(),
        "languages": language.choices(),
        "end_action": url_for("visits.end") if visits.is_open() else None,
        "pages": {
            "start": url_for("visits.code"),
            "imprint": url_for("pages.imprint"),
            "privacy": url_for("pages.privacy"),
            "accessibility": url_for("pages.accessibility"),
            "easy": url_for("pages.easy") if town.easy_tested_on else None,
            "letter": url_for("visits.letter"),
        },
    }


def _face(town: Tenant) -> faces.Face:
    try:
        return faces.of(db.session(), town, language.current())
    except SQLAlchemyError:  # the page that says so must not fail, too
        return faces.Face(town, {})
