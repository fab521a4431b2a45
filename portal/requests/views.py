"""The citizen's first steps: link, typed code, TAN. GET and HEAD change nothing, ever."""

from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import db
from portal.requests import counting, links, opening, tan, typed
from portal.requests.counting import Step
from portal.requests.models import PaymentRequest
from portal.requests.opening import Opened, Refused
from portal.requests.tan import Checked, Verdict
from portal.requests.typed import Typed
from portal.web import gate, language, steps, visits
from portal.web.current import keyring, public_url, tenant, tenant_id

bp = Blueprint("visits", __name__)

LONGEST_INPUT = 64
BLOCKS = ("code1", "code2", "code3")


@bp.get("/")
def code() -> ResponseReturnValue:
    if "over" in request.args:
        return render_template("citizen/session_over.html", code_url=url_for("visits.code"))
    return _code_page({})


@bp.post("/")
def check_code() -> ResponseReturnValue:
    if language.answered():
        return _not_opened(Opened(None, Refused.LOCKED, _still_locked()))
    if language.switched():
        return _code_page({})
    read, second = _typed_code(), _field("secret")
    if errors := _faults(read) | _faults_of_second(second):
        return _code_page(errors), 422
    opened = opening.by_code(keyring(), tenant_id(), read.code, second, visits.visitor())
    if opened.request is None:
        return _not_opened(opened)
    _count(opened.request, Step.TAN)
    handle = visits.open_letter(opened.request, proven=True)
    counting.write()
    return redirect(url_for("visits.overview", handle=handle), 303)


@bp.get("/Z/")
@bp.get("/z/")
@bp.get("/Z/<path:code>")
@bp.get("/z/<path:code>")
def open_link(code: str = "") -> ResponseReturnValue:
    found = links.find_by_link(db.session(), keyring(), tenant_id(), code)
    if found is None:
        return render_template("citizen/unknown.html"), 404
    if request.method == "GET":
        _count(found, *(() if found.tan_required else (Step.TAN,)))
    handle = visits.open_letter(found, proven=False)
    return redirect(url_for("visits.overview", handle=handle), 303)


@bp.get("/is-my-letter-real")
def letter() -> ResponseReturnValue:
    return _letter_page({})


@bp.post("/is-my-letter-real")
def check_letter() -> ResponseReturnValue:
    """Whether there is a letter with this number: nothing else, and never that it is genuine."""
    if language.switched() and not language.answered():
        return _letter_page({})
    read = _typed_code()
    if errors := _faults(read):
        return _letter_page(errors), 422
    found = links.find_by_short_code(db.session(), keyring(), tenant_id(), read.code)
    return _letter_page({}, "known" if found else "unknown"), 200 if found else 404


@bp.get("/r/<handle>/")
def overview(handle: str) -> ResponseReturnValue:
    letter, visit = gate.opened(), gate.visit()
    if gate.knows(letter, visit):
        visits.renew(visit)
        return redirect(steps.onward(handle), 303)
    if not letter.tan_required:
        return render_template("citizen/session_over.html", code_url=url_for("visits.code"))
    if locked := tan.is_locked(db.session(), letter):
        return _locked_page(locked)
    return _tan_page(handle, {}, None)


@bp.post("/r/<handle>/tan")
def check_tan(handle: str) -> ResponseReturnValue:
    if language.switched():
        return _tan_page(handle, {}, None)
    digits = typed.tan(_field("tan"))
    if fault := _fault_of_tan(digits):
        return _tan_page(handle, {"tan": fault}, None), 422
    letter = gate.opened()
    checked = opening.by_tan(keyring(), tenant_id(), letter.id, digits, visits.visitor())
    if checked.verdict is Verdict.LOCKED:
        return _locked_page(checked)
    if checked.verdict is Verdict.WRONG:
        return _tan_page(handle, {"tan": "wrong"}, checked.left), 422
    visits.renew(gate.visit())
    counting.see(tenant_id(), clock.today(tenant().time_zone), Step.TAN)
    counting.write()
    return redirect(steps.onward(handle), 303)


@bp.post("/end")
def end() -> ResponseReturnValue:
    """The page stays in the language that was read."""
    if letter := _last_opened():
        language.prefer(letter.language)
    opening.end(tenant_id(), visits.visitor())
    visits.forget()
    answer = render_template("citizen/ended.html", action=url_for("visits.end"))
    return answer, 200, {"Clear-Site-Data": '"cache", "storage"'}


def _count(letter: PaymentRequest, *more: Step) -> None:
    """A letter is opened, unless it stands open in this browser; and ``more`` was done at once."""
    opened = () if visits.handle_of(letter.id) else (Step.OPENED,)
    counting.see(tenant_id(), clock.today(tenant().time_zone), *opened, *more)


def _last_opened() -> PaymentRequest | None:
    visit = visits.last()
    return db.session().get(PaymentRequest, (tenant_id(), visit.request_id)) if visit else None


def _still_locked() -> Checked | None:
    """The lock of the letter whose code was typed, as it was told before: it costs no try."""
    code = _typed_code().code
    letter = links.find_by_short_code(db.session(), keyring(), tenant_id(), code) if code else None
    return tan.is_locked(db.session(), letter) if letter else None


def _field(name: str) -> str:
    return request.form.get(name, "")[:LONGEST_INPUT]


def _typed_code() -> Typed:
    return typed.read([_field(name) for name in BLOCKS])


def _faults(read: Typed) -> dict[str, object]:
    return {"code": read.fault} if read.fault else {}


def _faults_of_second(second: str) -> dict[str, object]:
    """What can be said without looking anything up, and costs no try."""
    if not second.strip():
        return {"secret": "missing"}
    return {} if typed.can_be_second(second) else {"secret": "unreadable"}


def _fault_of_tan(digits: str) -> str | None:
    if not digits:
        return "missing"
    if not (digits.isascii() and digits.isdigit()):
        return "sign"
    return None if len(digits) == tan.DIGITS else "length"


def _not_opened(opened: Opened) -> ResponseReturnValue:
    if opened.refused is Refused.LOCKED and opened.checked:
        return _locked_page(opened.checked, _typed_code())
    return _code_page({"form": "refused"}), 422


def _code_page(errors: dict[str, object]) -> str:
    return render_template(
        "citizen/code.html",
        action=url_for("visits.check_code"),
        blocks=_typed_code().blocks,
        entered={"secret": _field("secret")},
        errors=errors,
    )


def _letter_page(errors: dict[str, object], found: str | None = None) -> str:
    return render_template(
        "citizen/letter_real.html",
        action=url_for("visits.check_letter"),
        blocks=_typed_code().blocks,
        errors=errors,
        found=found,
        address=public_url(),
    )


def _tan_page(handle: str, errors: dict[str, str], left: int | None) -> str:
    return render_template(
        "citizen/tan.html",
        action=url_for("visits.check_tan", handle=handle),
        entered={"tan": _field("tan")},
        errors=errors,
        tries_left=left,
    )


def _locked_page(checked: Checked, read: Typed | None = None) -> ResponseReturnValue:
    """``read``: the code that was typed, where no address names the letter."""
    page = render_template(
        "citizen/locked.html",
        until=checked.locked_until,
        action=url_for("visits.check_code"),
        code=dict(zip(BLOCKS, read.blocks, strict=True)) if read else None,
    )
    return page, 429, _not_before(checked.locked_until)


def _not_before(moment: datetime | None) -> dict[str, str]:
    if moment is None:
        return {}
    return {"Retry-After": str(max(1, int((moment - clock.now()).total_seconds())))}
