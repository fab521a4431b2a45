"""Ends are announced: as tasks for staff, and as sentences for whoever runs the portal.

A task is ended by itself when something follows, or the day is moved. What a person has ended is
not opened again for the same day. That a method has ended may be learned long after the day: then
it is announced for as long as it is offered.
"""

from dataclasses import asdict
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock, tenants
from portal.db import Json, transaction
from portal.payments import accounts
from portal.payments.ends import ONE_DAY, Calendar, Case, Ending, calendar, endings
from portal.payments.models import ProviderAccount, ProviderRule
from portal.payments.staff import BY_ITSELF
from portal.providers.ended import Ended
from portal.tenants import Kind as KindOfRequest
from portal.tenants import Tenant
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind

BEFORE = timedelta(days=60)
BEHIND = timedelta(days=400)  # so long an end that came is looked at, whether something follows


def look_all() -> int:
    """Look at every town's calendar; how many ends are announced. A whole act for each town."""

    def act(tenant_id: str) -> int:
        with transaction() as session:
            return look(session, tenant_id)

    return sum(tenants.each(act))


def look(session: Session, tenant_id: str) -> int:
    """Open the tasks of ends to come, end those that are mended; how many ends are announced."""
    session.flush()
    town, today = of_town(session, tenant_id)
    late = {str(rule.id) for rule, _ in dead(session, tenant_id)}
    ends = {
        _subject(each): each
        for each in endings(town, date.min, today + BEFORE, today)
        if each.last_day >= today - BEHIND or _is_of(each, late)
    }
    known = set()
    for task in reading.open_tasks(
        session, tenant_id, kinds=(Kind.METHOD_ENDS, Kind.LAST_METHOD_ENDS)
    ):
        ending = ends.get(task.subject)
        if ending is None:
            writing.end(session, tenant_id, task.kind, task.subject, BY_ITSELF, "followed or moved")
            continue
        known.add(task.subject)
        if task.kind != _kind(ending):
            writing.end(session, tenant_id, task.kind, task.subject, BY_ITSELF, "other than it was")
            _put(session, tenant_id, ending)
    to_come = {
        name: each
        for name, each in ends.items()
        if each.last_day >= today - ONE_DAY or _is_of(each, late)
    }
    for subject, ending in to_come.items():
        if subject not in known and not _was_seen_to(session, tenant_id, ending):
            _put(session, tenant_id, ending)
    return len(to_come)


def coming(session: Session, tenant_id: str) -> list[tuple[Ending, int]]:
    """The ends of the next 60 days that nothing follows, and how many days are left of each.

    What ended yesterday is among them, with -1: it may have been ended a moment ago.
    """
    town, today = of_town(session, tenant_id)
    found = endings(town, today - ONE_DAY, today + BEFORE, today)
    return [(each, (each.last_day - today).days) for each in found]


def dead(session: Session, tenant_id: str) -> list[tuple[ProviderRule, Ended]]:
    """The rules that still offer a method which has ended."""
    _, today = of_town(session, tenant_id)
    open_today = accounts.open_on(session, tenant_id, today)
    return [
        (rule, ended)
        for rule, ended in accounts.ended(session, tenant_id, today)
        if (rule.valid_until or date.max) >= today and rule.account_id in open_today
    ]


def of_town(session: Session, tenant_id: str) -> tuple[Calendar, date]:
    """A town's calendar, and its today."""
    mine = ProviderAccount.tenant_id == tenant_id
    rows = session.scalars(select(ProviderAccount).where(mine)).all()
    kinds = select(KindOfRequest.code).where(KindOfRequest.tenant_id == tenant_id)
    town = calendar(rows, accounts.rules(session, tenant_id), session.scalars(kinds))
    return town, clock.today(session.get_one(Tenant, tenant_id).time_zone)


def sentence(ending: Ending, left: int) -> str:
    """An end in words, and louder where it leaves something that cannot be paid online."""
    name = ending.name if ending.what == "account" else ", ".join(ending.labels)
    when = f"ends in {left} days" if left >= 0 else f"has ended on {ending.last_day}"
    lost = "; ".join(f"{', '.join(gap.kinds)} {_stretch(gap)}".strip() for gap in ending.gaps)
    return f"{name} {when}" + (f", and then NOTHING can be paid online for: {lost}" if lost else "")


def _stretch(gap: Case) -> str:
    if gap.most is None:
        return "" if gap.least == 1 else f"from {_amount(gap.least, gap.currency)}"
    up_to = f"up to {_amount(gap.most, gap.currency)}"
    return up_to if gap.least == 1 else f"from {_amount(gap.least, gap.currency)} {up_to}"


def _amount(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02d} {currency}"


def _kind(ending: Ending) -> Kind:
    return Kind.LAST_METHOD_ENDS if ending.gaps else Kind.METHOD_ENDS


def _subject(ending: Ending) -> str:
    return f"{ending.what}:{ending.name}:{ending.last_day}"


def _is_of(ending: Ending, rules: set[str]) -> bool:
    return ending.what == "rule" and ending.name in rules


def _put(session: Session, tenant_id: str, ending: Ending) -> None:
    detail: Json = {
        ending.what: ending.name,
        "labels": list(ending.labels),
        "last_day": str(ending.last_day),
        "left_without": [asdict(gap) for gap in ending.gaps],
    }
    writing.put(session, tenant_id, _kind(ending), _subject(ending), detail=detail)


def _was_seen_to(session: Session, tenant_id: str, ending: Ending) -> bool:
    """Whether a person ended the task of this end, of this loudness."""
    by = reading.last_ended_by(session, tenant_id, _kind(ending), _subject(ending))
    return by not in {None, BY_ITSELF}
