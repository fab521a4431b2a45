"""Maintenance: while a file of the operator's is there, everybody is told to come again.

``QUITT_MAINTENANCE`` names the file; it may hold the moment at which it is over, in ISO 8601 with
its distance from UTC. The page needs no database, which may be what is worked on. Health and
readiness go on telling how things are.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from babel.dates import format_datetime
from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import Unavailable
from portal.web import api
from portal.web.current import settings
from portal.web.language import day, gettext, spoken
from portal.words import N_

TITLE = N_("We are working on this payment portal")
TEXT = N_(
    "Please come back later. Nothing is lost: your letter stays valid, and a payment that you have"
    " already begun goes on. If you have not begun a payment yet, you can also transfer the amount:"
    " the account is stated in your letter."
)
TEXT_UNTIL = N_(
    "Please come back after %(moment)s. Nothing is lost: your letter stays valid, and a payment"
    " that you have already begun goes on. If you have not begun a payment yet, you can also"
    " transfer the amount: the account is stated in your letter."
)
GO_ON = ("/healthz", "/readyz", "/metrics", "/static/")
STATUS = Unavailable.status
SHORTEST, LONGEST = 60, 86_400  # seconds until it is worth while to come again


def init_app(app: Flask) -> None:
    """Ask before anything else does."""
    app.before_request(_ask)


def _ask() -> ResponseReturnValue | None:
    file = settings().maintenance
    if file is None or not file.exists() or request.path.startswith(GO_ON):
        return None
    until = _until(file)
    later = {"Retry-After": str(_seconds(until))}
    if request.path.startswith(("/api/", "/webhooks/")):
        answer = current_app.make_response(api.problem_for(Unavailable("Maintenance.")))
        answer.headers.update(later)
        return answer
    return _page(until, later)


def _page(until: datetime | None, headers: Mapping[str, str]) -> Response:
    text = gettext(TEXT_UNTIL, moment=_when(until)) if until else gettext(TEXT)
    told = current_app.jinja_env.get_template("citizen/without_town.html").render(
        title=gettext(TITLE), text=text, status=STATUS, language=spoken().tag, spoken=spoken()
    )
    return Response(told, STATUS, dict(headers))


def _when(until: datetime) -> str:
    """In the file's own distance from UTC: the town's zone stands in the database."""
    time = format_datetime(until, spoken().clock, tzinfo=until.tzinfo, locale=spoken().locale)
    return f"{day(until.date())}, {time}"


def _until(file: Path) -> datetime | None:
    """When it is over, if the file says so in a way that can be read, and that is yet to come."""
    try:
        until = datetime.fromisoformat(file.read_text("utf-8").strip())
    except (OSError, ValueError):
        return None
    return until if until.tzinfo and until > clock.now() else None


def _seconds(until: datetime | None) -> int:
    still = until - clock.now() if until else timedelta(seconds=SHORTEST * 5)
    return min(max(int(still.total_seconds()), SHORTEST), LONGEST)
