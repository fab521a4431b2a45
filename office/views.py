"""The office's pages: claims, books, events. They show, and change nothing."""

from typing import Any

from flask import Blueprint, abort, g, render_template, request, url_for
from flask_babel import get_locale

from office import language, reading
from office.db import office_db
from office.models import Claim, ClaimState

pages = Blueprint("pages", __name__)

KEPT = {"search", "state", "page"}  # of an address, when the language changes
NUL = "\0"  # PostgreSQL has none


@pages.app_context_processor
def frame() -> dict[str, Any]:
    """What every page needs; also the one that says that the office is closed."""
    told = {name: value for name, value in request.args.items() if name in KEPT}
    here: dict[str, Any] = {**told, **(request.view_args or {})}
    endpoint = request.endpoint or "pages.overview"
    return {
        "language": str(get_locale()),
        "languages": [
            (code, name, url_for(endpoint, **here, lang=code))
            for code, name in language.LANGUAGES.items()
        ],
        "town": g.get("town"),
    }


@pages.get("/")
def overview() -> str:
    """All claims, and a search."""
    session = office_db.session()
    search = request.args.get("search", "").replace(NUL, "").strip()
    state = request.args.get("state", "")
    state = state if state in set(ClaimState) else ""
    found = reading.claims(session, search, state, request.args.get("page", 1, int))
    return render_template(
        "office/claims.html",
        sums=reading.sums(session),
        found=found,
        search=search,
        state=state,
        states=list(ClaimState),
    )


@pages.get("/claims/<reference>")
def claim(reference: str) -> str:
    """One claim with what was booked and heard on it."""
    session = office_db.session()
    found = session.get(Claim, reference.replace(NUL, "")) or abort(404)
    return render_template(
        "office/claim.html",
        claim=found,
        bookings=reading.bookings(session, reference),
        events=reading.events(session, reference),
    )


@pages.get("/books")
def books() -> str:
    """Accounts, suspense items, pay-outs, last bookings."""
    session = office_db.session()
    return render_template(
        "office/books.html",
        balances=reading.balances(session),
        items=reading.suspense_items(session),
        payouts=reading.payouts(session),
        bookings=reading.bookings(session),
    )


@pages.get("/events")
def events() -> str:
    """What the portal has told."""
    return render_template("office/events.html", events=reading.events(office_db.session()))
