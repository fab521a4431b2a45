"""Guessing: many wrong TANs within an hour, on whatever letters, are a task for the town's staff.

Each letter is safe by its own counter; so many wrong ones together mean that somebody tries links
that he found, or that the letters of a run carry TANs that cannot be read.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock, tenants
from portal.db import transaction
from portal.requests.models import Tries
from portal.worklist import writing
from portal.worklist.kinds import Kind

MANY = 50  # wrong ones in an hour
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUBJECT = "tans"
ACTOR = "worker"


def look() -> None:
    """Open the task of each town that is tried; end it after a day with fewer wrong ones."""
    now = clock.now()

    def act(tenant_id: str) -> None:
        with transaction() as session:
            _look(session, tenant_id, now)

    tenants.each(act)


def _look(session: Session, tenant_id: str, now: datetime) -> None:
    wrong, letters = _wrong(session, tenant_id, now - HOUR)
    if wrong >= MANY:
        detail = {"wrong": wrong, "letters": letters}
        writing.put(session, tenant_id, Kind.TANS_GUESSED, SUBJECT, detail=detail)
    elif _wrong(session, tenant_id, now - DAY)[0] < MANY:
        writing.end(session, tenant_id, Kind.TANS_GUESSED, SUBJECT, ACTOR, "over")


def _wrong(session: Session, tenant_id: str, since: datetime) -> tuple[int, int]:
    """Wrong ones in hours that began since then, and on how many letters.

    A letter counts its own hours, each from its first wrong one; what was right counts no more.
    """
    query = select(func.coalesce(func.sum(Tries.in_hour), 0), func.count()).where(
        Tries.tenant_id == tenant_id, Tries.hour_began_at > since, Tries.in_hour > 0
    )
    wrong, letters = session.execute(query).one()
    return int(wrong), int(letters)
