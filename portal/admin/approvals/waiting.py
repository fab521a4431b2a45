"""What waits for a second person, and what was decided lately, as far as this person may see."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from portal.admin import gate
from portal.admin.approvals import reach
from portal.admin.approvals.second_person import ACTS, Act
from portal.approvals import deciding
from portal.approvals.models import Approval
from portal.approvals.states import State
from portal.audit import AuditRow
from portal.staff.roles import Right
from portal.web.language import gettext

MOST_SHOWN = 200
MOST_DECIDED = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval as this person sees it."""

    approval: Approval
    act: Act | None
    mine: bool
    may_decide: bool

    @property
    def waits(self) -> bool:
        """Whether it is not decided yet."""
        return self.approval.state == State.ASKED


def waiting(session: Session) -> list[Asked]:
    """What waits, what runs out first at the top."""
    query = _seen().where(Approval.state == State.ASKED).order_by(Approval.expires_at, Approval.id)
    return _as_seen(session, query.limit(MOST_SHOWN))


@dataclass(frozen=True, slots=True)
class Title:
    """What waits, to be named on the page of what it is about."""

    number: int
    title: str
    subject: str


def titles(session: Session, acts: frozenset[str]) -> list[Title]:
    """What waits of these acts in this town, whoever asked for it; the oldest first."""
    query = select(Approval).where(
        Approval.tenant_id == gate.person().tenant_id,
        Approval.state == State.ASKED,
        Approval.act.in_(acts),
    )
    rows = session.scalars(query.order_by(Approval.id).limit(MOST_SHOWN))
    return [Title(row.id, gettext(ACTS[row.act].title), row.subject) for row in rows]


def decided(session: Session) -> list[Asked]:
    """What was decided, or had run out, lately; the newest first."""
    query = _seen().where(Approval.state != State.ASKED).order_by(Approval.id.desc())
    return _as_seen(session, query.limit(MOST_DECIDED))


def get(session: Session, number: int) -> Asked:
    """One of them; what is out of reach is not there."""
    found = _as_seen(session, _seen().where(Approval.id == number))
    if not found:
        gate.refuse(f"approval {number}")
    return found[0]


def why_refused(session: Session, approval: Approval) -> str:
    """What the person said who refused it; empty where it was taken back."""
    query = select(AuditRow.detail).where(
        AuditRow.tenant_id == approval.tenant_id,
        AuditRow.subject == approval.subject,
        AuditRow.act == f"{approval.act}.refused",
        AuditRow.at >= approval.asked_at,
    )
    detail = session.scalar(query.order_by(AuditRow.id).limit(1))
    return str(detail.get("why", "")) if detail else ""


def _seen() -> Select[Approval, bool, bool]:
    """What this person may read: approval, whether it is his own, whether he may decide it."""
    who = gate.person()
    mine = func.lower(Approval.first) == who.actor.lower()
    decides = reach.covers(Right.APPROVE)
    return select(Approval, mine, decides).where(
        Approval.tenant_id == who.tenant_id, or_(mine, decides, _readable())
    )


def _readable() -> ColumnElement[bool]:
    """By the right of each act; what has no word here any more is read by who sees the settings."""
    rights = {act: told.seen_by for act, told in ACTS.items()}
    others = Approval.act.not_in(rights) & reach.covers(Right.SEE_SETTINGS)
    by_right = (
        Approval.act.in_([act for act, asked in rights.items() if asked is right])
        & reach.covers(right)
        for right in sorted(set(rights.values()))
    )
    return or_(others, *by_right)


def _as_seen(session: Session, query: Select[Approval, bool, bool]) -> list[Asked]:
    rows = session.execute(query.execution_options(populate_existing=True))
    return [_asked(*row) for row in rows]


def _asked(approval: Approval, mine: bool, decides: bool) -> Asked:
    for_himself = deciding.same(f"staff:{approval.facts.get('login')}", gate.person().actor)
    act = ACTS.get(approval.act)
    may_decide = decides and act is not None and not mine and not for_himself
    return Asked(approval, act, mine, may_decide and approval.state == State.ASKED)
