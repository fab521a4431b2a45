"""Visits: what the signed cookie knows of a visitor.

A handle is a random name for an opened letter; it means something only together with the cookie.
The address names the request, the cookie allows it, so several letters can stand open side by
side. The cookie also says when each was used last, to the minute: a visit ends after 15 minutes
without use, and looking at a page writes nothing into the database.
"""

import secrets
from dataclasses import astuple, dataclass, replace

from flask import session

from portal import clock
from portal.requests.models import PaymentRequest

MOST_LETTERS = 20
IDLE_SECONDS = 15 * 60
WRITTEN_EVERY = 60  # seconds
LONG_AGO = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One opened letter of this visitor."""

    handle: str
    request_id: int
    link_version: int
    used_at: int  # seconds since 1970

    @property
    def begun(self) -> bool:
        return self.used_at != LONG_AGO

    @property
    def idle(self) -> bool:
        return _now() - self.used_at > IDLE_SECONDS + WRITTEN_EVERY


def visitor() -> str:
    """The random name of this visitor; made when first asked for."""
    if "visitor" not in session:
        session["visitor"] = secrets.token_urlsafe(16)
    return str(session["visitor"])


def open_letter(request: PaymentRequest, *, proven: bool) -> str:
    """The handle for a letter whose code was right; a letter that is open keeps its handle.

    ``proven``: the second thing was right, too. Opening a link alone revives no visit that has
    ended: where the letter has a TAN, the TAN is asked again.
    """
    mine = (request.id, request.link_version)
    fresh = Visit(secrets.token_urlsafe(9), *mine, LONG_AGO)
    known = (visit for visit in _letters() if (visit.request_id, visit.link_version) == mine)
    visit = next(known, fresh)
    if proven or not request.tan_required:
        visit = replace(visit, used_at=_now())
    _keep(visit)
    return visit.handle


def find(handle: str) -> Visit | None:
    """The visit behind a handle, if this cookie has it."""
    return next((visit for visit in _letters() if visit.handle == handle), None)


def handle_of(request_id: int) -> str | None:
    """The handle under which this visitor has a request open."""
    mine = (visit.handle for visit in _letters() if visit.request_id == request_id)
    return next(mine, None)


def last() -> Visit | None:
    """The letter that was used last."""
    return next(reversed(_letters()), None)


def is_open() -> bool:
    """Whether something of a letter may still be seen here: its TAN was given, and not ended."""
    return any(visit.begun for visit in _letters())


def renew(visit: Visit) -> None:
    """The visitor is still there.

    An answer brings the whole cookie, as it was when its page was asked for: one that comes late
    takes back what another tab has opened meanwhile. So a page that only looks seldom brings one.
    """
    if _now() - visit.used_at > WRITTEN_EVERY:
        _keep(replace(visit, used_at=_now()))


def forget() -> None:
    """The visitor is done: nothing of any letter stays in the cookie."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language


def _letters() -> list[Visit]:
    """The letters that stand open, the one touched last at the end."""
    return [Visit(*kept) for kept in session.get("letters") or []]


def _keep(visit: Visit) -> None:
    others = [other for other in _letters() if other.handle != visit.handle]
    session["letters"] = [astuple(each) for each in (*others, visit)[-MOST_LETTERS:]]


def _now() -> int:
    return int(clock.now().timestamp())
