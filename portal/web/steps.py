"""Steps: where a visitor stood when the time ran out, and what stood in the form.

Both are kept in the signed cookie while the TAN is asked once more, and given back after it (WCAG
2.2, success criteria 2.2.1 and 2.2.5). The step is an address of this letter that the server found
among its own, so nobody is led elsewhere; and nothing is sent again by itself: the visitor sees
the step with what was entered, and sends it.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from flask import current_app, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.mail import LONGEST_ADDRESS
from portal.web import language

KEPT = "step"
MOST_FIELDS = 4
LONGEST_FIELD = LONGEST_ADDRESS  # a cookie holds 4096 bytes (RFC 6265, section 6.1)
NOT_KEPT = {"csrf_token", "version", "amount_cents", "tan", "secret", "lang", language.ANSWERED}
# Forms that are sent to another address than the one that shows them, and what that one is told.
SHOWN_BY: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "payments.pay": ("payments.choice", {"part": "part", "part_cents": "cents"}),
}


def renewal(handle: str) -> str:
    """Where a page sends its form for more time: it comes back to where it stands now."""
    return url_for("payments.renew", handle=handle, at=request.full_path.removesuffix("?"))


def keep(handle: str) -> None:
    """Remember the step being asked for, or named by a renewal, and what was typed there."""
    asked = request.args.get("at") or request.full_path
    path, _, query = asked.partition("?")
    step = _shown(handle, path)
    if step == path:
        kept = [(name, text) for name, text in parse_qsl(query) if name not in NOT_KEPT]
        step += f"?{urlencode(kept)}" if kept else ""
    session[KEPT] = [handle, step, _entries()]


def onward(handle: str) -> str:
    """Where the visitor goes after the TAN: to the step that was kept, or to the letter.

    A step at which nothing was typed is not kept any longer: it is gone there, once.
    """
    kept = _kept(handle)
    if kept and not (kept[1] and kept[2]):
        del session[KEPT]
    return kept[1] if kept and kept[1] else url_for("payments.status", handle=handle)


def typed(handle: str) -> Mapping[str, str]:
    """What was typed at this step before the time ran out; given once, then it is in no cookie."""
    kept = _kept(handle)
    if kept is None or request.path != (kept[1] or "").partition("?")[0]:
        return {}
    del session[KEPT]
    return kept[2]


def _kept(handle: str) -> tuple[str, str | None, dict[str, str]] | None:
    kept = session.get(KEPT)
    return tuple(kept) if kept and kept[0] == handle else None


def _entries() -> dict[str, str]:
    found = [(name, text) for name, text in request.form.items() if name not in NOT_KEPT]
    return {name: text for name, text in found[:MOST_FIELDS] if len(text) <= LONGEST_FIELD}


def _shown(handle: str, path: str) -> str | None:
    """The address that shows the step of a path; ``None`` where this letter has none."""
    if _route(handle, path, "GET"):
        return path
    sent_to = _route(handle, path, "POST")
    if sent_to is None or sent_to not in SHOWN_BY:
        return None
    endpoint, told = SHOWN_BY[sent_to]
    values = {name: request.form[field] for field, name in told.items() if field in request.form}
    query = f"?{urlencode(values)}" if values else ""
    return url_for(endpoint, handle=handle) + query


def _route(handle: str, path: str, method: str) -> str | None:
    """The endpoint of a path of this letter."""
    try:
        endpoint, values = current_app.url_map.bind("").match(path, method=method)
    except (HTTPException, RequestRedirect):
        return None
    return str(endpoint) if values.get("handle") == handle else None
