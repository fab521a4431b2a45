"""Daily reconciliation (Tagesabstimmung): any day with its equations, on the page and on paper."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.admin import doors, gate, saying
from portal.admin.daily import showing
from portal.admin.daily.showing import Standing, read, whole_town
from portal.admin.daily.words import REASONS, SOURCES
from portal.admin.frame import page
from portal.db import Json, db, transaction
from portal.errors import NotFound
from portal.printing import draw
from portal.proof import afterwards, cells, closing, reconciling, rows, telling
from portal.proof.figures import FIGURES
from portal.proof.models import DayExplanation
from portal.staff.roles import Right
from portal.tenants import Tenant
from portal.web.current import settings, tenant, tenant_id
from portal.web.language import gettext
from portal.words import N_


@doors.get("/reconciliation", Right.SEE)
@doors.get("/reconciliation/<day>", Right.SEE)
def reconciliation(day: str | None = None) -> ResponseReturnValue:
    """A day, or today: the three equations, and what may be done about the day."""
    whole_town(Right.SEE)
    if day is None and (asked := request.args.get("day")):
        return redirect(url_for("admin.reconciliation", day=asked), 303)
    return day_page(past(day) if day else clock.today(tenant().time_zone))


@doors.get("/reconciliation/<day>.pdf", Right.SEE)
def reconciliation_paper(day: str) -> ResponseReturnValue:
    """The day on paper (PDF/UA), to be signed and filed."""
    whole_town(Right.SEE)
    of = past(day)
    html = render_template("admin/daily_paper.html", drawn_at=clock.now(), **_told(of))
    db.session.rollback()  # drawing may take a moment, and needs no connection
    drawn = draw(settings().print_socket, html)
    name = gettext("Daily-reconciliation")
    return _file(drawn, "application/pdf", f"{name}-{of}.pdf")


@doors.get("/reconciliation/<day>/rows", Right.SEE)
def reconciliation_rows(day: str) -> ResponseReturnValue:
    """The rows behind one figure: what was carried, the day's own rows, and their sum."""
    whole_town(Right.SEE)
    place, told = _place(day), _figure_label()
    found = rows.page(db.session(), tenant(), place, _behind())
    last = found[-1] if len(found) == rows.A_PAGE else None
    return page(
        "admin/daily_rows.html",
        place=place,
        name=told,
        part=showing.part_name(place.part),
        behind=rows.behind(db.session(), tenant(), place),
        rows=found,
        source_name=lambda source: gettext(SOURCES[source]),
        is_first=not request.args.get("source"),
        next_url=_rows_url(place, source=last.source, name=last.name) if last else None,
        first_url=_rows_url(place),
        csv_url=_rows_url(place, "admin.reconciliation_rows_file"),
        back=url_for("admin.reconciliation", day=place.day),
    )


@doors.post("/reconciliation/<day>/rows/file", Right.EXPORT)
def reconciliation_rows_file(day: str) -> ResponseReturnValue:
    """All of them as a file."""
    whole_town(Right.EXPORT)
    place, town_id = _place(day), tenant_id()
    note_export("reconciliation", day=str(place.day), figure=place.key, part=place.part)
    head = [gettext(each) for each in (N_("Source"), N_("Name"), N_("Amount"), N_("Currency"))]
    names, before = (
        {key: gettext(name) for key, name in SOURCES.items()},
        gettext("Carried forward"),
    )

    def told(session: Session) -> Iterator[str]:
        town = session.get_one(Tenant, town_id)
        yield cells.line(head)
        if carried := rows.behind(session, town, place).carried:
            yield cells.line([before, "", carried, place.currency])
        for row in rows.every(session, town, place):
            yield cells.line([names[row.source], row.name, row.money, place.currency])

    return csv_file(told, f"{place.key}-{place.day}.csv")


def day_page(
    day: date, errors: Mapping[str, str] | None = None, status: int = 200
) -> ResponseReturnValue:
    """The page of a day, with what was wrong in a form and what was typed."""
    told = _told(day)
    return page("admin/daily.html", status, errors=errors or {}, typed=request.form, **told)


def past(day: str) -> date:
    """A day in an address that has begun; raises ``NotFound``."""
    found = read(day)
    if found > clock.today(tenant().time_zone):
        raise NotFound
    return found


def note_export(what: str, **detail: str) -> None:
    """Who took out what is noted before anything is sent, as of the lists."""
    who = gate.person()
    db.session.rollback()
    with transaction() as session:
        audit.note(session, who.tenant_id, who.actor, "list.exported", what, detail)


def csv_file(told: Callable[[Session], Iterator[str]], name: str) -> Response:
    """A table as a file, streamed in a snapshot of its own: the request is over by then."""
    engine = db.engine

    def body() -> Iterator[bytes]:
        with Session(engine) as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            for line in told(session):
                yield line.encode()

    return _file(body(), "text/csv; charset=utf-8", name)


def _told(day: date) -> Json:
    """What page and paper tell of a day."""
    town_id, session = tenant_id(), db.session()
    session.rollback()  # the figures are read in a snapshot of their own
    now = telling.as_json(reconciling.at(town_id, day))
    town = session.get_one(Tenant, town_id)
    stands = showing.standing(session, town, day)
    kept = stands.closed.figures if stands.closed else now
    days, more_days = showing.open_days(session, town, clock.today(town.time_zone))
    return {
        "town": town,
        "day": day,
        "now": clock.now(),
        "stands": stands,
        "holds": kept["holds"],
        "groups": showing.groups(kept, now),
        "explained": _explained(town_id, stands, day),
        "later": _later(town_id, stands, day),
        "open_days": days,
        "more_open_days": more_days,
        "unexplained": closing.unexplained(session, town_id),
        "today": clock.today(town.time_zone),
        "reason_name": reason_name,
        "who": partial(saying.who, session),
    }


def _explained(town_id: str, stands: Standing, day: date) -> list[DayExplanation]:
    if stands.closed is None or stands.closed.holds:
        return []
    mine = db.session().query(DayExplanation).filter_by(tenant_id=town_id, day=day)
    return list(mine.order_by(DayExplanation.id))


def _later(town_id: str, stands: Standing, day: date) -> list[afterwards.Later]:
    if stands.closed is None:
        return []
    behind = request.args.get("later", "")
    return list(
        afterwards.page(
            db.session(),
            town_id,
            day,
            stands.closed.closed_at,
            int(behind) if behind.isascii() and behind.isdigit() and len(behind) < 19 else 0,
        )
    )


def reason_name(reason: str) -> str:
    """What an entry books, in words."""
    return gettext(REASONS[reason]) if reason in REASONS else reason.replace("_", " ")


def _place(day: str) -> rows.Place:
    key, part, currency = (request.args.get(name, "") for name in ("figure", "part", "currency"))
    if key not in FIGURES or len(currency) != 3:
        raise NotFound
    return rows.Place(key, past(day), part, currency)


def _figure_label() -> str:
    query = FIGURES[request.args["figure"]]
    return showing.label({"german": query.german, "label": query.label})


def _behind() -> tuple[str, str]:
    return request.args.get("source", ""), request.args.get("name", "")


def _rows_url(place: rows.Place, endpoint: str = "admin.reconciliation_rows", **more: Any) -> str:
    return url_for(
        endpoint,
        day=place.day,
        figure=place.key,
        part=place.part,
        currency=place.currency,
        **more,
    )


def _file(body: Any, kind: str, name: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, mimetype=None, content_type=kind, headers=disposition)
