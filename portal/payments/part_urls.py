"""Parts in addresses: the pages after the choice of an amount carry it in their query."""

from flask import request, url_for

from portal.db import db
from portal.payments import parts
from portal.payments.parts import Part, Which
from portal.payments.start import payable_now
from portal.requests.models import PaymentRequest


def of(endpoint: str, handle: str, part: Part) -> str:
    """The address of a page of this letter for a part; all that is open needs no query."""
    if part.which is Which.WHOLE:
        return url_for(endpoint, handle=handle)
    return url_for(endpoint, handle=handle, part=part.which.value, cents=part.amount.cents)


def asked(letter: PaymentRequest) -> Part:
    """The part in the address being asked for; raises ``NotAPart`` when it is none now."""
    name = which(request.args.get("part"))
    found = letter.open.cents if name is Which.WHOLE else cents(request.args.get("cents", ""))
    return parts.chosen(payable_now(db.session(), letter), name, found)


def which(name: str | None) -> Which:
    """A part's name as a page sends it; all where there is none."""
    return Which(name) if name in set(Which) else Which.WHOLE


def cents(text: str) -> int:
    """A number as a page sends it; -1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
