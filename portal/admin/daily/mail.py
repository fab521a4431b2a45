"""Which mailboxes of the town get the daily mail, and when."""

import re
from collections.abc import Mapping

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal import mail
from portal.admin import doors, gate
from portal.admin.frame import page
from portal.db import db
from portal.errors import Invalid
from portal.proof import daily
from portal.staff.roles import Right
from portal.web.current import settings, tenant_id
from portal.web.language import gettext
from portal.words import N_

FIRST_HOUR = 7  # what is offered where nothing is set
LONGEST_FORM = 4_000  # characters
SENTENCES: Mapping[str, tuple[str, str]] = {
    "no_address": ("mailboxes", N_("One of these is no e-mail address. Please write one a line.")),
    "too_many_mailboxes": ("mailboxes", N_("Please name ten mailboxes at most.")),
    "no_hour": ("hour", N_("Please choose an hour.")),
}


@doors.get("/daily-mail", Right.SEE_SETTINGS)
def daily_mail() -> ResponseReturnValue:
    rows = daily.set_for(db.session(), tenant_id())
    hour = rows[0].hour if rows else FIRST_HOUR
    return _page("\n".join(row.address for row in rows), str(hour), {})


@doors.post("/daily-mail", Right.CHANGE_SETTINGS)
def set_daily_mail() -> ResponseReturnValue:
    typed, hour = request.form.get("mailboxes", "")[:LONGEST_FORM], request.form.get("hour", "")
    wanted = [each for each in re.split(r"[\s,;]+", typed) if each]
    db.session.rollback()  # the act begins its own transaction
    try:
        daily.put(tenant_id(), wanted, int(hour) if hour.isdecimal() else -1, gate.person().actor)
    except Invalid as error:
        field, sentence = SENTENCES[error.code]
        return _page(typed, hour, {field: gettext(sentence)}, 422)
    flash(gettext("Saved.") if wanted else gettext("The daily mail is turned off."))
    return redirect(url_for("admin.daily_mail"), 303)


def _page(
    mailboxes: str, hour: str, errors: Mapping[str, str], status: int = 200
) -> ResponseReturnValue:
    return page(
        "admin/daily_mail.html",
        status,
        mailboxes=mailboxes,
        hour=hour,
        hours=[(str(each), f"{each:02}:00") for each in daily.HOURS],
        errors=errors,
        may_change=gate.person().may(Right.CHANGE_SETTINGS),
        can_send=mail.post(settings()) is not None,
    )
