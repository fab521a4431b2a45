"""What saves a phone call: already paid, a question, and not all at once. All behind the TAN."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import db
from portal.faces import town
from portal.requests import notes
from portal.requests.notes import (
    Asks,
    ChangedSince,
    How,
    Note,
    NotOffered,
    SaysPaid,
    Shown,
    Topic,
    Unfit,
    What,
)
from portal.web import gate, language, steps, visits
from portal.web.current import tenant, tenant_id

bp = Blueprint("notes", __name__)

LONGEST_INPUT = 32
ENDPOINTS: Mapping[What, str] = {
    What.SAYS_PAID: "notes.paid",
    What.ASKS: "notes.question",
    What.DEFERRAL: "notes.deferral",
}
Word = TypeVar("Word", bound=StrEnum)


@bp.app_context_processor
def _links() -> dict[str, object]:
    return {"note_links": note_links}


def note_links() -> dict[str, str]:
    """What can be said of the letter that is open, each with its address."""
    handle = (request.view_args or {})["handle"]
    found = notes.offered_for(db.session(), gate.opened())
    return {what: url_for(ENDPOINTS[what], handle=handle) for what in What if what in found}


@bp.get("/r/<handle>/already-paid")
def paid(handle: str) -> ResponseReturnValue:
    return _form(handle, What.SAYS_PAID, {})


@bp.post("/r/<handle>/already-paid")
def say_paid(handle: str) -> ResponseReturnValue:
    if language.switched():
        return _form(handle, What.SAYS_PAID, {})
    paid_on, how = notes.day(_typed("paid_on"), _today()), _chosen(How, "how")
    if isinstance(paid_on, Unfit) or how is None:
        errors = {"paid_on": paid_on.value} if isinstance(paid_on, Unfit) else {}
        errors |= {} if how else {"how": "missing"}
        return _form(handle, What.SAYS_PAID, errors, 422)
    return _take(handle, SaysPaid(how, paid_on))


@bp.get("/r/<handle>/question")
def question(handle: str) -> ResponseReturnValue:
    return _form(handle, What.ASKS, {})


@bp.post("/r/<handle>/question")
def ask(handle: str) -> ResponseReturnValue:
    if language.switched():
        return _form(handle, What.ASKS, {})
    topic = _chosen(Topic, "topic")
    if topic is None:
        return _form(handle, What.ASKS, {"topic": "missing"}, 422)
    return _take(handle, Asks(topic))


@bp.get("/r/<handle>/noted")
def noted(handle: str) -> ResponseReturnValue:
    found = notes.still_open(db.session(), gate.opened())
    if not found:
        return redirect(_back(handle), 303)
    number = request.args.get("number", "")
    one = next((each for each in found if str(each.number) == number), found[0])
    others = [each for each in found if each is not one]
    return render_template("citizen/note_sent.html", noted=one, others=others, **_frame(handle))


@bp.get("/r/<handle>/deferral")
def deferral(handle: str) -> ResponseReturnValue:
    if not _is_offered(What.DEFERRAL):
        return redirect(_back(handle), 303)
    own = town.texts(db.session(), tenant(), language.current(), ["deferral"])
    return render_template("citizen/deferral.html", text=own.get("deferral"), **_frame(handle))


def _take(handle: str, note: Note) -> ResponseReturnValue:
    shown = Shown(_number("version"), _number("amount_cents"))
    try:
        number = notes.take(tenant_id(), gate.opened().id, shown, note)
    except ChangedSince:
        db.session().refresh(gate.opened())
        return _form(handle, note.what, {"form": "changed"}, 409)
    except NotOffered:
        return redirect(_back(handle), 303)
    return redirect(url_for("notes.noted", handle=handle, number=number), 303)


def _form(
    handle: str, what: What, errors: dict[str, str], status: int = 200
) -> ResponseReturnValue:
    letter, today = gate.opened(), _today()
    if not _is_offered(what):
        return redirect(_back(handle), 303)
    known = notes.still_open(db.session(), letter)
    before = steps.typed(handle)
    page = render_template(
        "citizen/note.html",
        what=what,
        action=url_for(ENDPOINTS[what], handle=handle),
        purpose=letter.purpose,
        amount=letter.amount,
        version=letter.version,
        entered={n: _typed(n) or before.get(n, "") for n in ("paid_on", "how", "topic")},
        errors=errors,
        days=(today - notes.LONGEST_AGO, today),
        ways=list(How),
        topics=list(Topic),
        noted_url=url_for("notes.noted", handle=handle) if known else None,
        **_frame(handle),
    )
    return page, status


def _frame(handle: str) -> dict[str, Any]:
    return {
        "back": _back(handle),
        "renew_action": steps.renewal(handle),
        "session_seconds": visits.IDLE_SECONDS,
    }


def _back(handle: str) -> str:
    return url_for("payments.status", handle=handle)


def _is_offered(what: What) -> bool:
    return what in notes.offered_for(db.session(), gate.opened())


def _today() -> date:
    return clock.today(tenant().time_zone)


def _typed(name: str) -> str:
    return request.form.get(name, "")[:LONGEST_INPUT]


def _chosen(words: type[Word], name: str) -> Word | None:
    typed = _typed(name)
    return words(typed) if typed in set(words) else None


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
