"""The citizen's first steps: link, typed code, TAN. GET and HEAD change nothing, ever."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import references
from portal.db import db
from portal.requests import links, opening, tan
from portal.requests.opening import Opened, Refused
from portal.requests.tan import Checked, Verdict
from portal.web import gate, language, visits
from portal.web.current import keyring, tenant_id

bp = Blueprint("visits", __name__)

LONGEST_INPUT = 64


@bp.get("/")
def code() -> ResponseReturnValue:
    if "over" in request.args:
        return render_template("citizen/session_over.html", tan_url=url_for("visits.code"))
    return _code_page({})


@bp.post("/")
def check_code() -> ResponseReturnValue:
    if language.switched():
        return _code_page({})
    typed = request.form.get("code", "")[:LONGEST_INPUT]
    second = request.form.get("secret", "")[:LONGEST_INPUT]
    if errors := _unreadable(typed, second):
        return _code_page(errors), 422
    opened = opening.by_code(keyring(), tenant_id(), typed, second, visits.visitor())
    if opened.request is None:
        return _not_opened(opened)
    handle = visits.open_letter(opened.request, proven=True)
    return redirect(url_for("visits.overview", handle=handle), 303)


@bp.get("/Z/<code>")
@bp.get("/z/<code>")
def open_link(code: str) -> ResponseReturnValue:
    found = links.find_by_link(db.session(), keyring(), tenant_id(), code)
    if found is None:
        return render_template("citizen/unknown.html"), 404
    handle = visits.open_letter(found, proven=False)
    return redirect(url_for("visits.overview", handle=handle), 303)


@bp.get("/r/<handle>/")
def overview(handle: str) -> ResponseReturnValue:
    letter, visit = gate.opened(), gate.visit()
    if gate.knows(letter, visit):
        visits.renew(visit)
        return redirect(url_for("payments.status", handle=handle), 303)
    if not letter.tan_required:
        over = url_for("visits.code")
        return render_template("citizen/session_over.html", tan_url=over)
    if locked := tan.is_locked(db.session(), letter):
        return _locked_page(locked)
    return _tan_page(handle, {}, None)


@bp.post("/r/<handle>/tan")
def check_tan(handle: str) -> ResponseReturnValue:
    typed = request.form.get("tan", "")[:LONGEST_INPUT]
    if language.switched():
        return _tan_page(handle, {}, None, typed)
    digits = "".join(sign for sign in typed if sign.isdigit())
    if len(digits) != tan.DIGITS:
        word = "length" if digits else "missing"
        return _tan_page(handle, {"tan": word}, None), 422
    letter = gate.opened()
    checked = opening.by_tan(keyring(), tenant_id(), letter.id, digits, visits.visitor())
    if checked.verdict is Verdict.LOCKED:
        return _locked_page(checked)
    if checked.verdict is Verdict.WRONG:
        return _tan_page(handle, {"tan": "wrong"}, checked.left), 422
    visits.renew(gate.visit())
    return redirect(url_for("payments.status", handle=handle), 303)


@bp.post("/end")
def end() -> ResponseReturnValue:
    opening.end(tenant_id(), visits.visitor())
    visits.forget()
    answer = render_template("citizen/ended.html")
    return answer, 200, {"Clear-Site-Data": '"cache", "storage"'}


def _unreadable(typed: str, second: str) -> dict[str, str]:
    """What is wrong with what was typed, as far as it can be said without looking anything up."""
    errors = {}
    folded = references.fold(typed)
    if not folded:
        errors["code"] = "missing"
    elif not references.is_written_right(folded):
        errors["code"] = "sign"
    elif len(folded) != links.SHORT_CODE_LENGTH:
        errors["code"] = "length"
    elif not references.is_valid(folded):
        errors["code"] = "check"
    if not second.strip():
        errors["secret"] = "missing"  # noqa: S105 -- a word for the page
    return errors


def _not_opened(opened: Opened) -> ResponseReturnValue:
    if opened.refused is Refused.LOCKED and opened.checked:
        return _locked_page(opened.checked)
    return _code_page({"form": "refused"}), 422


def _code_page(errors: dict[str, str]) -> str:
    entered = {name: request.form.get(name, "")[:LONGEST_INPUT] for name in ("code", "secret")}
    return render_template(
        "citizen/code.html", action=url_for("visits.check_code"), entered=entered, errors=errors
    )


def _tan_page(handle: str, errors: dict[str, str], left: int | None, typed: str = "") -> str:
    return render_template(
        "citizen/tan.html",
        action=url_for("visits.check_tan", handle=handle),
        entered={"tan": typed},
        errors=errors,
        tries_left=left,
    )


def _locked_page(checked: Checked) -> ResponseReturnValue:
    page = render_template("citizen/locked.html", until=checked.locked_until)
    return page, 429
