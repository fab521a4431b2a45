"""The audit (Protokoll): who did what, searched and in pages; whether its chain is whole."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from portal.admin import doors
from portal.admin.approvals import second_person
from portal.admin.audit.words import ACTS, STATES, act_name
from portal.admin.frame import page
from portal.audit import AuditChain, AuditHead, AuditRow
from portal.db import Json, db
from portal.errors import NotFound
from portal.proof import chain, closing
from portal.staff.roles import Right
from portal.tenants import Tenant
from portal.web.current import tenant, tenant_id
from portal.web.language import gettext
from portal.words import N_

A_PAGE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FILTERS = ("actor", "act", "subject", "since", "until")
LONGEST = 200  # characters of a filter
WHO = ("", "staff:", "client:")  # so that a login or a client's name is enough
FINDINGS: Mapping[str, str] = {
    "the chain does not end at its head": N_("The chain does not end at its head."),
    "the chain does not go through the head that was written down":
        N_("The chain does not go through the head that the last closing of a day wrote down."),
    "links are missing before this one": N_("Links are missing before this one."),
    "the link does not hold the one before it": N_("The link does not hold the one before it."),
    "the note is gone": N_("The note is gone."),
    "the note or its link was changed": N_("The note or its link was changed."),
    "the note is older than those before it": N_("The note is older than those before it."),
    "the note was never linked": N_("The note was never linked."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the chain ends, and how many notes wait for their link."""

    head: chain.Head
    linked_at: datetime | None
    purged: int
    waiting: int
    written_down: chain.Head | None


@doors.get("/audit", Right.SEE_AUDIT)
def audit() -> ResponseReturnValue:
    """The newest notes first, of those that are asked for."""
    return _page(None)


@doors.post("/audit/check", Right.SEE_AUDIT)
def check_audit() -> ResponseReturnValue:
    """Compute the whole chain anew, and tell what is wrong with it."""
    session = db.session()
    written_down = closing.last_head(session, tenant_id())
    session.rollback()  # the check reads in a snapshot of its own
    verdict = chain.verify(session, tenant_id(), written_down)
    session.rollback()
    return _page(verdict)


def act_names() -> list[tuple[str, str]]:
    """All acts by their words, for choosing one."""
    codes = [*ACTS, *(f"{act}.{state}" for act in second_person.ACTS for state in STATES)]
    return sorted(((code, act_name(code)) for code in codes), key=lambda pair: pair[1].casefold())


def detail_text(detail: Json) -> str:
    """What a note holds besides, in one line."""
    return ", ".join(f"{name}: {_told(value)}" for name, value in detail.items())


def find(
    session: Session, town: Tenant, wanted: Mapping[str, str], after: str | None = None
) -> Sequence[AuditRow]:
    """Notes after ``after``, the newest first. Raises ``NotFound`` for what is no day or place."""
    conditions = [AuditRow.tenant_id == town.id, *_conditions(session, town, wanted)]
    if after is not None:
        conditions.append(tuple_(AuditRow.at, AuditRow.id) < tuple_(*_read_place(after)))
    query = select(AuditRow).where(*conditions).order_by(AuditRow.at.desc(), AuditRow.id.desc())
    return session.scalars(query.limit(A_PAGE)).all()


def _page(verdict: chain.Verdict | None) -> ResponseReturnValue:
    wanted = {name: request.args.get(name, "").strip()[:LONGEST] for name in FILTERS}
    found = find(db.session(), tenant(), wanted, request.args.get("after"))
    asked: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    last = found[-1] if len(found) == A_PAGE else None
    return page(
        "admin/audit.html",
        wanted=wanted,
        acts=[("", gettext("all")), *act_names()],
        notes=found,
        act_name=act_name,
        detail_text=detail_text,
        next_url=url_for("admin.audit", **asked, after=_place(last)) if last else None,
        standing=_standing(db.session(), tenant_id()),
        verdict=verdict,
        finding=lambda what: gettext(FINDINGS[what]),
    )


def _conditions(
    session: Session, town: Tenant, wanted: Mapping[str, str]
) -> list[ColumnElement[bool]]:
    zone, found = ZoneInfo(town.time_zone), list[ColumnElement[bool]]()
    if who := wanted.get("actor"):
        found.append(AuditRow.actor.in_(_actors(session, town.id, who)))
    if act := wanted.get("act"):
        found.append(AuditRow.act == act)
    if subject := wanted.get("subject"):
        found.append(AuditRow.subject == subject)
    if since := wanted.get("since"):
        found.append(AuditRow.at >= datetime.combine(_day(since), time(), zone))
    if until := wanted.get("until"):
        end = datetime.combine(_day(until) + timedelta(days=1), time(), zone)
        found.append(AuditRow.at < end)
    return found


def _actors(session: Session, town_id: str, who: str) -> list[str]:
    """Those of the possible names that are there: mostly one, of which an index knows the order."""

    def is_there(actor: str) -> bool:
        mine = (AuditRow.tenant_id == town_id) & (AuditRow.actor == actor)
        return session.scalar(select(AuditRow.id).where(mine).limit(1)) is not None

    return [actor for actor in (f"{kind}{who}" for kind in WHO) if is_there(actor)]


def _day(told: str) -> date:
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise NotFound from None
    if not 1970 <= day.year < 9999:
        raise NotFound
    return day


def _place(note: AuditRow) -> str:
    """Where a page ends: microseconds since 1970 and the note's number."""
    return f"{(note.at - EPOCH) // MICROSECOND}_{note.id}"


def _read_place(told: str) -> tuple[datetime, int]:
    at, _, number = told.partition("_")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at, number)):
        raise NotFound
    try:
        return EPOCH + int(at) * MICROSECOND, int(number)
    except OverflowError:
        raise NotFound from None


def _standing(session: Session, town_id: str) -> Standing:
    row = session.get(AuditHead, town_id)
    of_town = AuditChain.tenant_id == town_id
    last = select(func.coalesce(func.max(AuditChain.audit_id), 0)).where(of_town)
    newer = (AuditRow.tenant_id == town_id) & (AuditRow.id > last.scalar_subquery())
    return Standing(
        head=chain.head_of(session, town_id),
        linked_at=row.at if row else None,
        purged=row.purged_through if row else 0,
        waiting=session.scalar(select(func.count()).select_from(AuditRow).where(newer)) or 0,
        written_down=closing.last_head(session, town_id),
    )


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
