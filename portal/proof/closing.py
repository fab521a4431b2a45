"""Closing a business day (Tagesabstimmung): by one person when all equations hold, else by two.

What is closed is kept as it was then and never opened again: what is heard later is booked on the
day on which it is heard. A difference needs a reason and another person, and stays listed until
somebody says what came out of it.
"""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import deciding
from portal.approvals.deciding import Wanted
from portal.approvals.models import Approval
from portal.approvals.states import State
from portal.db import Json, transaction, wait_for
from portal.errors import Conflict, Invalid, NotFound
from portal.finance import messages, outbox
from portal.payments.figures import GRACE
from portal.proof import chain, reconciling, telling
from portal.proof.equations import Reconciliation
from portal.proof.models import DayClosing, DayExplanation
from portal.requests import persons
from portal.tenants import Tenant

ACT = "day.close"
LONGEST_REASON = 500  # characters
MOST_AT_ONCE = 100


class NotOver(Conflict):
    """The day is not over yet in the town's zone, or only just."""

    code = "day_not_over"


class ClosedBefore(Conflict):
    """The day is closed, and stays so."""

    code = "day_closed"


class Differs(Conflict):
    """An equation does not hold: a reason and a second person are needed."""

    code = "day_differs"


class Holds(Conflict):
    """All equations hold: one person closes the day."""

    code = "day_holds"


class Changed(Conflict):
    """The differences are not any more what the first person saw."""

    code = "day_changed"


class NoReason(Invalid):
    """A text of 1 to 500 characters is needed."""

    code = "reason_missing"


class NamesAPerson(Invalid):
    """The text holds what points to a person; the books hold no person."""

    code = "personal_data"


class NotClosed(NotFound):
    """The day is not closed, or held when it was."""

    code = "day_not_closed"


def close(tenant_id: str, day: date, by: str) -> None:
    """Close a day that holds. A whole act.

    Raises ``NotOver``, ``ClosedBefore``, ``Differs`` and ``reconciling.NoSuchTenant``.
    """
    found = _reconciled(tenant_id, day)
    with transaction() as session:
        _open(session, tenant_id, day)
        if not found.holds:
            raise Differs("An equation does not hold.")
        if waiting(session, tenant_id, day):  # asked for while there still was a difference
            deciding.refuse(session, tenant_id, ACT, day.isoformat(), by)
        _write(session, found, by)


def ask(tenant_id: str, day: date, reason: str, by: str) -> None:
    """Ask another person to close a day that does not hold. A whole act.

    Raises ``NotOver``, ``ClosedBefore``, ``Holds``, ``NoReason``, ``NamesAPerson`` and
    ``deciding.AskedBefore``.
    """
    said = checked(reason)
    found = _reconciled(tenant_id, day)
    with transaction() as session:
        _open(session, tenant_id, day)
        if found.holds:
            raise Holds("All equations hold.")
        facts = {"day": day.isoformat(), "reason": said, "differences": differences(found)}
        deciding.ask(session, tenant_id, Wanted(ACT, day.isoformat(), None, facts), by)


def approve(tenant_id: str, subject: str, by: str, number: int | None = None) -> None:
    """The second person agrees, and the day is closed. A whole act; ``subject`` is the ISO day.

    Raises as ``deciding.approve``, and ``ClosedBefore`` and ``Changed``.
    """
    day = _day(subject)
    found = _reconciled(tenant_id, day)
    with transaction() as session:
        _open(session, tenant_id, day)
        approval = deciding.approve(session, tenant_id, ACT, subject, by, number)
        if differences(found) != approval.facts["differences"]:
            raise Changed("The differences have changed since it was asked for.")
        _write(session, found, approval.first, by, approval.facts["reason"])


