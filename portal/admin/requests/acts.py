"""Acts on a request, each a small page that says what will happen: link, TAN, payable or not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.admin import doors, gate, refusals, scope, words
from portal.admin.frame import page
from portal.db import Json, db, transaction
from portal.errors import NotFound, PortalError
from portal.requests import orders, reasons, register, tan
from portal.requests.models import PaymentRequest
from portal.requests.ordered import Why
from portal.requests.orders import Subject
from portal.requests.states import State
from portal.staff.roles import Right
from portal.web.current import keyring
from portal.web.language import gettext
from portal.words import N_

ENDED = frozenset({State.WITHDRAWN, State.EXPIRED, State.REPLACED})


@dataclass(frozen=True, slots=True)
class RequestAct:
    """One act: what it is called, what it will do, what is asked for, when it is offered.

    ``fields`` are of: reason (a code of ``Why``), until (a day or nothing), why (a note).
    """

    title: str
    effect: str
    fields: tuple[str, ...]
    offered: Callable[[Session, PaymentRequest], bool]
    do: Callable[[Session, Subject, Json], None]
    done: str


def _withdraw(session: Session, subject: Subject, told: Json) -> None:
    orders.withdraw(session, subject, Why(told["reason"]))


def _restore(session: Session, subject: Subject, told: Json) -> None:
    orders.restore(session, subject, told["until"])


def _new_link(session: Session, subject: Subject, _: Json) -> None:
    orders.new_link(session, keyring(), subject)


def _new_tan(session: Session, subject: Subject, _: Json) -> None:
    orders.new_tan(session, subject)


def _unlock(session: Session, subject: Subject, told: Json) -> None:
    locked = subject.locked(session)
    tan.unlock(session, locked, subject.actor, told["why"])


ACTS: Mapping[str, RequestAct] = {
    "withdraw": RequestAct(
        N_("End online payment"),
        N_(
            "The request can no longer be paid online; its link says so, with the reason. Money"
            " that is under way and arrives is surplus. The claim itself stays in the finance"
            " system, which is told."
        ),
        ("reason", "why"),
        lambda _, found: found.state not in ENDED,
        _withdraw,
        N_("The request can no longer be paid online. The finance system is told."),
    ),
    "restore": RequestAct(
        N_("Make payable online again"),
        N_("Link and TAN of the letter count again. The finance system is told."),
        ("until", "why"),
        lambda _, found: found.state in ENDED and not found.money_moved_on,
        _restore,
        N_("The request can be paid online again. The finance system is told."),
    ),
    "new-link": RequestAct(
        N_("New link"),
        N_(
            "The old link and code open nothing any more; the TAN stays. It takes a new letter: the"
            " finance system is told by an event, fetches the new link and prints it. It is not"
            " shown here."
        ),
        ("why",),
        lambda *_: True,
        _new_link,
        N_(
            "The old link opens nothing any more. The finance system is told to print a new letter."
        ),
    ),
    "new-tan": RequestAct(
        N_("New TAN"),
        N_(
            "The old TAN counts no more, all tries are there again, and the link stays. It takes a"
            " new letter: the finance system is told by an event, fetches the new TAN and prints"
            " it. It is not shown here."
        ),
        ("why",),
        lambda _, found: found.tan_required,
        _new_tan,
        N_("The old TAN counts no more. The finance system is told to print a new letter."),
    ),
    "unlock": RequestAct(
        N_("Unlock"),
        N_(
            "The wrong tries of this hour are forgotten, so that the letter can be opened at once."
            " Those of the TAN's life stay counted."
        ),
        ("why",),
        lambda session, found: tan.tries_left(session, found) < tan.TRIES_IN_HOUR,
        _unlock,
        N_("Unlocked. The letter can be opened at once."),
    ),
}


@doors.get("/requests/<reference>/<act>", Right.CHANGE_REQUEST)
def request_act_page(reference: str, act: str) -> ResponseReturnValue:
    found = scope.request_of(reference, Right.CHANGE_REQUEST)
    return _page(found, _named(act), act, {"reason": "", "until": "", "why": ""}, {})


@doors.post("/requests/<reference>/<act>", Right.CHANGE_REQUEST)
def request_act(reference: str, act: str) -> ResponseReturnValue:
    """Do it, and note who did it and why."""
    found = scope.request_of(reference, Right.CHANGE_REQUEST)
    what = _named(act)
    typed = {name: request.form.get(name, "").strip() for name in ("reason", "until", "why")}
    told, errors = _read(what, typed)
    if errors:
        return _page(found, what, act, typed, errors)
    who = gate.person()
    subject = Subject(who.tenant_id, reference, who.actor, str(told["why"]))
    try:
        with transaction() as session:
            what.do(session, subject, told)
    except PortalError as error:
        fresh = register.by_reference(db.session(), who.tenant_id, reference)
        field = "until" if error.code == "day_is_over" else "why"
        return _page(fresh, what, act, typed, {field: refusals.said(error)})
    flash(gettext(what.done))
    return redirect(url_for("admin.request_page", reference=reference), 303)


def offered(session: Session, found: PaymentRequest) -> list[tuple[str, str]]:
    """Name and title of the acts that this person may begin with a request as it stands."""
    reach = gate.person().reach(Right.CHANGE_REQUEST)
    if found.details_purged_at or not reach.covers(found.unit, found.kind):
        return []
    return [(name, gettext(act.title)) for name, act in ACTS.items() if act.offered(session, found)]


def _named(act: str) -> RequestAct:
    if act not in ACTS:
        raise NotFound
    return ACTS[act]


def _read(what: RequestAct, typed: Mapping[str, str]) -> tuple[Json, dict[str, str]]:
    """What was typed, in the words of the cores; and what is wrong with it."""
    told: Json = {"why": ""}
    errors = {}
    if "reason" in what.fields:
        told["reason"] = typed["reason"]
        if typed["reason"] not in set(Why):
            errors["reason"] = gettext("Please choose a reason.")
    if "until" in what.fields:
        try:
            told["until"] = date.fromisoformat(typed["until"]) if typed["until"] else None
        except ValueError:
            errors["until"] = gettext("Please enter a day.")
    try:
        told["why"] = reasons.checked(typed["why"])
    except reasons.WRONG as error:
        errors["why"] = refusals.said(error)
    return told, errors


def _page(
    found: PaymentRequest, what: RequestAct, act: str, typed: Json, errors: dict[str, str]
) -> ResponseReturnValue:
    return page(
        "admin/request_act.html",
        422 if errors else 200,
        reference=found.reference,
        act=act,
        title=gettext(what.title),
        effect=gettext(what.effect),
        fields=what.fields,
        reasons=words.choices(words.WITHDRAWN),
        typed=typed,
        errors=errors,
    )
