"""The citizen's transfer: what to fill in, and the code that does. Looking changes nothing."""

import re

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import epc
from portal.db import db
from portal.payments import pages, part_urls, showing, transfers
from portal.payments.parts import NotAPart
from portal.payments.transfers import Hindrance
from portal.requests import register
from portal.web import gate, language

bp = Blueprint("transfers", __name__)

FILE_NAMES = {"de": "Ueberweisung"}  # ASCII: RFC 6266, section 4.3
NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9.]+")
SAID_HERE = {None, Hindrance.UNDECIDED, Hindrance.TOO_LATE}  # of the others the state's page tells


@bp.get("/r/<handle>/transfer")
def page(handle: str) -> ResponseReturnValue:
    session, letter = db.session(), gate.opened()
    hindrance = transfers.hindrance(session, letter)
    if hindrance not in SAID_HERE:
        return redirect(url_for("payments.status", handle=handle), 303)
    try:
        part = part_urls.asked(letter)
    except NotAPart:
        return redirect(url_for("payments.amount", handle=handle), 303)
    drawn = transfers.code(session, letter, part.amount)
    return render_template(
        "citizen/transfer.html",
        hindrance=hindrance,
        request=showing.request(letter),
        part=part,
        rest=letter.open - part.amount,
        parts_url=pages.parts_url(handle, letter),
        kind_says=showing.sentence(session, letter),
        digits=language.digits(part.amount),
        closes_on=register.closes_on(session, letter),
        svg_url=drawn and part_urls.of("transfers.svg", handle, part),
        png_url=drawn and part_urls.of("transfers.png", handle, part),
        file_name=_file_name(letter.payment_sign or letter.reference),
        status_url=url_for("payments.status", handle=handle),
        back=part_urls.of("payments.choice", handle, part),
        **pages.after_tan(handle),
    )


@bp.get("/r/<handle>/transfer.svg")
def svg(handle: str) -> ResponseReturnValue:
    return Response(epc.svg(_code()), mimetype="image/svg+xml")


@bp.get("/r/<handle>/transfer.png")
def png(handle: str) -> ResponseReturnValue:
    letter = gate.opened()
    name = _file_name(letter.payment_sign or letter.reference)
    return Response(
        epc.png(_code()),
        mimetype="image/png",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


def _code() -> bytes:
    letter = gate.opened()
    try:
        said = transfers.code(db.session(), letter, part_urls.asked(letter).amount)
    except NotAPart:
        said = None
    if said is None:
        abort(404)
    return said


def _file_name(sign: str) -> str:
    """``Ueberweisung-5.0101.000123.4.png``: says what it is, and which of several letters'."""
    word = FILE_NAMES.get(language.spoken().tag, "transfer")
    return f"{word}-{NOT_IN_FILE_NAMES.sub('-', sign).strip('-.') or 'code'}.png"