def refuse(tenant_id: str, subject: str, by: str, why: str = "", number: int | None = None) -> None:
    """A person refuses, or takes back what he asked for. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, subject, by, why, number)


def explain(tenant_id: str, day: date, text: str, by: str) -> None:
    """Say what came out about the difference of a closed day. A whole act.

    Raises ``NotClosed``, ``NoReason``, ``NamesAPerson``.
    """
    said = checked(text)
    with transaction() as session:
        row = session.get(DayClosing, (tenant_id, day))
        if row is None or row.holds:
            raise NotClosed("No difference of this day is to be explained.")
        told = DayExplanation(tenant_id=tenant_id, day=day, at=clock.now(), by=by, text=said)
        session.add(told)
        audit.note(session, tenant_id, by, "day.explained", day.isoformat(), {"text": said})


def run_out() -> None:
    """End what waited seven days for a second person. Whole acts, one for each."""
    with transaction() as session:
        over = deciding.over(session, frozenset({ACT}), MOST_AT_ONCE)
    for tenant_id, act, subject in over:
        with transaction() as session:
            deciding.run_out(session, tenant_id, act, subject)


def waiting(session: Session, tenant_id: str, day: date) -> Approval | None:
    """What waits for a second person to close this day."""
    query = select(Approval).where(
        Approval.tenant_id == tenant_id,
        Approval.act == ACT,
        Approval.subject == day.isoformat(),
        Approval.state == State.ASKED,
    )
    return session.scalar(query)


def unexplained(session: Session, tenant_id: str) -> Sequence[DayClosing]:
    """Closed days whose difference nobody has explained, oldest first."""
    said = (
        select(DayExplanation.id)
        .where(
            DayExplanation.tenant_id == DayClosing.tenant_id, DayExplanation.day == DayClosing.day
        )
        .exists()
    )
    query = select(DayClosing).where(
        DayClosing.tenant_id == tenant_id, DayClosing.holds.is_(False), ~said
    )
    return session.scalars(query.order_by(DayClosing.day)).all()


def last_head(session: Session, tenant_id: str) -> chain.Head | None:
    """The head of the audit chain that the last closing wrote down."""
    query = select(DayClosing).where(DayClosing.tenant_id == tenant_id)
    row = session.scalar(query.order_by(DayClosing.head_seq.desc()).limit(1))
    return chain.Head(row.head_seq, row.head_hash) if row else None


def is_over(tenant: Tenant, day: date) -> bool:
    """Whether nothing is booked on this day any more."""
    return day < (clock.now() - GRACE).astimezone(ZoneInfo(tenant.time_zone)).date()


def differences(found: Reconciliation) -> list[Json]:
    """The equations that do not hold, as the second person sees them; amounts are cents."""
    return [
        {
            "equation": equation.key,
            "part": equation.part,
            "currency": equation.currency,
            "cents": [None if by is None else by.cents for by in equation.differences],
        }
        for equation in found.broken
    ]


def checked(text: str) -> str:
    """A reason as it is kept: one line that holds no person.

    Raises ``NoReason``, ``NamesAPerson``.
    """
    said = " ".join(text.split())
    if not 0 < len(said) <= LONGEST_REASON or not said.isprintable():
        raise NoReason(f"A text of 1 to {LONGEST_REASON} characters is needed.")
    if persons.held(said):
        raise NamesAPerson("The text holds what points to a person.")
    return said


def _day(subject: str) -> date:
    try:
        return date.fromisoformat(subject)
    except ValueError:
        raise deciding.NotAsked("Nobody has asked for this.") from None


def _reconciled(tenant_id: str, day: date) -> Reconciliation:
    """The day's figures in a snapshot of their own, with the audit linked up to now."""
    chain.extend(tenant_id)
    return reconciling.at(tenant_id, day)


def _open(session: Session, tenant_id: str, day: date) -> None:
    """Make sure that the day is over and not closed; others who close it wait here."""
    wait_for(session, f"day:{tenant_id}:{day}")
    if session.get(DayClosing, (tenant_id, day), populate_existing=True):
        raise ClosedBefore("The day is closed.")
    if not is_over(session.get_one(Tenant, tenant_id), day):
        raise NotOver("The day is not over yet.")


def _write(
    session: Session, found: Reconciliation, by: str, second: str | None = None, reason: str = ""
) -> None:
    tenant_id, day = found.tenant_id, found.day
    head = chain.head_of(session, tenant_id)
    row = DayClosing(
        tenant_id=tenant_id,
        day=day,
        closed_at=clock.now(),
        closed_by=by,
        second=second,
        reason=reason,
        holds=found.holds,
        figures=telling.as_json(found),
        head_seq=head.seq,
        head_hash=head.hash,
    )
    session.add(row)
    detail = {"holds": found.holds, "head": str(head)}
    audit.note(session, tenant_id, second or by, "day.closed", day.isoformat(), detail)
    outbox.put(session, tenant_id, messages.audit_anchored(head.seq, head.hash, day))
