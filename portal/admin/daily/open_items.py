"""Open items as of a day (Schwebeposten zum 31.12.), for the annual accounts."""

from collections.abc import Iterator, Mapping
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal import clock
from portal.admin import doors
from portal.admin.daily.page import csv_file, note_export, past
from portal.admin.daily.showing import part_name, read, whole_town
from portal.admin.frame import page
from portal.admin.words import CAUSE
from portal.db import db
from portal.errors import NotFound
from portal.proof import cells
from portal.proof import open_items as items
from portal.staff.roles import Right
from portal.tenants import Tenant
from portal.web.current import tenant, tenant_id
from portal.web.language import gettext
from portal.words import N_

KINDS: Mapping[str, str] = {"suspense": N_("Suspense item"), "custody": N_("Custody item")}
HEAD = (
    N_("Sort"), N_("Name"), N_("Provider account"), N_("Cause"), N_("Opened on"),
    N_("Age in days"), N_("Open amount"), N_("Currency"),
)  # fmt: skip


@doors.get("/open-items", Right.SEE)
@doors.get("/open-items/<day>", Right.SEE)
def open_items(day: str | None = None) -> ResponseReturnValue:
    """What was open at the end of a day, the oldest first; the last year-end by default."""
    whole_town(Right.SEE)
    if day is None:
        asked = request.args.get("day")
        return redirect(url_for("admin.open_items", day=asked or _year_end()), 303)
    of, session = past(day), db.session()
    found = items.page(session, tenant(), of, _behind())
    last = found[-1] if len(found) == items.A_PAGE else None
    return page(
        "admin/open_items.html",
        day=of,
        today=clock.today(tenant().time_zone),
        sums=items.sums(session, tenant(), of),
        items=found,
        kind_name=lambda kind: gettext(KINDS[kind]),
        part_name=part_name,
        next_url=_next(of, last) if last else None,
        csv_url=url_for("admin.open_items_file", day=of),
    )


@doors.post("/open-items/<day>/file", Right.EXPORT)
def open_items_file(day: str) -> ResponseReturnValue:
    """All of them as a file."""
    whole_town(Right.EXPORT)
    of, town_id = past(day), tenant_id()
    note_export("open-items", day=str(of))
    head = [gettext(each) for each in HEAD]
    sorts = {key: gettext(name) for key, name in KINDS.items()}
    causes = {cause: part_name(cause) for cause in ("", *CAUSE)}

    def told(session: Session) -> Iterator[str]:
        yield cells.line(head)
        for item in items.every(session, session.get_one(Tenant, town_id), of):
            cause = causes[item.cause]
            yield cells.line(
                [sorts[item.kind], item.reference, item.account, cause, item.opened_on, item.age,
                 item.open, item.open.currency]
            )  # fmt: skip

    name = gettext("Open-items")
    return csv_file(told, f"{name}-{of}.csv")


def _year_end() -> date:
    return date(clock.today(tenant().time_zone).year - 1, 12, 31)


def _next(day: date, last: items.OpenItem) -> str:
    after = f"{last.opened_on}_{last.kind}_{last.id}"
    return url_for("admin.open_items", day=day, after=after)


def _behind() -> items.Place:
    """The last item of the page before, as its link names it."""
    told = request.args.get("after")
    if told is None:
        return items.START
    opened_on, _, rest = told.partition("_")
    kind, _, number = rest.partition("_")
    if kind not in KINDS or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise NotFound
    return read(opened_on), kind, int(number)
